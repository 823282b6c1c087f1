//! The rules for the classic builder, by their numbers.

use super::{ERROR, check_run, failure_in, failure_in_run};

#[test]
fn rule_1_a_step_forgets_the_one_before() {
    let failure = failure_in_run(&format!(
        "1\n{ERROR}\nSuccessfully built 0123456789ab\nStep 1/3 : FROM b\nStep 2/3 : RUN b\n ---> Running in 0123456789ab\n2\n"
    ));
    assert_eq!((failure.step, failure.steps), (Some(2), Some(3)));
    assert_eq!(failure.output, ["2"]);
    assert_eq!((failure.error, failure.exit_code), (None, None));
    assert!(!failure.succeeded);
}

#[test]
fn rule_1_commands_print_lines_that_look_like_steps() {
    let opening = "Step 1/2 : FROM a\nStep 2/2 : RUN make\n ---> Running in 0123456789ab\n";
    let built = "Successfully built 0123456789ab\n";
    let sent = "Sending build context to Docker daemon 1kB\n";
    let old = "Step 4 : FROM a\nStep 5 : RUN make\n ---> Running in 0123456789ab\n";
    for (log, step, steps) in [
        (format!("{opening}Step 3/2 : x"), 3, Some(2)),
        (format!("{opening}Step 1/2 : x"), 1, Some(2)),
        (format!("{opening}Step 2/2 : x"), 2, Some(2)),
        (format!("{opening}Step 1/3 : x\nStep 2/3 : x"), 2, Some(2)),
        (format!("{opening}Step 3 : x\nStep 1 : x"), 2, Some(2)),
        (format!("{opening}{built}Step 1/3 : x"), 1, Some(3)),
        (format!("{opening}{sent}Step 1/3 : x"), 1, Some(3)),
        (format!("{opening}{sent}Step 3/3 : x"), 2, Some(2)),
        // The permission ends with the step that used it.
        (
            format!("{opening}{sent}Step 1/3 : x\n ---> Running in 0123456789ab\nStep 1/9 : x"),
            1,
            Some(3),
        ),
        // A log whose first steps are missing.
        (
            "Step 5/9 : x\nStep 6/9 : x\nStep 8/9 : x".to_owned(),
            6,
            Some(9),
        ),
        ("Step 5/9 : x\nStep 1/9 : x".to_owned(), 1, Some(9)),
        (format!("{old}Step 6 : x"), 6, None),
        (format!("{old}Step 4 : x"), 4, None),
        (
            format!("{old}Step 1 : x\nStep 7 : x\nStep 6/7 : x"),
            5,
            None,
        ),
        (format!("{old}{sent}Step 1/7 : x"), 1, Some(7)),
        ("Step 4294967295 : x\nStep 0 : x".to_owned(), u32::MAX, None),
    ] {
        let failure = failure_in(&log);
        assert_eq!((failure.step, failure.steps), (Some(step), steps), "{log}");
    }
    let lines = "Step 10 : loss 0.5\nStep 1/3 : evaluate\n";
    check_run(
        lines,
        &["Step 10 : loss 0.5", "Step 1/3 : evaluate"],
        None,
        None,
    );
}

#[test]
fn rule_2_a_container_can_run_under_from() {
    let failure = failure_in(format!(
        "Step 1/1 : FROM a\nwords\n# Executing 1 build trigger\n ---> Running in a1b2c3d4e5f6\nboom\n{ERROR}\n"
    ));
    assert_eq!(failure.output, ["boom"]);
    assert_eq!(failure.exit_code, Some(2));
    // Output of several triggers stays.
    let failure = failure_in(format!(
        "Step 1/1 : FROM a\n# Executing 2 build triggers\n ---> Running in a1b2c3d4e5f6\na\nRemoving intermediate container a1b2c3d4e5f6\n ---> Running in b1b2c3d4e5f6\nb\n{ERROR}\n"
    ));
    assert_eq!(failure.output, ["a", "b"]);
    // This is not an ID, but output of the step before.
    check_run(
        " ---> Running in circles\n",
        &[" ---> Running in circles"],
        None,
        None,
    );
}

#[test]
fn rule_3_only_an_id_is_built() {
    for line in [
        "Successfully built MarkupSafe",
        "Successfully built 0123456789abc",
        "Successfully built 0123456789a-",
        " Successfully built 0123456789ab",
    ] {
        check_run(&format!("{line}\n"), &[line], None, None);
    }
}

