//! `algo-logs`: the build-time logs of an algorithm, on the command line.
//!
//! The program uses the library through its public interface alone. Here results become exit codes; [`args`] reads the
//! command line, [`settings`] what else says where to connect, [`run`] carries commands out, [`output`] writes.

mod args;
mod failure;
mod generate;
mod help;
mod json;
mod lists;
mod log;
mod output;
mod profile;
mod progress;
mod run;
mod save;
mod session;
mod settings;
mod table;
mod terminal;
mod time;
mod transfer;

use std::env;
use std::process::ExitCode;

use args::{Command, Parsed};
use failure::Failure;
use settings::Environment;

fn main() -> ExitCode {
    let (outcome, json) = match args::parse(env::args_os().skip(1)) {
        Ok(Parsed::Help(None)) => (output::to_stdout(&help::usage()), false),
        Ok(Parsed::Help(Some(command))) => (output::to_stdout(&help::help(command)), false),
        Ok(Parsed::Version) => (output::to_stdout(&help::version()), false),
        Ok(Parsed::Generate(kind)) => (output::to_stdout(&generate::generate(kind)), false),
        Ok(Parsed::Run(args)) => {
            let json = matches!(
                args.command,
                Command::Builds { json: true, .. } | Command::Versions { json: true, .. }
            );
            (run::run(&args, &Environment::of_process()), json)
        }
        Err(error) => {
            let json = error.json;
            (Err(Failure::from(error)), json)
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(report) = failure.report(json) {
                output::to_stderr(&report);
            }
            ExitCode::from(failure.exit as u8)
        }
    }
}
