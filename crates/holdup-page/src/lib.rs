//! The page that shows who held everybody up: one HTML document with its style
//! and its script inside, made of the files in `assets/`.
//!
//! [`page`] puts them together, with the profiles to show or with the address
//! to ask for them. Nothing is built, nothing is loaded from elsewhere, and
//! this crate depends on nothing: a program that serves the page pays for some
//! 100 KB of text.
//!
//! ```
//! use holdup_page::{Embedded, Source, page};
//!
//! let json = r#"{"schema":1,"time_unix_ns":0,"duration_ns":0,"period_ns":0,
//!     "locks":[],"frames":[],"stacks":[],"samples":[],"longest":[]}"#;
//! let html = page(Source::Embedded(&[Embedded { title: "locks.pb.gz", json }]));
//! assert!(html.starts_with("<!doctype html>"));
//! ```
//!
//! # What a hostile profile can do
//!
//! Show a strange name. The script makes elements and gives them text; it never
//! parses a name as markup. In the document the profile is a block of JSON in
//! which each `<` is escaped, so that none ends it. And the document's
//! Content-Security-Policy lets nothing run but the page's own script, by its
//! hash, and lets nothing be loaded, but for the profile, and who waits now, from
//! where the page came from.

mod assets;
mod escape;
mod sha256;

use std::sync::LazyLock;

/// What the page shows.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// These profiles, in the order of time. Two are compared, of more the last
    /// is shown, and each can be chosen.
    Embedded(&'a [Embedded<'a>]),
    /// The profile of a program that runs, and who waits there, asked for again
    /// and again.
    Live {
        /// What to call it, such as the name of the program.
        title: &'a str,
        /// Where the profile is. It must be of the same origin as the page, and
        /// is best relative: `profile.json`.
        url: &'a str,
        /// Where it says who waits right now, as `holdup::Live::write_json` writes
        /// it: `live`. Without one, or where that answers 404, the page does not
        /// show it.
        waiting: Option<&'a str>,
    },
}

/// A profile that is part of the document.
#[derive(Clone, Copy, Debug)]
pub struct Embedded<'a> {
    /// What to call it, such as the name of its file.
    pub title: &'a str,
    /// The profile as `holdup::Profile::write_json` writes it. Anything else is
    /// told to whoever opens the page, and does no harm.
    pub json: &'a str,
}

/// The whole document. Allocates its size: some 100 KB and the profiles.
#[must_use]
pub fn page(source: Source<'_>) -> String {
    let (title, data, policy) = match source {
        Source::Live { title, url, waiting } => {
            let (name, url) = (escape::json_string(title), escape::json_string(url));
            let waiting = waiting.map_or("null".to_owned(), escape::json_string);
            let data = format!("{{\"title\":{name},\"url\":{url},\"waiting\":{waiting}}}");
            (title.to_owned(), data, &LIVE_POLICY)
        }
        Source::Embedded(profiles) => {
            let titles: Vec<_> = profiles.iter().map(|profile| profile.title).collect();
            let documents = profiles.iter().map(|Embedded { title, json }| {
                let json = escape::json_in_script(json);
                format!("{{\"title\":{},\"profile\":{json}}}", escape::json_string(title))
            });
            let documents = documents.collect::<Vec<_>>().join(",");
            (titles.join(", "), format!("{{\"profiles\":[{documents}]}}"), &FILE_POLICY)
        }
    };
    let title = format!("{} – holdup", escape::html(&title));
    assets::filled(&[
        ("policy", policy),
        ("title", &title),
        ("style", assets::STYLE),
        ("source", &data),
        ("script", &assets::SCRIPT),
    ])
}

/// The Content-Security-Policy of the page that [`page`] makes of a
/// [`Source::Live`], for the header of whoever serves it: that one also keeps
/// the page out of frames of other pages, which a document cannot say itself.
#[must_use]
pub fn live_policy() -> String {
    format!("{}; frame-ancestors 'none'", *LIVE_POLICY)
}

/// The same for a [`Source::Embedded`].
#[must_use]
pub fn embedded_policy() -> String {
    format!("{}; frame-ancestors 'none'", *FILE_POLICY)
}

static LIVE_POLICY: LazyLock<String> = LazyLock::new(|| policy("'self'"));
static FILE_POLICY: LazyLock<String> = LazyLock::new(|| policy("'none'"));

fn policy(connect: &str) -> String {
    format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; img-src data:; \
         connect-src {connect}; base-uri 'none'; form-action 'none'",
        sha256::base64(&sha256::digest(assets::SCRIPT.as_bytes())),
        sha256::base64(&sha256::digest(assets::STYLE.as_bytes())),
    )
}

#[cfg(test)]
mod tests;