#[test]
fn rule_3_the_image_was_built() {
    let built = "Successfully built 0123456789ab";
    // Nothing follows: the step is the last one.
    for end in ["", "\n\n", "\nSuccessfully tagged a:1\nUntagged: a:1\n"] {
        let failure = failure_in_run(&format!("ok\n{ERROR}\n{built}{end}"));
        assert!(failure.succeeded);
        assert_eq!(
            (failure.step, &*failure.output),
            (Some(2), &["ok".to_owned()][..])
        );
        assert_eq!((failure.error, failure.exit_code), (None, None));
    }
    // The lines that follow are output of a failure that came later, also if they look like an error of rule 8.
    for (lines, output) in [
        (
            "Successfully tagged a:1\nThe push refers to a\n\ndenied: no\nUntagged: a:1\n",
            &["The push refers to a", "", "denied: no"][..],
        ),
        (
            "Error response from daemon: a\n",
            &["Error response from daemon: a"],
        ),
        (
            "Sending build context to Docker daemon 2kB\ndockerfile parse error\n",
            &["dockerfile parse error"],
        ),
    ] {
        let failure = failure_in_run(&format!("ok\n{built}\n{lines}"));
        assert!(failure.succeeded);
        assert_eq!(failure.output, output);
        assert_eq!(failure.output_lines, output.len() as u64);
        assert_eq!((failure.step, failure.steps), (None, None));
        assert_eq!((failure.instruction, failure.error), (None, None));
    }
    // A command printed the line, because it is not the last step, or because the builder continues.
    let failure = failure_in(format!(
        "Step 1/2 : RUN a\n ---> Running in 0123456789ab\n{built}\nb\n"
    ));
    assert_eq!(
        (failure.succeeded, &*failure.output),
        (false, &[built.to_owned(), "b".to_owned()][..])
    );
    let tagged = "Successfully tagged a:1";
    for (line, output) in [
        (" ---> 0123456789ab", &["ok", built, tagged, "b"][..]),
        (" ---> words", &["ok", built, tagged, "b", " ---> words"]),
        (
            "Removing intermediate container 0123456789ab",
            &["ok", built, tagged, "b"],
        ),
        (
            "cRemoving intermediate container 0123456789ab",
            &["ok", built, tagged, "b", "c"],
        ),
    ] {
        check_run(
            &format!("ok\n{built}\n{tagged}\nb\n{line}\n"),
            output,
            None,
            None,
        );
        // It can still be built after that.
        assert!(failure_in_run(&format!("{built}\n{line}\n{built}\n")).succeeded);
    }
    check_run(
        &format!("ok\n{built}\n{tagged}\nb{ERROR}\n"),
        &["ok", built, tagged, "b"],
        Some(ERROR),
        Some(2),
    );
    // Before Docker 1.12, no line says which step is the last.
    assert!(failure_in(format!("Step 0 : FROM a\n{built}\n")).succeeded);
}

#[test]
fn rule_4_some_lines_are_not_output() {
    for line in [
        " ---> 0123456789ab",
        " --->",
        " ---> Using cache",
        " ---> [Warning] IPv4 forwarding is disabled.",
        "[Warning] One or more build-args [a] were not consumed",
        "Removing intermediate container 0123456789ab",
        "Error removing intermediate container 0123456789ab: no such container",
        "Sending build context to Docker daemon  1.024kB",
        "# Executing 2 build triggers...",
        "# Executing 1 build trigger",
    ] {
        check_run(&format!("a\n{line}\nb\n"), &["a", "b"], None, None);
    }
    for line in [
        " ---> a test",
        " --->0123456789ab",
        "# Executing tests",
        "Removing intermediate container a",
    ] {
        check_run(&format!("{line}\n"), &[line], None, None);
    }
    let glued = "halfRemoving intermediate container 0123456789ab\n";
    check_run(glued, &["half"], None, None);
    let glued = format!("half{ERROR}Removing intermediate container 0123456789ab\n");
    check_run(&glued, &["half"], Some(ERROR), Some(2));
    // Pull progress is recognized only under FROM.
    let pull = "latest: Pulling from acme/base\nPulling repository acme/base\n0123456789ab: Waiting\nDigest: sha256:ab\nStatus: Downloaded\n";
    let failure = failure_in(format!("Step 1/1 : FROM a\n{pull}toomanyrequests: wait\n"));
    assert_eq!(failure.error.as_deref(), Some("toomanyrequests: wait"));
    let failure = failure_in(format!("Step 1/1 : from a\n{pull}"));
    assert_eq!((failure.error, failure.output_lines), (None, 0));
    check_run(pull, &pull.lines().collect::<Vec<_>>(), None, None);
}

#[test]
fn rule_5_clean_up_is_not_output() {
    let digest = "ab".repeat(32);
    let cleanup = format!("Untagged: a:1\nUntagged: a@sha256:{digest}\nDeleted: sha256:{digest}\n");
    check_run(
        &format!("a\n{cleanup}b\n{ERROR}\n{cleanup}"),
        &["a", "b"],
        Some(ERROR),
        Some(2),
    );
    let failure = failure_in(format!("Step 1/1 : COPY a b\n{cleanup}"));
    assert_eq!((failure.error, failure.output_lines), (None, 0));
    for line in [
        "Deleted: sha256:ab",
        "Deleted: the cache",
        &format!("Deleted: sha256:{digest}0"),
    ] {
        check_run(&format!("{line}\n"), &[line], None, None);
    }
}

