//! The static program and what it is compared with, as processes.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::chart::{note, time};
use crate::cluster::{Cluster, KEY};

/// The static program.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
}

impl Program {
    /// Builds it, as `cargo static` does.
    pub fn build() -> Result<Program> {
        build(&["static"])?;
        let name = format!("algo-logs{}", env::consts::EXE_SUFFIX);
        Ok(Program {
            path: target_dir()?.join("release").join(name),
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The program on this cluster, its output thrown away.
    pub fn command(&self, cluster: &Cluster, args: &[&str]) -> Command {
        let mut command = Command::new(&self.path);
        command
            .args(args)
            .env_clear()
            .env("ALGORITHMIA_API", cluster.url())
            .env("ALGORITHMIA_API_KEY", KEY);
        command
    }
}

/// Builds it with musl, if there is a standard library for that, and says where it is.
pub fn build_with_musl() -> Result<Option<PathBuf>> {
    const TARGET: &str = "x86_64-unknown-linux-musl";
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let known = Command::new(rustc)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()?;
    let libraries = PathBuf::from(String::from_utf8(known.stdout)?.trim());
    if env::consts::ARCH != "x86_64" || !libraries.is_dir() {
        return Ok(None);
    }
    build(&[
        "build",
        "--release",
        "--bin",
        "algo-logs",
        "--target",
        TARGET,
    ])?;
    let folder = target_dir()?.join(TARGET).join("release");
    Ok(Some(folder.join("algo-logs")))
}

fn build(args: &[&str]) -> Result<()> {
    note(&format!("cargo {}", args.join(" ")));
    let status = Command::new(cargo())
        .args(args)
        .env("CARGO_TARGET_DIR", target_dir()?)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err("the static program could not be built".into()),
    }
}

fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// The folder that this very program was built in, from `target/release/deps/bench-1234`.
fn target_dir() -> Result<PathBuf> {
    let this = env::current_exe()?;
    let folder = this.ancestors().nth(3).ok_or("no target folder")?;
    Ok(folder.to_owned())
}

/// Whether a program of this name can be run.
pub fn is_installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// `curl -s` of this URL, with the cluster's key.
pub fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command
        .args(["-s", "--noproxy", "*", "-H"])
        .args([&authorization(), url]);
    command
}

fn authorization() -> String {
    format!("Authorization: Simple {KEY}")
}

/// What a shell would run, with the cluster's key and this URL in its environment.
pub fn shell(script: &str, url: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .env("URL", url)
        .env("AUTHORIZATION", authorization())
        // Python and curl would otherwise ask the proxy of the machine for what is on loopback.
        .env("NO_PROXY", "*");
    command
}

/// How long a command takes that writes its output to /dev/null and has to succeed.
pub fn time_of(command: &mut Command) -> Result<Duration> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    time(|| match command.status()?.success() {
        true => Ok(()),
        false => Err(format!("{command:?} failed").into()),
    })
}

/// The most memory that a command has resident at any time, in bytes, where the system tells (Linux).
pub fn peak_memory_of(command: &mut Command) -> Result<Option<u64>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
    let mut peak = None;
    let started = Instant::now();
    loop {
        // The system's own record of the peak, which is gone once the process is.
        peak = high_water_mark(&child).or(peak);
        if let Some(status) = child.try_wait()? {
            return match status.success() {
                true => Ok(peak),
                false => Err(format!("{command:?} failed").into()),
            };
        }
        // A long run need not be disturbed as often.
        let pause = if started.elapsed() < Duration::from_secs(1) {
            1
        } else {
            20
        };
        std::thread::sleep(Duration::from_millis(pause));
    }
}

fn high_water_mark(child: &Child) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}
