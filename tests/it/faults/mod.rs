//! The table of faults: what a server, a network or a shell may do, and how the program handles it.
//!
//! Each row runs once into a pipe and, if it fetches a log, once more with `-v -o FILE`. For every row, the exit code
//! and stdout are exact; FILE is unchanged or the whole log, and nothing is left beside it; stderr is one short line without a build server's commands;
//! the key appears only in `Authorization`; and the program may use at most 16 MiB of memory.

mod documents;
mod http;
mod machine;
mod service;

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Folder, Program};

/// A log, and its document.
const TEXT: &str = "one\ntwo\nthree\n";
const DOC: &str = r#"{"logs":"one\ntwo\nthree\n"}"#;
/// A document that is cut, and the part of the log that can be decoded from it.
const CUT_DOC: &str = r#"{"logs":"one\ntwo\nth"#;
const CUT_TEXT: &str = "one\ntwo\nth";

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILD: &str = "/v1/algorithms/acme/x/builds/b1";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
const VERSIONS: &str = "/v1/algorithms/acme/x/versions";

/// The content of FILE before a run.
const BEFORE: &str = "as it was\n";

/// The program's limit on memory, in KiB.
const MEMORY: u32 = 16 * 1024;

/// The most characters on stderr, however long a server's message is.
const MAX_STDERR: usize = 400;

/// Makes a `Vec` of rows. In braces, rustfmt leaves each row on its line.
macro_rules! rows {
    ($($row:expr),* $(,)?) => {
        vec![$($row),*]
    };
}
use rows;

type Script = Box<dyn Fn(&Cluster) + Send + Sync>;

/// A fault, and the result to expect.
struct Row {
    name: String,
    /// The program's arguments.
    line: String,
    /// Prepares the cluster.
    script: Script,
    tls: Option<Identity>,
    env: Vec<(&'static str, String)>,
    /// The shell command that runs the program, `"$@"`, in a folder of its own.
    shell: &'static str,
    /// The limit on memory, in KiB.
    memory: u32,
    code: i32,
    stdout: Vec<u8>,
    /// A part of stderr.
    says: String,
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
            says: String::new(),
            requests: None,
        }
    }

    /// Expects this exit code, exactly this stdout, and this part of stderr. If that is empty, a success must leave
    /// stderr empty.
    fn is(mut self, code: i32, stdout: impl AsRef<[u8]>, says: &str) -> Row {
        self.code = code;
        self.stdout = stdout.as_ref().to_vec();
        self.says = says.to_owned();
        self
    }

    /// Expects a failure, and nothing on stdout.
    fn fails(self, code: i32, says: &str) -> Row {
        self.is(code, "", says)
    }

    /// Expects the whole log.
    fn succeeds(self) -> Row {
        self.is(0, TEXT, "")
    }

    /// Expects the log up to the cut.
    fn breaks_off(self, says: &str) -> Row {
        self.is(6, CUT_TEXT, says)
    }

    fn asks(mut self, requests: usize) -> Row {
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

/// Fetches a log; every response is this one.
fn log(name: impl Into<String>, reply: Reply) -> Row {
    log_after(name, vec![reply], "--retries 0")
}

/// Fetches a log; the responses are these, and the last one repeats.
fn log_after(name: impl Into<String>, replies: Vec<Reply>, options: &str) -> Row {
    at(name, format!("log acme/x b1 {options}"), LOGS, replies)
}

/// Fetches a list; every response is this one.
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

/// A 200 with these headers.
fn head(headers: &str) -> Reply {
    Reply::raw().send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}\r\n"
    ))
}

/// A 200 with these headers, followed by these bytes.
fn body(headers: &str, bytes: impl AsRef<[u8]>) -> Reply {
    head(headers).send(bytes)
}

