//! A demo for users without a cluster: the real program against the fake cluster.
//!
//! `cargo run --example demo` shows commands and their output. `cargo run --example demo -- serve --port 8080` keeps
//! the fake cluster running, to try other commands.

mod cluster;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use cluster::{Cluster, KEY};

const SHOWN: &[&[&str]] = &[
    &["builds", "acme/Lemmatizer", "-L", "3"],
    &["why", "acme/Lemmatizer", "-n", "4"],
    &["builds", "acme"],
    &["versions", "acme/Lemmatizer", "--published"],
    &["log", "acme/Lemmatizer/1.2.0"],
    &["log", "acme/Waiting", "--wait", "--exit-status"],
    &["save", "acme", "-d", "archive", "-L", "3"],
    &["why", "--file", SAVED, "-n", "3"],
];

/// A log that `save` has saved.
const SAVED: &str =
    "archive/acme/Lemmatizer/2021-08-02T21-12-56.442Z-b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630.log";

const USAGE: &str = "usage: demo [serve [--port PORT]]";

fn main() -> ExitCode {
    let args: Vec<_> = env::args_os()
        .skip(1)
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    let outcome = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => show(),
        ["serve"] => serve("0"),
        ["serve", "--port", port] => serve(port),
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "demo: {error}");
            ExitCode::from(2)
        }
    }
}

fn show() -> Result<(), Box<dyn Error>> {
    let program = build_program()?;
    let cluster = Cluster::start();
    cluster.finish_after(1);
    let dir = TempDir::new()?;
    for args in SHOWN {
        print(&format!("$ algo-logs {}\n", args.join(" ")))?;
        let status = Command::new(&program)
            .args(*args)
            .env_clear()
            // Windows cannot open sockets without it.
            .envs(env::var_os("SystemRoot").map(|root| ("SystemRoot", root)))
            .current_dir(&dir.0)
            .env("ALGORITHMIA_API", cluster.url())
            .env("ALGORITHMIA_API_KEY", KEY)
            .stdin(Stdio::null())
            .status()?;
        print("\n")?;
        if !status.success() {
            return Err(format!("algo-logs {}: {}", args.join(" "), status).into());
        }
    }
    Ok(())
}

/// A directory for `save`, removed when dropped.
struct TempDir(PathBuf);

impl TempDir {
    fn new() -> io::Result<TempDir> {
        let path = env::temp_dir().join(format!("algo-logs-demo-{}", std::process::id()));
        fs::create_dir(&path)?;
        Ok(TempDir(path))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // Leftovers in the directory for temporary files do no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn serve(port: &str) -> Result<(), Box<dyn Error>> {
    let port: u16 = port
        .parse()
        .map_err(|_| format!("'{port}' is not a port: a number from 0 to 65535"))?;
    let cluster = Cluster::start_on(port)
        .map_err(|error| format!("cannot listen on port {port}: {error}"))?;
    // Building the program takes a while, so first say what to do meanwhile.
    print(&format!(
        "export ALGORITHMIA_API={} ALGORITHMIA_API_KEY={KEY}\n\n\
         The fake cluster is up until this program is stopped. With these variables set, try\n\n",
        cluster.url()
    ))?;
    let program = build_program()?;
    print(&format!(
        "    {} builds acme/Lemmatizer\n",
        program.display()
    ))?;
    loop {
        std::thread::park();
    }
}

/// Builds the program in the profile of this example, because Cargo does not build it for an example. Returns its path.
/// It is beside the directory of the examples.
fn build_program() -> Result<PathBuf, Box<dyn Error>> {
    let examples = env::current_exe()?;
    let directory = examples
        .parent()
        .and_then(Path::parent)
        .ok_or("this example is not in a target directory")?;
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // What `cargo run` sets would make Cargo build some dependencies again.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") {
            command.env_remove(&*name);
        }
    }
    let status = command
        .args([
            "build",
            "--quiet",
            "--bin",
            "algo-logs",
            "--profile",
            profile,
        ])
        .arg("--manifest-path")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .status()?;
    if !status.success() {
        return Err("the program could not be built".into());
    }
    Ok(directory.join(format!("algo-logs{}", env::consts::EXE_SUFFIX)))
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}
