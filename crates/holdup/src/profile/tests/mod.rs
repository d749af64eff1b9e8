//! Tests of what is written and read, on a profile that is made up: each
//! number in it is known.

mod go;
mod hostile;
#[cfg(feature = "json")]
mod json;
mod merge;
mod reports;
mod round_trip;
mod victims;
mod wire_golden;

use super::classes::Class;
use super::modules::{Has, Mapping};
use super::named::{Builder, Named, Weight};
use super::{Contents, Frame, Kind, LongWait, Profile, Sample, UNNAMED};
use holdup_core::record::Sums;
use std::time::{Duration, UNIX_EPOCH};

fn frame(function: &str, place: Option<(&str, u32)>, address: u64, inlined: bool) -> Frame {
    let (file, line) = (place.map(|(file, _)| file.into()), place.map(|(_, line)| line));
    Frame { function: function.into(), file, line, address, inlined }
}

fn sample(stack: Vec<Frame>, lock: &str, kind: Kind, count: u64, delay: u64) -> Sample {
    Sample { stack, lock: lock.to_owned(), kind, count, delay: Duration::from_nanos(delay) }
}

/// Samples of unknown victims.
fn named(samples: Vec<Sample>, mappings: Vec<Mapping>) -> Named {
    pairs(samples.into_iter().map(|sample| (sample, Vec::new())).collect(), Vec::new(), mappings)
}

/// Samples, each with its victim's stack.
fn pairs(
    pairs: Vec<(Sample, Vec<Frame>)>,
    longest: Vec<LongWait>,
    mappings: Vec<Mapping>,
) -> Named {
    let mut builder = Builder::default();
    for (Sample { stack, lock, kind, count, delay }, victim) in pairs {
        let (culprit, victim) = (builder.stack(stack), builder.stack(victim));
        let lock = builder.lock(&lock);
        let weight = Weight { count, delay: delay.as_nanos() as u64 };
        builder.add(culprit, victim, lock, kind, weight);
    }
    builder.finish(longest, mappings)
}

fn profile(classes: Vec<Class>, named: Named) -> Profile {
    let (time, period) = (UNIX_EPOCH, Duration::from_micros(100));
    Profile::from_parts(time, Duration::ZERO, period, Contents::Pairs, classes, named)
}

/// Two locks; a stack with an inlined call, one that shares its outer frames,
/// one without names; handoff, and blame whose stack was lost.
fn example() -> Profile {
    let main = || frame("app::main", Some(("src/main.rs", 9)), 0x40_1008, false);
    let named = named(
        vec![
            sample(
                vec![
                    frame("app::prune", Some(("src/index.rs", 120)), 0x40_1050, true),
                    frame("app::sweep", Some(("src/index.rs", 80)), 0x40_1050, false),
                    main(),
                ],
                "orders",
                Kind::Blame,
                12,
                3_000_000,
            ),
            sample(
                vec![
                    frame(
                        "<app::Set<[u8; 4]> as Drop>::drop",
                        Some(("a;b.rs", 7)),
                        0x40_1100,
                        false,
                    ),
                    main(),
                ],
                UNNAMED,
                Kind::Blame,
                3,
                2_000,
            ),
            sample(
                vec![frame("libx.so+0x123", None, 0x7f00_0123, false)],
                "orders",
                Kind::Blame,
                1,
                999,
            ),
            sample(vec![], "orders", Kind::Handoff, 20, 500_000),
            sample(vec![], "orders", Kind::Lost, 2, 40_000),
            sample(vec![], UNNAMED, Kind::Blame, 1, 10),
        ],
        vec![
            Mapping {
                start: 0x40_0000,
                limit: 0x50_0000,
                offset: 0x1000,
                file: "/opt/app".to_owned(),
                build_id: "00c0ffee".to_owned(),
                has: Has { functions: true, filenames: true, lines: true, inlined: true },
            },
            Mapping {
                start: 0x7f00_0000,
                limit: 0x7f01_0000,
                offset: 0,
                file: "/lib/libx.so".to_owned(),
                ..Mapping::default()
            },
        ],
    );
    let orders = Sums {
        contentions: 15,
        waits: 31,
        waited: 3_541_000,
        blamed: 3_041_000,
        handoff: 500_000,
        handoffs: 20,
        spins: 4,
        spun: 1_234,
    };
    let unnamed =
        Sums { contentions: 4, waits: 4, waited: 2_010, blamed: 2_010, ..Sums::default() };
    Profile::from_parts(
        UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789),
        Duration::from_millis(12_345),
        Duration::from_micros(100),
        Contents::Blame,
        vec![
            Class { name: "orders".to_owned(), sums: orders, ..Class::default() },
            Class { name: UNNAMED.to_owned(), sums: unnamed, ..Class::default() },
        ],
        named,
    )
}

fn written(profile: &Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    profile.write_pprof(&mut bytes).expect("a vector takes all");
    bytes
}

fn unpacked(gzip: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut bytes).expect("gzip");
    bytes
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).expect("a vector takes all");
    gzip.finish().expect("a vector takes all")
}
