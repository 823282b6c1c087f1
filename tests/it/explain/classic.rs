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
fn rule_2_a_container_can_run_under_from() {
    let failure = failure_in(format!(
        "Step 1/1 : FROM a\nwords\n# Executing 1 build trigger\n ---> Running in a1b2c3d4e5f6\nboom\n{ERROR}\n"
    ));
    assert_eq!(failure.output, ["boom"]);
    assert_eq!(failure.exit_code, Some(2));
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
    let failure =
        failure_in_run("ok\nSuccessfully built 0123456789ab\nError response from daemon: a\n");
    assert!(failure.succeeded);
    assert_eq!(
        (failure.output, failure.error),
        (vec!["ok".to_owned()], None)
    );
    // The last success or error counts.
    assert!(failure_in_run(&format!("{ERROR}\nSuccessfully built 0123456789ab\n")).succeeded);
    let failure = failure_in_run(&format!("Successfully built 0123456789ab\n{ERROR}\n"));
    assert!(!failure.succeeded);
    assert_eq!(failure.exit_code, Some(2));
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
    // Pull progress is recognized only under FROM.
    let pull = "latest: Pulling from acme/base\n0123456789ab: Waiting\nDigest: sha256:ab\nStatus: Downloaded\n";
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
    // The build was killed in the middle of a line.
    check_run("a\nhal", &["a", "hal"], None, None);
}
