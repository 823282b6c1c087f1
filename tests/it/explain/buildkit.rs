//! The rules for BuildKit, by their numbers.

use std::fmt::Write as _;

use algo_logs::Explanation;

use super::failure_in;

/// Returns the failure in a BuildKit log that ends with the failure of vertex 6, after these lines.
#[track_caller]
fn failure_in_vertex(lines: &str) -> Explanation {
    failure_in(format!(
        "#1 [internal] load metadata\n{lines}#6 ERROR: exit code: 2\n"
    ))
}

#[test]
fn rule_1_each_vertex_has_its_own_output() {
    let failure = failure_in_vertex(
        "#5 [2/4] RUN a\n#6 [3/4] RUN b\n#6 0.1 b1\n#6 ...\n\n#5 [2/4] RUN a\n#5 0.2 a1\n#5 DONE 0.3s\n\n#6 [3/4] RUN b\n#6 0.4 b2\n#7 CACHED\n",
    );
    assert_eq!(failure.instruction.as_deref(), Some("RUN b"));
    assert_eq!(failure.output, ["b1", "b2"]);
    // A title, progress, and a reused number.
    let failure = failure_in_vertex(
        "#6 [1/1] a\n#6 0.1 a1\n#6 DONE 0.2s\n#6 [2/2] b\n#6 sha256:ab 1MB / 2MB\n#6 0.3 b1\n",
    );
    assert_eq!(failure.instruction.as_deref(), Some("b"));
    assert_eq!(failure.output, ["b1"]);
}

#[test]
fn rule_1_sixteen_vertices_are_open() {
    let mut lines = String::new();
    for n in 6..22 {
        writeln!(lines, "#{n} [{n}/30] RUN a\n#{n} 0.1 a{n}").unwrap();
    }
    let failure = failure_in(format!(
        "#1 [internal] a\n#1 DONE 0.1s\n{lines}#6 ERROR: a\n"
    ));
    assert_eq!(
        (failure.step, &*failure.output),
        (Some(6), &["a6".to_owned()][..])
    );
    // Another vertex evicts the one that has been silent longest.
    let failure = failure_in_vertex(&format!("{lines}#30 [30/30] RUN b\n"));
    assert_eq!((failure.step, failure.output_lines), (None, 0));
    assert_eq!(failure.exit_code, Some(2));
    let failure = failure_in_vertex(&format!("{lines}#6 0.2 b\n#30 [30/30] RUN b\n"));
    assert_eq!((failure.step, failure.output_lines), (Some(6), 2));
    // Repeating its title makes it known again.
    let failure = failure_in_vertex(&format!(
        "{lines}#30 [30/30] RUN b\n#6 0.2 b\n#6 [6/30] RUN a\n"
    ));
    assert_eq!(
        (failure.step, &*failure.output),
        (Some(6), &["b".to_owned()][..])
    );
}

#[test]
fn rule_2_a_line_without_a_number_is_a_wrapped_part() {
    for (lines, output) in [
        ("#6 0.1 a\nb\nc\n#6 0.2 d\n", &["a", "b", "c", "d"][..]),
        // Not directly after output, nor clean-up.
        ("#6 0.1 a\n\nb\n", &["a"]),
        ("#6 0.1 a\n#7 DONE 0.1s\nb\n", &["a"]),
        ("#6 0.1 a\nUntagged: a:1\nb\n", &["a"]),
        ("#6 [1/1] RUN a\nb\n", &[]),
    ] {
        assert_eq!(failure_in_vertex(lines).output, output, "{lines}");
    }
}

#[test]
fn rule_2_output_has_no_time() {
    let failure = failure_in_vertex(
        "#6 [1/1] RUN a\n#6 0.1 a\n#6 12.345   b\n#6 12.4 \n#6 13.0\n#6 14.0 0.5 c\n#6 10 d\n",
    );
    assert_eq!(failure.output, ["a", "  b", "", "0.5 c"]);
    assert_eq!(failure.output_lines, 4);
}

