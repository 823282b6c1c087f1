//! The size, speed and memory of the static program, each beside its limit.
//!
//! `cargo bench --bench program` runs everything. With `-- --quick` it uses smaller logs and fewer rounds.

mod process;
mod report;

#[path = "../it/cargo.rs"]
mod cargo;
#[path = "../cluster/mod.rs"]
mod cluster;

use std::env;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use cluster::{Cluster, KEY, Reply};
use process::{curl, curl_and_jq, is_installed, peak_memory, ratio};
use report::Limit::{AtLeast, AtMost};
use report::Report;
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const MB: u64 = 1_000_000;
const MUSL: &str = "x86_64-unknown-linux-musl";

fn main() -> Result<ExitCode> {
    // Cargo itself adds `--bench`.
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    let quick = match (args.next().as_deref(), args.next()) {
        (None, _) => false,
        (Some("--quick"), None) => true,
        _ => return Err("usage: cargo bench --bench program [-- --quick]".into()),
    };
    if !is_installed("curl") || !is_installed("jq") {
        return Err("the benchmark needs curl and jq".into());
    }
    let program = cargo::static_program();
    let musl_program = if is_target_installed(MUSL)? {
        let args = ["build", "--release", "--bin", "algo-logs", "--target", MUSL];
        Some(cargo::build(&args, &format!("{MUSL}/release")))
    } else {
        None
    };

    let mut report = Report::new()?;
    sizes(&mut report, &program, musl_program.as_deref())?;
    times(&mut report, &program, quick)?;
    memory(&mut report, &program, quick)?;
    if report.failed() {
        Ok(ExitCode::FAILURE)
    } else {
        Ok(ExitCode::SUCCESS)
    }
}

fn sizes(report: &mut Report, program: &Path, musl_program: Option<&Path>) -> Result<()> {
    let megabytes = |path| -> Result<f64> { Ok(fs::metadata(path)?.len() as f64 / MB as f64) };
    let size = megabytes(program)?;
    report.exact("static program with glibc", size, " MB", AtMost(4.0))?;
    let what = "static program with musl";
    match musl_program {
        Some(program) => report.exact(what, megabytes(program)?, " MB", AtMost(3.0))?,
        None => report.skip(what, "the target is not installed")?,
    }
    let count = cargo::packages(&[]).len() as f64;
    report.exact("packages in the dependency tree", count, "", AtMost(40.0))?;
    Ok(())
}

fn times(report: &mut Report, program: &Path, quick: bool) -> Result<()> {
    let (size, rounds, small_rounds) = if quick {
        (64 * MB, 3, 50)
    } else {
        (256 * MB, 15, 300)
    };
    let cluster = Cluster::start();

    let start = ratio(
        small_rounds,
        Command::new(program).arg("--version"),
        &mut Command::new("/bin/true"),
    )?;
    let what = "`algo-logs --version`: time against `/bin/true`";
    report.exact(what, start, "×", AtMost(1.5))?;

    let id = "docker-100000";
    let small = ratio(
        small_rounds,
        curl(&log_url(&cluster, id)).args(["-o", "/dev/null"]),
        &mut on_cluster(program, &cluster, "log", id),
    )?;
    let what = "100 kB log: times faster than `curl -s -o /dev/null`";
    report.ratio(what, small, AtLeast(3.0))?;

    let id = format!("docker-{size}");
    let url = log_url(&cluster, &id);
    let mut log = on_cluster(program, &cluster, "log", &id);
    let large = format!("{} MB log", size / MB);
    let what = format!("{large}: time against `curl -s`");
    report.ratio(
        &what,
        ratio(rounds, &mut log, &mut curl(&url))?,
        AtMost(4.0),
    )?;
    let what = format!("{large}: times faster than `curl -s \\| jq -rj .logs`");
    report.ratio(
        &what,
        ratio(3, &mut curl_and_jq(&url), &mut log)?,
        AtLeast(4.0),
    )?;
    fail_build(&cluster, &id);
    let mut why = on_cluster(program, &cluster, "why", &id);
    let what = format!("{large}: time of `why` against `log`");
    // With few rounds, the median varies too much.
    let rounds = rounds.max(9);
    report.ratio(&what, ratio(rounds, &mut why, &mut log)?, AtMost(2.5))?;
    Ok(())
}

fn memory(report: &mut Report, program: &Path, quick: bool) -> Result<()> {
    let cluster = Cluster::start();
    let large = if quick { 256 } else { 4000 };
    for (command, size) in [("log", 64), ("log", large), ("why", large)] {
        let id = format!("docker-{}", size * MB);
        fail_build(&cluster, &id);
        let peak = peak_memory(&mut on_cluster(program, &cluster, command, &id))?;
        let what = format!("`{command}`, {size} MB log: peak memory");
        report.exact(&what, peak, " MiB", AtMost(6.0))?;
    }
    Ok(())
}

/// Makes the cluster report that a build of `acme/Big` failed. `why` explains only such builds.
fn fail_build(cluster: &Cluster, id: &str) {
    let path = format!("/v1/algorithms/acme/Big/builds/{id}");
    let build = json!({
        "build_id": id,
        "status": "failed",
        "commit_sha": "c0ffee",
        "started_at": "2021-08-02T21:12:56Z",
    });
    cluster.script_always(&path, Reply::json(200, &build.to_string()));
}

/// Returns `algo-logs COMMAND acme/Big ID -q`.
fn on_cluster(program: &Path, cluster: &Cluster, command: &str, id: &str) -> Command {
    let mut process = Command::new(program);
    process
        .args([command, "acme/Big", id, "-q"])
        .env_clear()
        .env("ALGORITHMIA_API", cluster.url())
        .env("ALGORITHMIA_API_KEY", KEY);
    process
}

fn log_url(cluster: &Cluster, id: &str) -> String {
    format!("{}/v1/algorithms/acme/Big/builds/{id}/logs", cluster.url())
}

/// Whether the standard library for `target` is installed.
fn is_target_installed(target: &str) -> Result<bool> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()?;
    Ok(Path::new(String::from_utf8(output.stdout)?.trim()).is_dir())
}
