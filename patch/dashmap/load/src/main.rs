//! Words that threads count in one map, while others look at all of it.

use dashmap::DashMap;
use patch_loads::held_up;
use std::thread;

const THREADS: usize = 4;
const ROUNDS: usize = 200;
const WORDS: [&str; 4] = ["who", "held", "whom", "up"];

fn main() {
    held_up("dashmap::", || {
        // Two shards, so that threads meet.
        let counts: DashMap<String, usize> = DashMap::with_shard_amount(2);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for round in 0..ROUNDS {
                        for word in WORDS {
                            *counts.entry(word.to_owned()).or_default() += 1;
                        }
                        if round % 50 == 0 {
                            // Holds a shard for a while. (Not by a method that goes over
                            // all shards: dashmap takes the next one before it leaves
                            // the last, and must not meet a thread that looks at two.)
                            counts.alter("up", |_, count| {
                                thread::sleep(std::time::Duration::from_micros(200));
                                count
                            });
                        }
                        // Two entries at a time, of one shard or of two.
                        let (who, whom) = (counts.get("who"), counts.get("whom"));
                        assert!(who.is_some_and(|count| *count > round));
                        assert!(whom.is_some_and(|count| *count > round));
                    }
                });
            }
        });
        assert_eq!(counts.len(), WORDS.len());
        assert!(counts.iter().all(|entry| *entry.value() == THREADS * ROUNDS));
    });
}
