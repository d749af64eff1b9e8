//! `holdup run`: a program that nobody changed, and who held up whom in it.
//!
//! The interposer ([`library`]) is loaded into the program and those it starts. They
//! keep their books in memory shared with this command ([`processes`]), which looks
//! after it, waits for the program, passes signals on, and writes the profile.

use std::ffi::OsString;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context;
use holdup::profile::Profile;

use crate::commands::report;
use crate::output::Output;
use crate::screen::Screen;
use crate::top::{self, beside::Beside};
use crate::units;

mod library;
mod os;
mod processes;
mod program;
mod written;

use library::Library;
use os::{Signal, Signals};
use processes::{Counts, Processes};
use written::Written;

/// Run a program and record who held everybody up, without changing it
///
/// Records each wait for a pthread lock, in the program and in those it starts: C, C++, Python,
/// databases, anything that is linked dynamically with glibc. Writes the profile when the program
/// ends, and whenever this command is sent SIGUSR2; then prints a report on standard error. Signals
/// are passed on, the exit code is the program's.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Where the profile goes: .txt a table, .folded folded stacks, .json JSON, any other pprof
    #[arg(short, long, value_name = "FILE", default_value = "holdup.pb.gz")]
    output: PathBuf,

    /// Sampling period: how much waiting there is on average between two call stacks, as 100us
    #[arg(long, value_name = "TIME", default_value = "100us", value_parser = time)]
    period: Duration,

    /// Record only so long, as 30s or 5m; the program goes on
    #[arg(long, value_name = "TIME", value_parser = time)]
    duration: Option<Duration>,

    /// Write the profile again and again, each time after so long
    #[arg(long, value_name = "TIME", value_parser = time)]
    every: Option<Duration>,

    /// Record the program alone (and its forked children), not those it executes
    #[arg(long)]
    no_follow: bool,

    /// Show who holds up whom meanwhile, on the terminal (what the program writes there comes after)
    #[arg(long)]
    top: bool,

    /// The program and what it takes
    #[arg(
        value_name = "COMMAND",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    command: Vec<OsString>,
}

impl Args {
    /// What `holdup top -- COMMAND` means.
    pub fn to_watch(command: Vec<OsString>) -> Args {
        Args {
            output: "holdup.pb.gz".into(),
            period: Duration::from_micros(100),
            duration: None,
            every: None,
            no_follow: false,
            top: true,
            command,
        }
    }
}

fn time(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.is_zero() => Err("must be longer than nothing".to_owned()),
        Ok(time) => Ok(time),
        Err(error) => Err(format!("{error}; write it as 100us, 5s or 2m")),
    }
}

/// Signals that the program gets when this command gets them.
const PASSED_ON: &[i32] = &[
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGALRM,
    libc::SIGWINCH,
    libc::SIGCONT,
];

