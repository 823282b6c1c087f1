//! The whole program, from its start to its end.

use std::process::Command;

use crate::chart::{Chart, Limit, Strictness, Times, figure};
use crate::cluster::big::BigLog;
use crate::cluster::{Cluster, Reply, reply};
use crate::program::{Program, curl, is_installed, peak_memory_of, shell, time_of};
use crate::{Effort, Result};

const MB: u64 = 1_000_000;

const CURL_JQ: &str = r#"curl -s -H "$AUTHORIZATION" "$URL" | jq -rj .logs"#;
const PYTHON: &str = r#"exec python3 -c '
import json, os, sys, urllib.request
header = dict([os.environ["AUTHORIZATION"].split(": ")])
answer = urllib.request.urlopen(urllib.request.Request(os.environ["URL"], headers=header))
sys.stdout.buffer.write(json.load(answer)["logs"].encode())
'"#;

/// The id of a log of Docker-like output of this size, and the path that it has.
fn docker(size: u64) -> (String, String) {
    let id = format!("docker-{size}");
    let path = format!("/v1/algorithms/acme/Big/builds/{id}/logs");
    (id, path)
}

/// The size as people write it.
fn human(size: u64) -> String {
    match size {
        _ if size >= 1000 * MB => format!("{} GB", size / (1000 * MB)),
        _ if size >= MB => format!("{} MB", size / MB),
        _ => format!("{} kB", size / 1000),
    }
}

pub fn start_up(program: &Program, effort: Effort, chart: &mut Chart) -> Result<()> {
    const TRUE: &str = "/bin/true";
    let rounds = match effort {
        Effort::Quick => 200,
        Effort::Full => 1000,
    };
    let times = Times::take(
        rounds,
        &mut [
            &mut || time_of(Command::new(program.path()).arg("--version").env_clear()),
            &mut || time_of(Command::new(TRUE).env_clear()),
        ],
    )?;
    let what = format!("start: `algo-logs --version` against `{TRUE}`");
    let limit = Limit::AtMost(1.5);
    chart.judge(&what, times.ratio(0, 1), "×", limit, Strictness::Always);
    chart.add(
        "start, in time",
        &format!("{} ms", figure(times.seconds(0) * 1e3)),
    );
    Ok(())
}

pub fn small_log(program: &Program, effort: Effort, chart: &mut Chart) -> Result<()> {
    if !is_installed("curl") {
        chart.add("a log of 100 kB against curl", "curl is not installed");
        return Ok(());
    }
    let rounds = match effort {
        Effort::Quick => 30,
        Effort::Full => 200,
    };
    let cluster = Cluster::start();
    let (id, path) = docker(100_000);
    let url = cluster.url() + &path;
    let times = Times::take(
        rounds,
        &mut [
            &mut || time_of(&mut program.command(&cluster, &["log", "acme/Big", &id])),
            &mut || time_of(curl(&url).args(["-o", "/dev/null"])),
        ],
    )?;
    let what = "a log of 100 kB: as many times faster than `curl -s -o /dev/null`";
    let limit = Limit::AtLeast(3.0);
    chart.judge(what, times.ratio(1, 0), "×", limit, Strictness::IfWild);
    Ok(())
}

