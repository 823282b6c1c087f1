//! The table of faults: how the program handles misbehaving servers, networks and shells.
//!
//! Each row runs once into a pipe and, if it fetches a log, a second time with `-v -o FILE`. Every run checks the
//! following. The exit code and stdout match exactly. FILE is either unchanged or the complete log, and no other file
//! is left. stderr is one short line without build server commands. The key appears only in `Authorization`. The
//! program uses at most 16 MiB of memory.

mod connections_and_streams;
mod documents;
mod http;
mod service;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::outputs::script;
use crate::program::{Program, TempDir};

/// A log, and the document that contains it.
const TEXT: &str = "one\ntwo\nthree\n";
const DOC: &str = r#"{"logs":"one\ntwo\nthree\n"}"#;
/// A truncated document, and the part of the log that can be decoded from it.
const CUT_DOC: &str = r#"{"logs":"one\ntwo\nth"#;
const CUT_TEXT: &str = "one\ntwo\nth";

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILD: &str = "/v1/algorithms/acme/x/builds/b1";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
const VERSIONS: &str = "/v1/algorithms/acme/x/versions";

/// The content of FILE before a run.
const BEFORE: &str = "as it was\n";

/// The memory limit of the program, in KiB.
const MEMORY: u32 = 16 * 1024;

/// The maximum length of a line on stderr in characters, however long a server's message is.
const MAX_STDERR: usize = 400;

/// Makes a `Vec` of rows. In braces, rustfmt leaves each row on its line.
macro_rules! rows {
    ($($row:expr),* $(,)?) => {
        vec![$($row),*]
    };
}
use rows;

type Script = Box<dyn Fn(&Cluster) + Send + Sync>;

/// A fault, and the expected result.
struct Row {
    name: String,
    /// The program's arguments.
    line: String,
    /// Prepares the cluster.
    script: Script,
    tls: Option<Identity>,
    env: Vec<(&'static str, String)>,
    /// The shell command that runs the program, `"$@"`, in a separate directory.
    shell: &'static str,
    /// The memory limit, in KiB.
    memory: u32,
    code: i32,
    stdout: Vec<u8>,
    /// A part of stderr.
    stderr: String,
    /// The number of requests, if it matters.
    requests: Option<usize>,
}

impl Row {
    fn new(name: impl Into<String>, line: impl Into<String>, script: Script) -> Row {
        Row {
            name: name.into(),
            line: line.into(),
            script,
            tls: None,
            env: Vec::new(),
            shell: r#"exec "$@""#,
            memory: MEMORY,
            code: 0,
            stdout: Vec::new(),
            stderr: String::new(),
            requests: None,
        }
    }

    /// Expects this exit code, exactly this stdout, and this part of stderr. If `stderr` is empty and the code is 0,
    /// the program must print nothing on stderr.
    fn is(mut self, code: i32, stdout: impl AsRef<[u8]>, stderr: &str) -> Row {
        self.code = code;
        self.stdout = stdout.as_ref().to_vec();
        self.stderr = stderr.to_owned();
        self
    }

    /// Expects a failure with nothing on stdout.
    fn fails(self, code: i32, stderr: &str) -> Row {
        self.is(code, "", stderr)
    }

    /// Expects the complete log.
    fn succeeds(self) -> Row {
        self.is(0, TEXT, "")
    }

    /// Expects the log up to the point where the document is truncated.
    fn ends_early(self, stderr: &str) -> Row {
        self.is(6, CUT_TEXT, stderr)
    }

    fn requests(mut self, requests: usize) -> Row {
        self.requests = Some(requests);
        self
    }

    fn env(mut self, name: &'static str, value: impl Into<String>) -> Row {
        self.env.push((name, value.into()));
        self
    }

    fn over_tls(mut self, identity: Identity) -> Row {
        self.tls = Some(identity);
        self
    }

    fn memory(mut self, kib: u32) -> Row {
        self.memory = kib;
        self
    }

