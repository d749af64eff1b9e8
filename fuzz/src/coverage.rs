//! One reader under libFuzzer: `HOLDUP_FUZZ=pprof coverage [its options] corpus`.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<holdup_fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("HOLDUP_FUZZ").expect("HOLDUP_FUZZ names the reader");
    let found = holdup_fuzz::TARGETS.iter().find(|target| target.0 == name);
    *found.expect("HOLDUP_FUZZ names a reader")
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET.1(bytes));
