//! `builds` and `versions`: their output, their requests and their errors.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;

use crate::cluster::data::{self, documented, lemmatizer};
use crate::cluster::{Cluster, KEY, Reply};
use crate::program::{Outcome, Program};

const PAGED_BUILDS: &str = "/v1/algorithms/acme/Paged/builds";

/// The builds of `acme/Lemmatizer`, as printed into a pipe.
const LEMMATIZER: [&str; 7] = [
    "5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8\tin-progress\tc0ffee1f4a2b8d97e6053c1b9a48d2f7e6105b3c\t\
     2021-08-03T09:30:11.020Z\t-\t-\n",
    "b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630\tfailed\t9d41e7ab52c60f38d1b7a4e90c25f86b3ad7e412\t\
     2021-08-02T21:12:56.442Z\t1m48s\t-\n",
    "610651f0a3e9d40007b2c5d8\tsucceeded\t7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d\t\
     2021-08-01T07:45:20.117Z\t1m12s\t1.2.0\n",
    "2e94d6b0-7c15-4a83-b0f9-5a61c3e87d24\tsucceeded\t7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d\t\
     2021-08-01T06:02:00.000Z\t1m08s\t-\n",
    "c4a80e5d-3b97-4d12-86fe-0e92b7d1a35f\tcanceled\t31f5a9d08e7c4b62a1d0c9e8f7b6a5d4c3b2e190\t\
     2021-07-31T16:20:09.300Z\t4s\t-\n",
    "09f7c2e1-a4d8-4c36-9b50-d6e83f1a7c25\tsucceeded\te82d4c7190b5f3a6d8e1c2b4a7f09653d1c8e4b0\t\
     2021-07-30T12:00:01.001Z\t1m11s\t-\n",
    "d58b1f36-c72e-4e09-a1d4-7f3c60b9e821\tsucceeded\t4a6f8c02d1e7b359c0a8d4f6e2b17935d0c6a8e1\t\
     2021-07-29T10:15:30.640Z\t1m14s\t1.0.0\n",
];

/// The versions of `acme/Lemmatizer`, as printed into a pipe.
const LEMMATIZER_VERSIONS: [&str; 4] = [
    "1.2.0\t7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d\t610651f0a3e9d40007b2c5d8\t\
     2021-08-01T07:46:31.904Z\tpublic\n",
    "-\te82d4c7190b5f3a6d8e1c2b4a7f09653d1c8e4b0\t-\t-\tprivate\n",
    "1.0.0\t4a6f8c02d1e7b359c0a8d4f6e2b17935d0c6a8e1\td58b1f36-c72e-4e09-a1d4-7f3c60b9e821\t\
     2021-07-29T10:16:45.118Z\tprivate\n",
    "0.9.0\t15c7e0a94d8b6f23a1e5d0c9b8f7a6e4d3c2b180\t-\t-\tpublic\n",
];

/// Returns the lines with these indices, in the given order.
fn rows(all: &[&str], which: &[usize]) -> String {
    which.iter().map(|&row| all[row]).collect()
}

/// Returns the first column.
fn ids(outcome: &Outcome) -> Vec<String> {
    let text = outcome.stdout_text();
    let ids = text.lines().filter_map(|line| line.split('\t').next());
    ids.map(str::to_owned).collect()
}

/// Returns the targets of the requests so far.
fn targets(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.requests().into_iter();
    requests.map(|request| request.target).collect()
}

#[test]
fn builds_into_a_pipe_are_whole_and_separated_by_tabs() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    program.run("builds ALGO_OWNER/ALGO_NAME").prints(
        "d01d403d-a853-4831-9fff-9783a7b7e956\tsucceeded\t8e36fbf53f57fa1f1b681b1f1ab178b6f989976f\t\
         2021-07-29T21:12:56.442Z\t48s\t-\n\
         8a366318-3ee9-4a0e-8fc9-7e1af60c67bf\tsucceeded\t0b1e586f4db06756775795bcd4b42ad4352b652e\t\
         2021-07-28T18:11:42.749Z\t48s\t0.1.0\n",
    );
    program
        .run("builds acme/Lemmatizer")
        .prints(LEMMATIZER.concat());
    program
        .run("builds algo://acme/Lemmatizer")
        .prints(LEMMATIZER.concat());
}

