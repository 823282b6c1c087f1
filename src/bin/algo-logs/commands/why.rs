//! `why`: explains why a build failed.

use std::cmp::Ordering;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};

use algo_logs::{Build, BuildStatus, DockerBuilder, ErrorKind, Explanation, explain};
use serde_json::{Value, json};

use super::Session;
use super::context::Context;
use super::transfer::read_failure;
use crate::cli::{AlgorithmArg, BuildFilter, MAX_WHY_LINES, WhyArgs, WhySource, is_hex};
use crate::config::{ColorChoice, PathOrStdin};
use crate::error::{CliError, Kind};
use crate::output::sanitize::{defuse, is_shown};
use crate::output::{self, Reporter, format, to_stdout};

impl Session<'_> {
    pub(super) fn why(
        &self,
        algorithm: Option<&AlgorithmArg>,
        args: &WhyArgs,
    ) -> Result<(), CliError> {
        let context = || self.context(algorithm);
        match &args.source {
            WhySource::NewestFailed { commit } => {
                let context = context()?;
                let build = context.newest_failed(commit.as_deref());
                let outcome = build.and_then(|build| context.explain(&build, args));
                outcome.map_err(|error| context.general_hint(error))
            }
            WhySource::Build(id) => {
                let context = context()?;
                let build = context.build_to_explain(id);
                let outcome = build.and_then(|build| context.explain(&build, args));
                outcome.map_err(|error| context.general_hint(context.build_hint(error, id)))
            }
            WhySource::File(file) => {
                let explanation = explain_file(file, args.lines)?;
                let mut parts = summary(&explanation);
                if explanation.succeeded && explanation.step.is_some() {
                    // Without the build's status, nothing says that it failed.
                    parts = vec!["the image was built; the log shows no failure".to_owned()];
                }
                note(&self.reporter, None, parts);
                if args.json {
                    let report = report(None, None, &explanation);
                    return to_stdout(&output::json::object(&report, &self.reporter));
                }
                print(&explanation, &self.reporter, self.color)
            }
        }
    }
}

/// Explains a saved log.
fn explain_file(file: &PathOrStdin, lines: usize) -> Result<Explanation, CliError> {
    let name = match file {
        PathOrStdin::Path(path) => path.display().to_string(),
        PathOrStdin::Stdin => "stdin".to_owned(),
    };
    let unreadable =
        |error: io::Error| CliError::invalid_input(format!("cannot read {name}: {error}"));
    let log: Box<dyn Read> = match file {
        PathOrStdin::Path(path) => Box::new(File::open(path).map_err(unreadable)?),
        PathOrStdin::Stdin => Box::new(io::stdin().lock()),
    };
    let mut log = BufReader::new(log);
    let beginning = log.fill_buf().map_err(unreadable)?.trim_ascii_start();
    let object = beginning.strip_prefix(b"{").unwrap_or_default();
    if object.trim_ascii_start().starts_with(b"\"logs\"") {
        let error = CliError::invalid_input(format!("{name} is a JSON document, not a log"));
        return Err(error.hint("'jq -r .logs' prints the log in it"));
    }
    let explanation = explain(log, lines).map_err(unreadable)?;
    if explanation.is_empty() {
        return Err(CliError::no_match(format!("the log in {name} is empty")));
    }
    Ok(explanation)
}

impl Context {
    fn explain(&self, build: &Build, args: &WhyArgs) -> Result<(), CliError> {
        let (logs, commit) = self
            .build_log(&build.build_id, Some(build))
            .map_err(CliError::from_service)?;
        let explanation = explain(logs, args.lines).map_err(read_failure)?;
        if explanation.is_empty() {
            let id = self.shorten(&build.build_id);
            return Err(CliError::no_match(format!(
                "the log of build {id} of {} is empty",
                self.algorithm
            )));
        }
        let named = self.describe_build(build);
        note(&self.reporter, Some(named), summary(&explanation));
        self.note_gone(commit);
        if args.json {
            let neighbors = self.neighbors(build);
            self.note_neighbors(build, &neighbors);
            let report = report(Some(build), neighbors.last_success.as_ref(), &explanation);
            return to_stdout(&output::json::object(&report, &self.reporter));
        }
        print(&explanation, &self.reporter, self.color)?;
        if !self.reporter.is_quiet() {
            self.note_neighbors(build, &self.neighbors(build));
        }
        Ok(())
    }

    /// Returns the build with this ID. Only its status decides whether it failed, never its log.
    fn build_to_explain(&self, id: &str) -> Result<Build, CliError> {
        let build = match self.client().build(&self.algorithm, id) {
            Err(error) => self.completed(id, error.into())?,
            build => build?,
        };
        match build.status {
            BuildStatus::InProgress => Err(self.in_progress(&build)),
            BuildStatus::Succeeded => Err(CliError::no_match(format!(
                "build {} of {} succeeded",
                self.shorten(&build.build_id),
                self.algorithm
            ))),
            _ => Ok(build),
        }
    }

