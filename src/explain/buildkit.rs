//! BuildKit with `--progress=plain`: rules 1 to 8.

use super::explanation::{DockerBuilder, Explanation};
use super::lines::{Line, find, find_last, is_blank, is_cleanup, leading_number, text, timed};
use super::output::Output;

/// The most vertices that are open at a time.
const MAX_OPEN: usize = 16;

/// The most lines that continue an error.
const MAX_CONTINUATIONS: u8 = 4;

/// Whether BuildKit prints this line at the beginning of a build.
pub(super) fn is_first(line: &[u8]) -> bool {
    line.starts_with(b"#0 building with")
        || vertex_line(line).is_some_and(|(_, title)| {
            let is_step = || title.starts_with(b"[") && parse_title(&text(title)).is_some();
            internal_title(title).is_some() || is_step()
        })
}

/// Whether a line is an error of rule 4, which no vertex has printed.
pub(super) fn is_error(line: &[u8]) -> bool {
    vertex_line(line).is_none()
        && (line.starts_with(b"executor failed running [")
            // Few lines have a v, and looking for one byte is fast.
            || line.contains(&b'v')
                && (find(line, b"failed to solve: ").is_some()
                    || find(line, b"failed to solve with ").is_some()))
}

/// The running vertices, and what is known about the failure.
pub(super) struct BuildKit {
    max_lines: usize,
    /// In order of their last line: the vertex that has been silent longest is first.
    open: Vec<Vertex>,
    last_closed: Option<Vertex>,
    canceled: Option<Vertex>,
    /// The vertex that failed, and its message.
    failed: Option<(Vertex, Vec<u8>)>,
    /// The last error outside the vertices.
    error: Option<Vec<u8>>,
    /// How many more lines can continue the error or, without one, the message.
    continuations: u8,
    /// The vertex whose output the previous line was.
    printed: Option<u64>,
    /// Whether the previous line was `------`, after which the title of a vertex begins a summary.
    is_after_rule: bool,
    in_summary: bool,
    excerpt: Excerpt,
    /// The lines outside vertices, up to the error or since the image was built.
    outside: Output,
    built: bool,
    has_steps: bool,
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
            last_closed: None,
            canceled: None,
            failed: None,
            error: None,
            continuations: 0,
            printed: None,
            is_after_rule: false,
            in_summary: false,
            excerpt: Excerpt::new(max_lines),
            outside: Output::new(max_lines),
            built: false,
            has_steps: false,
        }
    }

    pub(super) fn line(&mut self, line: Line<'_>) {
        let printed = self.printed.take();
        let timed = match line.vertex {
            Some(vertex) => Some((vertex, line.text)),
            None => timed(line.text),
        };
        let vertex = timed.or_else(|| vertex_line(line.text));
        if let (Some((number, text)), None) = (vertex, timed) {
            self.begin_again(number, text);
        }
        // 5. The summary repeats the output.
        if self.is_summary(vertex.is_none().then_some(line.text)) {
            self.continuations = 0;
            return;
        }
        match vertex {
            None => self.outside_line(line.text, printed),
            // The name of the builder: not a vertex, although it looks like one.
            Some((0, _)) => {}
            Some((number, text)) => {
                self.continuations = 0;
                // 3. The output of vertices after the failure does not matter.
                if self.failed.is_none() {
                    self.vertex_line(number, text, timed.is_some());
                }
            }
        }
    }

    /// Rule 3: starts over if a line begins another build.
    fn begin_again(&mut self, number: u64, title: &[u8]) {
        let is_load = internal_title(title).is_some_and(|title| title.starts_with(b"load"));
        if number == 1 && is_load && (self.error.is_some() || self.built) {
            *self = Self::new(self.max_lines);
        }
    }

    fn vertex_line(&mut self, number: u64, text: &[u8], is_output: bool) {
        // 7. The end of a vertex can be glued to a line.
        let (text, done) = match self.split_done(text) {
            Some((text, done)) => (text, Some(done)),
            None => (text, None),
        };
        if is_output {
            // 2. Output, without the time.
            self.open(number).output.push(text);
            self.printed = Some(number);
        } else if text == b"..." {
            // 1. The vertex pauses while others print.
        } else if text == b"CACHED" || text == b"DONE" || text.starts_with(b"DONE ") {
            self.done(number);
        } else if text == b"CANCELED" {
            // 6. If no step failed, the last step that was canceled counts.
            let vertex = self.close(number);
            if !vertex.is_internal() && !vertex.is_unknown() {
                self.canceled = Some(vertex);
            }
        } else if let Some(message) = text.strip_prefix(b"ERROR:") {
            // 3. The first error is the failure.
            let message = message.trim_ascii_start().to_vec();
            self.failed = Some((self.close(number), message));
            self.continuations = MAX_CONTINUATIONS;
        } else {
            // 1. The first line is the title. Ignore a repeated one, and progress.
            let vertex = self.open(number);
            if vertex.title.is_empty() {
                vertex.title = text.to_vec();
                self.has_steps |= !is_internal(text);
            }
        }
        if let Some(number) = done {
            self.done(number);
            self.printed = None;
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

    /// Closes a vertex that did not fail.
    fn done(&mut self, number: u64) {
        let vertex = self.close(number);
        if vertex.exports() {
            self.built = true;
            self.outside.clear();
        } else if !self.built && !vertex.is_internal() && !vertex.is_unknown() {
            self.last_closed = Some(vertex);
        }
    }

    /// Rule 7: splits `#N DONE 0.1s` off the end of a line, if the vertex is open.
    fn split_done<'a>(&self, text: &'a [u8]) -> Option<(&'a [u8], u64)> {
        // Few lines end like this, and looking at the end is fast.
        if !text.ends_with(b"DONE") && !text.ends_with(b"s") {
            return None;
        }
        let (text, end) = text.split_at(find_last(text, b"#")?);
        let (number, done) = vertex_line(end)?;
        let is_open = self.open.iter().any(|vertex| vertex.number == number);
        (is_open && is_done(done)).then_some((text, number))
    }

    /// Whether a line belongs to a summary. `outside` is the line, unless a vertex printed it.
    fn is_summary(&mut self, outside: Option<&[u8]>) -> bool {
        let is_rule = outside == Some(b"------");
        if self.in_summary {
            self.in_summary = !is_rule;
            return true;
        }
        let is_after_rule = std::mem::replace(&mut self.is_after_rule, is_rule);
        let is_title = outside.is_some_and(|line| line.starts_with(b" > "));
        self.in_summary = is_after_rule && is_title;
        self.in_summary || is_rule
    }

    /// Handles a line that has no `#N`. `printed` is the vertex whose output the previous line was.
    fn outside_line(&mut self, line: &[u8], printed: Option<u64>) {
        if is_error(line) {
            // 4. The last such line is the error.
            self.error = Some(line.to_vec());
            self.continuations = MAX_CONTINUATIONS;
        } else if is_cleanup(line) || self.continue_error(line) {
            // 4. The error can have several lines.
        } else if let Some(number) = printed.filter(|_| self.failed.is_none() && !is_blank(line)) {
            // 2. A wrapped part of a vertex's output.
            self.vertex_line(number, line, true);
        } else {
            self.excerpt.line(line);
            let is_tag = self.built && line.starts_with(b"Successfully tagged ");
            if self.error.is_none() && !is_tag {
                self.outside.push(line);
            }
        }
    }

    /// Rule 4: adds a line to the error, or to the message of the vertex, if that is incomplete.
    fn continue_error(&mut self, line: &[u8]) -> bool {
        let message = self.failed.as_mut().map(|(_, message)| message);
        let Some(error) = self.error.as_mut().or(message) else {
            return false;
        };
        let is_incomplete = error.last().is_none_or(|byte| matches!(byte, b' ' | b':'));
        if self.continuations == 0 || !is_incomplete {
            self.continuations = 0;
            return false;
        }
        self.continuations -= 1;
        if !is_blank(line) {
            if error.ends_with(b":") {
                error.push(b' ');
            }
            error.extend_from_slice(line);
        }
        true
    }

    /// Returns the vertex that failed, if one did.
    fn failed_vertex(&mut self) -> Option<Vertex> {
        if let Some((vertex, _)) = self.failed.take() {
            return Some(vertex);
        }
        let has_error = self.error.is_some();
        if self.built && !has_error {
            // 3. The build failed later, or it did not fail.
            return self.last_closed.take().filter(|_| self.outside.is_empty());
        }
        // 6. A vertex that was canceled. 4. Otherwise, the step that printed last. 7. Otherwise, the log was cut between
        // two vertices.
        let mut open = self.open.drain(..).rev();
        let open = open.find(|vertex| !vertex.is_internal());
        let closed = self.last_closed.take().filter(|_| !has_error);
        self.canceled.take().or(open).or(closed)
    }

    pub(super) fn finish(mut self, beginning_missing: bool) -> Explanation {
        let message = self.failed.as_ref().map(|(_, message)| message.clone());
        let vertex = self.failed_vertex();
        let mut explanation = Explanation {
            builder: Some(DockerBuilder::BuildKit),
            succeeded: self.built && message.is_none() && self.error.is_none(),
            ..Explanation::default()
        };
        // 4. The error and the exit code.
        let errors = [self.error, message].into_iter().flatten();
        explanation.exit_code = errors.clone().find_map(|error| exit_code(&error));
        explanation.error = errors.map(|error| text(&error)).next();
        explanation.before_first_step = match &vertex {
            Some(vertex) => vertex.is_internal(),
            None => explanation.error.is_some() && !self.has_steps,
        };
        // 5. The excerpt is the output only if no vertex failed.
        let excerpt = self.excerpt.lines;
        let is_known = vertex.as_ref().is_some_and(|vertex| !vertex.is_unknown());
        if explanation.succeeded && !self.outside.is_empty() {
            self.outside.finish(self.max_lines, &mut explanation);
        } else if let Some(vertex) = vertex.filter(|_| is_known || !beginning_missing) {
            vertex.finish(self.max_lines, &mut explanation);
            if explanation.output_lines == 0 {
                explanation.excerpt = excerpt.lines();
            }
        } else if !excerpt.is_empty() {
            excerpt.finish(self.max_lines, &mut explanation);
        } else if beginning_missing {
            self.outside.finish(self.max_lines, &mut explanation);
        }
        explanation
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

    fn is_internal(&self) -> bool {
        is_internal(&self.title)
    }

    /// Whether only the number of the vertex is known.
    fn is_unknown(&self) -> bool {
        self.title.is_empty() && self.output.is_empty()
    }

    /// Rule 7: whether the vertex exports the image, as in `[web] exporting to image`.
    fn exports(&self) -> bool {
        let named = self.title.strip_prefix(b"[");
        let title = named.and_then(|title| Some(&title[find(title, b"] ")? + 2..]));
        title.unwrap_or(&self.title).starts_with(b"exporting")
    }

    /// Rule 8: the stage, step, steps and instruction come from the title.
    fn finish(self, max_lines: usize, explanation: &mut Explanation) {
        self.output.finish(max_lines, explanation);
        if self.title.is_empty() {
            return;
        }
        let title = text(&self.title);
        let Some((stage, step, steps, instruction)) = parse_title(&title) else {
            explanation.instruction = Some(title);
            return;
        };
        explanation.stage = Some(stage.to_owned()).filter(|stage| !stage.is_empty());
        explanation.step = Some(step);
        explanation.steps = Some(steps);
        explanation.instruction = Some(instruction.to_owned());
    }
}

/// Splits `[3/7] RUN …`, `[ 7/13] …`, `[stage-0  6/24] …` and the like.
fn parse_title(title: &str) -> Option<(&str, u32, u32, &str)> {
    let (place, instruction) = title.strip_prefix('[')?.split_once("] ")?;
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

/// Returns what follows `[internal] ` or `[NAME internal] `.
fn internal_title(title: &[u8]) -> Option<&[u8]> {
    title_after(title, b"internal")
}

/// Whether a title is that of an internal operation.
fn is_internal(title: &[u8]) -> bool {
    internal_title(title).is_some() || title_after(title, b"auth").is_some()
}

fn title_after<'a>(title: &'a [u8], word: &[u8]) -> Option<&'a [u8]> {
    let title = title.strip_prefix(b"[")?;
    let end = find(title, b"] ")?;
    let name = title[..end].strip_suffix(word)?;
    (name.is_empty() || name.ends_with(b" ")).then(|| &title[end + 2..])
}

/// Splits `#N text`.
fn vertex_line(line: &[u8]) -> Option<(u64, &[u8])> {
    let (number, rest) = leading_number(line.strip_prefix(b"#")?)?;
    Some((number, rest.strip_prefix(b" ")?))
}

/// Whether a text is `DONE` or `DONE 12.3s`.
fn is_done(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"DONE") else {
        return false;
    };
    let time = rest
        .strip_prefix(b" ")
        .and_then(|time| time.strip_suffix(b"s"));
    let is_digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    rest.is_empty() || time.is_some_and(|time| time.iter().all(is_digit))
}

/// Returns the number after the last `exit code: `.
fn exit_code(error: &[u8]) -> Option<i64> {
    const LABEL: &[u8] = b"exit code: ";
    let at = find_last(error, LABEL)?;
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
    let Some(colon) = line.iter().rposition(|&byte| byte == b':') else {
        return false;
    };
    let number = &line[colon + 1..];
    colon > 0 && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}
