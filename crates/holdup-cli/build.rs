//! Builds the interposer that `holdup run` loads into programs, to be embedded in the
//! command: so it travels with it, whether that was built in the repository or by
//! `cargo install`.
//!
//! A dependency on another package's shared library (`artifact = "cdylib"`) is not
//! stable in cargo, and the crate cannot be linked in: it defines
//! `pthread_mutex_lock`, which would then be the command's own. So cargo is run once
//! more, for that package, which is beside this one wherever the sources are: in a
//! clone, by `cargo install --path` and `cargo install --git`. Always optimized, in a
//! folder of its own beside the other builds, which all profiles of the command share.

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let embedded = out.join("libholdup_preload.so");
    let get = |name: &str| env::var(name).unwrap_or_default();
    let supported = get("CARGO_CFG_TARGET_OS") == "linux"
        && get("CARGO_CFG_TARGET_ENV") == "gnu"
        && matches!(get("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64");
    let beside = PathBuf::from(get("CARGO_MANIFEST_DIR")).join("..");
    let source = beside.join("holdup-preload");
    for part in ["holdup-preload", "holdup-core/src", "holdup-shared/src"] {
        println!("cargo::rerun-if-changed={}", beside.join(part).display());
    }
    if !supported {
        // `holdup run` says that it cannot.
        std::fs::write(&embedded, b"").expect("OUT_DIR can be written to");
        return;
    }
    // OUT_DIR is .../PROFILE/build/PACKAGE/out; beside PROFILE is a place for what is
    // the same for all profiles.
    let target = out.ancestors().nth(4).unwrap_or(&out).join("holdup-preload");
    let triple = get("TARGET");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo
        .args(["build", "--release", "--offline", "--lib", "--target", &triple])
        .args(["--config", "profile.release.strip=\"debuginfo\""])
        .args(["--config", "profile.release.codegen-units=1"])
        .arg("--target-dir")
        .arg(&target)
        .arg("--manifest-path")
        .arg(source.join("Cargo.toml"));
    // What was said for the build of the command is not said for this one: flags for
    // other checks, a compiler's wrapper such as clippy's.
    for name in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "CLIPPY_ARGS",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "MAKEFLAGS",
        "CARGO_MAKEFLAGS",
    ] {
        cargo.env_remove(name);
    }
    let output = cargo.output().expect("cargo can be run");
    assert!(
        output.status.success(),
        "the interposer does not build:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let built = target.join(&triple).join("release/libholdup_preload.so");
    std::fs::copy(&built, &embedded).expect("the interposer was built, and can be copied");
}
