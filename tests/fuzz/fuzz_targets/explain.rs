//! Runs `explain` on logs that the fuzzer generates.
#![no_main]

use std::io::{self, Read};

use algo_logs::{Explanation, explain};
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

fn check_bounds(why: &Explanation, lines: usize) {
    assert!(why.output.len() <= lines && why.excerpt.len() <= lines && why.earlier.len() <= 4);
    let cut = why.output_lines - why.output.len() as u64;
    assert!(why.earlier.is_sorted_by(|a, b| a.line < b.line));
    assert!(why.earlier.iter().all(|earlier| (1..=cut).contains(&earlier.line)));
    let texts = [&why.stage, &why.instruction].into_iter().flatten();
    let earlier = why.earlier.iter().map(|earlier| &earlier.text);
    for text in texts.chain(&why.output).chain(&why.excerpt).chain(earlier) {
        // Each character stands for at least one byte of the log.
        assert!(text.chars().count() <= 2_000);
    }
    // Four more lines can continue an error.
    let error = why.error.as_deref().unwrap_or_default();
    assert!(error.chars().count() <= 5 * 2_001);
    assert!(why.error.is_some() || why.exit_code.is_none());
    assert!(why.error.is_none() || !why.succeeded);
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
