//! `explain`: finds the failure in a build log.

mod bounds;
mod buildkit;
mod classic;
mod mutations;

use std::fmt::Write as _;
use std::io::{self, Read};

use algo_logs::{DockerBuilder, Explanation, explain};
use serde_json::{Value, json};

/// A reader that returns pieces of the given sizes, repeatedly, and is interrupted before each.
struct Chopped<'a> {
    log: &'a [u8],
    sizes: std::iter::Cycle<std::slice::Iter<'a, usize>>,
    is_interrupted: bool,
}

impl<'a> Chopped<'a> {
    fn new(log: &'a [u8], sizes: &'a [usize]) -> Self {
        Self {
            log,
            sizes: sizes.iter().cycle(),
            is_interrupted: false,
        }
    }
}

impl Read for Chopped<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let size = *self.sizes.next().expect("it is endless");
        Read::take(&mut self.log, size as u64).read(buf)
    }
}

/// Returns the failure in a log, which must not depend on the chunk sizes.
#[track_caller]
fn failure_in(log: impl AsRef<[u8]>) -> Explanation {
    let log = log.as_ref();
    let whole = explain(log, 40).unwrap();
    for sizes in [&[1][..], &[2, 1, 3], &[7, 1], &[64, 63, 1], &[1000, 3]] {
        let chopped = explain(Chopped::new(log, sizes), 40).unwrap();
        assert_eq!(chopped, whole, "in pieces of {sizes:?}");
    }
    whole
}

/// Returns the failure in the log of a build whose second step is `RUN make`, with a container and these lines.
#[track_caller]
fn failure_in_run(lines: &str) -> Explanation {
    let opening = "Step 1/2 : FROM a\n ---> 0123456789ab\nStep 2/2 : RUN make\n";
    failure_in(format!("{opening} ---> Running in a1b2c3d4e5f6\n{lines}"))
}

#[track_caller]
fn check_run(lines: &str, output: &[&str], error: Option<&str>, exit_code: Option<i64>) {
    let failure = failure_in_run(lines);
    assert_eq!(failure.output, output);
    assert_eq!(failure.output_lines, output.len() as u64);
    assert_eq!(failure.error.as_deref(), error);
    assert_eq!(failure.exit_code, exit_code);
    assert_eq!(failure.instruction.as_deref(), Some("RUN make"));
    assert!(!failure.succeeded);
}

const ERROR: &str = "The command '/bin/sh -c make' returned a non-zero code: 2";

#[test]
fn the_recorded_cases() {
    let cases = include_str!("../../../fixtures/why/cases.json");
    let cases: Vec<Value> = serde_json::from_str(cases).unwrap();
    // The file is complete.
    assert_eq!(cases.len(), 24);
    for mut case in cases {
        let case = case.as_object_mut().unwrap();
        let name = case.remove("name").unwrap();
        let log = case.remove("log").unwrap();
        let log = log.as_str().unwrap();
        let failure = failure_in(log);
        let mut members = serde_json::to_value(&failure).unwrap();
        members
            .as_object_mut()
            .unwrap()
            .retain(|key, _| case.contains_key(key));
        assert_eq!(members.as_object().unwrap(), case, "{name}");
        for at in 0..log.len() {
            let sizes = [at.max(1), log.len()];
            let chopped = explain(Chopped::new(log.as_bytes(), &sizes), 40).unwrap();
            assert_eq!(chopped, failure, "{name}, cut at {at}");
        }
    }
}

#[test]
fn the_logs_of_the_fake_cluster() {
    let failure = failure_in(include_str!("../../../fixtures/docker-build.log"));
    assert_eq!((failure.step, failure.steps), (Some(19), Some(21)));
    assert_eq!(failure.exit_code, Some(1));
    assert_eq!(failure.output.len(), 40);
    assert_eq!(failure.output_lines, 40);
    let last = failure.output.last().unwrap();
    assert_eq!(last, "1 failed, 911 passed in 12.41s");

    let failure = failure_in(include_str!("../../../fixtures/succeeded-build.log"));
    assert!(failure.succeeded);
    assert_eq!((failure.step, failure.error), (Some(6), None));
}