    fn in_shell(mut self, script: &'static str) -> Row {
        self.shell = script;
        self
    }
}

/// Fetches a log; the cluster always sends this reply.
fn log(name: impl Into<String>, reply: Reply) -> Row {
    log_after(name, vec![reply], "--retries 0")
}

/// Fetches a log; the cluster sends these replies in order, and repeats the last one.
fn log_after(name: impl Into<String>, replies: Vec<Reply>, options: &str) -> Row {
    at(name, format!("log acme/x b1 {options}"), LOGS, replies)
}

/// Fetches a list; the cluster always sends this reply.
fn builds(name: impl Into<String>, reply: Reply) -> Row {
    at(name, "builds acme/x --retries 0", BUILDS, vec![reply])
}

fn at(
    name: impl Into<String>,
    line: impl Into<String>,
    path: &'static str,
    replies: Vec<Reply>,
) -> Row {
    let script = move |cluster: &Cluster| {
        let (last, first) = replies.split_last().expect("at least one reply");
        for reply in first {
            cluster.script(path, reply.clone());
        }
        cluster.script_always(path, last.clone());
    };
    Row::new(name, line, Box::new(script))
}

fn good() -> Reply {
    Reply::json(200, DOC)
}

/// Begins a 200 response with these headers.
fn head(headers: &str) -> Reply {
    Reply::raw().send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}\r\n"
    ))
}

/// Begins a 200 response with these headers and bytes.
fn body(headers: &str, bytes: impl AsRef<[u8]>) -> Reply {
    head(headers).send(bytes)
}