#[test]
fn rule_3_the_first_error_is_the_failure() {
    let failure = failure_in(
        "#5 [1/2] RUN a\n#6 [2/2] RUN b\n#6 0.1 b\n#6 ERROR: no: exit code: 7\n#5 0.2 a\n#6 0.3 later\n#5 ERROR: a: exit code: 8\n#5 CANCELED\n",
    );
    assert_eq!((failure.step, failure.exit_code), (Some(2), Some(7)));
    assert_eq!(failure.error.as_deref(), Some("no: exit code: 7"));
    assert_eq!(failure.output, ["b"]);
}

#[test]
fn rule_3_another_build_starts_over() {
    let log = |error: &str, load: &str| {
        failure_in(format!(
            "#1 [internal] a\n#6 [2/2] RUN b\n#6 0.1 b\n{error}\n{load}\n#1 DONE 0.1s\n#7 [1/3] RUN c\n#7 0.1 c\n"
        ))
    };
    let load = "#1 [internal] load build definition from Dockerfile";
    let error = "#6 ERROR: no\nERROR: failed to solve: a: ";
    for (error, load, step, message) in [
        (error, load, 1, None),
        (
            error,
            "#1 [web internal] load local bake definitions",
            1,
            None,
        ),
        ("executor failed running [a]: exit code: 1", load, 1, None),
        ("#8 exporting to image\n#8 DONE 0.1s\npushed", load, 1, None),
        (
            error,
            "#1 [1/2] load",
            2,
            Some("ERROR: failed to solve: a: "),
        ),
        (
            error,
            "#2 [internal] load metadata",
            2,
            Some("ERROR: failed to solve: a: "),
        ),
        ("#6 ERROR: no", load, 2, Some("no")),
    ] {
        let failure = log(error, load);
        assert_eq!(
            (failure.step, failure.error.as_deref()),
            (Some(step), message),
            "{error}, {load}"
        );
        assert!(!failure.succeeded);
    }
}

#[test]
fn rule_4_where_the_error_is() {
    for (line, is_error) in [
        ("ERROR: failed to solve: a", true),
        ("ERROR: failed to build: failed to solve: a", true),
        ("target web: failed to solve: a", true),
        ("2021/08/02 21:12:56 failed to solve: a", true),
        ("failed to solve with frontend dockerfile.v0: a", true),
        ("executor failed running [/bin/sh -c a]: exit code: 1", true),
        (
            "a executor failed running [/bin/sh -c a]: exit code: 1",
            false,
        ),
        ("failed to solve, failed to solve: a", true),
        ("failed to solve", false),
        ("failed to solve:a", false),
        ("#6 0.1 failed to solve: a", false),
        ("#6 failed to solve: a", false),
    ] {
        // Directly after output, too.
        let failure = failure_in(format!("#6 [2/2] RUN b\n#6 0.1 b\n{line}\n"));
        assert_eq!(
            failure.error.as_deref(),
            Some(line).filter(|_| is_error),
            "{line}"
        );
        assert_eq!(failure.step, Some(2));
    }
}

#[test]
fn rule_4_the_error_can_have_several_lines() {
    let limit = "toomanyrequests: ";
    for (lines, error) in [
        (
            "failed to solve: toomanyrequests: \nlimit\nb\n",
            "failed to solve: toomanyrequests: limit",
        ),
        (
            "failed to solve: a:\nb:\nc\nd\n",
            "failed to solve: a: b: c",
        ),
        (
            "failed to solve: \n1 \n2 \n3 \n4 \n5\n",
            "failed to solve: 1 2 3 4 ",
        ),
        ("failed to solve: \n\n\n\n\n5\n", "failed to solve: "),
        (
            "failed to solve: a: \nUntagged: b\n------\nc\n",
            "failed to solve: a: ",
        ),
        (
            "failed to solve: a: \n#7 CANCELED\nb\n",
            "failed to solve: a: ",
        ),
        (
            "failed to solve: a: \nfailed to solve: b: exit code: 3\nc\n",
            "failed to solve: b: exit code: 3",
        ),
        ("#6 ERROR: a: \nb\nc\n", "a: b"),
        ("#6 ERROR: a\nb\n", "a"),
        ("#6 ERROR: \nb\n", "b"),
        (
            "#6 ERROR: a: \nERROR: failed to solve: b\nc\n",
            "ERROR: failed to solve: b",
        ),
    ] {
        let failure = failure_in(format!("#6 [2/2] RUN b\n#6 0.1 b\n{lines}"));
        assert_eq!(failure.error.as_deref(), Some(error), "{lines}");
        assert_eq!(
            (failure.step, &*failure.output),
            (Some(2), &["b".to_owned()][..])
        );
    }
    let failure = failure_in(format!("#6 [2/2] RUN b\n#6 ERROR: {limit}\nexit code: 4\n"));
    assert_eq!(failure.exit_code, Some(4));
}

