//! `why`: explains why a build failed.

use std::io::{self, IsTerminal};

use algo_logs::{Build, BuildStatus, DockerBuilder, Error, Explanation, explain};
use serde::Serialize;

use super::Session;
use super::context::Context;
use crate::cli::{AlgorithmArg, BuildFilter, MAX_WHY_LINES, WhyArgs, WhySource};
use crate::error::CliError;
use crate::output::sanitize::{Mode, Sanitizer};
use crate::output::{json, to_stdout};

/// What `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    build_id: &'a str,
    status: &'a str,
    builder: Option<DockerBuilder>,
    stage: Option<&'a str>,
    step: Option<u32>,
    steps: Option<u32>,
    instruction: Option<&'a str>,
    exit_code: Option<i64>,
    error: Option<&'a str>,
    output: &'a [String],
    output_lines: u64,
}

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
            WhySource::File(_) => Err(CliError::usage("'--file' is not implemented yet")),
        }
    }
}

impl Context {
    fn explain(&self, build: &Build, args: &WhyArgs) -> Result<(), CliError> {
        let (mut logs, note) = self
            .build_log(&build.build_id, Some(build))
            .map_err(CliError::from_service)?;
        if let Some(note) = note {
            self.reporter.note(&note);
        }
        let failure = explain(&mut logs, args.lines).map_err(read_error)?;
        if failure.step.is_none() && failure.error.is_none() && failure.output.is_empty() {
            let id = self.word(&build.build_id);
            return Err(CliError::no_match(format!(
                "the log of build {id} of {} is empty",
                self.algorithm
            )));
        }
        self.reporter.note(&self.summary(build, &failure));
        if args.json {
            return to_stdout(&json::object(&report(build, &failure), &self.reporter)?);
        }
        let is_terminal = io::stdout().is_terminal();
        let text = format_failure(&failure, self.color.is_enabled(is_terminal));
        match is_terminal {
            true => to_stdout(&sanitize(&text)),
            false => to_stdout(&text),
        }
    }

    /// Returns the build with this ID. Only its status decides whether it failed, never its log.
    fn build_to_explain(&self, id: &str) -> Result<Build, CliError> {
        let build = self.with_full_id(id, |id| Ok(self.client().build(&self.algorithm, id)?))?;
        match build.status {
            BuildStatus::InProgress => Err(self.in_progress(&build)),
            BuildStatus::Succeeded => Err(CliError::no_match(format!(
                "build {} of {} succeeded",
                self.word(&build.build_id),
                self.algorithm
            ))),
            _ => Ok(build),
        }
    }

    fn newest_failed(&self, commit: Option<&str>) -> Result<Build, CliError> {
        let mut filter = BuildFilter {
            status: Some(BuildStatus::Failed),
            commit: commit.map(str::to_owned),
        };
        if let Some(build) = self.builds(&filter).newest()? {
            return Ok(build);
        }
        // The only build of a commit may still be in progress.
        filter.status = Some(BuildStatus::InProgress);
        match self.builds(&filter).newest()? {
            Some(build) if commit.is_some() => Err(self.in_progress(&build)),
            _ => {
                let of_commit = commit.map(|commit| format!(", commit {commit}"));
                let of_commit = of_commit.unwrap_or_default();
                let message = format!("no failed build of {}{of_commit}", self.algorithm);
                Err(CliError::no_match(message))
            }
        }
    }

    fn in_progress(&self, build: &Build) -> CliError {
        let id = self.word(&build.build_id);
        CliError::not_finished(format!(
            "build {id} of {}: the build is still in progress",
            self.algorithm
        ))
        .hint("'algo-logs log --wait' waits for it")
    }

    /// Returns the note that names the build and the step, and says how much of the output follows.
    fn summary(&self, build: &Build, failure: &Explanation) -> String {
        let mut summary = format!(
            "build {} ({}, commit {}, started {})",
            self.reporter.id(&build.build_id),
            self.word(build.status.as_str()),
            self.reporter.commit(&build.commit_sha),
            self.word(&build.started_at)
        );
        match (failure.step, failure.steps) {
            (Some(step), Some(steps)) => summary += &format!(": step {step}/{steps}"),
            (Some(step), None) => summary += &format!(": step {step}"),
            (None, _) if failure.builder.is_none() => summary += ": the log has no Docker steps",
            (None, _) => summary += ": no step failed",
        }
        if let Some(code) = failure.exit_code {
            summary += &format!(", exit code {code}{}", explain_exit_code(code));
        }
        let kept = failure.output.len() as u64;
        match failure.output_lines {
            lines if lines > kept => {
                summary += &format!(", the last {kept} of {lines} lines");
                if failure.output.len() < MAX_WHY_LINES {
                    summary += "; use -n N for more";
                }
            }
            0 => summary += ", no output",
            1 => summary += ", 1 line",
            lines => summary += &format!(", {lines} lines"),
        }
        summary
    }
}

/// Returns the library's error with which reading a log failed.
fn read_error(error: io::Error) -> CliError {
    match error.downcast::<Error>() {
        Ok(error) => error.into(),
        Err(error) => CliError::invalid_response(format!("cannot read the log: {error}")),
    }
}

/// Explains the exit codes that are hard to guess.
fn explain_exit_code(code: i64) -> &'static str {
    match code {
        127 => " (command not found)",
        137 => " (killed, most often because it ran out of memory)",
        _ => "",
    }
}

fn report<'a>(build: &'a Build, failure: &'a Explanation) -> Report<'a> {
    Report {
        build_id: &build.build_id,
        status: build.status.as_str(),
        builder: failure.builder,
        stage: failure.stage.as_deref(),
        step: failure.step,
        steps: failure.steps,
        instruction: failure.instruction.as_deref(),
        exit_code: failure.exit_code,
        error: failure.error.as_deref(),
        output: &failure.output,
        output_lines: failure.output_lines,
    }
}

/// Formats the header of the step, its output and the error, as the builder would print them.
fn format_failure(failure: &Explanation, colour: bool) -> String {
    let paint = |sgr: &str, text: &str| match colour {
        true => format!("\x1b[{sgr}m{text}\x1b[0m\n"),
        false => format!("{text}\n"),
    };
    let mut text = String::new();
    if let Some(header) = header(failure) {
        text += &paint("1", &header);
    }
    for line in &failure.output {
        text += line;
        text.push('\n');
    }
    if let Some(error) = &failure.error {
        text += &paint("31", error);
    }
    text
}

/// Returns the first line of the step, as the builder prints it.
fn header(failure: &Explanation) -> Option<String> {
    let instruction = failure.instruction.as_deref()?;
    let number = match (failure.step, failure.steps) {
        (Some(step), Some(steps)) => format!("{step}/{steps}"),
        (Some(step), None) => step.to_string(),
        (None, _) => return Some(instruction.to_owned()),
    };
    Some(match (failure.builder, &failure.stage) {
        (Some(DockerBuilder::BuildKit), Some(stage)) => format!("[{stage} {number}] {instruction}"),
        (Some(DockerBuilder::BuildKit), None) => format!("[{number}] {instruction}"),
        _ => format!("Step {number} : {instruction}"),
    })
}

/// Makes text from a log safe for a terminal.
fn sanitize(text: &str) -> String {
    let mut sanitizer = Sanitizer::new(Mode::Colours);
    let mut safe = Vec::new();
    sanitizer.push(text.as_bytes(), &mut safe);
    sanitizer.finish(&mut safe);
    String::from_utf8_lossy(&safe).into_owned()
}
