// What the tests of parking_lot 0.12 see of its insides, told by what is public.

use parking_lot::{Condvar, MutexGuard, WaitTimeoutResult};
use std::time::Instant;

pub trait WaitWhileUntilInternal {
    fn wait_while_until_internal<T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Option<Instant>,
    ) -> WaitTimeoutResult;
}

impl WaitWhileUntilInternal for Condvar {
    fn wait_while_until_internal<T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        guard: &mut MutexGuard<'_, T>,
        condition: F,
        timeout: Option<Instant>,
    ) -> WaitTimeoutResult {
        match timeout {
            Some(timeout) => self.wait_while_until(guard, condition, timeout),
            None => {
                // The result of no wait at all: that of a wait that ends at once
                // because its condition does not hold.
                self.wait_while(guard, condition);
                self.wait_while_until(guard, |_| false, Instant::now())
            }
        }
    }
}
