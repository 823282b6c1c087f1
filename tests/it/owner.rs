//! `builds OWNER`: the newest build of each of an owner's algorithms.

use crate::cluster::{Cluster, Reply};
use crate::program::Program;

const OWNED: &str = "/v1/users/o/algorithms";
const MORE: &str = "algo-logs: the first 1; there may be more: -L N or --all\n";

/// Scripts the list of the owner's algorithms. A name without a list of builds has none.
fn own(cluster: &Cluster, algorithms: &[(&str, Reply)]) {
    let names = algorithms.iter();
    let names = names.map(|(name, _)| format!(r#"{{"username":"o","algoname":"{name}"}}"#));
    let list = format!("[{}]", names.collect::<Vec<_>>().join(","));
    cluster.script_always(OWNED, Reply::json(200, &list));
    for (name, builds) in algorithms {
        cluster.script_always(&format!("/v1/algorithms/o/{name}/builds"), builds.clone());
    }
}

fn build(id: &str, status: &str, commit: &str, day: u32, rest: &str) -> String {
    format!(
        r#"{{"build_id":"{id}","status":"{status}","commit_sha":"{commit}","started_at":"2021-01-0{day}T00:00:00Z"{rest}}}"#
    )
}

fn page(builds: &[String]) -> Reply {
    let builds = builds.join(",");
    Reply::json(200, &format!(r#"{{"marker":"m","results":[{builds}]}}"#))
}

fn none() -> Reply {
    Reply::json(200, r#"{"results":[]}"#)
}

#[test]
fn the_newest_build_of_each_algorithm() {
    let cluster = Cluster::start();
    let rest = r#","finished_at":"2021-01-03T00:01:48Z","version_info":{"semantic_version":"1.2.0"}, "n":1.0"#;
    let newest = build("a2", "succeeded", "c0ffee", 3, rest);
    let builds = [
        build("a1", "failed", "c0ffee", 1, ""),
        newest.clone(),
        build("a3", "failed", "c0ffee", 3, ""),
    ];
    let other = build("c1", "in-progress", "abc", 1, "");
    own(
        &cluster,
        &[
            ("a", page(&builds)),
            ("empty", none()),
            ("c", page(std::slice::from_ref(&other))),
        ],
    );
    let a = "a2\tsucceeded\tc0ffee\t2021-01-03T00:00:00Z\t1m48s\t1.2.0\to/a\n";
    let empty = "-\t-\t-\t-\t-\t-\to/empty\n";
    let c = "c1\tin-progress\tabc\t2021-01-01T00:00:00Z\t-\t-\to/c\n";
    let nothing = "algo-logs: no newest build of o's algorithms matches\n";
    let json = |algorithm: &str, build: &str| {
        format!(r#"{{"algorithm":"o/{algorithm}","build":{build}}}"#)
    };
    let json_a = json("a", &newest);
    for (options, stdout, note, requests) in [
        ("", [a, empty, c].concat(), "", 4),
        ("--all", [a, empty, c].concat(), "", 4),
        ("-L 3", [a, empty, c].concat(), "", 4),
        ("-L 1", a.to_owned(), MORE, 2),
        // The filters apply to the newest build.
        ("-s succeeded", a.to_owned(), "", 4),
        ("-s succeeded -L 1", a.to_owned(), MORE, 2),
        ("-s failed", String::new(), nothing, 4),
        ("-c C0FF", a.to_owned(), "", 4),
        ("-c abc -L 1", c.to_owned(), "", 4),
        (
            "--json",
            format!(
                "[{json_a},\n {},\n {}]\n",
                json("empty", "null"),
                json("c", &other)
            ),
            "",
            4,
        ),
        ("--json -L 1", format!("[{json_a}]\n"), MORE, 2),
        ("--json -s failed", "[]\n".to_owned(), nothing, 4),
    ] {
        let before = cluster.requests().len();
        Program::on(&cluster)
            .run(&format!("builds o {options}"))
            .is(0, stdout, note);
        // Only the first page of each list is requested.
        assert_eq!(cluster.requests().len() - before, requests, "{options}");
    }
}

/// The row of the first algorithm is shown before the second one is read.
#[test]
#[cfg(target_os = "linux")]
fn the_table_has_fixed_columns_and_whole_names() {
    let cluster = Cluster::start();
    let name = "n".repeat(90);
    let rest =
        r#","finished_at":"2999-01-01T00:12:48Z","version_info":{"semantic_version":"10.10.10"}"#;
    let newest =
        build("a", "waiting-for-a-machine", "8e36fbf53f57", 1, rest).replace("2021", "2999");
    own(&cluster, &[("a", page(&[newest])), (&name, none())]);
    let failed = Reply::status(503).header("Retry-After", "0");
    cluster.script(&format!("/v1/algorithms/o/{name}/builds"), failed);
    let program = Program::on(&cluster).env("NO_COLOR", "1");
    let (code, shown) = crate::terminals::on_terminal(&program, "builds o");
    let (above, below) = shown
        .split_once("; retrying in 0.0 s, 3 attempts left\n")
        .unwrap();
    let (table, retry) = above.rsplit_once('\n').unwrap();
    assert_eq!(code, 0);
    assert_eq!(
        table,
        "STATUS       COMMIT   AGE   TIME    VERSION  ALGORITHM\n\
         waiting-fo…  8e36fbf  0s    12m48s  10.10.…  o/a"
    );
    assert!(retry.starts_with("builds of o/nnn"), "{retry}");
    assert_eq!(
        below,
        format!("-            -        -     -       -        o/{name}\n")
    );
}

#[test]
fn an_algorithm_that_cannot_be_read_is_an_error_at_the_end() {
    let forbidden = || Reply::json(403, r#"{"error":{"code":2001,"message":"no"}}"#);
    let row = "-\t-\t-\t-\t-\t-\to/z\n";
    let unusable = "algorithms of o: 'a b' is not a valid algorithm name: \
                    only letters, digits, '_', '-' and '.' are allowed";
    let says = |name: &str, why: &str| format!("builds of o/{name}: {why}");
    let not_allowed = "the key is not allowed to read this (status 403), the service says: no";
    let rejected = "the cluster rejected the key (status 401)";
    let failed = "the cluster failed (status 500)";
    for (others, code, errors) in [
        (vec![("a b", none())], 6, vec![unusable.to_owned()]),
        (vec![("f", forbidden())], 4, vec![says("f", not_allowed)]),
        (
            vec![("u", Reply::status(401))],
            4,
            vec![says("u", rejected)],
        ),
        // The worst one is the last, and decides the exit code.
        (
            vec![
                ("f", forbidden()),
                ("a b", none()),
                ("e", Reply::status(500)),
            ],
            4,
            vec![
                says("e", failed),
                unusable.to_owned(),
                says("f", not_allowed),
            ],
        ),
    ] {
        let cluster = Cluster::start();
        own(&cluster, &[&others[..], &[("z", none())]].concat());
        let program = Program::on(&cluster);
        let lines: Vec<_> = errors
            .iter()
            .map(|error| format!("algo-logs: {error}\n"))
            .collect();
        program
            .run("builds o --retries 0")
            .is(code, row, &lines.concat());
        // With --json, the last line is an object.
        let outcome = program.run("builds o --retries 0 --json");
        assert_eq!(
            outcome.stdout_text(),
            "[{\"algorithm\":\"o/z\",\"build\":null}]\n"
        );
        let (last, first) = lines.split_last().unwrap();
        let stderr = outcome.stderr.strip_prefix(&first.concat()).unwrap();
        let object: serde_json::Value = serde_json::from_str(stderr).unwrap();
        let message = object["error"]["message"].as_str().unwrap();
        assert_eq!(format!("algo-logs: {message}\n"), *last);
        assert_eq!(
            (outcome.code, &object["error"]["exit"]),
            (Some(code), &code.into())
        );
        // There is no array if nothing could be read.
        own(&cluster, &others);
        let outcome = program.run("builds o --retries 0 --json");
        assert_eq!((outcome.code, &*outcome.stdout_text()), (Some(code), ""));
    }
}

#[test]
fn an_owner_that_cannot_be_listed() {
    let cluster = Cluster::start();
    for (reply, code, error) in [
        (
            Reply::json(200, "[]"),
            5,
            "o has no algorithms; names are case-sensitive",
        ),
        (
            Reply::status(401),
            4,
            "algorithms of o: the cluster rejected the key (status 401); the key is from ALGORITHMIA_API_KEY",
        ),
    ] {
        cluster.script_always(OWNED, reply);
        Program::on(&cluster)
            .run("builds o")
            .fails(code, &format!("algo-logs: {error}\n"));
    }
}