#[test]
fn versions_into_a_pipe_are_whole_and_separated_by_tabs() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    program
        .run("versions ALGO_OWNER/ALGO_NAME")
        .prints("-\t8e36fbf53f57fa1f1b681b1f1ab178b6f989976f\t-\t-\tprivate\n");
    program
        .run("versions acme/Lemmatizer")
        .prints(LEMMATIZER_VERSIONS.concat());
}

#[test]
fn json_has_the_members_that_the_service_sent() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for (list, sent) in [
        ("builds ALGO_OWNER/ALGO_NAME", documented::BUILDS_JSON),
        ("versions ALGO_OWNER/ALGO_NAME", documented::VERSIONS_JSON),
        ("builds acme/Lemmatizer", lemmatizer::BUILDS_JSON),
        ("versions acme/Lemmatizer", lemmatizer::VERSIONS_JSON),
    ] {
        let outcome = program.run(&format!("{list} --json"));
        let sent: Value = serde_json::from_str(sent).unwrap();
        let printed: Value = serde_json::from_slice(&outcome.stdout).unwrap();
        // The documented responses are pages, and the others only their items.
        assert_eq!(printed, *sent.get("results").unwrap_or(&sent));
        outcome.is(0, &outcome.stdout, "");
    }
}

#[test]
fn json_keeps_every_member_as_it_was_sent() {
    let cluster = Cluster::start();
    // The order of members, digits and spaces stay. Line ends between tokens become spaces.
    let build = r#"{"status":"x","build_id":"b", "n":[1.50,1e400,18446744073709551616],"half":"\ud800",
	"commit_sha":"c","started_at":"t","x":"\u001b"}"#;
    let page = format!("{{\"results\": [ {build} , {build} ]}}");
    cluster.script_always(PAGED_BUILDS, Reply::json(200, &page));
    let written = build.replace(['\n', '\t'], " ");
    let program = Program::on(&cluster);
    program
        .run("builds acme/Paged --json")
        .prints(format!("[{written},\n {written}]\n"));
    // A byte that is not UTF-8 does not make a list unusable, either.
    let latin1 = [&b"{\"results\":[{\"build_id\":\"b\",\"status\":\"failed\",\"commit_sha\":\"c\",\"started_at\":\"t\",\"x\":\""[..], b"\xE9\"}]}"].concat();
    cluster.script_always(PAGED_BUILDS, Reply::status(200).body(latin1));
    program
        .run("builds acme/Paged")
        .prints("b\tfailed\tc\tt\t-\t-\n");
    let outcome = program.run("builds acme/Paged --json");
    let end = "\"x\":\"\u{fffd}\"}]\n".as_bytes();
    assert!(outcome.stdout.ends_with(end));
    // A member of the model must have its type.
    let page = page.replace("\"c\"", "7");
    cluster.script_always(PAGED_BUILDS, Reply::json(200, &page));
    assert_eq!(program.run("builds acme/Paged").code, Some(6));
}

#[test]
fn an_empty_list_is_not_an_error_and_prints_a_note() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let note = "algo-logs: acme/Empty has no builds\n";
    program.run("builds acme/Empty").is(0, "", note);
    program.run("builds acme/Empty --all").is(0, "", note);
    program.run("builds acme/Empty --json").is(0, "[]\n", note);
    program.run("builds acme/Empty --json -q").prints("[]\n");
    program.run("builds acme/Empty -q").prints("");
    let note = "algo-logs: acme/Empty has no versions\n";
    program.run("versions acme/Empty").is(0, "", note);
    program
        .run("versions acme/Empty --json")
        .is(0, "[]\n", note);
    program.run("versions acme/Empty --json -q").prints("[]\n");
    for line in ["-s in-progress", "-c 0123", "-s failed -c 9e37"] {
        program.run(&format!("builds acme/Paged {line}")).is(
            0,
            "",
            "algo-logs: acme/Paged has no matching builds\n",
        );
    }
    for line in ["--published", "--unpublished", "--public", "--private"] {
        program.run(&format!("versions acme/Waiting {line}")).is(
            0,
            "",
            "algo-logs: acme/Waiting has no matching versions\n",
        );
    }
}