    /// Returns the newest build, or the newest one of a commit, that has finished but did not succeed.
    fn newest_failed(&self, commit: Option<&str>) -> Result<Build, CliError> {
        let filter = BuildFilter {
            status: None,
            commit: commit.map(str::to_owned),
        };
        let builds = || self.builds(&filter);
        let failed =
            |build: &Build| build.status.is_finished() && build.status != BuildStatus::Succeeded;
        if let Some(build) = builds().matching(failed).newest()? {
            return Ok(build);
        }
        let mut message = format!("{} has no failed build", self.algorithm);
        if let Some(commit) = commit {
            message += &format!(" of commit {commit}");
            if let Some(build) = builds().newest()? {
                let finished = builds().matching(|build| build.status.is_finished());
                if finished.newest()?.is_none() {
                    return Err(self.in_progress(&build));
                }
            }
        }
        Err(CliError::no_match(message))
    }

    fn in_progress(&self, build: &Build) -> CliError {
        let id = self.shorten(&build.build_id);
        CliError::new(
            Kind::Library(ErrorKind::NotFinished),
            format!(
                "build {id} of {}: the build is still in progress",
                self.algorithm
            ),
        )
        .hint("'algo-logs log --wait' waits for it")
    }

    /// Looks for the builds around this one on the first page of the list and at most one more. Ignores errors.
    fn neighbors(&self, build: &Build) -> Neighbors {
        let mut neighbors = Neighbors::default();
        let mut pages = self.connection.silent.builds(&self.algorithm);
        for _ in 0..2 {
            let Some(Ok(page)) = pages.next_page() else {
                break;
            };
            for other in page {
                neighbors.add(other, build);
            }
            if neighbors.last_success.is_some() {
                break;
            }
        }
        neighbors
    }

    fn note_neighbors(&self, build: &Build, neighbors: &Neighbors) {
        let reporter = &self.reporter;
        let is_terminal = reporter.is_terminal();
        if let Some(success) = &neighbors.last_success {
            let commit = reporter.commit(&success.commit_sha);
            let mut text = format!("last success: {commit}");
            if let (Some(last), Some(started)) = (success.started_time(), build.started_time()) {
                let earlier = started.duration_since(last).unwrap_or_default();
                text += &format!(", {} earlier", format::age(earlier));
            }
            if !is_terminal {
                let (id, started) = (
                    self.shorten(&success.build_id),
                    self.shorten(&success.started_at),
                );
                text += &format!(" (build {id}, started {started})");
            }
            // One commit is not a range, and a command to copy must not contain anything but commits.
            if success.commit_sha == build.commit_sha {
                text += "; the same commit";
            } else if is_hex(&success.commit_sha) && is_hex(&build.commit_sha) {
                text += &format!("; git log {commit}..{}", reporter.commit(&build.commit_sha));
            }
            reporter.note(&text);
        }
        if let Some(newer) = &neighbors.newer {
            let (finished_at, finished) = (newer.finished_at.as_ref(), newer.finished_time());
            let started = newer.started_time();
            let (status, at, time) = match newer.status {
                BuildStatus::Succeeded => ("succeeded", finished_at, finished.or(started)),
                _ => ("is in progress, started", None, started),
            };
            let text = match time.filter(|_| is_terminal) {
                Some(time) => format!("a newer build {status} {} ago", format::age_of(time)),
                None => format!(
                    "a newer build {status} at {} (build {}, commit {})",
                    self.shorten(at.unwrap_or(&newer.started_at)),
                    self.shorten(&newer.build_id),
                    self.shorten(&newer.commit_sha)
                ),
            };
            reporter.note(&text);
        }
    }
}

/// The builds around the explained one.
#[derive(Default)]
struct Neighbors {
    /// The last build before it that succeeded.
    last_success: Option<Build>,
    /// The newest build after it that succeeded or, if none did, that is in progress.
    newer: Option<Build>,
}

impl Neighbors {
    fn add(&mut self, other: Build, build: &Build) {
        let has_succeeded = other.status == BuildStatus::Succeeded;
        let rank = |build: &Build| (build.status == BuildStatus::Succeeded, build.started_time());
        let slot = match other.started_time().cmp(&build.started_time()) {
            Ordering::Less if has_succeeded => &mut self.last_success,
            Ordering::Greater if has_succeeded || !other.status.is_finished() => &mut self.newer,
            _ => return,
        };
        if slot.as_ref().is_none_or(|known| rank(known) < rank(&other)) {
            *slot = Some(other);
        }
    }
}

