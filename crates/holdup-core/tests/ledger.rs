//! The ledger against a brute-force integral of the number of waiters.

use holdup_core::ledger::{Ledger, Ticket};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Event {
    /// A waiter that began this long ago joins.
    Join(u64),
    /// The lock changes hands: somebody claims.
    Claim,
    /// The waiter at this place (modulo their number) gets the lock.
    Acquire(usize),
    /// The waiter at this place gives up.
    GiveUp(usize),
    /// The waiter at this place is let in while others go on to wait.
    LetIn(usize),
}

fn events() -> impl Strategy<Value = Vec<(u64, Event)>> {
    let event = prop_oneof![
        3 => (0_u64..5).prop_map(Event::Join),
        2 => Just(Event::Claim),
        2 => any::<usize>().prop_map(Event::Acquire),
        2 => any::<usize>().prop_map(Event::GiveUp),
        1 => any::<usize>().prop_map(Event::LetIn),
    ];
    prop::collection::vec((0_u64..50, event), 1..200)
}

/// A waiter as the brute force sees it: which ticks it waited.
struct Waiter {
    ticket: Ticket,
    start: u64,
    /// Up to which tick it was claimed, or its start.
    since: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_claim_is_the_integral_of_the_number_of_waiters(
        origin in prop_oneof![Just(0_u64), Just(u64::MAX - 2_000), any::<u64>()],
        events in events(),
    ) {
        // Ticks since `origin`; the ledger sees them shifted, over the wrap
        // of the sums (not of the clock: that takes 584 years).
        let origin = origin.min(u64::MAX - 20_000);
        let mut ledger = Ledger::owing(0);
        let mut now = 0_u64;
        let mut waiters: Vec<Waiter> = Vec::new();
        // How many waited in each tick, not yet claimed.
        let mut unclaimed: Vec<u64> = Vec::new();
        let (mut claimed, mut waited, mut truth) = (0_u64, 0_u64, 0_u64);
        for (passed, event) in events {
            for _ in 0..passed {
                unclaimed.push(waiters.len() as u64);
                truth += waiters.len() as u64;
                now += 1;
            }
            let at = |tick: u64| origin + tick;
            let mut claim = |ledger: &mut Ledger, now: u64| {
                let amount = ledger.claim(ledger.not_before(at(now)));
                let expected: u64 = unclaimed.drain(..).sum();
                claimed += amount;
                (amount, expected)
            };
            match event {
                Event::Join(ago) => {
                    // It began to wait before it was linked: those ticks
                    // are part of the next claim.
                    let start = now.saturating_sub(ago);
                    unclaimed.push(now - start);
                    truth += now - start;
                    let ticket = ledger.join(at(start));
                    waiters.push(Waiter { ticket, start, since: start });
                }
                Event::Claim => {
                    let (amount, expected) = claim(&mut ledger, now);
                    prop_assert_eq!(amount, expected);
                    waiters.iter_mut().for_each(|waiter| waiter.since = now);
                }
                Event::Acquire(which) if !waiters.is_empty() => {
                    let waiter = waiters.swap_remove(which % waiters.len());
                    let (amount, expected) = claim(&mut ledger, now);
                    prop_assert_eq!(amount, expected);
                    let time = ledger.leave(waiter.ticket, at(now));
                    prop_assert_eq!(time, now - waiter.start);
                    prop_assert_eq!(ledger.owed(), 0, "who acquires owes nothing");
                    waited += time;
                    waiters.iter_mut().for_each(|waiter| waiter.since = now);
                }
                Event::GiveUp(which) if !waiters.is_empty() => {
                    let waiter = waiters.swap_remove(which % waiters.len());
                    let time = ledger.leave(waiter.ticket, at(now));
                    prop_assert_eq!(time, now - waiter.start);
                    waited += time;
                }
                Event::LetIn(which) if !waiters.is_empty() => {
                    let waiter = waiters.swap_remove(which % waiters.len());
                    let owed = ledger.owed();
                    let (time, settled) = ledger.leave_settled(waiter.ticket, at(now));
                    prop_assert_eq!(time, now - waiter.start);
                    prop_assert_eq!(settled, now - waiter.since);
                    prop_assert_eq!(ledger.owed(), owed, "nothing is left owed");
                    waited += time;
                    // Booked by the one let in: of no claim any more.
                    claimed += settled;
                    let all: u64 = unclaimed.drain(..).sum();
                    unclaimed.push(all - settled);
                }
                Event::Acquire(_) | Event::GiveUp(_) | Event::LetIn(_) => {}
            }
            prop_assert_eq!(ledger.waiters(), waiters.len() as u64);
        }
        // Conservation at the quiet end.
        for waiter in waiters.drain(..) {
            waited += ledger.leave(waiter.ticket, origin + now);
        }
        let rest = ledger.owed();
        prop_assert_eq!(ledger.claim(origin + now), rest);
        claimed += rest;
        prop_assert_eq!(claimed, waited);
        prop_assert_eq!(claimed, truth);
    }

    #[test]
    fn clocks_out_of_order_neither_lose_nor_invent_time(
        steps in prop::collection::vec((0_i64..100, -20_i64..20), 2..100),
    ) {
        // Each event is read from a clock that may be off by 20 ticks.
        let mut ledger = Ledger::owing(0);
        let mut truth = 1_000_i64;
        let mut waiting = Vec::new();
        let (mut claimed, mut waited) = (0_u64, 0_u64);
        for (index, (passed, skew)) in steps.into_iter().enumerate() {
            truth += passed;
            let read = u64::try_from(truth + skew).unwrap();
            match index % 3 {
                0 => waiting.push(ledger.join(read)),
                1 => claimed += ledger.claim(ledger.not_before(read)),
                _ => {
                    if let Some(ticket) = waiting.pop() {
                        let time = ledger.leave(ticket, ledger.not_before(read));
                        prop_assert!(time < 1 << 32, "negative: {time}");
                        waited += time;
                    }
                }
            }
            prop_assert!(claimed < 1 << 32);
        }
        let end = ledger.not_before(u64::try_from(truth).unwrap());
        for ticket in waiting {
            waited += ledger.leave(ticket, end);
        }
        claimed += ledger.claim(end);
        prop_assert_eq!(claimed, waited);
    }
}
