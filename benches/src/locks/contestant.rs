//! Who takes part: a lock and, for holdup, a sampling period.

use std::sync::OnceLock;
use std::time::Duration;

/// A lock as it takes part.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Contestant {
    /// holdup with its default period.
    Holdup,
    /// holdup that keeps no samples.
    HoldupOff,
    /// holdup that keeps every contended section with its stack.
    HoldupAll,
    /// holdup with its portable way to sleep, in a process of its own.
    HoldupSemaphore,
    /// `std::sync::Mutex`.
    Std,
    /// parking_lot 0.12.
    ParkingLot,
    /// parking_lot 0.13.
    ParkingLot13,
    /// usync.
    Usync,
    /// The C library's `pthread_mutex_t`, default attributes.
    Pthread,
    /// Go's `sync.Mutex`, in a process of its own.
    Go,
    /// abseil's `absl::Mutex`, in a process of its own.
    Abseil,
}

use Contestant::*;

impl Contestant {
    /// All of them, in the order of the tables.
    pub const ALL: [Contestant; 11] = [
        Holdup,
        HoldupOff,
        HoldupAll,
        HoldupSemaphore,
        Std,
        ParkingLot,
        ParkingLot13,
        Usync,
        Pthread,
        Go,
        Abseil,
    ];

    /// Those that a user would pick instead.
    pub const PEERS: [Contestant; 7] = [Std, ParkingLot, ParkingLot13, Usync, Pthread, Go, Abseil];

    /// The name on the command line and in the tables.
    pub fn name(self) -> &'static str {
        match self {
            Holdup => "holdup",
            HoldupOff => "holdup-off",
            HoldupAll => "holdup-1ns",
            HoldupSemaphore => "holdup-semaphore",
            Std => "std",
            ParkingLot => "parking_lot",
            ParkingLot13 => "parking_lot-0.13",
            Usync => "usync",
            Pthread => "pthread",
            Go => "go",
            Abseil => "abseil",
        }
    }

    /// The contestant of this name.
    pub fn named(name: &str) -> Option<Contestant> {
        Contestant::ALL.into_iter().find(|lock| lock.name() == name)
    }

    /// Whether it runs in a process of its own.
    pub fn is_elsewhere(self) -> bool {
        matches!(self, HoldupSemaphore | Go | Abseil)
    }

    /// Sets holdup's sampling period to that of this contestant; others have none.
    pub fn prepare(self) {
        // Before it is changed for the first time.
        let default = default_period();
        match self {
            Holdup | HoldupSemaphore => holdup::profile::set_period(default),
            HoldupOff => holdup::profile::set_period(Duration::ZERO),
            HoldupAll => holdup::profile::set_period(Duration::from_nanos(1)),
            _ => {}
        }
    }
}

/// The period that was set when this was first asked for.
fn default_period() -> Duration {
    static PERIOD: OnceLock<Duration> = OnceLock::new();
    *PERIOD.get_or_init(holdup::profile::period)
}