/// Which vertex failed if no vertex reports an error.
#[test]
fn rule_4_an_error_without_a_failed_vertex() {
    let vertices =
        "#1 [internal] a\n#5 [1/3] RUN a\n#5 0.1 a\n#6 [2/3] RUN b\n#6 0.1 b\n#5 0.2 a\n#1 0.1 x\n";
    for (lines, step) in [
        ("", Some(1)),
        ("#6 0.2 b\n", Some(2)),
        ("#5 DONE 0.1s\n", Some(2)),
        ("#6 CANCELED\n", Some(2)),
        ("#6 CANCELED\n#5 CANCELED\n#1 CANCELED\n", Some(1)),
        ("#6 DONE 0.1s\n#5 CACHED\n", None),
    ] {
        let failure = failure_in(format!("{vertices}{lines}ERROR: failed to solve: a\n"));
        assert_eq!(failure.step, step, "{lines}");
        assert_eq!(
            (failure.instruction.is_some(), failure.before_first_step),
            (step.is_some(), false)
        );
    }
}

/// The first step has not begun if an internal vertex failed or the Dockerfile cannot be parsed.
#[test]
fn a_build_can_fail_before_its_first_step() {
    let error = "ERROR: failed to solve: acme/none:1: not found\n";
    for (lines, instruction) in [
        ("", None),
        (
            "#2 [internal] load metadata for acme/none:1\n#2 ERROR: not found\n",
            Some("[internal] load metadata for acme/none:1"),
        ),
        (
            "#2 [web internal] load metadata\n#2 ERROR: not found\n",
            Some("[web internal] load metadata"),
        ),
        (
            "#2 [auth] acme/none:pull token\n#2 ERROR: not found\n",
            Some("[auth] acme/none:pull token"),
        ),
    ] {
        let failure = failure_in(format!(
            "#1 [internal] load build definition\n#1 DONE 0.1s\n{lines}{error}"
        ));
        assert!(failure.before_first_step, "{lines}");
        assert_eq!(
            (failure.step, failure.instruction.as_deref()),
            (None, instruction)
        );
        assert_eq!(failure.error.as_deref(), Some(error.trim_end()));
    }
    assert!(!failure_in_vertex("#6 [2/2] RUN b\n").before_first_step);
}

#[test]
fn rule_4_the_last_failed_to_solve_is_the_error() {
    let failure = failure_in(
        "#6 [2/2] RUN b\n#6 0.1 failed to solve the puzzle\n#6 ERROR: process \"exit code: 9\" did not complete: exit code: 137\nfailed to solve: a\nerror: failed to solve: b\nwords\n",
    );
    assert_eq!(failure.error.as_deref(), Some("error: failed to solve: b"));
    assert_eq!(failure.exit_code, Some(137));
    let failure = failure_in("#6 [2/2] RUN b\nERROR: failed to solve: process: exit code: 2: a\n");
    assert_eq!(failure.exit_code, Some(2));
    let failure = failure_in("#6 [2/2] RUN b\nERROR: failed to solve: exit code: a\n");
    assert_eq!(failure.exit_code, None);
}

