//! A log from the service to its target, as a whole or not at all.

use std::path::Path;

use algo_logs::Logs;

use crate::error::CliError;
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
    let mut n = logs.read_some(&mut buf)?;
    let mut output = Output::open(target, treatment)?;
    while n > 0 {
        output.write(&buf[..n])?;
        progress(logs);
        n = match logs.read_some(&mut buf) {
            Ok(n) => n,
            Err(error) => {
                output.abandon();
                return Err(error.into());
            }
        };
    }
    output.finish()
}