#[test]
fn an_explanation_is_plain_data() {
    let failure = failure_in_run(&format!("boom\n{ERROR}\n"));
    let members = json!({
        "builder": "classic", "stage": null, "step": 2, "steps": 2, "instruction": "RUN make",
        "exit_code": 2, "error": ERROR, "earlier": [], "output": ["boom"], "output_lines": 1, "excerpt": [],
        "succeeded": false, "before_first_step": false, "beginning_missing": false,
    });
    assert_eq!(serde_json::to_value(&failure).unwrap(), members);
    assert_eq!(
        serde_json::from_value::<Explanation>(members).unwrap(),
        failure
    );
}

#[test]
fn lines_that_are_kept() {
    let mut log = "Step 1/1 : RUN make\n ---> Running in a1b2c3d4e5f6\n".to_owned();
    for n in 1..=1_200 {
        writeln!(log, "line {n}").unwrap();
    }
    log += ERROR;
    for (lines, first) in [(1, 1_200), (40, 1_161), (1_000, 201), (usize::MAX, 201)] {
        let failure = explain(log.as_bytes(), lines).unwrap();
        assert_eq!(failure.output.len(), lines.min(1_000));
        assert_eq!(failure.output[0], format!("line {first}"));
        assert_eq!(failure.output_lines, 1_200);
        assert_eq!(failure.error.as_deref(), Some(ERROR));
    }
    let failure = explain(log.as_bytes(), 0).unwrap();
    assert_eq!((failure.output.len(), failure.output_lines), (0, 1_200));
    // The error itself is not one of the kept lines.
    let log = log.replace(ERROR, "context canceled");
    for lines in [0, 1, 40] {
        let failure = explain(log.as_bytes(), lines).unwrap();
        assert_eq!(failure.error.as_deref(), Some("context canceled"));
        assert_eq!((failure.output.len(), failure.output_lines), (lines, 1_200));
    }
}

#[test]
fn lines_are_cleaned_before_they_are_matched() {
    check_run(
        &format!(
            "\x1b[91mred\x1b[0m\r\n10 %\r100 %\r\n\n \n\nlast\n\x1b[0m\x1b[91m{ERROR}\x1b[0m\r\n"
        ),
        &["red", "100 %", "", "last"],
        Some(ERROR),
        Some(2),
    );
    let (a, b) = ("a".repeat(1_497), "b".repeat(497));
    let long = format!("{a}aaa{}bbb{b}", "x".repeat(5));
    let short = format!("{a}aaabbb{b}");
    for (log, output) in [
        ("a\r\nb\r\r\nc\r", &["a", "b", "c"][..]),
        ("a\tb\u{8}\u{c}c\n", &["a\tb\u{8}\u{c}c"]),
        // A lone CR restarts the line.
        ("10 %\r20 %\r  \r\ndone\n", &["20 %", "done"]),
        ("\x1b[1m10 %\r20 %\r\x1b[m\r\n", &["20 %"]),
        ("\r\rnew\n", &["new"]),
        ("a\x1b]0;t\x07b\x1b]8;;u\x1b\\c\x1b(Bd\x1b=e", &["abcde"]),
        // An invalid sequence is text, and no sequence continues on the next line.
        ("\x1b[1é\x1b\u{1}x\n", &["é\u{1}x"]),
        ("a\x1b]0;t\nb\x1b\nc\x1b[31\rd\x1b", &["a", "b", "d"]),
        // The middle of a long line is dropped, and no character is split.
        (&short, &[&short]),
        (&long, &[&short]),
        (&format!("{long}\r{long}\r\n"), &[&short]),
        (
            &format!("{a}éé{}éé{b}", "x".repeat(5)),
            &[&format!("{a}éé{b}")],
        ),
        // The time in front is removed after that.
        (
            &format!("#5 1.2 {}é{a}é{}\r \r\n", &a[..1_492], &a[..499]),
            &[&a.repeat(2)[..1_492 + 499]],
        ),
    ] {
        assert_eq!(failure_in(log).output, output, "{log:?}");
    }
    // In front of a CR, BuildKit's vertex and time stay in force.
    for (line, output) in [
        ("#5 1.2 50%\r#7 ERROR: no", "#7 ERROR: no"),
        ("#5 1.2 50%\r  \r", "50%"),
        ("#5 1.2 \r 0%\r 45% done\r", " 45% done"),
        ("#5 1.2 \r------", "------"),
        ("\x1b[1m#5 1.2 \r\x1b[0m#5 1.3 b", "#5 1.3 b"),
        ("#5 1.2 #7 ERROR: no", "#7 ERROR: no"),
        ("#5 [1/1] RUN a\r#5 1.2 b", "b"),
    ] {
        let failure = failure_in(format!("#5 [1/1] RUN a\n{line}\n#5 1.3 c\n"));
        assert_eq!(failure.output, [output, "c"], "{line:?}");
        assert_eq!(failure.error, None);
    }
}