#[test]
fn rule_5_summary_and_excerpt() {
    let excerpt = "Dockerfile:2\n--------------------\n   1 |     FROM a\n   2 | >>> RUNN make\n--------------------\n";
    let summary = format!("------\n > [2/2] RUN b:\n0.1 b\n{excerpt}------\n");
    let error =
        "ERROR: failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN\n";
    let failure = failure_in(format!(
        "#1 [internal] a\n#1 DONE 0.1s\n{summary}{excerpt}{error}"
    ));
    assert_eq!(failure.output, excerpt.lines().collect::<Vec<_>>());
    assert_eq!(failure.output_lines, 5);
    assert_eq!(failure.error.as_deref(), Some(error.trim_end()));
    assert_eq!((failure.step, failure.instruction), (None, None));
    let failure = failure_in(format!("#1 [internal] a\n{summary}{error}"));
    assert_eq!(failure.output_lines, 0);
    let failure = failure_in(format!("#6 [2/2] RUN b\n#6 ERROR: a\n{excerpt}{error}"));
    assert_eq!((failure.step, failure.output_lines), (Some(2), 0));
    // The excerpt is not the output of a vertex that printed nothing, but can be shown instead.
    assert_eq!(failure.excerpt, excerpt.lines().collect::<Vec<_>>());
    let failure = failure_in(format!(
        "#6 [2/2] RUN b\n#6 0.1 b\n#6 ERROR: a\n{excerpt}{error}"
    ));
    assert_eq!(
        (&*failure.output, &*failure.excerpt),
        (&["b".to_owned()][..], &[][..])
    );
    // A summary can repeat lines that look like an error or like those of a vertex.
    let failure = failure_in(
        "#6 [2/2] RUN b\n#6 0.1 b\n------\n > [2/2] RUN b:\n#6 0.1 b\n0.1 failed to solve: b\n------\nfailed to solve: a\n------\n",
    );
    assert_eq!(
        (failure.error.as_deref(), &*failure.output),
        (Some("failed to solve: a"), &["b".to_owned()][..])
    );
    // Neither a heading without a rule nor a rule without a title begins anything.
    let failure = failure_in(format!(
        "#1 [internal] a\nwords: 2\n------\nwords\n-------\n{error}"
    ));
    assert_eq!(
        (failure.output_lines, failure.error.as_deref()),
        (0, Some(error.trim_end()))
    );
}

#[test]
fn rule_6_a_canceled_build() {
    let log = "#4 [internal] load build context\n#5 [1/3] RUN a\n#6 [2/3] RUN b\n#5 0.1 a\n#6 0.1 b\n#5 CANCELED\n#6 CANCELED\n#4 CANCELED\n";
    let failure = failure_in(format!(
        "{log}ERROR: failed to solve: Canceled: context canceled\n"
    ));
    assert_eq!(
        (failure.step, &*failure.output),
        (Some(2), &["b".to_owned()][..])
    );
    let error = "ERROR: failed to solve: Canceled: context canceled";
    assert_eq!(
        (failure.error.as_deref(), failure.exit_code),
        (Some(error), None)
    );
    assert_eq!(failure_in(log).error, None);
}

#[test]
fn rule_7_the_end_of_a_vertex_can_be_glued_to_a_line() {
    let opened = "#5 [1/3] RUN a\n#6 [2/3] RUN b\n#6 0.1 b\n";
    for (line, step, output) in [
        ("#5 0.1 a#6 DONE 1.0s", 1, "a"),
        ("#5 0.1 a#5 DONE", 2, "b"),
        ("#5 0.1 a\nc#6 DONE 1.0s", 1, "c"),
        ("#5 sha256:ab 1MB#5 DONE 0.2s", 2, "b"),
        // Vertex 9 is not open, and the rest is not an end.
        ("#5 0.1 a#9 DONE 1.0s", 1, "a#9 DONE 1.0s"),
        ("#5 0.1 a#5 DONE it", 1, "a#5 DONE it"),
        ("#5 0.1 #5 CACHED", 1, "#5 CACHED"),
    ] {
        let failure = failure_in(format!("{opened}{line}\n"));
        assert_eq!(
            (failure.step, failure.output.last().unwrap().as_str()),
            (Some(step), output),
            "{line}"
        );
    }
}

