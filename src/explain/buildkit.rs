//! BuildKit with `--progress=plain`: rules 1 to 7.

use super::lines::MAX_LINE;
use super::output::Output;
use super::{
    Builder, Failure, find, is_cleanup, leading_number, split_digits, split_last_digits, text,
};

/// The most vertices that are open at a time.
const MAX_OPEN: usize = 16;

/// Whether a log that begins with this line comes from BuildKit.
pub(super) fn is_first(line: &[u8]) -> bool {
    line.starts_with(b"#0 building with")
        || vertex_line(line).is_some_and(|(_, text)| text.starts_with(b"["))
}

/// The running vertices, and what is known about the failure.
pub(super) struct BuildKit {
    max_lines: usize,
    /// In order of their last line: the vertex that has been silent longest is first.
    open: Vec<Vertex>,
    failed: Option<(Vertex, Vec<u8>)>,
    canceled: Option<Vertex>,
    /// The last line with `failed to solve`.
    error: Option<Vec<u8>>,
    in_summary: bool,
    excerpt: Excerpt,
    /// Lines outside vertices: the output if there is nothing else.
    other: Output,
    succeeded: bool,
}

/// One operation of a build.
struct Vertex {
    number: u64,
    title: Vec<u8>,
    output: Output,
}

impl BuildKit {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            open: Vec::new(),
            failed: None,
            canceled: None,
            error: None,
            in_summary: false,
            excerpt: Excerpt::new(max_lines),
            other: Output::new(max_lines),
            succeeded: false,
        }
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        match vertex_line(line) {
            // The name of the builder: not a vertex, although it looks like one.
            Some((0, _)) => {}
            // 3. The output of vertices after the failure does not matter.
            Some(_) if self.failed.is_some() => {}
            Some((number, text)) => self.vertex_line(number, text),
            None => self.other_line(line),
        }
    }

    fn vertex_line(&mut self, number: u64, text: &[u8]) {
        if text == b"..." {
            // 1. The vertex pauses while others print.
        } else if text == b"CACHED" || text == b"DONE" || text.starts_with(b"DONE ") {
            let vertex = self.close(number);
            self.succeeded |= vertex.title.starts_with(b"exporting to ");
        } else if let Some(message) = text.strip_prefix(b"ERROR: ") {
            // 3. The first error is the failure.
            self.failed = Some((self.close(number), message.to_vec()));
            self.open.clear();
            self.canceled = None;
        } else if text == b"CANCELED" {
            // 6. If no step failed, the last step that was canceled counts.
            let vertex = self.close(number);
            if !vertex.title.starts_with(b"[internal]") {
                self.canceled = Some(vertex);
            }
        } else if let Some(output) = timed_output(text) {
            // 2. Output, without the time.
            self.open(number).output.push(output);
            self.limit_memory();
        } else {
            // 1. The first line is the title. Ignore a repeated one, and progress.
            let vertex = self.open(number);
            if vertex.title.is_empty() {
                vertex.title = text.to_vec();
            }
        }
    }

    /// Rule 1: finds an open vertex, or opens it, and makes it the last.
    fn open(&mut self, number: u64) -> &mut Vertex {
        match self.open.iter().rposition(|vertex| vertex.number == number) {
            Some(at) => self.open[at..].rotate_left(1),
            None => {
                if self.open.len() == MAX_OPEN {
                    self.open.remove(0);
                }
                self.open.push(Vertex::new(number, self.max_lines));
            }
        }
        let last = self.open.len() - 1;
        &mut self.open[last]
    }

    /// Removes a vertex from the open ones. A vertex that was evicted is returned empty.
    fn close(&mut self, number: u64) -> Vertex {
        match self.open.iter().position(|vertex| vertex.number == number) {
            Some(at) => self.open.remove(at),
            None => Vertex::new(number, self.max_lines),
        }
    }

    /// Limits the output of all open vertices together to the limit for one, by dropping lines of the largest.
    fn limit_memory(&mut self) {
        let allocated = |vertex: &Vertex| vertex.output.allocated();
        while self.open.iter().map(allocated).sum::<usize>() > self.max_lines * MAX_LINE {
            if let Some(largest) = self.open.iter_mut().max_by_key(|vertex| allocated(vertex)) {
                largest.output.free_first();
            }
        }
    }

    fn other_line(&mut self, line: &[u8]) {
        if find(line, b"failed to solve").is_some() {
            // 4. The last such line is the error.
            self.error = Some(line.to_vec());
        } else if line == b"------" {
            // 5. The summary repeats the output.
            self.in_summary = !self.in_summary;
        } else if self.failed.is_none() && !self.in_summary {
            self.excerpt.line(line);
            if !is_cleanup(line) {
                self.other.push(line);
            }
        }
    }

    pub(super) fn finish(self) -> Failure {
        let mut failure = Failure {
            builder: Some(Builder::BuildKit),
            succeeded: self.succeeded && self.failed.is_none() && self.error.is_none(),
            ..Failure::default()
        };
        let (vertex, message) = match self.failed {
            Some((vertex, message)) => (Some(vertex), Some(message)),
            // A log that stops without an error was cut off, or the build was killed. The step that printed last counts.
            None if self.canceled.is_none() && self.error.is_none() && !self.succeeded => {
                let mut open = self.open.into_iter().rev();
                (
                    open.find(|vertex| !vertex.title.starts_with(b"[internal]")),
                    None,
                )
            }
            None => (self.canceled, None),
        };
        // 4. The error and the exit code.
        let errors = [self.error, message].into_iter().flatten();
        failure.exit_code = errors.clone().find_map(|error| exit_code(&error));
        failure.error = errors.map(|error| text(&error)).next();
        match vertex {
            Some(vertex) => vertex.finish(self.max_lines, &mut failure),
            // 5. The excerpt is the output only if there is no vertex to show.
            None if self.excerpt.lines.last().is_some() => {
                self.excerpt.lines.finish(self.max_lines, &mut failure);
            }
            None if failure.error.is_none() && !failure.succeeded => {
                self.other.finish(self.max_lines, &mut failure);
            }
            None => {}
        }
        failure
    }
}