#[test]
fn a_long_command_keeps_its_exit_code() {
    let error = format!(
        "The command '{}' returned a non-zero code: 127",
        "a".repeat(400_000)
    );
    let failure = failure_in_run(&format!("{}\n{error}\n", "é".repeat(5_000)));
    assert_eq!(failure.exit_code, Some(127));
    let short = format!("{}{}", &error[..1_500], &error[error.len() - 500..]);
    assert_eq!(failure.error, Some(short));
    assert_eq!(failure.output, ["é".repeat(1_000)]);
    // Long output is glued to the error, whose beginning is therefore missing.
    let failure = failure_in_run(&format!("{}{error}\n", "x".repeat(2_000)));
    assert_eq!(failure.exit_code, Some(127));
    assert_eq!(failure.error.as_deref(), Some(&error[error.len() - 500..]));
    assert_eq!(failure.output, ["x".repeat(1_500)]);
}

#[test]
fn invalid_utf_8_is_replaced() {
    let log = b"Step 1/1 : RUN \xff\n ---> Running in a1b2c3d4e5f6\na\xe2\x82\n";
    let failure = failure_in(log);
    assert_eq!(failure.instruction.as_deref(), Some("RUN \u{fffd}"));
    assert_eq!(failure.output, ["a\u{fffd}"]);
}

#[test]
fn the_first_line_of_a_builder_decides() {
    for (line, builder) in [
        ("Step 1/2 : FROM a", Some(DockerBuilder::Classic)),
        ("Step 0 : FROM a", Some(DockerBuilder::Classic)),
        (
            "Sending build context to Docker daemon 1kB",
            Some(DockerBuilder::Classic),
        ),
        ("#1 [internal] load metadata", Some(DockerBuilder::BuildKit)),
        (
            "#0 building with \"default\" instance",
            Some(DockerBuilder::BuildKit),
        ),
        (
            "#1 [web internal] load metadata",
            Some(DockerBuilder::BuildKit),
        ),
        (
            "#12 [linux/arm64 build 1/2] FROM a",
            Some(DockerBuilder::BuildKit),
        ),
        ("#1 a heading", None),
        ("#1 [internal function]: a()", None),
        ("#1 [a] b", None),
        ("#1 [1/2]", None),
        ("#99999999999999999999 [internal] a", None),
        ("Step 1/2 FROM a", None),
        ("Step 1/ : FROM a", None),
        ("Step 99999999999 : FROM a", None),
        (" Step 1/2 : FROM a", None),
    ] {
        let builder_of = |log: String| failure_in(log).builder;
        assert_eq!(builder_of(format!("words\n{line}\n")), builder, "{line}");
        let log = format!("{line}\n#1 [2/3] RUN make\nStep 5/6 : RUN make\n");
        let second = builder.or(Some(DockerBuilder::BuildKit));
        assert_eq!(builder_of(log), second, "{line}");
    }
}

