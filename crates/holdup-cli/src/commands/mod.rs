//! The subcommands, one file each: what they take, and which parts of the
//! library make and show what they give.

pub mod report;
