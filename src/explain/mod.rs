//! Why a build failed: the failed step, its last lines of output and its error, found in the build's log.
//!
//! The rules come from several thousand real logs. They only test how a line begins, how it ends and what it contains.
//! The code cites them by their numbers.
//!
//! # Output
//!
//! The last N lines of the failed step are kept ([`output`]). A line that is dropped because N newer ones came, and that
//! contains a word such as `error:` or `panicked at`, is kept as one of at most four: the first two and the last two
//! such lines. They are context, not a diagnosis. A run of blank lines counts as one line, and as none at the beginning
//! and the end of the output.
//!
//! # Lines
//!
//! These are prepared before any rule applies ([`lines`]):
//!
//! - Escape sequences are dropped, and so is a CR before the LF.
//! - A lone CR restarts the line: the last part that is not blank counts. `#N SECONDS ` in front of one part also
//!   applies to the next ones: they are output of BuildKit's vertex N, whatever they look like.
//! - Of a line over 2,000 bytes, the first 1,500 and the last 500 are kept, because an error repeats the whole command
//!   before its exit code.
//!
//! # The builder
//!
//! The first line unique to one builder decides. For the classic builder, that is
//! `Step N/M : X`, `Step N : X` (before Docker 1.12) or `Sending build context to Docker daemon`; for BuildKit,
//! `#0 building with`, `#N [… internal] ` or `#N [… N/M] `. (`#1 [internal function]: ` is from PHP.) If the log's
//! beginning is missing, these decide: an error of the classic builder's rule 6, whose output is all that came before;
//! `#N SECONDS text`, or an error of BuildKit's rule 4, whose output is what came before outside the vertices if no vertex
//! is known.
//!
//! Without any of these, it is a plain log: no step and no error, and its output is the last lines that are neither
//! blank nor clean-up. If the rules of a builder find nothing at all, the last such line is the output, so that only a
//! log without such a line is empty.
//!
//! # The classic builder
//!
//! 1. A `Step N/M : X` line begins a step and resets everything: output, error, whether a container ran, success.
//!    Therefore, neither retried builds nor errors after which the build continued need a rule. Commands print lines of
//!    the same shape: after the first step, N must be one more than the last one, or 1, and M the same. `Step N : X`
//!    must have been the form of the first step; N is one more, or the number of the first step. After the build context
//!    was sent again or the image was built, `Step 1/M` with any M begins another build.
//! 2. ` ---> Running in ID`, with 12 hex digits: a container runs, even under a `FROM` with `ONBUILD` triggers.
//! 3. `Successfully built ID` and nothing else, in the last step: the image was built. (pip prints `Successfully built
//!    MarkupSafe`.) Lines that follow, except `Successfully tagged` and clean-up, are the output of a later failure,
//!    such as a denied push: no step failed. If none follow, the step is the last one. If ` ---> …`, `Removing
//!    intermediate container …` or an error of rule 6 follows, a command printed the line: all of it is output.
//! 4. Not output: ` ---> ID`, ` --->`, ` ---> Using cache`, ` ---> [Warning] …`, `[Warning] …`, `Removing intermediate
//!    container ID` (also glued to the end of a line, which is then cut), `Error removing intermediate container …`,
//!    `Sending build context …`, `# Executing N build trigger…`. Under `FROM`, neither is the progress of a pull:
//!    `TAG: Pulling from X`, `Pulling repository X`, `ID: …`, `Digest: …`, `Status: …`.
//! 5. `Untagged: X` and `Deleted: sha256:` with 64 hex digits are clean-up wherever they appear, and no sign of failure.
//! 6. `The command '…' returned a non-zero code: N`, or `The command […] returned …`, is the error and the exit code, at
//!    the end of a line or followed by `: ` and more. Text glued before it is output. In a shortened line, the beginning
//!    of the error can be missing. Lines that follow do not push the output out. A later error of the same step replaces
//!    it, unless it only repeats the text, as wrappers do.
//! 7. If no container ran and there is no error of rule 6, the first line of the step is the error, and the rest is
//!    dropped: a failed `ADD` can print a whole page of HTML. With an error of rule 6, a command ran after all.
//! 8. If the log ends without an error, the last line is the error if it begins like a message of the daemon, or if no
//!    step ran (a Dockerfile that cannot be parsed). Otherwise there is none: the build was killed or the log was cut.
//!
//! # BuildKit
//!
//! 1. `#N TITLE`, the first line of N, opens a vertex, which has its own output. At most 16 are open; the one that has
//!    been silent longest is evicted. `#N DONE …` and `#N CACHED` close it. `#N ...` and a repeated title are ignored.
//!    Titles that begin with `[internal] `, `[NAME internal] `, `[auth] ` or `[NAME auth] ` are internal.
//! 2. `#N 12.345 text` is output of the vertex, without the time. A line without `#N` directly after output is a wrapped
//!    part of it.
//! 3. The first `#N ERROR: message` is the failure, with the vertex's output up to there. Other vertices keep printing and
//!    end in `CANCELED`. If `#1 [internal] load` or `#1 [NAME internal] load` follows an error of rule 4 or an exported
//!    image, it begins another build: everything is reset.
//! 4. The error is the last line outside the vertices that contains `failed to solve: ` or `failed to solve with `, or
//!    begins with `executor failed running [`; without one, it is the message of rule 3. While it ends with a space or a
//!    colon, the next line continues it, at most four times. The exit code follows `exit code: ` in either. With an error
//!    but without rule 3, the failed vertex is one that was canceled, else the open one that printed last, but never an
//!    internal one. If there is none, no vertex failed: the Dockerfile cannot be parsed.
//! 5. The summary between two lines of `------` repeats the output and is dropped. The excerpt of the Dockerfile
//!    (`FILE:LINE`, a horizontal rule, numbered lines) is the output only if no vertex failed.
//! 6. In a canceled build, the failed vertex is the last one that ended in `CANCELED` and is not internal.
//! 7. `#N DONE` glued to the end of a line closes N. If nothing failed and no vertex is open but internal ones, the last
//!    closed one that is not internal counts. If `exporting …` or `[NAME] exporting …` is done, the image was built, and
//!    the classic builder's rule 3 applies to what follows.
//! 8. Titles are `[3/7] RUN …`, `[ 7/13] …`, `[stage-0  6/24] …`, `[frontend builder 6/6] …`, and `FROM …` without
//!    brackets. Stage, step, steps and instruction come from them.
//!
//! # Limits
//!
//! A `docker build` inside a `RUN` looks like another build. A cause in an earlier step that continued is not found. Logs
//! with a timestamp before each line, BuildKit's form for terminals, kaniko and buildah are plain logs.

