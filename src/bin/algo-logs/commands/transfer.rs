//! A log from the service to its target, as a whole or not at all.

use std::io::Read;
use std::path::Path;

use algo_logs::{Error, Logs};

use crate::error::{CliError, Exit};
use crate::output::{Output, OutputOptions};

/// As much of a log as is handed on at a time. More is not faster, and less is slower.
const PIECE: usize = 64 * 1024;

/// Writes the whole log to a file, or to stdout for `None`, and tells `progress` of each piece.
///
/// A failure to read it and a failure to write it are told apart by their exit codes.
pub(crate) fn transfer(
    logs: &mut Logs,
    target: Option<&Path>,
    treatment: OutputOptions,
    mut progress: impl FnMut(&Logs),
) -> Result<(), CliError> {
    let mut buf = vec![0; PIECE];
    // A log that cannot even be begun leaves the target alone.
    let mut n = read(logs, &mut buf)?;
    let mut output = Output::open(target, treatment)?;
    while n > 0 {
        output.write(&buf[..n])?;
        progress(logs);
        n = match read(logs, &mut buf) {
            Ok(n) => n,
            Err(error) => {
                output.abandon();
                return Err(error);
            }
        };
    }
    output.finish()
}

/// Reads some of the log. It fails only with the library's errors.
fn read(logs: &mut Logs, buf: &mut [u8]) -> Result<usize, CliError> {
    logs.read(buf).map_err(|error| match Error::from_io(error) {
        Ok(error) => error.into(),
        Err(error) => CliError::new(Exit::Network, "network", error.to_string()),
    })
}
