//! A program that uses parking_lot 0.13 by itself, beside crates that use 0.12.

use parking_lot_13::{Condvar, Mutex, RwLock};
use patch_loads::held_up;
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

/// Orders that come in, are priced, and go out.
#[derive(Default)]
struct Desk {
    prices: RwLock<BTreeMap<u64, u64>>,
    orders: Mutex<Vec<u64>>,
    arrived: Condvar,
}

impl Desk {
    /// A new price list takes a while, and nobody sells meanwhile.
    fn reprice(&self, round: u64) {
        let mut prices = self.prices.write();
        thread::sleep(Duration::from_millis(1));
        for item in 0..100 {
            prices.insert(item, item * round);
        }
    }

    fn sell(&self, count: usize) -> u64 {
        let mut sum = 0;
        for _ in 0..count {
            let mut orders = self.orders.lock();
            self.arrived.wait_while(&mut orders, |orders| orders.is_empty());
            let item = orders.pop().expect("one has arrived");
            drop(orders);
            sum += self.prices.read().get(&item).map_or(0, |_| item);
        }
        sum
    }
}

fn main() {
    held_up("parking_lot_13::Desk::", || {
        let desk = Desk::default();
        desk.reprice(1);
        let sold: u64 = thread::scope(|scope| {
            let clerks: Vec<_> = (0..4).map(|_| scope.spawn(|| desk.sell(250))).collect();
            scope.spawn(|| (2..10).for_each(|round| desk.reprice(round)));
            for order in 0..1000 {
                desk.orders.lock().push(order % 100);
                desk.arrived.notify_one();
            }
            clerks.into_iter().map(|clerk| clerk.join().expect("sold")).sum()
        });
        assert_eq!(sold, 10 * (99 * 100 / 2), "each order was sold once");
    });
}
