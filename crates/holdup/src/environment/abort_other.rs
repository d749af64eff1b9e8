//! Writes the profile when a panic aborts the program, where there are no
//! signals: by a panic hook, in programs whose panics all abort.
//!
//! The hook calls the one before, so the message is printed as it was. A
//! program that sets a hook of its own without calling ours loses the profile
//! at abort, not the one at exit.

/// Installs the hook.
pub(super) fn arrange() {
    if cfg!(panic = "abort") {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            previous(panic);
            super::write_once();
        }));
    }
}
