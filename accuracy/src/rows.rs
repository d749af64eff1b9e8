//! The functions that hold the locks: one for each row of the profile.

use crate::notes::{Turn, asks, now};
use holdup::{Mutex, RwLock, named_mutex, named_rwlock};

/// The one mutex of all cases.
pub static MUTEX: Mutex<()> = named_mutex!("mutex", ());
/// The one readers-writer lock of all cases.
pub static RWLOCK: RwLock<()> = named_rwlock!("rwlock", ());

/// The notes of one thread.
pub type Notes = Vec<Turn>;

/// Makes functions that hold a lock and end the critical section themselves.
macro_rules! rows {
    ($($name:ident $lock:ident $method:ident $shared:literal $number:literal)*) => {$(
        #[inline(never)]
        pub fn $name(notes: &mut Notes, inside: impl FnOnce()) {
            let asked = asks();
            let guard = $lock.$method();
            let got = now();
            inside();
            let released = now();
            drop(guard);
            let over = now();
            let times = [asked, got, released, over];
            notes.push(Turn { row: stringify!($name), times, shared: $shared });
            // Or functions that are otherwise equal might become one.
            std::hint::black_box($number);
        }
    )*};
}

rows! {
    holds_100_ms MUTEX lock false 1
    holds_200_ms MUTEX lock false 2
    holds_300_ms MUTEX lock false 3
    holds_400_ms MUTEX lock false 4
    holds_500_ms MUTEX lock false 5
    slow MUTEX lock false 6
    innocent MUTEX lock false 7
    hog MUTEX lock false 8
    victim MUTEX lock false 9
    long MUTEX lock false 10
    short MUTEX lock false 11
    slow_reader RWLOCK read true 12
    reader_behind RWLOCK read true 13
    reads_50_ms RWLOCK read true 14
    reads_100_ms RWLOCK read true 15
    reads_200_ms RWLOCK read true 16
    writer RWLOCK write false 17
}
