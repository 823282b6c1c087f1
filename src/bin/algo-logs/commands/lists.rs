//! `builds` and `versions`: a table on a terminal, tab-separated rows elsewhere, or JSON.

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use algo_logs::{Build, Pages, Version};
use serde::de::DeserializeOwned;

use super::context::{Context, take};
use super::item::Item;
use crate::cli::{BuildFilter, BuildsArgs, Limit, VersionsArgs};
use crate::error::CliError;
use crate::output::table::{Cells, Table, tab_separated};
use crate::output::{format, json, to_stdout};

/// How a list is shown.
struct List<T> {
    /// The cells of a tab-separated row: whole values.
    row: fn(&T) -> Cells,
    /// The header of the table.
    header: &'static [&'static str],
    /// The cells of the table: values that fit a line of 80 columns.
    cells: fn(&T) -> Cells,
    /// The note for an empty list.
    nothing: String,
}

impl Context {
    pub(crate) fn list_builds(&self, args: &BuildsArgs) -> Result<(), CliError> {
        let mut builds = self.build_items(&args.filter);
        if args.filter == BuildFilter::default() {
            builds = no_more_than(builds, args.limit);
        }
        let list = List {
            row: build_row,
            header: &["status", "commit", "age", "time", "version", "build id"],
            cells: |build| {
                let mut cells = short_build_cells(build);
                cells.push(Some(build.build_id.clone()));
                cells
            },
            nothing: self.no_build(&args.filter),
        };
        self.show(&list, builds, args.limit, args.json)
            .map_err(|error| self.general_hint(error))
    }

    pub(crate) fn list_versions(&self, args: &VersionsArgs) -> Result<(), CliError> {
        let mut versions = self.client().versions(&self.algorithm);
        if let Some(published) = args.published {
            versions = versions.published(published);
        }
        if let Some(callable) = args.callable {
            versions = versions.callable(callable);
        }
        let list = List {
            row: |version: &Version| {
                [
                    version.semantic_version(),
                    version.git_hash(),
                    version.build_id(),
                    version.built_at(),
                    version.callability(),
                ]
                .map(|cell| cell.map(str::to_owned))
                .into()
            },
            header: &["version", "commit", "age", "callable", "build id"],
            cells: |version: &Version| {
                vec![
                    version.semantic_version().map(|version| fit(version, 18)),
                    version.git_hash().map(short_commit),
                    age(version.built_time()),
                    version.callability().map(|callability| fit(callability, 8)),
                    version.build_id().map(str::to_owned),
                ]
            },
            nothing: self.nothing(
                "version",
                args.published.is_some() || args.callable.is_some(),
            ),
        };
        let versions = no_more_than(versions.of(), args.limit);
        self.show(&list, versions, args.limit, args.json)
            .map_err(|error| self.general_hint(error))
    }

    /// Shows the items of a list. If the list fails partway, shows what came before and returns the error.
    fn show<T: DeserializeOwned>(
        &self,
        list: &List<T>,
        mut items: Pages<Item<T>>,
        limit: Limit,
        json: bool,
    ) -> Result<(), CliError> {
        let is_table = io::stdout().is_terminal();
        let mut objects = Vec::new();
        let mut table = Table::new(list.header);
        let mut rows = 0;
        let mut failure = None;
        for item in take(&mut items, limit) {
            match item {
                Ok(item) if json => objects.push(json::raw(item.raw.get(), &self.reporter)),
                Ok(item) if is_table => table.push((list.cells)(&item.typed)),
                // Each row is written at once, for programs that read them as they arrive.
                Ok(item) => to_stdout(&tab_separated((list.row)(&item.typed)))?,
                Err(error) => {
                    failure = Some(CliError::from(error));
                    break;
                }
            }
            rows += 1;
        }
        if json && (failure.is_none() || rows > 0) {
            to_stdout(&json::array(&objects))?;
        }
        if !table.is_empty() {
            to_stdout(&table.aligned(self.color.is_enabled(true)))?;
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        if rows == 0 {
            self.reporter.note(&list.nothing);
        } else if limit == Limit::Rows(rows) && items.has_more() {
            self.reporter.note(&format!(
                "the first {rows}; there may be more: -L N or --all"
            ));
        }
        Ok(())
    }
}

/// Returns the cells of a tab-separated row.
pub(super) fn build_row(build: &Build) -> Cells {
    vec![
        Some(build.build_id.clone()),
        Some(build.status.to_string()),
        Some(build.commit_sha.clone()),
        Some(build.started_at.clone()),
        build.duration().map(format::duration),
        build.semantic_version().map(str::to_owned),
    ]
}

/// Returns the cells of a table, without the last one: the status, commit, age, duration and version.
pub(super) fn short_build_cells(build: &Build) -> Cells {
    vec![
        Some(fit(build.status.as_str(), 11)),
        Some(short_commit(&build.commit_sha)),
        age(build.started_time()),
        build.duration().map(|time| fit(&format::duration(time), 6)),
        build.semantic_version().map(|version| fit(version, 7)),
    ]
}

/// Asks for no more rows than will be shown: a version can be large. More than the service's default is not asked for,
/// because a cluster can have a maximum.
fn no_more_than<T>(pages: Pages<T>, limit: Limit) -> Pages<T> {
    match limit {
        Limit::Rows(rows @ ..50) => pages.page_size(rows as u32),
        _ => pages,
    }
}

/// Shortens a cell to `width` characters, so that a table with build IDs of 36 characters fits a line of 80 columns.
fn fit(cell: &str, width: usize) -> String {
    match cell.char_indices().nth(width) {
        Some(_) => cell.chars().take(width - 1).chain(['…']).collect(),
        None => cell.to_owned(),
    }
}

/// Shortens a commit SHA, as Git does.
fn short_commit(sha: &str) -> String {
    sha.chars().take(7).collect()
}

fn age(time: Option<SystemTime>) -> Option<String> {
    time.map(format::age_of)
}
