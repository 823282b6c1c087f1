//! What was measured, beside what is owed.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::Result;

/// A table of figures, in the order in which they were measured.
#[derive(Debug, Default)]
pub struct Chart {
    rows: Vec<[String; 3]>,
    passed: Vec<String>,
}

/// What is owed.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// When a limit that was passed is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strictness {
    Always,
    /// Only if it was passed by a factor of two: on a shared machine the time of a run is no evidence of anything less.
    IfWild,
}

impl Chart {
    /// Adds a figure that nothing is owed of.
    pub fn add(&mut self, what: &str, figure: &str) {
        note(&format!("{what}: {figure}"));
        self.rows
            .push([what.to_owned(), figure.to_owned(), String::new()]);
    }

    /// Adds a figure and its limit; `unit` is put behind both.
    pub fn judge(
        &mut self,
        what: &str,
        value: f64,
        unit: &str,
        limit: Limit,
        strictness: Strictness,
    ) {
        let (word, owed, excess) = match limit {
            Limit::AtMost(most) => ("at most", most, value / most),
            Limit::AtLeast(least) => ("at least", least, least / value),
        };
        // NaN, which a broken measurement gives, passes every limit.
        let kept = excess <= 1.0;
        let tolerable = strictness == Strictness::IfWild && excess <= 2.0;
        if !kept && !tolerable {
            self.passed.push(format!("{what}: {}{unit}", figure(value)));
        }
        let mark = if kept { "" } else { ", passed" };
        let limit = format!("{word} {owed}{unit}{mark}");
        note(&format!("{what}: {}{unit} ({limit})", figure(value)));
        self.rows
            .push([what.to_owned(), format!("{}{unit}", figure(value)), limit]);
    }

    pub fn print(&self) -> Result<()> {
        print_table(&["what", "measured", "owed"], &self.rows)
    }

    /// Whether every limit was kept, and on stderr those that were not.
    pub fn verdict(&self) -> Result<bool> {
        for passed in &self.passed {
            note(&format!("over its limit: {passed}"));
        }
        Ok(self.passed.is_empty())
    }
}

/// A Markdown table on stdout.
pub fn print_table<const N: usize>(header: &[&str; N], rows: &[[String; N]]) -> Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "\n| {} |", header.join(" | "))?;
    writeln!(out, "|{}", "---|".repeat(N))?;
    for row in rows {
        writeln!(out, "| {} |", row.join(" | "))?;
    }
    writeln!(out)?;
    out.flush()?;
    Ok(())
}

/// A line of progress, on stderr.
pub fn note(line: &str) {
    // Progress that cannot be shown keeps nothing from being measured.
    let _ = writeln!(io::stderr(), "{line}");
}

/// A number with as many digits as a measurement is worth.
pub fn figure(value: f64) -> String {
    match value {
        _ if value.fract() == 0.0 => format!("{value}"),
        _ if value >= 100.0 => format!("{value:.0}"),
        _ if value >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// How long one run takes.
pub fn time(run: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    run()?;
    Ok(started.elapsed())
}

/// What of several things takes how long: `rounds` times each, in turns.
#[derive(Debug)]
pub struct Times {
    /// A list for each thing, in the order in which they were given.
    all: Vec<Vec<Duration>>,
}

type Run<'a> = dyn FnMut() -> Result<Duration> + 'a;

impl Times {
    pub fn take(rounds: usize, runs: &mut [&mut Run<'_>]) -> Result<Times> {
        let mut all = vec![Vec::new(); runs.len()];
        // The first round fills caches, and counts for nothing.
        for round in 0..=rounds {
            for (run, times) in runs.iter_mut().zip(&mut all) {
                let time = run()?;
                if round > 0 {
                    times.push(time);
                }
            }
        }
        Ok(Times { all })
    }

    /// The median of one thing's times, in seconds.
    pub fn seconds(&self, which: usize) -> f64 {
        median(self.all[which].iter().map(Duration::as_secs_f64).collect())
    }

    /// How many times as long as `base` the thing `which` takes: the median of the rounds.
    pub fn ratio(&self, which: usize, base: usize) -> f64 {
        let rounds = self.all[which].iter().zip(&self.all[base]);
        median(
            rounds
                .map(|(one, other)| one.as_secs_f64() / other.as_secs_f64())
                .collect(),
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
