//! Docker's classic builder: rules 1 to 8.

use super::explanation::{DockerBuilder, Explanation};
use super::lines::{Line, find, find_last, is_blank, is_cleanup, leading_number, text};
use super::output::Output;

/// Whether the classic builder prints this line at the beginning of a build.
pub(super) fn is_first(line: &[u8]) -> bool {
    line.starts_with(CONTEXT) || Step::parse(line).is_some()
}

/// Whether a line is an error of rule 6.
pub(super) fn is_error(line: Line<'_>) -> bool {
    CommandError::parse(line).is_some()
}

/// The state of the current step.
pub(super) struct Classic {
    max_lines: usize,
    step: Option<Step>,
    /// The number of the log's first step.
    first_number: Option<u32>,
    /// Whether the build context was sent since the last `Step` line.
    has_context: bool,
    is_from: bool,
    container_ran: bool,
    /// The first line of the step's output: the error if no container runs.
    first_line: Option<Vec<u8>>,
    error: Option<CommandError>,
    /// The output up to the error or the success.
    output: Output,
    /// All lines after that.
    later: Output,
    built: bool,
    /// The lines of `later` that are the output if the image was really built.
    after_built: Output,
}

impl Classic {
    pub(super) fn new(max_lines: usize) -> Self {
        // One more, since the last line may turn out to be the error.
        let output = || Output::new(max_lines + 1);
        Self {
            max_lines,
            step: None,
            first_number: None,
            has_context: false,
            is_from: false,
            container_ran: false,
            first_line: None,
            error: None,
            output: output(),
            later: output(),
            built: false,
            after_built: output(),
        }
    }

    pub(super) fn line(&mut self, line: Line<'_>) {
        let text = line.text;
        // 1. A `Step` line begins a step.
        if let Some(step) = Step::parse(text).filter(|step| self.is_next(step)) {
            return self.begin(step);
        }
        let without_removal = without_removal(text);
        let error = CommandError::parse(Line {
            text: without_removal,
            ..line
        });
        // 3. If the builder continues, a command printed the line that looked like a success.
        if self.built
            && (error.is_some()
                || text.starts_with(b" --->")
                || text.starts_with(REMOVAL)
                || without_removal != text)
        {
            self.built = false;
            self.output.append(&mut self.later);
        }
        // 2. A container runs. Lines before it, such as those of a pull, are not the step's output.
        if text.strip_prefix(b" ---> Running in ").is_some_and(is_id) {
            if !self.container_ran && self.step.is_some() {
                self.output.clear();
            }
            self.container_ran = true;
            return;
        }
        if text.strip_prefix(b"Successfully built ").is_some_and(is_id) && self.is_last_step() {
            return self.succeed(text);
        }
        // 4. Some lines are not output. 5. Nor is clean-up.
        self.has_context |= text.starts_with(CONTEXT);
        if (self.is_from && is_pull(text)) || is_note(text) || is_cleanup(text) {
            return;
        }
        // 6. The error and the exit code of a command, perhaps glued to a line of output.
        if let Some(error) = error {
            if error.start > 0 {
                self.output_line(&without_removal[..error.start]);
            }
            return self.fail(error);
        }
        self.output_line(without_removal);
    }

    /// Rule 1: whether a `Step` line is the builder's. Commands print lines that look the same.
    fn is_next(&self, step: &Step) -> bool {
        let Some(last) = &self.step else { return true };
        if (self.has_context || self.built) && step.number == 1 && step.steps.is_some() {
            return true;
        }
        let first = step.steps.map_or(self.first_number, |_| Some(1));
        let is_next = last.number.checked_add(1) == Some(step.number);
        step.steps == last.steps && (is_next || Some(step.number) == first)
    }

    /// Rule 1: resets everything. Retried builds, and errors after which the build continued, therefore need no rule.
    fn begin(&mut self, step: Step) {
        let mut new = Self::new(self.max_lines);
        new.first_number = self.first_number.or(Some(step.number));
        let keyword = step.instruction.split(u8::is_ascii_whitespace).next();
        new.is_from = keyword.is_some_and(|keyword| keyword.eq_ignore_ascii_case(b"FROM"));
        new.step = Some(step);
        *self = new;
    }

    fn is_last_step(&self) -> bool {
        let is_last = |step: &Step| step.steps.is_none_or(|steps| steps == step.number);
        self.step.as_ref().is_some_and(is_last)
    }

    /// Rule 3: the image was built, unless what follows shows that a command printed the line.
    fn succeed(&mut self, line: &[u8]) {
        self.output.append(&mut self.later);
        self.later.push(line);
        self.after_built.clear();
        self.built = true;
        self.error = None;
    }

    /// Rule 6: a later error replaces an earlier one, unless it only repeats it.
    fn fail(&mut self, error: CommandError) {
        let earlier = self.error.as_ref();
        if earlier.is_none_or(|earlier| !earlier.is_repeated_by(&error)) {
            self.output.append(&mut self.later);
            self.error = Some(error);
        }
    }

    fn output_line(&mut self, line: &[u8]) {
        if self.built {
            self.later.push(line);
            if !line.starts_with(b"Successfully tagged ") {
                self.after_built.push(line);
            }
        } else if self.error.is_some() {
            self.later.push(line);
        } else {
            self.output.push(line);
            if self.first_line.is_none() && !is_blank(line) {
                self.first_line = Some(line.to_vec());
            }
        }
    }