/// The expected output, whether the step is known, and the exit code of a log whose beginning is missing.
#[test]
fn the_beginning_of_a_log_can_be_missing() {
    let buildkit_error = "ERROR: failed to solve: process \"a\" did not complete: exit code: 3";
    for (log, builder, output, step, exit_code) in [
        // The classic builder. Its notes are not output.
        (
            format!("\na\n\n\n ---> Running in 0123456789ab\nb\n{ERROR}\nUntagged: a\nc\n"),
            DockerBuilder::Classic,
            &["a", "", "b"][..],
            None,
            Some(2),
        ),
        (
            format!("aSuccessfully built 0123456789ab\nb{ERROR}: c\n"),
            DockerBuilder::Classic,
            &["aSuccessfully built 0123456789ab", "b"],
            None,
            Some(2),
        ),
        // A later step is known.
        (
            format!("a\n{ERROR}\nStep 3/4 : RUN b\n ---> Running in 0123456789ab\nc\n"),
            DockerBuilder::Classic,
            &["c"],
            Some(3),
            None,
        ),
        // BuildKit: output of a vertex, with or without a title, and its error.
        (
            "a\n#5 1.2 b\n#5 1.3 \r 1%\r 2%\n#5 ERROR: exit code: 4\n".to_owned(),
            DockerBuilder::BuildKit,
            &["b", " 2%"],
            None,
            Some(4),
        ),
        (
            "#5 1.2 \rStep 1/2 : a\n".to_owned(),
            DockerBuilder::BuildKit,
            &["Step 1/2 : a"],
            None,
            None,
        ),
        (
            "#5 1.2 b\n#6 [2/3] RUN c\n#6 1.2 c\n#6 ERROR: exit code: 4\n".to_owned(),
            DockerBuilder::BuildKit,
            &["c"],
            Some(2),
            Some(4),
        ),
        (
            format!("a\n\nb\n\n{buildkit_error}\nc\n"),
            DockerBuilder::BuildKit,
            &["a", "", "b"],
            None,
            Some(3),
        ),
        (
            "a\nexecutor failed running [/bin/sh -c a]: exit code: 5\n".to_owned(),
            DockerBuilder::BuildKit,
            &["a"],
            None,
            Some(5),
        ),
        // The summary is none of it.
        (
            format!(
                "#6 ERROR: exit code: 3\n------\n > [2/3] RUN a:\n0.2 boom\n------\n{buildkit_error}\n"
            ),
            DockerBuilder::BuildKit,
            &[],
            None,
            Some(3),
        ),
    ] {
        let found = failure_in(&log);
        assert_eq!(found.builder, Some(builder), "{log}");
        assert_eq!(
            (&*found.output, found.output_lines),
            (
                &output
                    .iter()
                    .map(|&line| line.to_owned())
                    .collect::<Vec<_>>()[..],
                output.len() as u64
            ),
            "{log}"
        );
        assert_eq!((found.step, found.exit_code), (step, exit_code), "{log}");
        assert!(found.beginning_missing && !found.before_first_step, "{log}");
    }
}

/// Without a step, an error or output, the last line that is neither blank nor clean-up is the output.
#[test]
fn only_blank_lines_and_clean_up_are_an_empty_log() {
    for (log, output) in [
        (
            "Sending build context to Docker daemon  2kB\n\nUntagged: a\n",
            "Sending build context to Docker daemon  2kB",
        ),
        (
            "#0 building with \"default\" instance\n\na\nCannot connect\nUntagged: a:1\n",
            "Cannot connect",
        ),
        (
            "#1 [internal] load build definition\n#1 DONE 0.0s\nno space left on device\n",
            "no space left on device",
        ),
        (
            "#1 [internal] load build definition\n#1 0.1 a\n",
            "#1 0.1 a",
        ),
    ] {
        let found = failure_in(log);
        assert_eq!(
            (&*found.output, found.output_lines),
            (&[output.to_owned()][..], 1),
            "{log}"
        );
        assert!(!found.is_empty() && found.step.is_none() && found.error.is_none());
        assert_eq!(explain(log.as_bytes(), 0).unwrap().output_lines, 1);
    }
    let digest = "ab".repeat(32);
    for log in [
        "",
        "\n \r\n\x1b[0m\n",
        &format!("Untagged: a\n\nDeleted: sha256:{digest}\n"),
    ] {
        assert!(failure_in(log).is_empty(), "{log}");
    }
}

