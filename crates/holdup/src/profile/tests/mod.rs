//! Tests of what is written and read, on a profile that is made up: each
//! number in it is known.

mod go;
mod hostile;
#[cfg(feature = "json")]
mod json;
mod merge;
mod reports;
mod round_trip;
mod wire_golden;

use super::classes::Class;
use super::modules::{Has, Mapping};
use super::snapshot::Named;
use super::{Frame, Kind, Profile, Sample, UNNAMED};
use holdup_core::record::Sums;
use std::time::{Duration, UNIX_EPOCH};

fn frame(function: &str, place: Option<(&str, u32)>, address: u64, inlined: bool) -> Frame {
    let (file, line) = (place.map(|(file, _)| file.to_owned()), place.map(|(_, line)| line));
    Frame { function: function.to_owned(), file, line, address, inlined }
}

fn sample(stack: Vec<Frame>, lock: &str, kind: Kind, count: u64, delay: u64) -> Sample {
    Sample { stack, lock: lock.to_owned(), kind, count, delay: Duration::from_nanos(delay) }
}

/// Two locks; a stack with an inlined call, one that shares its outer frames,
/// one without names; handoff, and blame whose stack was lost.
fn example() -> Profile {
    let main = || frame("app::main", Some(("src/main.rs", 9)), 0x40_1008, false);
    let named = Named {
        samples: vec![
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
        mappings: vec![
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
    };
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
        vec![
            Class { id: None, name: "orders".to_owned(), sums: orders },
            Class { id: None, name: UNNAMED.to_owned(), sums: unnamed },
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