#[test]
fn builds_are_filtered_by_status_and_by_the_first_digits_of_the_commit() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    for (filter, which) in [
        ("-s failed", &[1][..]),
        ("--status in-progress", &[0]),
        ("-s succeeded", &[2, 3, 5, 6]),
        ("-c 7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d", &[2, 3]),
        ("-c 7", &[2, 3]),
        ("--commit=C0FFEE", &[0]),
        ("-s succeeded -c e8", &[5]),
    ] {
        program
            .run(&format!("builds acme/Lemmatizer {filter}"))
            .prints(rows(&LEMMATIZER, which));
    }
    // The service does not filter builds: it documents no parameter for that.
    assert!(targets(&cluster).iter().all(|t| !t.contains('?')));
}

#[test]
fn versions_are_filtered_by_the_service() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let filters = [
        ("--published", "published=true", &[0, 2, 3][..]),
        ("--unpublished", "published=false", &[1]),
        ("--public", "callable=true", &[0, 3]),
        ("--private", "callable=false", &[1, 2]),
        (
            "--private --published",
            "published=true&callable=false",
            &[2],
        ),
    ];
    for (filter, query, which) in filters {
        program
            .run(&format!("versions acme/Lemmatizer {filter}"))
            .prints(rows(&LEMMATIZER_VERSIONS, which));
        let sent = cluster.requests().pop().unwrap();
        assert_eq!(sent.query(), format!("{query}&limit=20"));
    }
    assert_eq!(cluster.requests().len(), filters.len());
}

#[test]
fn twenty_rows_are_shown_by_default() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    let shown = |line: &str| ids(&program.run(line));
    let all: Vec<String> = (0..57).map(data::paged_build_id).collect();
    assert_eq!(shown("builds acme/Paged"), all[..20]);
    assert_eq!(shown("builds acme/Paged -L 1"), all[..1]);
    assert_eq!(shown("builds acme/Paged --limit=56"), all[..56]);
    assert_eq!(shown("builds acme/Paged -L 58"), all);
    assert_eq!(shown("builds acme/Paged --all"), all);
    assert_eq!(shown("versions acme/Paged").len(), 20);
    assert_eq!(shown("versions acme/Paged -L 5").len(), 5);
    assert_eq!(shown("versions acme/Paged --all").len(), 23);
}

#[test]
fn all_pages_are_read_by_their_markers_over_one_connection() {
    let cluster = Cluster::start();
    cluster.page_size(10);
    let outcome = Program::on(&cluster).run("builds acme/Paged --all");
    let all: Vec<String> = (0..57).map(data::paged_build_id).collect();
    assert_eq!(ids(&outcome), all);
    // The markers are percent-encoded where necessary. `next_link` is not used: it has other parameters and another
    // host.
    let mut expected = vec![PAGED_BUILDS.to_owned()];
    expected.extend([10, 20, 30, 40, 50].map(|start| {
        format!("{PAGED_BUILDS}?marker=builds%2B{start}%2Facme%2FPaged%3D%26%20%2525%3B%3F%23")
    }));
    assert_eq!(targets(&cluster), expected);
    assert_eq!(cluster.connections(), 1);
}

#[test]
fn only_the_necessary_pages_are_read() {
    let more = |rows| format!("algo-logs: the first {rows}; there may be more: -L N or --all\n");
    for (line, pages, note) in [
        ("builds acme/Paged -L 1", 1, more(1)),
        ("builds acme/Paged -L 10", 1, more(10)),
        ("builds acme/Paged -L 11", 1, more(11)),
        ("builds acme/Paged", 1, more(20)),
        ("builds acme/Paged -L 57", 6, String::new()),
        // Every seventh build failed, so the third failed one is on the third page. The limit counts after the filter.
        ("builds acme/Paged -s failed -L 3", 3, more(3)),
        ("builds acme/Paged -s failed -L 8", 6, String::new()),
        ("builds acme/Paged -s failed", 6, String::new()),
        ("versions acme/Paged -L 20", 1, more(20)),
        ("versions acme/Paged -L 20 --json", 1, more(20)),
        ("versions acme/Paged -L 23", 1, String::new()),
    ] {
        let cluster = Cluster::start();
        cluster.page_size(10);
        let outcome = Program::on(&cluster).run(line);
        assert_eq!(
            (outcome.code, &*outcome.stderr),
            (Some(0), &*note),
            "{line}"
        );
        assert_eq!(cluster.requests().len(), pages, "{line}");
    }
}