impl Vertex {
    fn new(number: u64, max_lines: usize) -> Self {
        Self {
            number,
            title: Vec::new(),
            output: Output::new(max_lines),
        }
    }

    /// Rule 7: the stage, step, steps and instruction come from the title.
    fn finish(self, max_lines: usize, failure: &mut Failure) {
        self.output.finish(max_lines, failure);
        if self.title.is_empty() {
            return;
        }
        let title = text(&self.title);
        let Some((stage, step, steps, instruction)) = parse_title(&title) else {
            failure.instruction = Some(title);
            return;
        };
        failure.stage = Some(stage.to_owned()).filter(|stage| !stage.is_empty());
        failure.step = Some(step);
        failure.steps = Some(steps);
        failure.instruction = Some(instruction.to_owned());
    }
}

/// Splits `[3/7] RUN …`, `[ 7/13] …`, `[stage-0  6/24] …` and the like.
fn parse_title(title: &str) -> Option<(&str, u32, u32, &str)> {
    let (place, instruction) = title.strip_prefix('[')?.split_once(']')?;
    let place = place.trim();
    let (stage, steps) = place.rsplit_once(' ').unwrap_or(("", place));
    let (step, steps) = steps.split_once('/')?;
    Some((
        stage.trim(),
        step.parse().ok()?,
        steps.parse().ok()?,
        instruction.trim(),
    ))
}

/// Splits `#N text`.
fn vertex_line(line: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = leading_number(line.strip_prefix(b"#")?)?;
    Some((number, rest.strip_prefix(b" ")?))
}

/// Returns the output in `12.345 output`.
fn timed_output(text: &[u8]) -> Option<&[u8]> {
    let (seconds, rest) = split_digits(text);
    let (fraction, rest) = split_digits(rest.strip_prefix(b".")?);
    if seconds.is_empty() || fraction.is_empty() {
        return None;
    }
    match rest {
        [] => Some(rest),
        [b' ', output @ ..] => Some(output),
        _ => None,
    }
}

/// Returns the number after the last `exit code: `.
fn exit_code(error: &[u8]) -> Option<i64> {
    const LABEL: &[u8] = b"exit code: ";
    let at = error
        .windows(LABEL.len())
        .rposition(|bytes| bytes == LABEL)?;
    leading_number(&error[at + LABEL.len()..]).map(|(code, _)| code)
}

/// The excerpt of the Dockerfile: `FILE:LINE`, a horizontal rule, numbered lines, a horizontal rule.
struct Excerpt {
    /// `FILE:LINE`, if that was the previous line.
    heading: Option<Vec<u8>>,
    is_open: bool,
    lines: Output,
}

impl Excerpt {
    fn new(max_lines: usize) -> Self {
        Self {
            heading: None,
            is_open: false,
            lines: Output::new(max_lines),
        }
    }

    fn line(&mut self, line: &[u8]) {
        let is_rule = line.len() > 6 && line.iter().all(|&byte| byte == b'-');
        let heading = self.heading.take();
        if self.is_open {
            self.lines.push(line);
            self.is_open = !is_rule;
        } else if let Some(heading) = heading.filter(|_| is_rule) {
            self.lines.clear();
            self.lines.push(&heading);
            self.lines.push(line);
            self.is_open = true;
        } else if is_heading(line) {
            self.heading = Some(line.to_vec());
        }
    }
}

/// Whether a line is `FILE:LINE`.
fn is_heading(line: &[u8]) -> bool {
    let (file, number) = split_last_digits(line);
    !number.is_empty() && file.len() > 1 && file.ends_with(b":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles() {
        for (title, expected) in [
            ("[3/7] RUN make", Some(("", 3, 7, "RUN make"))),
            (
                "[ 7/13] COPY [\"a\", \"b\"]",
                Some(("", 7, 13, "COPY [\"a\", \"b\"]")),
            ),
            (
                "[stage-0  6/24] RUN make",
                Some(("stage-0", 6, 24, "RUN make")),
            ),
            (
                "[builder 3/6] RUN make",
                Some(("builder", 3, 6, "RUN make")),
            ),
            (
                "[frontend builder 6/6] RUN make",
                Some(("frontend builder", 6, 6, "RUN make")),
            ),
            ("[internal] load metadata for a", None),
            ("[base] a", None),
            ("FROM docker.io/library/python:3.9", None),
            ("[1/2", None),
            ("[1/99999999999] RUN make", None),
        ] {
            assert_eq!(parse_title(title), expected, "{title}");
        }
    }

    #[test]
    fn times() {
        for (text, expected) in [
            ("12.345 a", Some("a")),
            ("0.1   a", Some("  a")),
            ("0.1 ", Some("")),
            ("0.1", Some("")),
            ("12 a", None),
            (".1 a", None),
            ("1. a", None),
            ("0.1s", None),
        ] {
            assert_eq!(
                timed_output(text.as_bytes()),
                expected.map(str::as_bytes),
                "{text}"
            );
        }
    }
}