/// Returns what the note says: the step, the exit code, and how many lines were cut off.
fn summary(explanation: &Explanation) -> Vec<String> {
    let place = match step_number(explanation) {
        _ if explanation.succeeded => "the image was built; the build failed later".to_owned(),
        Some(number) => format!("step {number}"),
        None if explanation.builder.is_none() => "the log has no Docker steps".to_owned(),
        None if explanation.before_first_step => "failed before the first step".to_owned(),
        None if explanation.beginning_missing => "the beginning of the log is missing".to_owned(),
        None => "no step failed".to_owned(),
    };
    let mut parts = vec![place];
    if let Some(code) = explanation.exit_code {
        let meaning = match code {
            127 => " (command not found)",
            137 => " (killed, most often because it ran out of memory)",
            _ => "",
        };
        parts.push(format!("exit code {code}{meaning}"));
    }
    let (kept, lines) = (explanation.output.len(), explanation.output_lines);
    if lines > kept as u64 {
        let mut part = format!("the last {kept} of {lines} lines");
        if kept < MAX_WHY_LINES {
            part += "; use -n N for more";
        }
        parts.push(part);
    }
    parts
}

/// Returns the number of the step, as in `2/7`, or `2` if the number of steps is unknown.
fn step_number(explanation: &Explanation) -> Option<String> {
    let step = explanation.step?;
    Some(match explanation.steps {
        Some(steps) => format!("{step}/{steps}"),
        None => step.to_string(),
    })
}

/// Writes a note: the build, if there is one, and what was found. On a terminal, a part that does not fit begins another
/// line.
fn note(reporter: &Reporter, build: Option<String>, parts: Vec<String>) {
    /// The columns of a terminal.
    const WIDTH: usize = 80;
    let mut line = build.unwrap_or_default();
    let mut separator = if line.is_empty() { "" } else { ": " };
    for part in parts {
        let longer = format!("{line}{separator}{part}");
        if reporter.is_terminal() && longer.chars().count() > WIDTH {
            reporter.note(&line);
            line = part;
        } else {
            line = longer;
        }
        separator = ", ";
    }
    reporter.note(&line);
}

/// Returns what `--json` prints, with null for what is unknown.
fn report(build: Option<&Build>, last_success: Option<&Build>, explanation: &Explanation) -> Value {
    json!({
        "build_id": build.map(|build| &build.build_id),
        "status": build.map(|build| &build.status),
        "commit_sha": build.map(|build| &build.commit_sha),
        "started_at": build.map(|build| &build.started_at),
        "last_success": last_success.map(|build| json!({
            "build_id": build.build_id,
            "commit_sha": build.commit_sha,
            "started_at": build.started_at,
        })),
        "builder": explanation.builder,
        "stage": explanation.stage,
        "step": explanation.step,
        "steps": explanation.steps,
        "instruction": explanation.instruction,
        "exit_code": explanation.exit_code,
        "error": explanation.error,
        "earlier": explanation.earlier,
        "output": explanation.output,
        "output_lines": explanation.output_lines,
    })
}

/// Prints the header of the step, its output and the error, as the builder would print them.
fn print(
    explanation: &Explanation,
    reporter: &Reporter,
    color: ColorChoice,
) -> Result<(), CliError> {
    if explanation.succeeded && explanation.instruction.is_some() {
        // The last step did not fail, and nothing follows it.
        return Ok(());
    }
    let is_colored = color.is_enabled(io::stdout().is_terminal());
    let mut text = String::new();
    let mut line = |sgr: &str, line: &str| {
        let line = safe_line(&reporter.redacted(line));
        text += &if is_colored && !sgr.is_empty() {
            format!("\x1b[{sgr}m{line}\x1b[0m\n")
        } else {
            format!("{line}\n")
        };
    };
    if let Some(header) = header(explanation) {
        line("1", &header);
    }
    for earlier in &explanation.earlier {
        line("", &earlier.text);
    }
    let shown = explanation.output.len() + explanation.earlier.len();
    match explanation.output_lines - shown as u64 {
        0 => {}
        1 => line("", "… 1 line …"),
        lines => line("", &format!("… {lines} lines …")),
    }
    for output in explanation.output.iter().chain(&explanation.excerpt) {
        line("", output);
    }
    if let Some(error) = &explanation.error {
        line("31", error);
    }
    to_stdout(&text)
}

/// Returns the first line of the step, as the builder prints it.
fn header(explanation: &Explanation) -> Option<String> {
    let instruction = explanation.instruction.as_deref()?;
    Some(match (step_number(explanation), &explanation.stage) {
        (None, _) => instruction.to_owned(),
        (Some(number), _) if explanation.builder == Some(DockerBuilder::Classic) => {
            format!("Step {number} : {instruction}")
        }
        (Some(number), Some(stage)) => format!("[{stage} {number}] {instruction}"),
        (Some(number), None) => format!("[{number}] {instruction}"),
    })
}

/// Makes a line of a log safe for a terminal and for a build server. It has no escape sequences any more.
fn safe_line(line: &str) -> String {
    defuse(&line.replace(|c| !is_shown(c), "\u{fffd}"))
}
