//! `algo-logs`: the command-line program that reads the build logs of algorithms.
//!
//! The program uses only the public interface of the library. This file maps results to exit codes. [`cli`] parses the
//! command line, [`config`] resolves the connection settings, [`commands`] runs the commands, and [`output`] writes
//! their results.

mod cli;
mod commands;
mod config;
mod error;
mod output;

use std::env;
use std::ffi::OsString;
use std::process::ExitCode;

use cli::Parsed;
use error::Exit;
use output::Reporter;

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let json = cli::wants_json(&args);
    let reporter = Reporter::default();
    let outcome = match cli::parse(args) {
        Ok(Parsed::Run(args)) => commands::run(&args, &reporter),
        Ok(Parsed::Print(text)) => output::to_stdout(&text),
        Ok(Parsed::Usage(text)) => {
            reporter.write(&text);
            return ExitCode::from(Exit::Usage as u8);
        }
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            reporter.error(&failure, json);
            ExitCode::from(failure.exit() as u8)
        }
    }
}
