//! tmp
/// tmp
pub fn capture(_pcs: &mut [usize]) -> usize {
    0
}