pub fn large_log(program: &Program, effort: Effort, chart: &mut Chart) -> Result<()> {
    let (size, rounds, slow_rounds) = match effort {
        Effort::Quick => (64 * MB, 5, 1),
        Effort::Full => (256 * MB, 15, 3),
    };
    let cluster = Cluster::start();
    let (id, path) = docker(size);
    let url = cluster.url() + &path;
    let mut ours = || time_of(&mut program.command(&cluster, &["log", "acme/Big", &id]));
    let log = format!("a log of {}", human(size));
    if !is_installed("curl") {
        let times = Times::take(rounds, &mut [&mut ours])?;
        let speed = size as f64 / times.seconds(0) / 1e9;
        chart.add(&log, &format!("{} GB/s", figure(speed)));
        return Ok(());
    }
    let times = Times::take(rounds, &mut [&mut ours, &mut || time_of(&mut curl(&url))])?;
    let speed = size as f64 / times.seconds(0) / 1e9;
    chart.add(&log, &format!("{} GB/s", figure(speed)));
    let what = format!("{log}: the time of `curl -s`, which decodes nothing");
    let limit = Limit::AtMost(2.5);
    chart.judge(&what, times.ratio(0, 1), "×", limit, Strictness::IfWild);
    let mut against = |script| -> Result<f64> {
        let mut other = || time_of(&mut shell(script, &url));
        let times = Times::take(slow_rounds, &mut [&mut ours, &mut other])?;
        Ok(times.ratio(1, 0))
    };
    if is_installed("jq") {
        let what = format!("{log}: as many times faster than `curl -s … \\| jq -rj .logs`");
        let limit = Limit::AtLeast(10.0);
        chart.judge(&what, against(CURL_JQ)?, "×", limit, Strictness::IfWild);
    }
    if is_installed("python3") {
        let what = format!("{log}: as many times faster than Python's urllib and json");
        chart.add(&what, &format!("{}×", figure(against(PYTHON)?)));
    }
    Ok(())
}

/// What gzip saves on a slow link, and what it costs on a fast one.
pub fn gzip(program: &Program, effort: Effort, chart: &mut Chart) -> Result<()> {
    const LINK: u64 = 100_000_000 / 8;
    let (size, fast_size, rounds) = match effort {
        Effort::Quick => (4 * MB, 16 * MB, 3),
        Effort::Full => (25 * MB, 100 * MB, 5),
    };
    let log = |cluster: &Cluster, id: &str| {
        time_of(&mut program.command(cluster, &["log", "acme/Big", id]))
    };
    let plain = Cluster::start();
    let gzipped = Cluster::start();
    gzipped.gzip(true);
    for cluster in [&plain, &gzipped] {
        cluster.rate(LINK);
    }
    let (id, _) = docker(size);
    let times = Times::take(
        1,
        &mut [&mut || log(&plain, &id), &mut || log(&gzipped, &id)],
    )?;
    let what = format!("a log of {} over 100 Mbit/s", human(size));
    let figures = format!(
        "{} s, with gzip {} s",
        figure(times.seconds(0)),
        figure(times.seconds(1))
    );
    chart.add(&what, &figures);

    // Compressed beforehand, since that takes longer than to undo it.
    let cluster = Cluster::start();
    let (id, path) = docker(fast_size);
    let document = BigLog::named(&id).ok_or("no such log")?.document();
    let body = Reply::status(200)
        .header("Content-Type", "application/json")
        .header("Content-Encoding", "gzip")
        .body(reply::gzip(document));
    cluster.script_always(&path, body);
    let times = Times::take(rounds, &mut [&mut || log(&cluster, &id)])?;
    let speed = fast_size as f64 / times.seconds(0) / 1e9;
    let what = format!("a log of {} with gzip, over loopback", human(fast_size));
    chart.add(&what, &format!("{} GB/s", figure(speed)));
    Ok(())
}

pub fn memory(program: &Program, effort: Effort, chart: &mut Chart) -> Result<()> {
    const MIB: f64 = 1024.0 * 1024.0;
    let sizes: &[u64] = match effort {
        Effort::Quick => &[MB, 256 * MB],
        Effort::Full => &[MB, 256 * MB, 4000 * MB],
    };
    for &size in sizes {
        let cluster = Cluster::start();
        if size == MB {
            // As fast as it can, it would be gone before it could be looked at.
            cluster.rate(10 * MB);
        }
        let (id, _) = docker(size);
        let mut command = program.command(&cluster, &["log", "acme/Big", &id]);
        let what = format!("memory at most, a log of {}", human(size));
        match peak_memory_of(&mut command)? {
            Some(peak) => {
                let limit = Limit::AtMost(6.0);
                chart.judge(&what, peak as f64 / MIB, " MiB", limit, Strictness::Always);
            }
            None => chart.add(&what, "the system does not tell"),
        }
    }
    Ok(())
}