/// The header that gives the length of these bytes.
fn length(bytes: impl AsRef<[u8]>) -> String {
    format!("Content-Length: {}\r\n", bytes.as_ref().len())
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Long enough for the program to read what was sent, which a reset would discard.
const READ: Duration = Duration::from_millis(400);

/// A section of the table. It is given the URL of another cluster, which must not be contacted.
type Section = fn(&str) -> Vec<Row>;

/// Makes each section a test, so that the sections run beside each other and beside other tests.
macro_rules! sections {
    ($($name:ident: $section:expr,)*) => {
        const SECTIONS: &[Section] = &[$($section),*];
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
    words: |_| service::words(),
    retries: |_| service::retries(),
    going_on: |_| service::going_on(),
    waits: |_| service::waits(),
    documents: |_| documents::documents(),
    lists: documents::lists,
    versions: |_| documents::versions(),
    connections: |_| machine::connections(),
    shells: |_| machine::shells(),
}

/// How many runs of a section go on at a time. The slow ones wait, for a timeout or for the next try.
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

#[test]
fn each_fault_has_one_row() {
    let rows: Vec<Row> = SECTIONS
        .iter()
        .flat_map(|section| section("http://127.0.0.1:1"))
        .collect();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut names = HashSet::new();
    for row in &rows {
        assert!(names.insert(&row.name), "two rows named {:?}", row.name);
    }
}

/// Checks that the limit on memory has an effect, with a page that needs more.
#[test]
#[cfg(target_os = "linux")]
fn the_limit_on_memory_holds() {
    let long = body("", r#"{"results":[],"a":""#)
        .repeat(vec![b'x'; 1 << 20], 30)
        .fin();
    let row = builds("", long);
    let folder = Folder::new();
    let cluster = Cluster::start();
    (row.script)(&cluster);
    let output = run(&row, &cluster, None, folder.path());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("out of memory"), "{stderr}");
}

/// Checks a row; with `file`, a row that fetches a log writes it to FILE, and other rows are skipped.
fn check(row: &Row, file: bool) -> Result<(), String> {
    let to_file = row.line.starts_with("log acme/x")
        && row.shell == r#"exec "$@""#
        && !row.line.contains("-o ");
    if file && !to_file {
        return Ok(());
    }
    let folder = Folder::new();
    let target = file.then(|| folder.write("file", BEFORE));
    let cluster = match &row.tls {
        None => Cluster::start(),
        Some(identity) => Cluster::start_tls(identity.clone()),
    };
    (row.script)(&cluster);
    let output = run(row, &cluster, target.as_deref(), folder.path());
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
    let said: Vec<&str> = stderr
        .lines()
        .filter(|line| {
            !line.starts_with("algo-logs: GET ")
                && !line.starts_with("algo-logs: waiting up to ")
                && !line.contains("; retrying in ")
        })
        .collect();
    let lines = said.len();
    let silent = row.says.is_empty() && (row.code == 0 || row.shell != r#"exec "$@""#);
    expect(
        stderr.contains(&row.says),
        format!("stderr lacks {:?}", row.says),
    );
    expect(
        lines == usize::from(!silent),
        format!("{lines} lines on stderr"),
    );
    expect(
        said.iter().all(|line| line.chars().count() <= MAX_STDERR),
        "stderr is long".to_owned(),
    );
    expect(!stderr.contains(KEY), "the key on stderr".to_owned());
    let commands = |line: &str| line.contains("##") || line.trim_start().starts_with("::");
    expect(
        !stderr.lines().any(commands),
        "a build server's command on stderr".to_owned(),
    );
    expect(
        !contains(&output.stdout, KEY),
        "the key on stdout".to_owned(),
    );
    if file {
        let content = folder.read("file");
        let whole = matches!(row.code, 0 | 3);
        let expected = if whole {
            &row.stdout
        } else {
            BEFORE.as_bytes()
        };
        expect(content == expected, format!("FILE is {}", shown(&content)));
        expect(
            folder.names() == ["file"],
            format!("left: {:?}", folder.names()),
        );
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

fn run(row: &Row, cluster: &Cluster, target: Option<&str>, folder: &Path) -> Output {
    let mut line = row.line.clone();
    if let Some(target) = target {
        let verbose = if line.contains(" -q") { "" } else { " -v" };
        line.push_str(&format!("{verbose} -o {target}"));
    }
    let mut program = Program::on(cluster);
    for (name, value) in &row.env {
        // The certificates exist only in this process.
        let pem = |name: &str, pem: String| {
            let path = folder.with_extension(name);
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
    let inner = program.command(&line);
    let mut command = Command::new("/bin/sh");
    command
        .arg("-c")
        .arg(format!(
            "ulimit -d {} && ulimit -t 30 && {}",
            row.memory, row.shell
        ))
        .arg("sh")
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .current_dir(folder)
        .stdin(Stdio::from(File::open("/dev/null").expect("it exists")));
    for (name, value) in inner.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    let output = command.output().expect("the shell can be run");
    for name in ["ca", "other-ca"] {
        let _ = fs::remove_file(folder.with_extension(name));
    }
    output
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

/// The beginning of what the program printed.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(600);
    format!(
        "{} bytes: {:?}",
        bytes.len(),
        String::from_utf8_lossy(&bytes[..end])
    )
}
