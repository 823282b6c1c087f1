//! `builds.json` and `versions.json`: everything that the service reports about the builds and versions.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use algo_logs::{Build, Version};
use serde::de::DeserializeOwned;

use crate::commands::item::Item;
use crate::error::CliError;
use crate::output::{Output, json, open_regular};

/// The limit of an index, for reading and writing: a hundred times the size of any seen so far.
pub(super) const MAX_BYTES: usize = 256 * 1024 * 1024;

/// An entry of an index.
pub(super) trait Entry: DeserializeOwned {
    /// Returns a text that identifies the entry, if it names itself.
    fn id(&self) -> Option<String>;

    /// Returns the time that the entries are sorted by.
    fn time(&self) -> Option<SystemTime>;
}

impl Entry for Build {
    fn id(&self) -> Option<String> {
        Some(self.build_id.clone())
    }

    fn time(&self) -> Option<SystemTime> {
        self.started_time()
    }
}

impl Entry for Version {
    /// Returns the git hash, or else the build ID, and the semantic version: a commit can have been published more than
    /// once.
    fn id(&self) -> Option<String> {
        let hash = self.git_hash().filter(|hash| !hash.is_empty());
        let id = hash.or(self.build_id())?;
        let version = self.semantic_version().unwrap_or_default();
        Some(format!("{id} {version}"))
    }

    fn time(&self) -> Option<SystemTime> {
        self.built_time()
    }
}

/// Adds entries to an index, and returns its entries.
///
/// Another run can replace the file at any time. So this merges again until the file has every entry.
pub(super) fn update<T: Entry>(
    path: &Path,
    received: &[Item<T>],
    max_bytes: usize,
) -> Result<Vec<T>, CliError> {
    let failure = |error: io::Error| CliError::output(&path.display().to_string(), &error);
    loop {
        let found = read(path, max_bytes).map_err(failure)?;
        let entries = match &found {
            None => Vec::new(),
            Some(json) => serde_json::from_slice(json).map_err(|error| {
                let reason = format!("it exists but is not a list that 'save' wrote: {error}");
                failure(io::Error::other(reason))
            })?,
        };
        let merged = array(&merge(&entries, received));
        if found.as_deref() == Some(merged.as_bytes()) {
            return Ok(entries.into_iter().map(|entry| entry.typed).collect());
        }
        if merged.len() > max_bytes {
            return Err(failure(too_large("it would be", max_bytes)));
        }
        let mut output = Output::create(path)?;
        output.write(merged.as_bytes())?;
        output.finish_if(|| read(path, max_bytes).is_ok_and(|now| now == found))?;
    }
}

/// Reads an index. Returns `None` if there is no file, as before the first run.
fn read(path: &Path, max_bytes: usize) -> io::Result<Option<Vec<u8>>> {
    let Some(mut file) = open_regular(path, OpenOptions::new().read(true))? else {
        return Ok(None);
    };
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    if length > max_bytes {
        return Err(too_large("it exists but is", max_bytes));
    }
    let mut bytes = Vec::with_capacity(length);
    file.read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn too_large(start: &str, max_bytes: usize) -> io::Error {
    io::Error::other(format!("{start} larger than {} MiB", max_bytes >> 20))
}

/// Returns the entries of both lists, newest first. A received entry replaces the earlier one with its ID. Entries of
/// the same time keep the order of the earlier list, so that merging again changes nothing.
fn merge<'a, T: Entry>(earlier: &'a [Item<T>], received: &'a [Item<T>]) -> Vec<&'a Item<T>> {
    let id = |entry: &Item<T>| entry.typed.id().unwrap_or_else(|| entry.raw.to_string());
    let mut replacements = HashMap::new();
    for entry in received {
        replacements.entry(id(entry)).or_insert(entry);
    }
    let mut seen = HashSet::new();
    let mut merged = Vec::new();
    for entry in earlier.iter().chain(received) {
        let id = id(entry);
        let newest = replacements.get(&id).copied().unwrap_or(entry);
        if seen.insert(id) {
            merged.push(newest);
        }
    }
    merged.sort_by_cached_key(|entry| Reverse(entry.typed.time()));
    merged
}

/// Returns a JSON array with one entry per line, each as the service wrote it.
fn array<T>(entries: &[&Item<T>]) -> String {
    let entries: Vec<_> = entries.iter().map(|entry| entry.raw.get()).collect();
    json::array(&entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Covers a bug: an index was written that no later run could read.
    #[test]
    fn an_index_over_the_limit_is_not_written() {
        let name = format!("algo-logs-index-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let received: Vec<Item<Version>> = serde_json::from_str(r#"[{"n":1},{"n":2}]"#).unwrap();
        let length = array(&merge(&[], &received)).len();
        assert!(update(&path, &received[..1], length).is_ok());
        let earlier = std::fs::read(&path).unwrap();
        let error = update(&path, &received, length - 1).unwrap_err();
        let report = error.report(false, str::to_owned).unwrap();
        let end = ": it would be larger than 0 MiB\n";
        assert!(report.ends_with(end), "{report}");
        assert_eq!(std::fs::read(&path).unwrap(), earlier);
        assert!(update(&path, &received, length).is_ok());
        std::fs::remove_file(&path).unwrap();
    }
}
