//! The rules for BuildKit, by their numbers.

use std::fmt::Write as _;

use algo_logs::Failure;

use super::failure_in;

/// Returns the failure in a BuildKit log that ends with the failure of vertex 6, after these lines.
#[track_caller]
fn failure_in_vertex(lines: &str) -> Failure {
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
fn rule_1_open_vertices_share_their_memory() {
    let long = "x".repeat(2_000);
    let mut lines = String::new();
    for n in 0..60 {
        for vertex in 5..15 {
            writeln!(lines, "#{vertex} {n}.0 {long}").unwrap();
        }
        writeln!(lines, "#6 {n}.1 short {n}").unwrap();
    }
    let failure = failure_in_vertex(&lines);
    let bytes: usize = failure.output.iter().map(String::len).sum();
    assert!((1_000..=80_000).contains(&bytes), "{bytes}");
    assert_eq!(failure.output_lines, 120);
    assert_eq!(failure.output.last().unwrap(), "short 59");
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
    let failure =
        failure_in("#1 [internal] a\nwords: 2\n-------\nDockerfile:2\n------\nDockerfile:2\n");
    assert_eq!(failure.output, ["words: 2", "-------", "Dockerfile:2"]);
}

/// Covers a bug: `#0` counted as a vertex, and the log as empty.
#[test]
fn without_a_vertex_the_other_lines_are_the_output() {
    let builder = "#0 building with \"default\" instance using docker driver\n";
    let daemon = "Cannot connect to the Docker daemon";
    let failure = failure_in(format!("{builder}\n{daemon}\nUntagged: a:1\n"));
    assert_eq!((failure.step, failure.instruction), (None, None));
    assert_eq!(failure.output, [daemon]);
    let internal = "#1 [internal] load build definition\n#1 DONE 0.0s\n";
    let failure = failure_in(format!("{builder}{internal}no space left on device\n"));
    assert_eq!(failure.output, ["no space left on device"]);
    let excerpt = "Dockerfile:3\n--------------------\n   3 | >>> FOO\n--------------------\n";
    let failure = failure_in(format!("{builder}a line\n{excerpt}"));
    assert_eq!(failure.output, excerpt.lines().collect::<Vec<_>>());
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
fn rule_7_titles() {
    for (title, stage, step, steps, instruction) in [
        ("[3/7] RUN make", None, Some(3), Some(7), "RUN make"),
        ("[ 7/13] RUN make", None, Some(7), Some(13), "RUN make"),
        (
            "[stage-0  6/24] RUN make",
            Some("stage-0"),
            Some(6),
            Some(24),
            "RUN make",
        ),
        (
            "[frontend builder 6/6] RUN make",
            Some("frontend builder"),
            Some(6),
            Some(6),
            "RUN make",
        ),
        (
            "FROM docker.io/acme/base:1",
            None,
            None,
            None,
            "FROM docker.io/acme/base:1",
        ),
        (
            "[internal] load metadata",
            None,
            None,
            None,
            "[internal] load metadata",
        ),
    ] {
        let failure = failure_in_vertex(&format!("#6 {title}\n"));
        assert_eq!(failure.stage.as_deref(), stage, "{title}");
        assert_eq!((failure.step, failure.steps), (step, steps), "{title}");
        assert_eq!(failure.instruction.as_deref(), Some(instruction));
    }
}

#[test]
fn success() {
    let export = "#5 [2/2] RUN a\n#5 DONE 0.1s\n#6 exporting to image\n#6 exporting layers done\n#6 DONE 0.2s\n";
    assert!(failure_in(export).succeeded);
    assert!(!failure_in(export.replace("#6 DONE", "#7 DONE")).succeeded);
    assert!(!failure_in(format!("{export}ERROR: failed to solve: a\n")).succeeded);
}
