//! `builds` and `versions`: a table on a terminal, tab-separated rows elsewhere, or JSON.

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use algo_logs::{Build, Error, Version};
use serde::Serialize;

use super::Session;
use super::context::{Context, take};
use crate::cli::{BuildsArgs, VersionsArgs};
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

/// An item of a list, formatted.
enum Item {
    Json(String),
    TableRow(Cells),
    Line(String),
}

impl Session<'_> {
    /// Lists the newest build of each of an owner's algorithms.
    pub(super) fn list_newest_builds(&self, owner: &str, _: &BuildsArgs) -> Result<(), CliError> {
        Err(CliError::usage(format!("'{owner}' is not OWNER/NAME")))
    }
}

impl Context {
    pub(crate) fn list_builds(&self, args: &BuildsArgs) -> Result<(), CliError> {
        let list = List {
            row: |build: &Build| {
                vec![
                    Some(build.build_id.clone()),
                    Some(build.status.to_string()),
                    Some(build.commit_sha.clone()),
                    Some(build.started_at.clone()),
                    build.duration().map(format::duration),
                    build.semantic_version().map(str::to_owned),
                ]
            },
            header: &["status", "commit", "age", "time", "version", "build id"],
            cells: |build: &Build| {
                vec![
                    Some(fit(build.status.as_str(), 11)),
                    Some(short_commit(&build.commit_sha)),
                    age(build.started()),
                    build.duration().map(|time| fit(&format::duration(time), 6)),
                    build.semantic_version().map(|version| fit(version, 7)),
                    Some(build.build_id.clone()),
                ]
            },
            nothing: self.no_build(&args.filter),
        };
        self.show(
            &list,
            take(self.builds(&args.filter), args.limit),
            args.json,
        )
        .map_err(|error| self.with_hint(error, None, None))
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
                    age(version.built()),
                    version.callability().map(|callability| fit(callability, 8)),
                    version.build_id().map(str::to_owned),
                ]
            },
            nothing: self.nothing(
                "version",
                args.published.is_some() || args.callable.is_some(),
            ),
        };
        self.show(&list, take(versions, args.limit), args.json)
            .map_err(|error| self.with_hint(error, None, None))
    }

    /// Shows the items of a list.
    fn show<T: Serialize>(
        &self,
        list: &List<T>,
        items: impl Iterator<Item = Result<T, Error>>,
        json: bool,
    ) -> Result<(), CliError> {
        let is_table = io::stdout().is_terminal();
        let mut items = items.map(|item| {
            let item = item?;
            Ok(match json {
                true => Item::Json(json::item(&item)?),
                false if is_table => Item::TableRow((list.cells)(&item)),
                false => Item::Line(tab_separated((list.row)(&item))),
            })
        });
        self.show_formatted(list.header, &mut items, json, &list.nothing)
    }

    /// Shows formatted items. If the list fails partway, shows what came before and returns the error.
    ///
    /// `items` is dynamic so that this is compiled once, not for each type of item.
    fn show_formatted(
        &self,
        header: &'static [&'static str],
        items: &mut dyn Iterator<Item = Result<Item, CliError>>,
        json: bool,
        nothing: &str,
    ) -> Result<(), CliError> {
        let mut objects = Vec::new();
        let mut table = Table::new(header);
        let mut is_empty = true;
        let mut failure = None;
        for item in items {
            match item {
                Ok(Item::Json(object)) => objects.push(object),
                Ok(Item::TableRow(cells)) => table.push(cells),
                // Each row is written at once, for programs that read them as they arrive.
                Ok(Item::Line(line)) => to_stdout(&line)?,
                Err(error) => failure = Some(error),
            }
            is_empty = false;
        }
        if is_empty {
            self.reporter.note(nothing);
        }
        if json && (is_empty || !objects.is_empty()) {
            to_stdout(&json::array(&objects))?;
        }
        if !table.is_empty() {
            to_stdout(&table.aligned(self.color.is_enabled(true)))?;
        }
        failure.map_or(Ok(()), Err)
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
    // The age is 0 if this clock is behind the cluster's.
    let age = SystemTime::now().duration_since(time?).unwrap_or_default();
    Some(format::age(age))
}
