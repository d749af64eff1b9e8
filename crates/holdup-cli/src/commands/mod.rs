//! The subcommands, one file each: what they take, and which parts of the
//! library make and show what they give.

pub mod completions;
pub mod convert;
pub mod diff;
pub mod flamegraph;
pub mod man;
pub mod merge;
pub mod report;
pub mod web;
