use super::sync::{Arc, Barrier};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

#[test]
fn nobody_passes_before_all_have_come_and_one_of_them_leads() {
    const THREADS: usize = 5;
    const ROUNDS: usize = 50;
    let barrier = Arc::new(Barrier::new(THREADS));
    let (arrived, leaders) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    arrived.fetch_add(1, Ordering::Relaxed);
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                    assert!(arrived.load(Ordering::Relaxed) >= round * THREADS);
                    barrier.wait();
                    assert_eq!(leaders.load(Ordering::Relaxed), round);
                    barrier.wait();
                }
            });
        }
    });
    assert_eq!(arrived.load(Ordering::Relaxed), THREADS * ROUNDS);
}

#[test]
fn a_barrier_of_one_or_none_lets_everybody_pass_as_leader() {
    static ONE: Barrier = Barrier::new(1);
    static NONE: Barrier = Barrier::new(0);
    for _ in 0..3 {
        assert!(ONE.wait().is_leader());
        assert!(NONE.wait().is_leader());
    }
}
