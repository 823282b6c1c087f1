//! `algo-logs`: the build-time logs of an algorithm, on the command line.
//!
//! The program uses the library through its public interface alone. Here results become exit codes; [`cli`] reads the
//! command line, [`config`] what else says where to connect, [`commands`] carries commands out, [`output`] writes.

mod cli;
mod commands;
mod config;
mod error;
mod output;

use std::env;
use std::process::ExitCode;

use cli::{Command, Parsed, generate, help};
use config::Environment;
use error::CliError;
use output::Reporter;

fn main() -> ExitCode {
    let reporter = Reporter::default();
    let (outcome, json) = match cli::parse(env::args_os().skip(1)) {
        Ok(Parsed::Help(None)) => (output::to_stdout(&help::usage()), false),
        Ok(Parsed::Help(Some(command))) => (output::to_stdout(&help::help(command)), false),
        Ok(Parsed::Version) => (output::to_stdout(&help::version()), false),
        Ok(Parsed::Generate(kind)) => (output::to_stdout(&generate::generate(kind)), false),
        Ok(Parsed::Run(args)) => {
            let json = matches!(
                args.command,
                Command::Builds { json: true, .. } | Command::Versions { json: true, .. }
            );
            (
                commands::run(&args, &Environment::of_process(), &reporter),
                json,
            )
        }
        Err(error) => {
            let json = error.json;
            (Err(CliError::from(error)), json)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(report) = failure.report(json) {
                reporter.write(&report);
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}