/// Those among them that end a view whose program has ended.
const ENDING: &[i32] = &[libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// How often the processes are looked after, if no signal comes.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Runs the program; the exit code is the program's.
///
/// A program that cannot be run gives 127 if it is not there, else 126, as in a shell.
pub fn run(args: &Args, screen: &Screen) -> anyhow::Result<ExitCode> {
    if let Some(refused) = args.top.then(top::refused).flatten() {
        return Ok(refused);
    }
    let name = Path::new(&args.command[0]);
    let mut signals: Vec<i32> = PASSED_ON.to_vec();
    // The last: a file that may not grow is an error to be told of, not the end.
    signals.extend([libc::SIGUSR2, libc::SIGCHLD, libc::SIGXFSZ]);
    let signals = Signals::take(&signals);
    let findings = match program::find(name) {
        Some(file) => program::examine(&file),
        None => {
            say(&format!("{}: no such program", name.display()));
            return Ok(ExitCode::from(127));
        }
    };
    if let Some(why) = &findings.hopeless {
        say(why);
        say("it runs without being recorded");
    }
    let mut means = match Means::make(args) {
        Ok(means) => Some(means),
        Err(error) => {
            say(&format!("{error:#}; the program runs without being recorded"));
            None
        }
    };
    let written = if args.top { Some(Written::new()?) } else { None };
    let mut child = match start(args, means.as_ref(), &signals, written.as_ref()) {
        Ok(child) => child,
        Err(error) => {
            say(&format!("cannot run {}: {error}", name.display()));
            let missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(ExitCode::from(if missing { 127 } else { 126 }));
        }
    };
    let library = means.as_ref().map(|means| means.library.path());
    let mut recording = Recording::new(args, library.unwrap_or(Path::new("")));
    let processes = means.as_mut().map(|means| &mut means.processes);
    if args.top {
        recording.view = Some(Beside::open(shown_name(args), screen)?);
    }
    let watched = recording.watch(&mut child, processes, &signals);
    recording.close_view(watched.as_ref().ok(), &signals)?;
    if let Some(written) = written {
        written.show();
    }
    let status = watched?;
    let Some(Means { library, mut processes }) = means else { return Ok(exit_code(status)) };
    let profile = recording.finish(&mut processes, findings.hopeless.is_none());
    let counts = processes.counts();
    if let Some(profile) = profile.as_ref().filter(|profile| profile.totals().waits > 0) {
        tell(profile, &args.output, screen);
    }
    for line in remarks(profile.as_ref(), counts, findings) {
        say(&line);
    }
    let left_behind = processes.left_behind();
    if left_behind > 0 {
        // They may start programs yet.
        library.keep();
        let those = units::plural(left_behind as u64, "process");
        say(&format!("{those} that it left behind: not in the profile from here on"));
    } else {
        drop(library);
    }
    Ok(exit_code(status))
}

/// What it takes to record a program.
struct Means {
    library: Library,
    processes: Processes,
}

impl Means {
    fn make(args: &Args) -> anyhow::Result<Means> {
        let library = Library::write()?;
        let processes = Processes::new(args.period, !args.no_follow)
            .context("cannot make the memory to share with the program")?;
        Ok(Means { library, processes })
    }
}

/// Starts the program with the interposer in front of whatever else is to be loaded.
fn start(
    args: &Args,
    means: Option<&Means>,
    signals: &Signals,
    written: Option<&Written>,
) -> io::Result<Child> {
    let mut command = Command::new(&args.command[0]);
    command.args(&args.command[1..]);
    if let Some(Means { library, processes }) = means {
        let mut preload = library.path().as_os_str().to_owned();
        if let Some(others) = std::env::var_os("LD_PRELOAD").filter(|others| !others.is_empty()) {
            preload.push(":");
            preload.push(others);
        }
        command.env("LD_PRELOAD", preload).env(holdup_shared::VARIABLE, processes.path());
    }
    if let Some(written) = written {
        written.take_from(&mut command)?;
    }
    signals.give_back_in(&mut command);
    command.spawn()
}

/// A recording that goes on.
struct Recording<'a> {
    args: &'a Args,
    library: String,
    began: Instant,
    /// When the recording was ended, before the program.
    stopped: Option<Duration>,
    written: Instant,
    view: Option<Beside>,
}

impl Recording<'_> {
    fn new<'a>(args: &'a Args, library: &Path) -> Recording<'a> {
        let began = Instant::now();
        let library = library.to_string_lossy().into_owned();
        Recording { args, library, began, stopped: None, written: began, view: None }
    }

    /// Waits for the program to end.
    fn watch(
        &mut self,
        child: &mut Child,
        mut processes: Option<&mut Processes>,
        signals: &Signals,
    ) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            let signal = signals.next(self.patience());
            match signal {
                Some(Signal { number, by_process: true }) if PASSED_ON.contains(&number) => {
                    os::send(child.id(), number);
                }
                // What the terminal sends, it sends to all its programs.
                _ => {}
            }
            let Some(processes) = processes.as_deref_mut() else { continue };
            if signal.is_some_and(|signal| signal.number == libc::SIGUSR2) {
                self.write_now(processes);
            }
            processes.look_after();
            if let Some(mut view) = self.view.take() {
                view.tell(|| self.profile(processes));
                self.view = Some(view);
            }
            let recording = self.stopped.is_none();
            let over = |limit: Option<Duration>, since: Instant| {
                recording && limit.is_some_and(|limit| since.elapsed() >= limit)
            };
            if over(self.args.duration, self.began) {
                processes.stop();
                self.stopped = Some(self.began.elapsed());
                self.write_now(processes);
            } else if over(self.args.every, self.written) {
                self.write_now(processes);
            }
        }
    }

    /// Says in the view how the program ended, and waits until its user has seen it.
    fn close_view(&mut self, status: Option<&ExitStatus>, signals: &Signals) -> io::Result<()> {
        let Some(view) = self.view.take() else { return Ok(()) };
        if let Some(status) = status {
            view.ended(format!("the program ended ({status})"));
            while !view.is_left() {
                let signal = signals.next(LOOK_EVERY);
                if signal.is_some_and(|signal| ENDING.contains(&signal.number)) {
                    break;
                }
            }
        }
        view.close()
    }

    /// How long to wait for a signal.
    fn patience(&self) -> Duration {
        let left = |limit: Option<Duration>, since: Instant| {
            limit
                .filter(|_| self.stopped.is_none())
                .map(|limit| limit.saturating_sub(since.elapsed()))
        };
        let limits = [left(self.args.every, self.written), left(self.args.duration, self.began)];
        limits.into_iter().flatten().fold(LOOK_EVERY, Duration::min)
    }

    fn profile(&self, processes: &mut Processes) -> Profile {
        let duration = self.stopped.unwrap_or_else(|| self.began.elapsed());
        let recorded = processes.recorded();
        Profile::of_processes(
            &recorded,
            &self.library,
            SystemTime::now(),
            duration,
            self.args.period,
        )
    }

    /// Writes what there is so far. That it cannot be is said, and no more.
    fn write_now(&mut self, processes: &mut Processes) {
        let profile = self.profile(processes);
        if let Err(error) = write(&profile, &self.args.output) {
            say(&format!("cannot write {}: {error}", self.args.output.display()));
        }
        self.written = Instant::now();
    }

    /// The profile of it all, written; none if none could be made.
    fn finish(&mut self, processes: &mut Processes, hopeful: bool) -> Option<Profile> {
        if !hopeful && processes.counts().contended == 0 {
            return None;
        }
        let profile = self.profile(processes);
        match write(&profile, &self.args.output) {
            Ok(()) => {}
            Err(error) => say(&format!("cannot write {}: {error}", self.args.output.display())),
        }
        Some(profile)
    }
}