    pub(super) fn finish(mut self) -> Explanation {
        let mut explanation = Explanation {
            builder: Some(DockerBuilder::Classic),
            succeeded: self.built,
            ..Explanation::default()
        };
        if self.built && !self.after_built.is_empty() {
            // 3. The build failed after its last step.
            self.after_built.finish(self.max_lines, &mut explanation);
            return explanation;
        }
        if let Some(error) = &self.error {
            explanation.error = Some(text(&error.text));
            explanation.exit_code = Some(error.exit_code);
        } else if self.built {
            // There is no error.
        } else if self.step.is_some() && !self.container_ran {
            // 7. If no container ran, the first line is the error. The rest is dropped.
            explanation.error = self.first_line.as_deref().map(text);
            self.output.clear();
        } else if let Some(line) = self.output.last() {
            // 8. The last line is the error if it is the daemon's, or if no step ran.
            if self.step.is_none() || is_daemon_message(line) {
                explanation.error = Some(text(line));
                self.output.remove_last();
            }
        }
        explanation.before_first_step = self.step.is_none() && explanation.error.is_some();
        if let Some(step) = self.step {
            explanation.step = Some(step.number);
            explanation.steps = step.steps;
            explanation.instruction = Some(text(&step.instruction));
        }
        self.output.finish(self.max_lines, &mut explanation);
        explanation
    }
}

/// `Step N/M : X` or, before Docker 1.12, `Step N : X`.
struct Step {
    number: u32,
    steps: Option<u32>,
    instruction: Vec<u8>,
}

impl Step {
    fn parse(line: &[u8]) -> Option<Self> {
        let (number, rest) = leading_number(line.strip_prefix(b"Step ")?)?;
        let (steps, rest) = match rest.strip_prefix(b"/") {
            Some(rest) => leading_number(rest).map(|(steps, rest)| (Some(steps), rest))?,
            None => (None, rest),
        };
        Some(Self {
            number,
            steps,
            instruction: rest.strip_prefix(b" : ")?.to_vec(),
        })
    }
}

/// `The command '…' returned a non-zero code: N`.
struct CommandError {
    /// Where in its line the error starts, after glued output.
    start: usize,
    text: Vec<u8>,
    exit_code: i64,
}

impl CommandError {
    fn parse(line: Line<'_>) -> Option<Self> {
        const RETURNED: &[u8] = b" returned a non-zero code: ";
        let text = line.text;
        // Few lines have a z, and looking for one byte is fast.
        if !text.contains(&b'z') {
            return None;
        }
        let end = find_last(text, RETURNED)?;
        let (exit_code, suffix) = leading_number(&text[end + RETURNED.len()..])?;
        if !suffix.is_empty() && !suffix.starts_with(b": ") {
            return None;
        }
        let opening: &[u8] = match text[..end].last()? {
            b'\'' => b"The command '",
            b']' => b"The command [",
            _ => return None,
        };
        // If the line was shortened, the beginning of the error can be missing.
        let cut = line.cut.filter(|&cut| cut < end);
        let start = find(&text[..end], opening).or(cut)?;
        Some(Self {
            start,
            text: text[start..].to_vec(),
            exit_code,
        })
    }

    /// A wrapper such as docker-compose repeats the error after a prefix of its own.
    fn is_repeated_by(&self, later: &Self) -> bool {
        // The end of a long error depends on where it was shortened.
        let length = self.text.len().min(later.text.len()).min(1_000);
        self.exit_code == later.exit_code && self.text[..length] == later.text[..length]
    }
}

/// The length of an ID.
const ID: usize = 12;

/// Whether a text is the short ID of an image or a container.
fn is_id(text: &[u8]) -> bool {
    text.len() == ID && text.iter().all(u8::is_ascii_hexdigit)
}

const CONTEXT: &[u8] = b"Sending build context to Docker daemon";

/// Rule 4: the builder's notes on its own work.
fn is_note(line: &[u8]) -> bool {
    if let Some(note) = line.strip_prefix(b" --->") {
        return match note.strip_prefix(b" ") {
            Some(note) => note == b"Using cache" || note.starts_with(b"[Warning] ") || is_id(note),
            None => note.is_empty(),
        };
    }
    line.starts_with(b"[Warning] ")
        || line.strip_prefix(REMOVAL).is_some_and(is_id)
        || line.starts_with(b"Error removing intermediate container ")
        || line.starts_with(b"Sending build context ")
        || line
            .strip_prefix(b"# Executing ")
            .and_then(leading_number::<u32>)
            .is_some_and(|(_, rest)| rest.starts_with(b" build trigger"))
}

const REMOVAL: &[u8] = b"Removing intermediate container ";

/// Rule 4: cuts off a removal that is glued to the end of a line of output.
fn without_removal(line: &[u8]) -> &[u8] {
    let glued = line.len().checked_sub(REMOVAL.len() + ID);
    match glued.map(|start| line.split_at(start)) {
        Some((output, end)) if end.strip_prefix(REMOVAL).is_some_and(is_id) => output,
        _ => line,
    }
}

/// Rule 4: the progress of a pull, under `FROM`.
fn is_pull(line: &[u8]) -> bool {
    line.split_at_checked(ID)
        .is_some_and(|(id, rest)| is_id(id) && rest.starts_with(b": "))
        || line.starts_with(b"Digest: ")
        || line.starts_with(b"Status: ")
        || line.starts_with(b"Pulling repository ")
        || find(line, b": Pulling from ").is_some()
}

/// Rule 8: how messages of the daemon and its client begin.
fn is_daemon_message(line: &[u8]) -> bool {
    [
        "OCI runtime ",
        "Error response from daemon: ",
        "error during connect: ",
        "failed to ",
        "context canceled",
        "Cannot connect to the Docker daemon",
    ]
    .iter()
    .any(|message| line.starts_with(message.as_bytes()))
}
