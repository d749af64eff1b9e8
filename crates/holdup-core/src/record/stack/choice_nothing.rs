//! Which way stacks are walked on platforms that are not supported: none.

use super::Method;

/// No way.
pub(super) fn method() -> Method {
    Method::None
}

/// No stack.
pub(super) fn capture(_pcs: &mut [usize]) -> usize {
    0
}

/// No stack.
pub(super) fn capture_by(_method: Method, _pcs: &mut [usize]) -> usize {
    0
}
