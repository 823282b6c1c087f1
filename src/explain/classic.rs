//! Docker's classic builder: rules 1 to 8.

use super::lines::is_blank;
use super::output::Output;
use super::{
    Builder, Failure, find, is_cleanup, leading_number, split_digits, split_last_digits, text,
};

/// Whether a log that begins with this line comes from the classic builder.
pub(super) fn is_first(line: &[u8]) -> bool {
    line.starts_with(b"Sending build context to Docker daemon") || Step::parse(line).is_some()
}

/// The state of the current step.
pub(super) struct Classic {
    max_lines: usize,
    /// The `Step` line, or nothing before the first one.
    step: Vec<u8>,
    is_from: bool,
    container_ran: bool,
    /// The first line of a step in which no container runs.
    first_line: Option<Vec<u8>>,
    error: Option<CommandError>,
    /// The output up to the error.
    output: Output,
    /// The output after the error.
    later_output: Output,
    succeeded: bool,
}

impl Classic {
    pub(super) fn new(max_lines: usize) -> Self {
        Self {
            max_lines,
            step: Vec::new(),
            is_from: false,
            container_ran: false,
            first_line: None,
            error: None,
            // One more, since the last line may turn out to be the error.
            output: Output::new(max_lines + 1),
            later_output: Output::new(max_lines + 1),
            succeeded: false,
        }
    }

    pub(super) fn line(&mut self, line: &[u8]) {
        if is_ordinary(line) && !self.is_from {
            return self.output_line(line);
        }
        // 1. A `Step` line begins a step.
        if let Some(step) = Step::parse(line) {
            return self.begin(line, &step);
        }
        // 2. A container runs. Lines before it, such as those of a pull, are not the error.
        if line.strip_prefix(b" ---> Running in ").is_some_and(is_id) {
            self.container_ran = true;
            self.first_line = None;
            return;
        }
        // 3. The build succeeded.
        if line.strip_prefix(b"Successfully built ").is_some_and(is_id) {
            self.succeeded = true;
            self.error = None;
            return;
        }
        // 4. Some lines are not output. 5. Nor is clean-up.
        if (self.is_from && is_pull(line)) || is_note(line) || is_cleanup(line) {
            return;
        }
        let line = without_removal(line);
        // 6. The error and the exit code of a command, perhaps glued to a line of output.
        if let Some((glued, error)) = CommandError::parse(line) {
            if !glued.is_empty() {
                self.output_line(glued);
            }
            return self.fail(error);
        }
        self.output_line(line);
    }

    /// Rule 1: resets everything. Retried builds, and errors after which the build continued, therefore need no rule.
    fn begin(&mut self, line: &[u8], step: &Step) {
        self.step.clear();
        self.step.extend_from_slice(line);
        let keyword = step.instruction.get(..5);
        self.is_from = keyword.is_some_and(|keyword| keyword.eq_ignore_ascii_case(b"FROM "));
        self.container_ran = false;
        self.first_line = None;
        self.error = None;
        self.output.clear();
        self.later_output.clear();
        self.succeeded = false;
    }

    /// Rule 6: a later error replaces an earlier one, unless it only repeats it.
    fn fail(&mut self, error: CommandError) {
        self.succeeded = false;
        let earlier = self.error.as_ref();
        if earlier.is_none_or(|earlier| !earlier.is_repeated_by(&error)) {
            self.output.append(&mut self.later_output);
            self.error = Some(error);
        }
    }

    fn output_line(&mut self, line: &[u8]) {
        if self.succeeded {
            // No step prints these lines.
        } else if self.error.is_some() {
            self.later_output.push(line);
        } else if self.container_ran || self.step.is_empty() {
            self.output.push(line);
        } else if self.first_line.is_none() && !is_blank(line) {
            // 7. If no container ran, the first line is the error. The rest is dropped.
            self.first_line = Some(line.to_vec());
        }
    }

    pub(super) fn finish(mut self) -> Failure {
        let mut failure = Failure {
            builder: Some(Builder::Classic),
            succeeded: self.succeeded,
            ..Failure::default()
        };
        if let Some(error) = &self.error {
            failure.error = Some(text(&error.text));
            failure.exit_code = Some(error.exit_code);
        } else if self.succeeded {
            // There is no error.
        } else if let Some(line) = &self.first_line {
            failure.error = Some(text(line));
        } else if let Some(line) = self.output.last() {
            // 8. The last line is the error if it is the daemon's, or if no step ran.
            if self.step.is_empty() || is_daemon_message(line) {
                failure.error = Some(text(line));
                self.output.remove_last();
            }
        }
        if let Some(step) = Step::parse(&self.step) {
            failure.step = Some(step.number);
            failure.steps = step.of;
            failure.instruction = Some(text(step.instruction));
        }
        self.output.finish(self.max_lines, &mut failure);
        failure
    }
}

