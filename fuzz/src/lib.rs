//! Each reader of outside data as a function of bytes that must not fail, whatever
//! they are.

use holdup::profile::Profile;

/// A reader by its name, which is that of its corpus.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] =
    &[("pprof", pprof), ("environment", environment), ("maps", maps), ("eh_frame", eh_frame)];

/// Profiles of any maker. What can be read can be written, and reads the same.
fn pprof(bytes: &[u8]) {
    let Ok(profile) = Profile::read_pprof(bytes) else { return };
    let mut text = Vec::new();
    profile.write_text(&mut text).expect("a Vec takes all");
    profile.write_folded(&mut text).expect("a Vec takes all");
    let mut written = Vec::new();
    profile.write_pprof(&mut written).expect("a Vec takes all");
    Profile::read_pprof(&written[..]).expect("what was written is a profile");
}

/// `HOLDUP_PERIOD` and `HOLDUP_PROFILE`.
fn environment(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(period) = holdup::fuzz_environment(&text) {
        // A period reads the same with its unit spelled out.
        let again = holdup::fuzz_environment(&format!("{}ns", period.as_nanos()));
        assert_eq!(again, Some(period), "{text:?}");
    }
}

/// `/proc/self/maps`, for addresses that it names and others.
fn maps(bytes: &[u8]) {
    let mut addresses = vec![0, 0x1000, usize::MAX];
    let text = String::from_utf8_lossy(bytes);
    let words = text.split(|c: char| !c.is_ascii_hexdigit());
    addresses.extend(words.filter_map(|word| usize::from_str_radix(word, 16).ok()).take(16));
    for address in addresses {
        std::hint::black_box(holdup_core::record::stack::fuzzing::maps(bytes, address));
    }
}

/// Unwind descriptions.
fn eh_frame(bytes: &[u8]) {
    std::hint::black_box(holdup_core::record::stack::fuzzing::eh_frame(bytes));
}
