//! How large the program is, and of how much it is made.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::chart::{Chart, Limit, Strictness};
use crate::packages::packages;
use crate::program::{self, Program};

const MB: f64 = 1e6;

pub fn measure(program: &Program, chart: &mut Chart) -> Result<()> {
    let libc = if cfg!(target_env = "musl") {
        "musl"
    } else {
        "glibc"
    };
    let limit = if cfg!(target_env = "musl") { 2.3 } else { 3.2 };
    let name = |libc| format!("static program, stripped, with {libc}");
    let judge = |chart: &mut Chart, libc, path: &Path, limit| -> Result<()> {
        let size = fs::metadata(path)?.len() as f64 / MB;
        let limit = Limit::AtMost(limit);
        chart.judge(&name(libc), size, " MB", limit, Strictness::Always);
        Ok(())
    };
    judge(chart, libc, program.path(), limit)?;
    if libc != "musl" {
        match program::build_with_musl()? {
            Some(path) => judge(chart, "musl", &path, 2.3)?,
            None => chart.add(&name("musl"), "not built: Rust's target is not installed"),
        }
    }

    let all = packages(&[]).len() as f64;
    let limit = Limit::AtMost(40.0);
    chart.judge(
        "packages in the normal tree",
        all,
        "",
        limit,
        Strictness::Always,
    );
    // This package is one of them.
    let direct = packages(&["--depth", "1"]).len().saturating_sub(1) as f64;
    let limit = Limit::AtMost(4.0);
    chart.judge("direct dependencies", direct, "", limit, Strictness::Always);
    Ok(())
}
