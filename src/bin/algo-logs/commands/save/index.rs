//! `builds.json` and `versions.json`: everything that the service reports about the builds and versions.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use algo_logs::{Build, Version};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::commands::item::Item;
use crate::error::CliError;
use crate::output::{Output, json, open_regular};

/// A hundred times the size of any index seen so far.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// An entry of an index.
pub(super) trait Entry: Serialize + DeserializeOwned {
    /// Returns a text that identifies the entry.
    fn id(&self) -> String;

    /// Returns the time that the entries are sorted by.
    fn time(&self) -> Option<SystemTime>;
}

impl Entry for Item<Build> {
    fn id(&self) -> String {
        self.typed.build_id.clone()
    }

    fn time(&self) -> Option<SystemTime> {
        self.typed.started_time()
    }
}

impl Entry for Item<Version> {
    /// Returns the git hash and the semantic version, or else the build ID, or else the whole entry.
    fn id(&self) -> String {
        let version = &self.typed;
        let hash = version.git_hash().filter(|hash| !hash.is_empty());
        match hash.or(version.build_id()) {
            // A commit can have been published more than once.
            Some(id) => format!("{id} {}", version.semantic_version().unwrap_or_default()),
            None => self.raw.to_string(),
        }
    }

    fn time(&self) -> Option<SystemTime> {
        self.typed.built_time()
    }
}

/// Reads an index. Returns no entries if there is no file, as before the first run.
pub(super) fn read<T: Entry>(path: &Path) -> Result<Vec<T>, CliError> {
    read_entries(path).map_err(|error| {
        let name = path.display().to_string();
        CliError::output(&name, &error)
    })
}

fn read_entries<T: Entry>(path: &Path) -> io::Result<Vec<T>> {
    let Some(file) = open_regular(path, OpenOptions::new().read(true))? else {
        return Ok(Vec::new());
    };
    let mut bytes = Vec::new();
    if file.take(MAX_BYTES + 1).read_to_end(&mut bytes)? as u64 > MAX_BYTES {
        return Err(io::Error::other("it exists but is larger than 256 MiB"));
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let reason = format!("it exists but is not a list that 'save' wrote: {error}");
        io::Error::other(reason)
    })
}

/// Returns the entries of both lists, newest first. A received entry replaces the earlier one with its id.
pub(super) fn merge<'a, T: Entry>(earlier: &'a [T], received: &'a [T]) -> Vec<&'a T> {
    let mut seen = HashSet::new();
    let mut merged: Vec<&T> = Vec::new();
    for entry in received.iter().chain(earlier) {
        if seen.insert(entry.id()) {
            let time = entry.time();
            // Both lists are almost in order, so most entries go to the end.
            let at = merged.partition_point(|other| other.time() >= time);
            merged.insert(at, entry);
        }
    }
    merged
}

pub(super) fn write<T: Entry>(path: &Path, entries: &[&T]) -> Result<(), CliError> {
    let mut output = Output::create(path)?;
    let items: Vec<String> = entries.iter().map(json::item).collect::<Result<_, _>>()?;
    output.write(json::array(&items).as_bytes())?;
    output.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entries<T: Entry>(list: &Value) -> Vec<T> {
        serde_json::from_value(list.clone()).unwrap()
    }

    #[track_caller]
    fn merges<T: Entry>(earlier: &Value, received: &Value, merged: &Value) {
        let (earlier, received) = (entries::<T>(earlier), entries::<T>(received));
        let result = merge(&earlier, &received);
        assert_eq!(serde_json::to_value(result).unwrap(), *merged);
    }

    fn build(id: &str, started: &str, status: &str) -> Value {
        json!({"build_id": id, "status": status, "commit_sha": "c", "started_at": started, "new": [1]})
    }

    #[test]
    fn builds_are_merged_by_id_newest_first() {
        let first = build("b1", "2021-01-01T00:00:00Z", "failed");
        let running = build("b2", "2021-01-02T00:00:00Z", "in-progress");
        let finished = build("b2", "2021-01-02T00:00:00Z", "succeeded");
        // The latest, although not as text.
        let third = build("b3", "2021-01-01T23:00:00-02:00", "failed");
        let unknown = build("b4", "soon", "failed");
        merges::<Item<Build>>(
            &json!([running, first]),
            &json!([unknown, finished, third]),
            &json!([third, finished, first, unknown]),
        );
        merges::<Item<Build>>(&json!([first]), &json!([]), &json!([first]));
        merges::<Item<Build>>(&json!([]), &json!([first, first]), &json!([first]));
    }

    #[test]
    fn versions_are_merged_by_hash_or_build() {
        let hash = |summary: &str| json!({"version_info": {"git_hash": "h"}, "s": summary});
        let by_build = |summary: &str| json!({"build": {"build_id": "b"}, "s": summary});
        let other = |summary: &str| json!({"s": summary});
        merges::<Item<Version>>(
            &json!([hash("old"), by_build("old"), other("1"), other("2")]),
            &json!([hash("new"), by_build("new"), other("1"), other("3")]),
            &json!([
                hash("new"),
                by_build("new"),
                other("1"),
                other("3"),
                other("2")
            ]),
        );
        let published =
            |semver: &str| json!({"version_info": {"git_hash": "h", "semantic_version": semver}});
        let no_hash = |n: u32| json!({"version_info": {"git_hash": ""}, "n": n});
        let all = json!([
            published("1.0.0"),
            published("1.1.0"),
            no_hash(1),
            no_hash(2)
        ]);
        merges::<Item<Version>>(&json!([published("1.0.0"), no_hash(2)]), &all, &all);
        let built = |hash: &str, finished: &str| json!({"version_info": {"git_hash": hash}, "build": {"finished_at": finished}});
        let (old, new) = (
            built("h1", "2021-01-01T00:00:00Z"),
            built("h2", "2021-01-02T00:00:00Z"),
        );
        merges::<Item<Version>>(&json!([new]), &json!([old]), &json!([new, old]));
    }
}