#[test]
fn rule_6_the_error_of_a_command() {
    for (line, glued, exit_code) in [
        (
            "The command '/bin/sh -c make' returned a non-zero code: 137",
            "",
            137,
        ),
        ("The command [make, all] returned a non-zero code: 1", "", 1),
        ("aThe command 'b' returned a non-zero code: 2", "a", 2),
        (
            "The command 'b' returned a non-zero code: 3: failed to shut down",
            "",
            3,
        ),
        ("The command [b] returned a non-zero code: 4: a: b", "", 4),
        (
            "The command 'cmd' returned a non-zero code: 3221225477",
            "",
            3_221_225_477,
        ),
        (
            "The command 'echo \"The command 'a'\"' returned a non-zero code: 4",
            "",
            4,
        ),
    ] {
        let output = Some(glued).filter(|glued| !glued.is_empty());
        let output: Vec<_> = output.into_iter().collect();
        check_run(line, &output, Some(&line[glued.len()..]), Some(exit_code));
    }
    for line in [
        "The command 'a' returned a non-zero code: ",
        "The command 'a' returned a non-zero code: 1.",
        "The command 'a' returned a non-zero code: 1 a",
        "The command 'a' returned a non-zero code: 1:a",
        "The command 'a' returned a non-zero code: 99999999999999999999",
        "The command a returned a non-zero code: 1",
        "command 'a' returned a non-zero code: 1",
        " returned a non-zero code: 1",
    ] {
        check_run(line, &[line.trim_end_matches('\n')], None, None);
    }
}

#[test]
fn rule_6_output_up_to_the_error_stays() {
    let later: String = (0..100).map(|n| format!("line {n}\n")).collect();
    check_run(
        &format!("boom\n{ERROR}\n{later}"),
        &["boom"],
        Some(ERROR),
        Some(2),
    );
    // A later error replaces the first one.
    let error = "The command 'b' returned a non-zero code: 3";
    check_run(
        &format!("a\n{ERROR}\nb\n{error}\nc\n"),
        &["a", "b"],
        Some(error),
        Some(3),
    );
    // A wrapper's summary does not replace it.
    let summary = format!("Service 'web' failed to build: {ERROR}");
    check_run(
        &format!("a\n{ERROR}\nb\n{summary}\n"),
        &["a"],
        Some(ERROR),
        Some(2),
    );
    for (first, second) in [("", ": failed to shut down"), (": failed to shut down", "")] {
        let error = format!("{ERROR}{first}");
        check_run(
            &format!("a\n{error}\nb\n{ERROR}{second}\n"),
            &["a"],
            Some(&error),
            Some(2),
        );
    }
    let long = ERROR.replace("make", &"make ".repeat(1_000));
    let failure = failure_in_run(&format!(
        "a\n{long}\nService 'web' failed to build: {long}\n"
    ));
    assert_eq!(
        failure.error.unwrap(),
        format!("{}{}", &long[..1_500], &long[long.len() - 500..])
    );
    // With an error, as many lines of output are kept as without one.
    let failure = failure_in_run(&format!("{later}{ERROR}\n{later}{error}\n"));
    assert_eq!((failure.output.len(), failure.output_lines), (40, 200));
    assert_eq!(
        (&*failure.output[0], &*failure.output[39]),
        ("line 60", "line 99")
    );
}

#[test]
fn rule_7_without_a_container_the_first_line_is_the_error() {
    // With an error of rule 6, a command ran, although no line says so.
    let failure = failure_in(format!("Step 2/2 : RUN make\na\n\nb\n{ERROR}\nc\n"));
    assert_eq!(failure.output, ["a", "", "b"]);
    assert_eq!(
        (failure.error.as_deref(), failure.exit_code),
        (Some(ERROR), Some(2))
    );
    for instruction in ["COPY a b", "ADD http://a/ b", "LABEL a", "RUN make"] {
        let html = "<p>\n".repeat(5_900);
        let failure = failure_in(format!(
            "Step 4/4 : {instruction}\n\nADD failed: 404\n{html}"
        ));
        assert_eq!(failure.error.as_deref(), Some("ADD failed: 404"));
        assert_eq!((failure.output_lines, failure.exit_code), (0, None));
        assert_eq!(failure.instruction.as_deref(), Some(instruction));
    }
}

#[test]
fn rule_8_the_last_line_may_be_the_error() {
    for line in [
        "OCI runtime create failed: a",
        "Error response from daemon: a",
        "error during connect: a",
        "failed to register layer: a",
        "context canceled",
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
    ] {
        check_run(&format!("a\n{line}\n\n"), &["a"], Some(line), None);
        check_run(&format!("{line}\na\n"), &[line, "a"], None, None);
    }
    let failure =
        failure_in("Sending build context to Docker daemon  2kB\na\nunknown instruction: RUNN\n");
    assert_eq!(failure.error.as_deref(), Some("unknown instruction: RUNN"));
    assert_eq!((failure.step, failure.output), (None, vec!["a".to_owned()]));
    assert!(failure.before_first_step && !failure_in_run("a\n").before_first_step);
    // The build was killed in the middle of a line.
    check_run("a\nhal", &["a", "hal"], None, None);
}
