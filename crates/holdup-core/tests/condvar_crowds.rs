//! Many threads on both sides of a queue with one place. Each item ends the waits of
//! all that wait on one side. If they stood in one block in the line of the mutex, all
//! but one of them would find nothing, and wait again.
#![cfg(target_os = "linux")]

mod crowd_support;

use crowd_support::on_two_processors;
use holdup_core::raw::{RawCondvar, RawMutex};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

const SIDES: usize = 10;
const ITEMS: u64 = 5_000;

/// A place for one item, guarded by `lock`: so what it says is read and written under it,
/// and nobody needs an order of the atomics.
struct Place {
    lock: RawMutex,
    /// Those who wait for an item, and for none.
    changed: [RawCondvar; 2],
    items: AtomicU64,
    /// Items put in, and taken out.
    moved: [AtomicU64; 2],
    in_vain: AtomicU64,
}

impl Place {
    /// Puts items in, or takes them out, until there were enough.
    fn exchange(&self, taking: usize) {
        loop {
            self.lock.lock();
            let mut waited = false;
            while self.items.load(Relaxed) != taking as u64
                && self.moved[taking].load(Relaxed) < ITEMS
            {
                self.in_vain.fetch_add(u64::from(waited), Relaxed);
                waited = true;
                // SAFETY: locked above.
                unsafe { self.changed[taking].wait(&self.lock) };
            }
            let done = self.moved[taking].load(Relaxed) == ITEMS;
            if !done {
                self.items.store(1 - taking as u64, Relaxed);
                if self.moved[taking].fetch_add(1, Relaxed) + 1 == ITEMS {
                    self.changed[taking].notify_all();
                }
            }
            // SAFETY: locked above.
            unsafe { self.lock.unlock() };
            if done {
                return;
            }
            self.changed[1 - taking].notify_all();
        }
    }
}

#[test]
fn of_those_notified_together_few_wait_again_in_vain() {
    on_two_processors();
    let place = Place {
        lock: RawMutex::INIT,
        changed: [RawCondvar::INIT, RawCondvar::INIT],
        items: AtomicU64::new(0),
        moved: [AtomicU64::new(0), AtomicU64::new(0)],
        in_vain: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        for side in 0..2 * SIDES {
            let place = &place;
            scope.spawn(move || place.exchange(side % 2));
        }
    });
    assert_eq!(place.moved.map(AtomicU64::into_inner), [ITEMS, ITEMS]);
    let in_vain = place.in_vain.into_inner();
    println!("{in_vain}");
    // Some 14 for each item if all are moved to the line of the mutex, else 2.
    assert!(in_vain < ITEMS * 6, "{in_vain}");
}