/// `Step N/M : X` or, before Docker 1.12, `Step N : X`.
struct Step<'a> {
    number: u32,
    of: Option<u32>,
    instruction: &'a [u8],
}

impl<'a> Step<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let (number, rest) = leading_number(line.strip_prefix(b"Step ")?)?;
        let (of, rest) = match rest.strip_prefix(b"/") {
            Some(rest) => leading_number(rest).map(|(of, rest)| (Some(of), rest))?,
            None => (None, rest),
        };
        let instruction = rest.strip_prefix(b" : ")?;
        Some(Self {
            number,
            of,
            instruction,
        })
    }
}

/// `The command '…' returned a non-zero code: N`.
struct CommandError {
    text: Vec<u8>,
    exit_code: i64,
}

impl CommandError {
    /// Splits a line that ends with an error into the text before the error and the error.
    fn parse(line: &[u8]) -> Option<(&[u8], Self)> {
        let (before, exit_code) = split_last_digits(line);
        let command = before.strip_suffix(b" returned a non-zero code: ")?;
        let (exit_code, _) = leading_number(exit_code)?;
        let opening: &[u8] = match command.last()? {
            b'\'' => b"The command '",
            b']' => b"The command [",
            _ => return None,
        };
        let start = find(command, opening)?;
        let (glued, error) = line.split_at(start);
        let text = error.to_vec();
        Some((glued, Self { text, exit_code }))
    }

    /// A wrapper such as docker-compose repeats the error after a prefix of its own.
    fn is_repeated_by(&self, later: &Self) -> bool {
        // The end of a long error depends on where it was shortened.
        let beginning = |text: &[u8]| text[..text.len().min(1_000)].to_vec();
        self.exit_code == later.exit_code && beginning(&self.text) == beginning(&later.text)
    }
}

/// Whether none of rules 1 to 6 applies to a line outside a `FROM`, which is true of most. Checking this first, with a
/// few comparisons, saves a sixth of the time.
fn is_ordinary(line: &[u8]) -> bool {
    let begins = matches!(
        line.first_chunk(),
        Some(
            b" ---"
                | b"# Ex"
                | b"Dele"
                | b"Erro"
                | b"Remo"
                | b"Send"
                | b"Step"
                | b"Succ"
                | b"The "
                | b"Unta"
                | b"[War"
        )
    );
    let (before_digits, _) = split_last_digits(line);
    let removal = line.len().checked_sub(REMOVAL.len() + ID);
    let ends = before_digits.ends_with(b" code: ") || removal.is_some_and(|at| line[at] == b'R');
    !begins && !ends
}

/// The length of an ID.
const ID: usize = 12;

/// Whether a text is the short ID of an image or a container.
fn is_id(text: &[u8]) -> bool {
    text.len() == ID && text.iter().all(u8::is_ascii_hexdigit)
}

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
        || line.strip_prefix(b"# Executing ").is_some_and(|rest| {
            let (digits, rest) = split_digits(rest);
            !digits.is_empty() && rest.starts_with(b" build trigger")
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_rules_are_not_ordinary() {
        let deleted = format!("Deleted: sha256:{}", "a".repeat(64));
        for line in [
            "Step 1/2 : FROM a",
            "Step 1 : FROM a",
            " ---> Running in 0123456789ab",
            " ---> 0123456789ab",
            " --->",
            " ---> Using cache",
            " ---> [Warning] a",
            "[Warning] a",
            "Successfully built 0123456789ab",
            "Removing intermediate container 0123456789ab",
            "aRemoving intermediate container 0123456789ab",
            "Error removing intermediate container 0123456789ab: a",
            "Sending build context to Docker daemon  1.024kB",
            "# Executing 2 build triggers...",
            "Untagged: a",
            &deleted,
            "The command 'a' returned a non-zero code: 1",
            "aThe command [a] returned a non-zero code: 127",
        ] {
            assert!(!is_ordinary(line.as_bytes()), "{line}");
        }
        for line in ["", "a", "make: *** [a.o] Error", " ok", "Downloading a.whl"] {
            assert!(is_ordinary(line.as_bytes()), "{line}");
        }
    }
}