#[test]
fn words_that_report_an_error() {
    for word in [
        "error:",
        "Error:",
        "ERROR:",
        "error[",
        ": error ",
        "[ERROR]",
        "[error]",
        "fatal:",
        "panicked at",
        "panic:",
        "undefined reference",
        "Exception:",
        "npm error ",
        "FAILURE:",
        "went wrong",
        ": not found",
    ] {
        let is_kept = |line: &str| {
            let found = explain(line.as_bytes(), 0).unwrap();
            found.earlier.iter().any(|earlier| earlier.text == line)
        };
        for line in [
            format!("{word}é"),
            format!("é{word}"),
            format!("a {word} a"),
        ] {
            assert!(is_kept(&line), "{line}");
        }
        for end in 1..word.len() {
            assert!(!is_kept(&word[..end]), "{word}, {end}");
        }
    }
    let others = "error\n0 errors\nFatal: a\nnpm errors\nnot found\n[Error]\n";
    assert_eq!(explain(others.as_bytes(), 0).unwrap().earlier, []);
}

#[test]
fn errors_above_the_cut_are_kept() {
    let mut lines = String::new();
    for n in 1..=60 {
        let word = if n % 5 == 0 { "error: " } else { "" };
        writeln!(lines, "{word}{n}").unwrap();
    }
    let found = failure_in_run(&format!("{lines}{ERROR}\n{lines}"));
    let earlier: Vec<_> = found
        .earlier
        .iter()
        .map(|line| (line.line, &*line.text))
        .collect();
    assert_eq!(
        earlier,
        [
            (5, "error: 5"),
            (10, "error: 10"),
            (15, "error: 15"),
            (20, "error: 20")
        ]
    );
    // Output up to a second error.
    let run = "Step 1/1 : RUN a\n ---> Running in a1b2c3d4e5f6\n";
    let log = format!("{run}{lines}{ERROR}\n{lines}The command 'b' returned a non-zero code: 3\n");
    let found = explain(log.as_bytes(), 10).unwrap();
    let earlier: Vec<_> = found.earlier.iter().map(|line| line.line).collect();
    assert_eq!(earlier, [5, 10, 105, 110]);
    assert_eq!((found.output_lines, &*found.output[0]), (120, "51"));
    for (lines_kept, numbers) in [
        (10, &[5, 10, 45, 50][..]),
        (50, &[5, 10]),
        (56, &[]),
        (0, &[5, 10, 55, 60]),
    ] {
        for log in [
            format!("{run}{lines}{ERROR}\n"),
            format!("{run}{lines}context canceled\n"),
            lines
                .lines()
                .map(|line| format!("#5 0.1 {line}\n"))
                .collect(),
            lines.clone(),
        ] {
            let found = explain(log.as_bytes(), lines_kept).unwrap();
            let earlier: Vec<_> = found.earlier.iter().map(|line| line.line).collect();
            assert_eq!(earlier, numbers, "{lines_kept} of {log}");
        }
    }
}

#[test]
fn output_before_the_build_does_not_belong_to_a_step() {
    let failure = failure_in(format!(
        "words\nStep 1 : RUN make\n ---> Running in a1b2c3d4e5f6\nboom\n{ERROR}\n"
    ));
    assert_eq!(failure.output, ["boom"]);
    assert_eq!((failure.step, failure.steps), (Some(1), None));
}

#[test]
fn a_plain_log() {
    let lines: String = (0..50)
        .map(|n| format!("line {n}\n\nUntagged: {n}\n"))
        .collect();
    let failure = failure_in(&lines);
    assert_eq!((failure.output.len(), failure.output_lines), (40, 50));
    assert_eq!(
        (&*failure.output[0], &*failure.output[39]),
        ("line 10", "line 49")
    );
    assert_eq!((failure.builder, failure.error), (None, None));
}
