//! Profiles and metrics over HTTP, for `go tool pprof`, Prometheus, Parca,
//! Grafana Alloy, and a browser.
//!
//! A [`Handler`] answers requests in the types of the `http` crate, so it fits
//! every web framework; `holdup::serve` (feature `serve`) brings a server
//! of its own. The paths:
//!
//! | path | answer |
//! |---|---|
//! | `/debug/pprof/` | a page with links to the profiles |
//! | `/debug/pprof/mutex` | who held everybody up, since the program started, as pprof |
//! | `/debug/pprof/mutex?seconds=5` | the same of the next 5 seconds |
//! | `/debug/pprof/mutex?debug=1` | the same as text, in the form of Go's |
//! | `/debug/pprof/block` | who waited: takes `seconds` and `debug`, too |
//! | `/debug/holdup/` | the profile as a page to look around in, and who waits right now |
//! | `/debug/holdup/profile.json` | as JSON; `.txt` as a table, `.folded` as folded stacks, `.pb.gz` as pprof. Each takes `seconds` |
//! | `/debug/holdup/live` | who waits right now, and for whom, as JSON |
//! | `/metrics` | the exact sums of each lock, for Prometheus |
//!
//! What is below `/debug/pprof/` answers as Go's `net/http/pprof` does: headers,
//! file names, statuses and texts of errors, so that what scrapes Go programs
//! scrapes these.
//!
//! # Who waits, and where
//!
//! A profile of the next seconds takes these seconds, and names are looked up in
//! the program's debug information, which takes up to a second of a processor.
//! Neither is done by the thread that polls: [`Handler::call`] answers with a
//! future, and leaves the work to a thread that lives for this one request.
//! The future needs no particular runtime. When it is dropped, since the client
//! went away, a wait ends at once. Where there is no runtime,
//! [`Handler::respond`] does the same on the calling thread.
//!
//! Reading takes no lock of holdup's: nobody who uses one waits for a reader,
//! and nothing that is recorded meanwhile is lost.
//!
//! ```
//! let handler = holdup::http::Handler::new();
//! let request = http::Request::get("/debug/pprof/mutex?debug=1").body(())?;
//! let response = handler.respond(&request.into_parts().0);
//! assert_eq!(response.status(), 200);
//! assert!(response.body().starts_with(b"--- mutex:\n"));
//! # Ok::<(), http::Error>(())
//! ```

mod answer;
mod handler;
mod index;
mod jobs;
mod route;
#[cfg(feature = "serve")]
mod server;
mod token;

pub use handler::{Handler, ResponseFuture};
#[cfg(feature = "serve")]
pub use server::{Running, Server, serve};