mod buildkit;
mod classic;
mod explanation;
mod lines;
mod output;

use std::io::{self, Read};

use buildkit::BuildKit;
use classic::Classic;
pub use explanation::{DockerBuilder, EarlierLine, Explanation};
use lines::{Line, Lines, is_blank, is_cleanup, timed};
use output::Output;

/// The most lines of output that are kept.
const MAX_LINES: usize = 1_000;

/// How many bytes of a log are read at a time.
const CHUNK: usize = 64 * 1024;

/// Reads a build's log and finds out why the build failed.
///
/// It understands the logs of `docker build`, from the classic builder and from BuildKit (`--progress=plain`). It keeps
/// the last `lines` lines of the failed step's output, at most 1,000, and above them at most four that report an error.
/// From any other log, it keeps the last lines, except blank ones and messages about removed images.
///
/// It reads the log to its end. Memory depends only on `lines`, whatever the log contains. A line over 2,000 bytes is
/// shortened to its first 1,500 and its last 500 bytes. Escape sequences are dropped, and bytes that are not UTF-8 become
/// U+FFFD. Other control characters stay: sanitize the text before you show it on a terminal.
///
/// # Errors
///
/// Returns the reader's error. If the reader is [`Logs`](crate::Logs), `error.downcast::<algo_logs::Error>()` returns
/// the library's own.
///
/// # Examples
///
/// ```
/// let log = "\
/// Step 1/2 : FROM python:3.9
///  ---> 0123456789ab
/// Step 2/2 : RUN pytest -q
///  ---> Running in a1b2c3d4e5f6
/// 1 failed, 911 passed in 12.41s
/// The command '/bin/sh -c pytest -q' returned a non-zero code: 1
/// Untagged: python:3.9
/// ";
/// let why = algo_logs::explain(log.as_bytes(), 20)?;
/// assert_eq!(why.step, Some(2));
/// assert_eq!(why.instruction.as_deref(), Some("RUN pytest -q"));
/// assert_eq!(why.exit_code, Some(1));
/// // Strip control characters before you print what a log contains.
/// let safe = why.output[0].replace(char::is_control, "");
/// assert_eq!(safe, "1 failed, 911 passed in 12.41s");
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn explain(mut log: impl Read, lines: usize) -> io::Result<Explanation> {
    let mut splitter = Lines::default();
    let mut rules = Rules::new(lines.min(MAX_LINES));
    let mut chunk = vec![0; CHUNK];
    loop {
        match log.read(&mut chunk) {
            Ok(0) => break,
            // A faulty reader that claims to have read more must not cause a panic.
            Ok(n) => splitter.push(&chunk[..n.min(CHUNK)], |line| rules.line(line)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    splitter.finish(|line| rules.line(line));
    Ok(rules.finish())
}

/// The rules for a log. Until a line decides which builder wrote it, all of them read it.
struct Rules {
    max_lines: usize,
    builder: Option<DockerBuilder>,
    beginning_missing: bool,
    plain: Output,
    classic: Classic,
    buildkit: BuildKit,
    /// The last line that is neither blank nor clean-up.
    last_line: Vec<u8>,
}

impl Rules {
    fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            builder: None,
            beginning_missing: false,
            plain: Output::new(max_lines),
            classic: Classic::new(max_lines),
            buildkit: BuildKit::new(max_lines),
            last_line: Vec::new(),
        }
    }

    fn line(&mut self, line: Line<'_>) {
        if self.builder.is_none() {
            self.decide(line);
        }
        if !is_blank(line.text) && !is_cleanup(line.text) {
            self.last_line.clear();
            self.last_line.extend_from_slice(line.text);
            if self.builder.is_none() {
                self.plain.push(line.text);
            }
        }
        if self.builder != Some(DockerBuilder::BuildKit) {
            self.classic.line(line);
        }
        if self.builder != Some(DockerBuilder::Classic) {
            self.buildkit.line(line);
        }
    }

    fn decide(&mut self, line: Line<'_>) {
        let text = line.text;
        let (builder, is_beginning) = if line.vertex.is_some() || timed(text).is_some() {
            (DockerBuilder::BuildKit, false)
        } else if classic::is_first(text) {
            (DockerBuilder::Classic, true)
        } else if buildkit::is_first(text) {
            (DockerBuilder::BuildKit, true)
        } else if classic::is_error(line) {
            (DockerBuilder::Classic, false)
        } else if buildkit::is_error(text) {
            (DockerBuilder::BuildKit, false)
        } else {
            return;
        };
        self.builder = Some(builder);
        self.beginning_missing = !is_beginning;
        if is_beginning {
            // What came before does not belong to the build.
            self.classic = Classic::new(self.max_lines);
            self.buildkit = BuildKit::new(self.max_lines);
        }
    }

    fn finish(self) -> Explanation {
        let mut explanation = Explanation::default();
        match self.builder {
            None => self.plain.finish(self.max_lines, &mut explanation),
            Some(DockerBuilder::Classic) => explanation = self.classic.finish(),
            Some(DockerBuilder::BuildKit) => {
                explanation = self.buildkit.finish(self.beginning_missing);
            }
        }
        if self.beginning_missing {
            explanation.beginning_missing = true;
            explanation.before_first_step = false;
        }
        if explanation.is_empty() {
            let mut output = Output::new(self.max_lines);
            output.push(&self.last_line);
            output.finish(self.max_lines, &mut explanation);
        }
        explanation
    }
}
