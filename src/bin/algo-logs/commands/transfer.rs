//! A log from the service to its target, as a whole or not at all.

use std::io::Read;

use algo_logs::{Error, Logs};

use crate::error::CliError;
use crate::output::Output;

/// As much of a log as is handed on at a time. More is not faster, and less is slower.
const PIECE: usize = 64 * 1024;

/// Writes the whole log, and calls `progress` after each piece.
///
/// A failure to read it and a failure to write it are told apart by their exit codes.
pub(crate) fn transfer(
    logs: &mut Logs,
    mut output: Output,
    mut progress: impl FnMut(&Logs),
) -> Result<(), CliError> {
    let mut buf = vec![0; PIECE];
    loop {
        match read(logs, &mut buf) {
            Ok(0) => return output.finish(),
            Ok(n) => output.write(&buf[..n])?,
            Err(error) => {
                output.abandon();
                return Err(error);
            }
        }
        progress(logs);
    }
}

/// Returns the note about a log that had text which was not valid Unicode.
pub(crate) fn replacement_note(logs: &Logs) -> Option<String> {
    match logs.replacements() {
        0 => None,
        1 => Some("1 character was not valid Unicode and was replaced with U+FFFD".to_owned()),
        n => Some(format!(
            "{n} characters were not valid Unicode and were replaced with U+FFFD"
        )),
    }
}

/// Reads some of the log. It fails only with the library's errors.
fn read(logs: &mut Logs, buf: &mut [u8]) -> Result<usize, CliError> {
    logs.read(buf).map_err(|error| match Error::from_io(error) {
        Ok(error) => error.into(),
        Err(error) => CliError::invalid_response(error.to_string()),
    })
}
