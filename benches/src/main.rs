//! holdup's mutex against std's, parking_lot's and the C library's, side by
//! side in one run.
//!
//! The machine may be shared and noisy, so no lock is measured in one go: each
//! cell is run with each lock in turn, many times over, and what is compared
//! are medians, with the spread beside them, and ratios of neighbouring runs.

mod contended;
mod growth;
mod locks;
mod machine;
mod options;
mod plan;
mod results;
mod rwlock;
mod stats;
mod tables;
mod uncontended;
mod usage;
mod work;

use options::Options;
use results::Results;
use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
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
    let calibration = work::Calibration::measure();
    let cells = plan::cells(&options, &calibration);
    if options.list {
        cells.iter().for_each(|cell| println!("{}", cell.name));
        return ExitCode::SUCCESS;
    }
    if cells.is_empty() {
        eprintln!("holdup-bench: no cell has that name; --list prints them");
        return ExitCode::from(2);
    }
    let machine = machine::describe();
    println!("{machine}");
    println!("one turn of work: {:.3} ns; {} rounds", calibration.turn, options.rounds);
    let results = run(&options, &cells);
    for metric in plan::METRICS {
        tables::table(&results, metric, &options.locks);
    }
    tables::ratios(&results);
    if let Some(path) = &options.json {
        let json = results.json(&machine);
        let written = match path.as_str() {
            "-" => std::io::stdout().write_all(json.as_bytes()),
            path => std::fs::write(path, json),
        };
        if let Err(error) = written {
            eprintln!("holdup-bench: cannot write {path}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn run(options: &Options, cells: &[plan::Cell]) -> Results {
    let mut results = Results::default();
    let began = Instant::now();
    let mut told = began;
    for round in 0..options.rounds {
        for (index, cell) in cells.iter().enumerate() {
            // Who goes first changes from round to round and cell to cell.
            let mut locks = options.locks.clone();
            let turn = (round + index) % locks.len();
            locks.rotate_left(turn);
            cell.run(&locks, options, &mut results);
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
    results
}
