//! Runs processes, and measures their time and memory.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::Result;
use crate::cluster::KEY;

/// Returns `curl -s` of this URL with the cluster's key.
pub fn curl(url: &str) -> Command {
    let mut command = Command::new("curl");
    command.args(["-s", "--noproxy", "*", "-H", &authorization(), url]);
    command
}

/// Returns `curl -s URL | jq -rj .logs` with the cluster's key.
pub fn curl_and_jq(url: &str) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", r#"curl -s --noproxy '*' -H "$0" "$1" | jq -rj .logs"#])
        .args([&authorization(), url]);
    command
}

fn authorization() -> String {
    format!("Authorization: Simple {KEY}")
}

/// Returns how many times as long as `base` the `command` takes: the median of several rounds, in which the two take
/// turns.
pub fn ratio(rounds: usize, command: &mut Command, base: &mut Command) -> Result<f64> {
    // The first run of each fills caches.
    time(command)?;
    time(base)?;
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        ratios.push(time(command)?.as_secs_f64() / time(base)?.as_secs_f64());
    }
    ratios.sort_by(f64::total_cmp);
    Ok(ratios[rounds / 2])
}

fn time(command: &mut Command) -> Result<Duration> {
    let started = Instant::now();
    let status = discard_output(command).status()?;
    let time = started.elapsed();
    if status.success() {
        Ok(time)
    } else {
        Err(format!("{command:?}: {status}").into())
    }
}

/// Returns the peak resident memory of a command in MiB. Linux only.
pub fn peak_memory(command: &mut Command) -> Result<f64> {
    let mut child = discard_output(command).spawn()?;
    let status_file = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        // The kernel records the peak, but the record ends with the process.
        peak = resident_peak(&fs::read_to_string(&status_file)?).or(peak);
        match child.try_wait()? {
            Some(status) if status.success() => break,
            Some(status) => return Err(format!("{command:?}: {status}").into()),
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
    peak.ok_or_else(|| format!("{command:?} ended too soon to be measured").into())
}

/// Reads the line `VmHWM: N kB`.
fn resident_peak(status: &str) -> Option<f64> {
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.0)
}

fn discard_output(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

/// Whether a program of this name can be run.
pub fn is_installed(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(name).is_file())
}