/// A version can be large, so no more are requested than will be shown.
#[test]
fn a_page_has_no_more_rows_than_the_limit() {
    let cluster = Cluster::start();
    for (line, query) in [
        ("versions acme/Lemmatizer -L 5", "limit=5"),
        (
            "versions acme/Lemmatizer --public -L 49 --json",
            "callable=true&limit=49",
        ),
        ("builds acme/Lemmatizer -L 1", "limit=1"),
        ("builds acme/Lemmatizer", "limit=20"),
        // 50 is the service's default, and a cluster can have a maximum.
        ("builds acme/Lemmatizer -L 50", ""),
        ("builds acme/Lemmatizer -L 1000", ""),
        ("versions acme/Lemmatizer --all", ""),
        // Any number of rows may be skipped.
        ("builds acme/Lemmatizer -s failed -L 5", ""),
        ("builds acme/Lemmatizer -c 7b1e90c -L 5", ""),
    ] {
        assert_eq!(Program::on(&cluster).run(line).code, Some(0));
        assert_eq!(cluster.requests().pop().unwrap().query(), query, "{line}");
    }
}

#[test]
fn the_key_is_redacted_in_every_cell() {
    let cluster = Cluster::start();
    let build = format!(
        r#"{{"build_id":"{KEY}","status":"{KEY}","commit_sha":"{KEY}","started_at":"{KEY}","version_info":{{"semantic_version":"{KEY}"}}}}"#
    );
    let page = format!(r#"{{"results":[{build}]}}"#);
    cluster.script_always(PAGED_BUILDS, Reply::json(200, &page));
    let program = Program::on(&cluster);
    program
        .run("builds acme/Paged")
        .prints("[key]\t[key]\t[key]\t[key]\t-\t[key]\n");
    program
        .run("builds acme/Paged --json")
        .prints(format!("[{}]\n", build.replace(KEY, "[key]")));
}

#[test]
fn an_empty_page_is_not_the_last() {
    let cluster = Cluster::start();
    let empty = r#"{"marker":"builds+1/acme/Paged=& %25;?#","results":[]}"#;
    cluster.script(PAGED_BUILDS, Reply::json(200, empty));
    let outcome = Program::on(&cluster).run("builds acme/Paged -L 1");
    assert_eq!(ids(&outcome), [data::paged_build_id(1)]);
    assert_eq!(cluster.requests().len(), 2);
}

/// A reader gets rows before the last page arrives.
#[test]
fn rows_are_written_as_soon_as_they_are_known() {
    let cluster = Cluster::start();
    let build = r#"{"build_id":"b","status":"failed","commit_sha":"c","started_at":"t"}"#;
    let page = format!(r#"{{"marker":"m","results":[{build}]}}"#);
    cluster.script(PAGED_BUILDS, Reply::json(200, &page));
    cluster.script(PAGED_BUILDS, Reply::raw().stall());
    let mut child = Program::on(&cluster)
        .command("builds acme/Paged --all")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "b\tfailed\tc\tt\t-\t-\n");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn verbose_prints_a_line_per_request() {
    let cluster = Cluster::start();
    cluster.page_size(40);
    let outcome = Program::on(&cluster).run("builds acme/Paged --all -v");
    assert_eq!((outcome.code, ids(&outcome).len()), (Some(0), 57));
    let line = format!("GET CLUSTER{PAGED_BUILDS}");
    assert_eq!(
        without_times(&outcome.stderr),
        format!(
            "algo-logs: {line} 200 BYTES bytes TIME s\n\
             algo-logs: {line}?marker=builds%2B40%2Facme%2FPaged%3D%26%20%2525%3B%3F%23 200 BYTES bytes TIME s\n"
        )
    );
    let outcome = Program::on(&cluster).run("builds ALGO_OWNER/ALGO_NAME -v");
    assert!(
        outcome.stderr.contains(" 200 650 bytes "),
        "{}",
        outcome.stderr
    );
    let outcome = Program::on(&cluster).run("builds acme/Secret -v");
    assert_eq!(
        without_times(&outcome.stderr),
        "algo-logs: GET CLUSTER/v1/algorithms/acme/Secret/builds?limit=20 403 BYTES bytes TIME s\n\
         algo-logs: builds of acme/Secret: the key is not allowed to read this (status 403), the service says: \
         not authorized to access this algorithm; the key is from ALGORITHMIA_API_KEY\n"
    );
}

#[test]
fn verbose_prints_a_line_for_a_request_without_a_response() {
    let cluster = Cluster::start();
    cluster.script(PAGED_BUILDS, Reply::raw().fin());
    let outcome = Program::on(&cluster).run("builds acme/Paged -v --retries 0");
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        without_times(&outcome.stderr),
        format!(
            "algo-logs: GET CLUSTER{PAGED_BUILDS}?limit=20 - BYTES bytes TIME s\n\
             algo-logs: builds of acme/Paged: CLUSTER closed the connection before it responded\n"
        )
    );
}

/// Returns the lines of `-v`, with the sizes and times replaced by placeholders.
fn without_times(stderr: &str) -> String {
    let lines = stderr.lines().map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["algo-logs:", "GET", url, status, bytes, "bytes", time, "s"] => {
                assert!(bytes.parse::<u64>().is_ok(), "{line}");
                assert!(time.parse::<f64>().is_ok_and(|time| time < 30.0), "{line}");
                assert_eq!(
                    time.split_once('.').map(|(_, f)| f.len()),
                    Some(3),
                    "{line}"
                );
                format!("algo-logs: GET {url} {status} BYTES bytes TIME s\n")
            }
            _ => format!("{line}\n"),
        }
    });
    lines.collect()
}

