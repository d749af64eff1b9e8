// What the tests of parking_lot 0.13 see of its insides, told by what is public.

pub trait HasParkedThreads {
    fn has_parked_threads(&self) -> bool;
}

impl<const RECURSIVE: bool> HasParkedThreads for parking_lot::RawRwLock<RECURSIVE> {
    fn has_parked_threads(&self) -> bool {
        self.has_waiters()
    }
}
