//! `holdup man`: the manual pages.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::CommandFactory;

use crate::output::{self, Output};
use crate::{args, input};

/// Print the manual page, or write all of them to a folder
///
/// Without DIR, the page of holdup itself: holdup man | man -l -
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Folder for holdup.1 and a page for each subcommand, made if it is missing
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Writes the pages.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let mut command = args::Args::command();
    command.build();
    let page = |man: &clap_mangen::Man| {
        let mut page = Vec::new();
        man.render(&mut page).map(|()| page)
    };
    let man = |command: &clap::Command| {
        clap_mangen::Man::new(command.clone()).source(concat!("holdup ", env!("CARGO_PKG_VERSION")))
    };
    let whole = man(&command);
    let Some(dir) = &args.dir else {
        return Ok(out.bytes(&page(&whole)?)?);
    };
    fs::create_dir_all(dir)
        .with_context(|| format!("cannot make the folder {}", input::name(dir)))?;
    let subcommands = command.get_subcommands().filter(|command| command.get_name() != "help");
    let subcommands = subcommands.map(man);
    for man in subcommands.chain([whole]) {
        output::write_whole(&dir.join(man.get_filename()), &page(&man)?)?;
    }
    Ok(())
}