#[test]
fn error_responses_as_json() {
    let cluster = Cluster::start();
    let program = Program::on(&cluster);
    program.run("builds acme/Secret --json").fails(
        4,
        "{\"error\":{\"kind\":\"unauthorized\",\"message\":\
         \"builds of acme/Secret: the key is not allowed to read this (status 403), the service says: \
         not authorized to access this algorithm\",\"status\":403,\"code\":2001,\"exit\":4}}\n",
    );
    program.run("versions --json acme/Nothing").fails(
        5,
        "{\"error\":{\"kind\":\"not-found\",\"message\":\
         \"versions of acme/Nothing: there is no such algorithm (status 404), the service says: \
         algorithm algo://acme/Nothing not found\",\"status\":404,\"code\":1001,\"exit\":5}}\n",
    );
    let wrong = program.clone().env("ALGORITHMIA_API_KEY", "simWrong");
    wrong.run("builds acme/Paged --json").fails(
        4,
        "{\"error\":{\"kind\":\"unauthorized\",\"message\":\
         \"builds of acme/Paged: the cluster rejected the key (status 401), the service says: \
         invalid api key\",\"status\":401,\"code\":2002,\"exit\":4}}\n",
    );
    let without_key = program.clone().without("ALGORITHMIA_API_KEY");
    without_key.run("builds acme/Paged --json").fails(
        4,
        "{\"error\":{\"kind\":\"no-key\",\"message\":\"no API key is set\",\
         \"status\":null,\"code\":null,\"exit\":4}}\n",
    );
    program.run("builds acme/x, --json").fails(
        2,
        "{\"error\":{\"kind\":\"invalid-input\",\"message\":\
         \"'x,' is not a valid algorithm name: only letters, digits, '_', '-' and '.' are allowed\",\"status\":null,\"code\":null,\"exit\":2}}\n",
    );
    program.run("builds acme/Paged -L x --json").fails(
        2,
        "{\"error\":{\"kind\":\"usage\",\"message\":\
         \"invalid value 'x' for '-L N': not a number\",\"status\":null,\"code\":null,\"exit\":2}}\n",
    );
}
