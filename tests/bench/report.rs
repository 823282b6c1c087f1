//! Measured values beside their limits, as rows of a Markdown table on stdout.

use std::io::{self, Write};

/// A limit from the project's requirements.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// Prints a row for each value and remembers whether any of them failed.
#[derive(Debug)]
pub struct Report {
    failed: bool,
}

impl Report {
    pub fn new() -> io::Result<Report> {
        print_row("what", "measured", "required")?;
        print_row("---", "---", "---")?;
        Ok(Report { failed: false })
    }

    /// Whether a value failed.
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// Adds a value that does not vary between runs: over its limit, it fails.
    pub fn exact(&mut self, what: &str, value: f64, unit: &str, limit: Limit) -> io::Result<()> {
        self.add(what, value, unit, limit, 1.0)
    }

    /// Adds a ratio of times, which varies with the load of the machine: it fails only at twice its limit.
    pub fn ratio(&mut self, what: &str, value: f64, limit: Limit) -> io::Result<()> {
        self.add(what, value, "×", limit, 2.0)
    }

    /// Adds a row for something that could not be measured.
    pub fn skip(&mut self, what: &str, why: &str) -> io::Result<()> {
        print_row(what, why, "")
    }

    fn add(
        &mut self,
        what: &str,
        value: f64,
        unit: &str,
        limit: Limit,
        tolerance: f64,
    ) -> io::Result<()> {
        let (excess, limit) = match limit {
            Limit::AtMost(most) => (value / most, format!("at most {most}{unit}")),
            Limit::AtLeast(least) => (least / value, format!("at least {least}{unit}")),
        };
        let verdict = if excess <= 1.0 {
            ""
        } else if excess <= tolerance {
            " (exceeded)"
        } else {
            self.failed = true;
            " (**failed**)"
        };
        let digits = if value.fract() == 0.0 { 0 } else { 2 };
        print_row(
            what,
            &format!("{value:.digits$}{unit}"),
            &format!("{limit}{verdict}"),
        )
    }
}

fn print_row(what: &str, measured: &str, required: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "| {what} | {measured} | {required} |")?;
    stdout.flush()
}
