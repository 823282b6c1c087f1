//! How fast and how small the program is: `cargo bench`, or `cargo bench -- --quick` for less of it in less time.
//!
//! It measures the static program, which it builds, against the fake cluster on loopback, and prints Markdown tables.
//! What the contract limits stands beside its limit, and a limit that was passed is a failure. Times are compared with
//! those of other programs in the same run, one after the other in turns, so that what else the machine does concerns
//! all of them.

mod chart;
mod decoder;
mod program;
mod size;
mod whole;

#[path = "../cluster/mod.rs"]
mod cluster;

#[path = "../it/packages.rs"]
mod packages;

// It is private, and measured without what surrounds it.
#[allow(
    dead_code,
    unused_imports,
    reason = "only reading is measured, and its tests run elsewhere"
)]
#[path = "../../src/json_string/mod.rs"]
mod json_string;

use std::error::Error;
use std::process::ExitCode;

use chart::Chart;
use program::Program;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// How much of everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effort {
    Quick,
    Full,
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            chart::note(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let mut effort = Effort::Full;
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--quick" => effort = Effort::Quick,
            // Cargo's own.
            "--bench" => {}
            _ => return Err("usage: cargo bench [-- --quick]".into()),
        }
    }
    let program = Program::build()?;
    let mut chart = Chart::default();
    size::measure(&program, &mut chart)?;
    whole::start_up(&program, effort, &mut chart)?;
    whole::small_log(&program, effort, &mut chart)?;
    whole::large_log(&program, effort, &mut chart)?;
    whole::gzip(&program, effort, &mut chart)?;
    whole::memory(&program, effort, &mut chart)?;
    chart.print()?;
    decoder::measure(effort)?;
    chart.verdict()
}
