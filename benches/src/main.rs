//! holdup's locks against those that people use now, side by side in one run.
//!
//! The machine may be shared and noisy, so no lock is measured in one go: each
//! cell is run with each lock in turn, many times over, and what is compared
//! are medians, with the spread beside them, and ratios of neighbouring runs.

mod below;
mod contended;
mod futex;
mod goals;
mod growth;
mod job;
mod load;
mod locks;
mod machine;
mod memory;
mod metrics;
mod monitor;
mod options;
mod plan;
mod plots;
mod report;
mod results;
mod rwlock;
mod stats;
mod uncontended;
mod usage;
mod work;

use locks::{Contestant, peers};
use options::Options;
use results::Results;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// What `--quick` may take, on however busy a machine.
const QUICK: Duration = Duration::from_secs(105);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(("--child", words)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return if peers::answer(words) { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let options = match Options::parse(arguments.into_iter()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::HELP);
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("holdup-bench: {error}");
            return ExitCode::from(2);
        }
    };
    match run(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdup-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut options: Options) -> Result<(), Box<dyn Error>> {
    let mut results = Results::default();
    if options.from.is_empty() {
        let calibration = work::Calibration::measure();
        let cells = plan::cells(&options, &calibration);
        if options.list {
            cells.iter().for_each(|cell| println!("{}", cell.name));
            return Ok(());
        }
        if cells.is_empty() {
            return Err("no cell has that name; --list prints them".into());
        }
        results.notes.push(machine::describe());
        results.notes.push(machine::when());
        let window = options.window.as_millis();
        results.notes.push(format!("{} rounds, loads of {window} ms or more", options.rounds));
        leave_out_what_is_missing(&mut options, &mut results);
        measure(&options, &cells, &mut results);
    }
    for path in &options.from {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        results.add_json(&text).map_err(|error| format!("{path}: {error}"))?;
    }
    results.notes.extend(options.note.take());
    match options.json.as_deref() {
        Some("-") => print!("{}", results.json()),
        Some(path) => {
            fs::write(path, results.json()).map_err(|error| format!("{path}: {error}"))?;
        }
        None => {}
    }
    let locks: Vec<Contestant> =
        Contestant::ALL.into_iter().filter(|&lock| results.has(lock)).collect();
    println!("{}", report::markdown(&results, &locks, report::For::Terminal));
    if let Some(path) = &options.report {
        let folder = Path::new(path);
        let plots = folder.join("plots");
        fs::create_dir_all(&plots).map_err(|error| format!("{path}: {error}"))?;
        let text = report::markdown(&results, &locks, report::For::File);
        fs::write(folder.join("RESULTS.md"), text).map_err(|error| format!("{path}: {error}"))?;
        plots::draw(&results, &locks, &plots)?;
    }
    Ok(())
}

fn leave_out_what_is_missing(options: &mut Options, results: &mut Results) {
    options.locks.retain(|&lock| match peers::ensure(lock) {
        Ok(()) => true,
        Err(why) => {
            let missing = format!("missing: {}: {why}", lock.name());
            eprintln!("{missing}");
            results.notes.push(missing);
            false
        }
    });
    if options.calls
        && let Err(error) = futex::Counter::open()
    {
        results.notes.push(format!("futex calls are unknown: {error}"));
        options.calls = false;
    }
}

fn measure(options: &Options, cells: &[plan::Cell], results: &mut Results) {
    let began = Instant::now();
    let mut told = began;
    for round in 0..options.rounds {
        for (index, cell) in cells.iter().enumerate() {
            // Who goes first changes from round to round and cell to cell.
            let mut locks = options.locks.clone();
            let turn = (round + index) % locks.len();
            if options.quick && began.elapsed() > QUICK {
                let note = format!("out of time in round {}, at {}", round + 1, cell.name);
                eprintln!("{note}");
                results.notes.push(note);
                return;
            }
            locks.rotate_left(turn);
            cell.run(&locks, round, results);
            if told.elapsed() > Duration::from_secs(10) {
                told = Instant::now();
                let seconds = began.elapsed().as_secs();
                eprintln!(
                    "{seconds:4} s: round {} of {}: {}",
                    round + 1,
                    options.rounds,
                    cell.name
                );
            }
        }
    }
}