/// Writes the profile so that it is whole whenever it is there.
fn write(profile: &Profile, path: &Path) -> io::Result<()> {
    let into = |file: &mut dyn Write| match path.extension().and_then(|it| it.to_str()) {
        Some("txt") => profile.write_text(file),
        Some("folded") => profile.write_folded(file),
        Some("json") => profile.write_json(file),
        _ => profile.write_pprof(file),
    };
    // What is no file (a pipe, a device) is written to, and never replaced.
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return into(&mut fs::File::options().write(true).open(path)?);
    }
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = real.parent().filter(|folder| !folder.as_os_str().is_empty());
    let temporary = tempfile::Builder::new()
        .prefix(".holdup.")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder.unwrap_or(Path::new(".")))?;
    let mut out = BufWriter::new(&temporary);
    into(&mut out)?;
    out.flush()?;
    drop(out);
    temporary.persist(&real)?;
    Ok(())
}

/// The report, on standard error: the program's output stays as it is.
fn tell(profile: &Profile, path: &Path, screen: &Screen) {
    let mut out = Output::new(io::stderr().lock());
    // There is nobody to tell if this cannot be written.
    let _ = report::show(profile, &path.to_string_lossy(), &mut out, screen)
        .and_then(|()| Ok(out.flush()?));
}

/// What is to be said besides.
fn remarks(profile: Option<&Profile>, counts: Counts, findings: program::Findings) -> Vec<String> {
    let mut lines = Vec::new();
    let empty = profile.is_none_or(|profile| profile.totals().waits == 0);
    if findings.hopeless.is_none() && counts.programs == 0 {
        lines.push(
            "the library was loaded into no process: was the environment cleared, or is the \
             program a wrapper of one that is setuid or linked statically?"
                .to_owned(),
        );
    } else if findings.hopeless.is_none() && empty {
        let started = units::plural(counts.programs.into(), "program");
        lines.push(format!("no thread waited for a pthread lock, in {started}"));
        lines.extend(findings.hint);
    }
    if counts.left_out > 0 {
        let those = units::plural(counts.left_out.into(), "process");
        lines.push(format!("{those} not recorded: more than there is room for at a time"));
    }
    if counts.missed > 0 {
        let those = units::plural(counts.missed, "wait");
        lines.push(format!("{those} not recorded: too many locks were waited for at a time"));
    }
    if counts.given_up > 0 {
        lines.push("some locks were not recorded to the end: a thread never left the books".into());
    }
    lines
}

/// The program's command line, to be shown.
fn shown_name(args: &Args) -> String {
    let words: Vec<_> = args.command.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

fn say(line: &str) {
    // Nothing is left to do if even this cannot be written.
    let _ = writeln!(io::stderr(), "holdup: {}", units::printable(line));
}

/// This process ends as the program did: by the same signal, or with the same code.
fn exit_code(status: ExitStatus) -> ExitCode {
    if let Some(signal) = status.signal() {
        let _ = io::stdout().flush();
        os::end_by(signal);
        return ExitCode::from(128_u8.saturating_add(signal as u8));
    }
    ExitCode::from(status.code().unwrap_or(1) as u8)
}
