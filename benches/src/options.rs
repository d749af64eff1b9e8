//! The command line.

use crate::locks::Contestant;
use std::str::FromStr;
use std::time::Duration;

/// What `--help` prints.
pub const HELP: &str = "\
holdup-bench: holdup's locks against others, side by side in one run

Usage: holdup-bench [OPTIONS]

  --quick            a small grid, in less than two minutes
  --filter A,B       only cells whose name holds A or B (uncontended, grid/, hog/,
                     bursts/, many/, rwlock/, condvar/, growth/, memory; see --list)
  --list             print the names of the cells and stop
  --locks A,B        only these of: holdup, holdup-off (no samples), holdup-1ns (all
                     samples), holdup-semaphore (the portable way to sleep), std,
                     parking_lot, parking_lot-0.13, usync, pthread, go, abseil
  --rounds N         how often each cell is run with each lock
  --window MS        how long a load is measured, in milliseconds; longer where the
                     threads could not all have four turns in it
  --threads 2,4      threads of the loads
  --sections 0,100   critical sections in nanoseconds
  --outside 0,1,10   work between two sections, as a multiple of the section
  --waiters 2,10     waiters of the growth cells
  --no-waits         leave out the pass that times each wait
  --no-calls         leave out the pass that counts futex calls
  --json PATH        write all values of all rounds there (- for standard output)
  --report DIR       write RESULTS.md and plots/*.svg there
  --note TEXT        a line at the top of the report, as what else the machine did
  --from A,B         measure nothing: take what --json wrote
  --help             this text

The rounds are interleaved: each cell is run with each lock before the next cell, in an
order that is turned by one in each round. Tables show medians of the rounds.";

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only cells whose name contains one of these.
    pub filter: Option<String>,
    /// Only print the names of the cells.
    pub list: bool,
    /// Whether it is the small selection.
    pub quick: bool,
    /// Who takes part.
    pub locks: Vec<Contestant>,
    /// How often each cell is run.
    pub rounds: usize,
    /// How long a load is measured.
    pub window: Duration,
    /// Threads of the loads.
    pub threads: Vec<usize>,
    /// Critical sections in nanoseconds.
    pub sections: Vec<u64>,
    /// Outside work in multiples of the section.
    pub outside: Vec<u64>,
    /// Waiters of the growth cells.
    pub waiters: Vec<usize>,
    /// Whether waits are timed.
    pub waits: bool,
    /// Whether futex calls are counted.
    pub calls: bool,
    /// Where the values go.
    pub json: Option<String>,
    /// Where the report goes.
    pub report: Option<String>,
    /// A line for the top of the report.
    pub note: Option<String>,
    /// Values measured before.
    pub from: Vec<String>,
}

impl Options {
    /// Reads the arguments, without the program's name. `Ok(None)` asks for
    /// help, `Err` says what is wrong.
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
        let mut options = Options {
            filter: None,
            list: false,
            locks: Contestant::ALL.to_vec(),
            quick: false,
            rounds: 9,
            window: Duration::from_millis(150),
            threads: vec![1, 2, 4, 8, 16, 64, 256],
            sections: vec![0, 100, 1_000, 10_000, 100_000],
            outside: vec![0, 1, 10],
            waiters: vec![2, 10, 100, 1_000, 10_000],
            waits: true,
            calls: true,
            json: None,
            report: None,
            note: None,
            from: Vec::new(),
        };
        let arguments: Vec<String> = arguments.collect();
        // First, so that the others change it wherever they stand.
        if arguments.iter().any(|argument| argument == "--quick") {
            options.quick = true;
            options.rounds = 2;
            options.window = Duration::from_millis(20);
            options.threads = vec![2, 8, 64];
            options.sections = vec![0, 1_000, 100_000];
            options.outside = vec![0, 1];
            options.waiters = vec![10, 1_000];
        }
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_string(), Some(value.to_string())),
                None => (argument, None),
            };
            let mut value = || {
                value
                    .take()
                    .or_else(|| arguments.next())
                    .ok_or_else(|| format!("{name} needs a value"))
            };
            match name.as_str() {
                "--help" | "-h" => return Ok(None),
                // `cargo bench` adds it.
                "--quick" | "--bench" => {}
                "--list" => options.list = true,
                "--no-waits" => options.waits = false,
                "--no-calls" => options.calls = false,
                "--filter" => options.filter = Some(value()?),
                "--locks" => options.locks = locks(&value()?)?,
                "--rounds" => options.rounds = number(&name, &value()?)?,
                "--window" => options.window = Duration::from_millis(number(&name, &value()?)?),
                "--threads" => options.threads = numbers(&name, &value()?)?,
                "--sections" => options.sections = numbers(&name, &value()?)?,
                "--outside" => options.outside = numbers(&name, &value()?)?,
                "--waiters" => options.waiters = numbers(&name, &value()?)?,
                "--json" => options.json = Some(value()?),
                "--report" => options.report = Some(value()?),
                "--note" => options.note = Some(value()?),
                "--from" => options.from = value()?.split(',').map(String::from).collect(),
                _ => return Err(format!("unknown option {name}; --help lists them")),
            }
        }
        let none = options.rounds == 0 || options.window.is_zero();
        if none || options.threads.contains(&0) || options.waiters.contains(&0) {
            return Err("rounds, window, threads and waiters must not be 0".to_string());
        }
        Ok(Some(options))
    }
}

fn locks(list: &str) -> Result<Vec<Contestant>, String> {
    list.split(',')
        .map(|name| {
            Contestant::named(name.trim()).ok_or_else(|| {
                let names = Contestant::ALL.map(Contestant::name).join(", ");
                format!("there is no lock {name:?}; there are {names}")
            })
        })
        .collect()
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{name}: {text:?} is no number"))
}

fn numbers<T: FromStr>(name: &str, list: &str) -> Result<Vec<T>, String> {
    list.split(',').map(|text| number(name, text)).collect()
}
