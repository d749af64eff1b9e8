//! All readers on their corpora, and on random changes of these for as many seconds
//! each as the argument says. On any Rust; without a look at coverage.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

/// The next number of a xorshift64 generator (Marsaglia 2003).
fn random(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state as usize
}

/// Changes `bytes` a little, now and then by a piece of `other`.
fn change(bytes: &mut Vec<u8>, other: &[u8], state: &mut u64) {
    for _ in 0..1 + random(state) % 6 {
        let at = random(state) % (bytes.len() + 1);
        let length = random(state) % 16;
        let end = (at + length).min(bytes.len());
        match random(state) % 7 {
            0 => drop(bytes.drain(at..end)),
            1 => bytes.truncate(at),
            2 => bytes.insert(at, random(state) as u8),
            3 => {
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            4 if !other.is_empty() => {
                let from = random(state) % other.len();
                let to = (from + length).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            5 if at < bytes.len() => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(state) % 5],
            _ if at < bytes.len() => bytes[at] ^= 1 << (random(state) % 8),
            _ => {}
        }
    }
}

fn main() {
    let seconds = std::env::args().nth(1).map_or(0, |text| text.parse().expect("seconds"));
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, target) in holdup_fuzz::TARGETS {
        let mut seeds = Vec::new();
        for file in std::fs::read_dir(corpora.join(name)).expect("a corpus") {
            seeds.push(std::fs::read(file.expect("a file").path()).expect("a file"));
        }
        seeds.sort();
        assert!(!seeds.is_empty(), "no corpus of {name}");
        let run = |bytes: &[u8]| {
            if catch_unwind(|| target(bytes)).is_err() {
                let path = std::env::temp_dir().join(format!("holdup-fuzz-{name}"));
                std::fs::write(&path, bytes).expect("room for what failed");
                eprintln!("{name} failed; the input is in {}", path.display());
                std::process::exit(1);
            }
        };
        seeds.iter().for_each(|bytes| run(bytes));
        // Another beginning each time; said, so that it can be repeated.
        let begin = Instant::now();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let mut state = now.map_or(1, |now| now.as_nanos() as u64 | 1);
        println!("{name}: {} files, random changes from {state}", seeds.len());
        let mut changed = 0_u64;
        while begin.elapsed() < Duration::from_secs(seconds) {
            let mut bytes = seeds[random(&mut state) % seeds.len()].clone();
            let other = &seeds[random(&mut state) % seeds.len()];
            change(&mut bytes, other, &mut state);
            run(&bytes);
            changed += 1;
        }
        println!("{name}: {changed} changed inputs");
    }
}
