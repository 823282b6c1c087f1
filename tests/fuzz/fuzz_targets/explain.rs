//! Runs `explain` on logs that the fuzzer generates.
#![no_main]

use std::io::{self, Read};

use algo_logs::{Failure, explain};
use libfuzzer_sys::fuzz_target;

/// A reader that returns pieces of the given sizes, repeatedly.
struct Chopped<'a> {
    log: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, u8>>,
}

impl Read for Chopped<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes.next().map_or(1, |&size| u64::from(size) + 1);
        (&mut self.log).take(size).read(buf)
    }
}

fn check_bounds(failure: &Failure, lines: usize) {
    assert!(failure.output.len() <= lines);
    assert!(failure.output.len() as u64 <= failure.output_lines);
    let texts = [&failure.stage, &failure.instruction, &failure.error];
    for text in texts.into_iter().flatten().chain(&failure.output) {
        // Each character stands for at least one byte of the log.
        assert!(text.chars().count() <= 2_000);
    }
    assert!(failure.error.is_some() || failure.exit_code.is_none());
    assert!(failure.error.is_none() || !failure.succeeded);
}

fuzz_target!(|log: &[u8]| {
    // The chunk sizes come from the log itself, so that any log is a seed.
    let sizes = &log[log.len() - log.len().min(5)..];
    let lines = sizes.first().map_or(0, |&lines| usize::from(lines) % 50);

    let whole = explain(log, lines).expect("reading from a slice does not fail");
    let sizes = sizes.iter().cycle();
    let chopped = explain(Chopped { log, sizes }, lines).expect("nor does this");
    assert_eq!(whole, chopped, "chopping changes nothing");
    check_bounds(&whole, lines);
});
