//! `holdup web`: profiles as a page. `subject` gets the profiles, from files
//! or, by `program`, from programs that run; `server` serves the page.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use holdup_page::{Embedded, Source, page};

use crate::input;
use crate::output::{self, Content, Output};
use server::{Server, Site};
use subject::Subject;

pub mod program;
mod server;
mod subject;

/// Show profiles as a page to look around in, in the browser
///
/// Serves the page to this machine alone, until it is interrupted. Two profiles are compared, more
/// are shown as a series in time. Of the address of a program that runs, the page shows what
/// happens there as it happens, and who waits now. With --html, writes the page to a file instead,
/// which needs nothing else to be looked at.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Profiles, in the order of time: files of holdup or Go (pprof or holdup's JSON), - for
    /// standard input, or an address: http://127.0.0.1:6060 (http://:TOKEN@HOST:PORT shows a token)
    #[arg(value_name = "FILE|URL", required = true)]
    profiles: Vec<OsString>,

    /// Write the page, with the profiles inside, to this file (- for standard output)
    #[arg(long, value_name = "FILE", conflicts_with = "port")]
    html: Option<PathBuf>,

    /// The port to serve on; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 0)]
    port: u16,

    /// Do not open a browser
    #[arg(long)]
    no_open: bool,
}

/// Writes the page, or serves it until the program is ended.
pub fn run<W: Write>(args: &Args, out: &mut Output<W>) -> anyhow::Result<()> {
    let subjects: Vec<Subject> =
        args.profiles.iter().map(|text| Subject::of(text)).collect::<Result<_, _>>()?;
    input::standard_input_once(subjects.iter().filter_map(Subject::file))?;
    if let Some(path) = &args.html {
        return output::deliver(embedded(&subjects)?.as_bytes(), Content::Text, path, out);
    }
    let site = match &subjects[..] {
        [Subject::Program(program)] => {
            // Now, and not in the browser, is the time to say that nobody is there.
            program.fetch()?;
            let title = program.to_string();
            let waiting = program.waiting_path().map(|_| "live");
            let source = Source::Live { title: &title, url: "profile.json", waiting };
            Site::live(page(source), program.clone())
        }
        subjects => Site::fixed(embedded(subjects)?),
    };
    let server = Server::bind(args.port, site)?;
    let address = format!("http://127.0.0.1:{}/", server.port());
    out.line(format!("Serving {address} until it is interrupted (Ctrl-C)"))?;
    out.flush()?;
    if !args.no_open
        && let Err(error) = open::that_detached(&address)
    {
        // No reason to stop: whoever reads this can open it.
        out.line(format!("No browser could be opened ({error}): please open the address"))?;
        out.flush()?;
    }
    server.run()
}

/// The page with everything in it.
fn embedded(subjects: &[Subject]) -> anyhow::Result<String> {
    let mut profiles = Vec::new();
    for subject in subjects {
        profiles.push((subject.title(), subject.json()?));
    }
    let embedded: Vec<_> = profiles.iter().map(|(title, json)| Embedded { title, json }).collect();
    Ok(page(Source::Embedded(&embedded)))
}