/// Returns the `Content-Length` header for these bytes.
fn length(bytes: impl AsRef<[u8]>) -> String {
    format!("Content-Length: {}\r\n", bytes.as_ref().len())
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Enough time for the program to read what was sent, which a reset would discard.
const READ: Duration = Duration::from_millis(400);

/// A section of the table. Its argument is the URL of another cluster, which must not be contacted.
type Section = fn(&str) -> Vec<Row>;

/// Makes each section a test, so that sections run in parallel with each other and with other tests.
macro_rules! sections {
    ($($name:ident: $section:expr,)*) => {
        $(
            #[test]
            fn $name() {
                check_section($section);
            }
        )*
    };
}

sections! {
    framing: |_| http::framing(),
    large: |_| http::large(),
    heads: |_| http::heads(),
    encodings: |_| http::encodings(),
    silence: |_| http::silence(),
    statuses: |_| service::statuses(),
    redirects: service::redirects,
    messages: |_| service::messages(),
    retries: |_| service::retries(),
    resumption: |_| service::resumption(),
    waits: |_| service::waits(),
    documents: |_| documents::documents(),
    lists: documents::lists,
    versions: |_| documents::versions(),
    traps: |_| documents::traps(),
    connections: |_| connections_and_streams::connections(),
    shells: |_| connections_and_streams::shells(),
}

/// How many runs of a section are active at a time. Slow runs only wait, for a timeout or a retry.
const PARALLEL: usize = 16;

#[track_caller]
fn check_section(section: Section) {
    let other = Cluster::start();
    let rows = section(&other.url());
    let runs = rows.iter().flat_map(|row| [(row, false), (row, true)]);
    let queue = Mutex::new(runs);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("not poisoned").next();
                    let Some((row, file)) = next else { break };
                    if let Err(why) = check(row, file) {
                        let how = if file { " (-v -o FILE)" } else { "" };
                        let why = format!("{}{how}: {} → {why}", row.name, row.line);
                        failures.lock().expect("not poisoned").push(why);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("not poisoned");
    assert!(
        failures.is_empty(),
        "{} failures in {} rows:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
    assert_eq!(other.connections(), 0, "another cluster was contacted");
}

/// Checks that the memory limit takes effect, with a page that needs more memory.
#[test]
#[cfg(target_os = "linux")]
fn the_memory_limit_takes_effect() {
    let long = body("", r#"{"results":[],"a":""#)
        .repeat(vec![b'x'; 1 << 20], 30)
        .fin();
    let row = builds("", long);
    let dir = TempDir::new();
    let cluster = Cluster::start();
    (row.script)(&cluster);
    let output = run(&row, &cluster, None, dir.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("out of memory"), "{stderr}");
}

/// Checks a row. With `file`, a row that fetches a log writes it to FILE, and other rows are skipped.
fn check(row: &Row, file: bool) -> Result<(), String> {
    let to_file = row.line.starts_with("log acme/x")
        && row.shell == r#"exec "$@""#
        && !row.line.contains("-o ");
    if file && !to_file {
        return Ok(());
    }
    let dir = TempDir::new();
    let target = file.then(|| dir.write("file", BEFORE));
    let cluster = match &row.tls {
        None => Cluster::start(),
        Some(identity) => Cluster::start_tls(identity.clone()),
    };
    (row.script)(&cluster);
    let output = run(row, &cluster, target.as_deref(), dir.path());
    let stderr = String::from_utf8(output.stderr).map_err(|_| "stderr is not UTF-8")?;
    let stderr = stderr.replace(&cluster.url(), "CLUSTER");

    let mut wrong = Vec::new();
    let mut expect = |holds: bool, why: String| {
        if !holds {
            wrong.push(why);
        }
    };
    expect(
        output.status.code() == Some(row.code),
        format!("{}", output.status),
    );
    let stdout = if file { &b""[..] } else { &row.stdout };
    expect(
        output.stdout == stdout,
        format!("stdout {}", shown(&output.stdout)),
    );
    let is_message = |line: &&str| {
        !line.starts_with("algo-logs: GET ")
            && !line.starts_with("algo-logs: waiting up to ")
            && !line.starts_with("algo-logs: build b1 (")
            && !line.starts_with("algo-logs: the build ")
            && !line.contains("; retrying in ")
    };
    let lines = stderr.lines().filter(is_message).count();
    let silent = row.stderr.is_empty() && (row.code == 0 || row.shell != r#"exec "$@""#);
    expect(
        stderr.contains(&row.stderr),
        format!("stderr lacks {:?}", row.stderr),
    );
    expect(
        lines == usize::from(!silent),
        format!("{lines} lines on stderr"),
    );
    expect(
        stderr
            .lines()
            .all(|line| line.chars().count() <= MAX_STDERR),
        "stderr is long".to_owned(),
    );
    expect(!stderr.contains(KEY), "the key is on stderr".to_owned());
    let commands = |line: &str| line.contains("##") || line.trim_start().starts_with("::");
    expect(
        !stderr.lines().any(commands),
        "a build server command is on stderr".to_owned(),
    );
    expect(
        !contains(&output.stdout, KEY),
        "the key is on stdout".to_owned(),
    );
    if file {
        let content = dir.read("file");
        let whole = matches!(row.code, 0 | 3);
        let expected = if whole {
            &row.stdout
        } else {
            BEFORE.as_bytes()
        };
        expect(content == expected, format!("FILE is {}", shown(&content)));
        expect(dir.names() == ["file"], format!("files: {:?}", dir.names()));
    }
    let requests = cluster.requests();
    expect(
        row.requests
            .is_none_or(|expected| expected == requests.len()),
        format!("{} requests", requests.len()),
    );
    for request in &requests {
        expect(
            request.method == "GET" && !request.target.contains(KEY),
            format!("{request:?}"),
        );
        for (name, value) in &request.headers {
            let ours =
                name.eq_ignore_ascii_case("authorization") && *value == format!("Simple {KEY}");
            expect(ours || !value.contains(KEY), format!("{name}: {value}"));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!(
            "{}\n    {}",
            wrong.join(", "),
            shown(stderr.as_bytes())
        ))
    }
}

fn run(row: &Row, cluster: &Cluster, target: Option<&str>, dir: &Path) -> Output {
    let mut line = row.line.clone();
    if let Some(target) = target {
        let verbose = if line.contains(" -q") { "" } else { " -v" };
        line.push_str(&format!("{verbose} -o {target}"));
    }
    let mut program = Program::on(cluster);
    for (name, value) in &row.env {
        // The certificates exist only in this process, so write them to files.
        let pem = |name: &str, pem: String| {
            let path = dir.with_extension(name);
            fs::write(&path, pem).expect("a file can be written");
            path.display().to_string()
        };
        let value = match &**value {
            "CA" => pem("ca", tls::ca_pem()),
            "OTHER-CA" => pem("other-ca", tls::other_ca_pem()),
            "TLS-URL" => cluster.url().replace("http:", "https:"),
            "PLAIN-URL" => cluster.url().replace("https:", "http:"),
            value => value.to_owned(),
        };
        program = program.env(name, value);
    }
    let limits = format!("ulimit -d {} && ulimit -t 30", row.memory);
    let output = script(&program, &format!("{limits} && {}", row.shell), &line)
        .current_dir(dir)
        .stdin(Stdio::from(File::open("/dev/null").expect("it exists")))
        .output()
        .expect("the shell can be run");
    for name in ["ca", "other-ca"] {
        let _ = fs::remove_file(dir.with_extension(name));
    }
    output
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// Shows the beginning of an output.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(600);
    format!(
        "{} bytes: {:?}",
        bytes.len(),
        String::from_utf8_lossy(&bytes[..end])
    )
}
