//! The table of faults: what a server, a network or a shell may do, and what the program makes of it.
//!
//! Each row is run once into a pipe and, where it fetches a log, once more with `-v -o FILE`. Whatever a row does:
//! the exit code and stdout are exact; FILE is as it was, or the whole log, and nothing is left beside it; stderr is one
//! short line that commands no build server; the key is seen nowhere but in `Authorization`; and the kernel gives the
//! program no more than 16 MiB.

mod documents;
mod http;
mod machine;
mod service;

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use crate::cluster::{Cluster, Identity, KEY, Reply, tls};
use crate::program::{Folder, Program};

/// The log that a healthy row has, and the document that it comes in.
const TEXT: &str = "one\ntwo\nthree\n";
const DOC: &str = r#"{"logs":"one\ntwo\nthree\n"}"#;
/// A part of it, and what can be decoded of that.
const CUT_DOC: &str = r#"{"logs":"one\ntwo\nth"#;
const CUT_TEXT: &str = "one\ntwo\nth";

const LOGS: &str = "/v1/algorithms/acme/x/builds/b1/logs";
const BUILD: &str = "/v1/algorithms/acme/x/builds/b1";
const BUILDS: &str = "/v1/algorithms/acme/x/builds";
const VERSIONS: &str = "/v1/algorithms/acme/x/versions";

/// What the file given to `-o` holds beforehand.
const BEFORE: &str = "as it was\n";

/// The most memory that the program may have for itself, in KiB.
const MEMORY: u32 = 16 * 1024;

/// As much of a server's words as fits a line of a build server's log.
const SHORT: usize = 400;

/// A part of the table. In braces rustfmt leaves a row on its line.
macro_rules! rows {
    ($($row:expr),* $(,)?) => {
        vec![$($row),*]
    };
}
use rows;

type Script = Box<dyn Fn(&Cluster) + Send + Sync>;

/// What happens, and what comes of it.
struct Row {
    name: String,
    line: String,
    script: Script,
    tls: Option<Identity>,
    env: Vec<(&'static str, String)>,
    /// What the shell does around `"$@"`, in a folder of its own.
    shell: &'static str,
    memory: u32,
    code: i32,
    stdout: Vec<u8>,
    says: String,
    /// How many requests there are, where that says something.
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

    /// The exit code, the whole of stdout, and a part of stderr; of a success without one stderr is empty.
    fn is(mut self, code: i32, stdout: impl AsRef<[u8]>, says: &str) -> Row {
        self.code = code;
        self.stdout = stdout.as_ref().to_vec();
        self.says = says.to_owned();
        self
    }

    /// A failure that put nothing on stdout.
    fn fails(self, code: i32, says: &str) -> Row {
        self.is(code, "", says)
    }

    /// The whole log, in spite of all.
    fn succeeds(self) -> Row {
        self.is(0, TEXT, "")
    }

    /// A log that broke off.
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

/// A log of which every answer is this one.
fn log(name: impl Into<String>, reply: Reply) -> Row {
    log_after(name, vec![reply], "--retries 0")
}

/// A log whose answers are these, the last of them for ever.
fn log_after(name: impl Into<String>, replies: Vec<Reply>, options: &str) -> Row {
    at(name, format!("log acme/x b1 {options}"), LOGS, replies)
}

/// A list of which every answer is this one.
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

/// A 200 with these headers, and then these bytes.
fn head(headers: &str) -> Reply {
    Reply::raw().send(format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{headers}\r\n"
    ))
}

fn body(headers: &str, bytes: impl AsRef<[u8]>) -> Reply {
    head(headers).send(bytes)
}

fn length(bytes: impl AsRef<[u8]>) -> String {
    format!("Content-Length: {}\r\n", bytes.as_ref().len())
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

/// Long enough for what was sent to have been read, before a reset that overtakes it.
const READ: Duration = Duration::from_millis(400);

fn table(other: &str) -> Vec<Row> {
    [
        http::framing(),
        http::large(),
        http::heads(),
        http::encodings(),
        http::silence(),
        service::statuses(),
        service::redirects(other),
        service::words(),
        service::retries(),
        service::going_on(),
        service::waits(),
        documents::documents(),
        documents::lists(other),
        documents::versions(),
        machine::connections(),
        machine::shells(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn every_fault_is_told_and_nothing_is_lost() {
    let other = Cluster::start();
    let rows = table(&other.url());
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut names: Vec<&str> = rows.iter().map(|row| &*row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a row for each fault");

    let queue = Mutex::new(rows.iter());
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().expect("nobody panics with it").next();
                    let Some(row) = next else { break };
                    for file in [false, true] {
                        if let Err(why) = check(row, file) {
                            let how = if file { " (-v -o FILE)" } else { "" };
                            let why = format!("{}{how}: {} → {why}", row.name, row.line);
                            failures.lock().expect("nobody panics with it").push(why);
                        }
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    assert!(
        failures.is_empty(),
        "{} of {} rows:\n{}",
        failures.len(),
        rows.len(),
        failures.join("\n")
    );
    assert_eq!(other.connections(), 0, "nobody else was asked");
}

/// That the limit on memory is one: a page as long as this needs more, and does not get it.
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

/// Runs a row; `file` is for a log into a file, of which other rows know nothing.
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
    let stderr = String::from_utf8(output.stderr).map_err(|_| "stderr is no UTF-8")?;
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
    let lines = stderr
        .lines()
        .filter(|line| !line.starts_with("algo-logs: GET "))
        .filter(|line| !line.starts_with("algo-logs: waiting up to "))
        .count();
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
        file || stderr.chars().count() <= SHORT,
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
        // Certificates are made anew in each process.
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
        .stdin(Stdio::from(File::open("/dev/null").expect("it is there")));
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

/// So much of what a program printed that it can be read.
fn shown(bytes: &[u8]) -> String {
    let end = bytes.len().min(600);
    format!(
        "{} bytes: {:?}",
        bytes.len(),
        String::from_utf8_lossy(&bytes[..end])
    )
}