#[test]
fn rule_7_a_log_can_end_between_vertices() {
    let closed =
        "#1 [internal] a\n#5 [1/3] RUN a\n#5 0.1 a\n#5 DONE 0.1s\n#6 [2/3] RUN b\n#6 CACHED\n";
    for (lines, step) in [
        ("", 2),
        ("#1 0.1 x\n#2 [auth] a\n", 2),
        ("#1 DONE 0.1s\n#9 DONE 0.1s\n", 2),
        ("#7 [3/3] RUN c\n", 3),
    ] {
        let failure = failure_in(format!("{closed}{lines}"));
        assert_eq!((failure.step, failure.error), (Some(step), None), "{lines}");
        assert!(!failure.succeeded);
    }
}

#[test]
fn rule_8_titles() {
    // Titles with a step: the stage, the step and the number of steps.
    for (title, stage, step, steps) in [
        ("[3/7] RUN make", None, 3, 7),
        ("[ 7/13] RUN make", None, 7, 13),
        ("[stage-0  6/24] RUN make", Some("stage-0"), 6, 24),
        ("[web builder 6/6] RUN make", Some("web builder"), 6, 6),
    ] {
        let failure = failure_in_vertex(&format!("#6 {title}\n"));
        assert_eq!(failure.stage.as_deref(), stage, "{title}");
        assert_eq!((failure.step, failure.steps), (Some(step), Some(steps)));
        assert_eq!(failure.instruction.as_deref(), Some("RUN make"));
    }
    for title in [
        "FROM docker.io/acme/base:1",
        "[internal] load metadata",
        "[base] a",
        "[1/2",
        "[1/99999999999] RUN make",
    ] {
        let failure = failure_in_vertex(&format!("#6 {title}\n"));
        assert_eq!(
            (failure.stage, failure.step, failure.steps),
            (None, None, None)
        );
        assert_eq!(failure.instruction.as_deref(), Some(title));
    }
}

#[test]
fn rule_7_the_image_was_built() {
    let export = "#5 [2/2] RUN a\n#5 0.1 a\n#5 DONE 0.1s\n1 warning\n#6 exporting to image\n#6 exporting layers done\n#6 DONE 0.2s\n";
    for (log, is_built) in [
        (export.to_owned(), true),
        (
            export.replace("#6 exporting to", "#6 [web] exporting to"),
            true,
        ),
        (export.replace("layers done\n#6", "layers done#6"), true),
        (export.replace("#6 DONE", "#7 DONE"), false),
        (export.replace("#6 exporting to", "#6 importing to"), false),
        (format!("{export}ERROR: failed to solve: a\n"), false),
        (format!("{export}#7 [3/3] RUN b\n#7 ERROR: a\n"), false),
    ] {
        assert_eq!(failure_in(&log).succeeded, is_built, "{log}");
    }
    // Nothing follows: the step is the last one.
    let failure = failure_in(format!(
        "{export}\n#7 resolving provenance\n#7 DONE 0.0s\nUntagged: a:1\n"
    ));
    assert_eq!(
        (failure.step, &*failure.output),
        (Some(2), &["a".to_owned()][..])
    );
    // What follows is the output.
    let failure = failure_in(format!("{export}The push refers to a\n\ndenied: no\n"));
    assert_eq!(failure.output, ["The push refers to a", "", "denied: no"]);
    assert_eq!(
        (failure.succeeded, failure.step, failure.instruction),
        (true, None, None)
    );
    assert_eq!(failure.error, None);
    // The export itself fails.
    let failure =
        failure_in("#5 [2/2] RUN a\n#5 DONE 0.1s\n#6 exporting to image\n#6 ERROR: denied\n");
    assert_eq!(
        (failure.instruction.as_deref(), failure.step),
        (Some("exporting to image"), None)
    );
    assert!(!failure.succeeded && !failure.before_first_step);
}
