//! Copies a log from the service to an output.

use std::io::{self, Read};

use algo_logs::{Error, Logs};

use crate::error::CliError;
use crate::output::Output;

/// A larger buffer is not faster, and a smaller one is slower.
const BUFFER_SIZE: usize = 64 * 1024;

/// Writes the whole log, and calls `progress` after each write.
///
/// Failures to read and failures to write have different exit codes.
pub(crate) fn transfer(
    logs: &mut Logs,
    mut output: Output,
    mut progress: impl FnMut(&Logs),
) -> Result<(), CliError> {
    let mut buf = vec![0; BUFFER_SIZE];
    loop {
        match logs.read(&mut buf) {
            Ok(0) => return output.finish(),
            Ok(n) => output.write(&buf[..n])?,
            Err(error) => {
                output.abandon();
                return Err(read_failure(error));
            }
        }
        progress(logs);
    }
}

/// Returns a note if parts of the log were not valid Unicode.
pub(crate) fn replacement_note(logs: &Logs) -> Option<String> {
    match logs.replacements() {
        0 => None,
        1 => Some("1 invalid character became U+FFFD".to_owned()),
        n => Some(format!("{n} invalid characters became U+FFFD")),
    }
}

/// Converts an error from reading the log, which always comes from the library.
pub(super) fn read_failure(error: io::Error) -> CliError {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => CliError::invalid_response(error.to_string()),
    }
}
