//! `builds` and `versions`: a table on a terminal, tab-separated rows elsewhere, or JSON.

use std::io::{self, IsTerminal};
use std::time::SystemTime;

use algo_logs::{Build, Pages, Version};
use serde::de::DeserializeOwned;

use super::context::{Context, no_more_than};
use super::item::Item;
use crate::cli::{BuildFilter, BuildsArgs, VersionsArgs};
use crate::config::ColorChoice;
use crate::error::CliError;
use crate::output::table::{Cells, Column, Table, WHOLE, tab_separated};
use crate::output::{Reporter, format, json, to_stdout};

/// How a list is shown.
struct List<T> {
    /// The cells of a tab-separated row.
    row: fn(&T) -> Cells,
    /// The columns of the table. Together they fit a line of 80 characters.
    columns: &'static [Column],
    /// The cells of the table.
    cells: fn(&T) -> Cells,
    /// The note for an empty list.
    nothing: String,
}

impl Context {
    pub(crate) fn list_builds(&self, args: &BuildsArgs) -> Result<(), CliError> {
        let builds = self.build_items(&args.filter, args.limit);
        let list = List {
            row: build_row,
            columns: const { &build_columns("build id") },
            cells: |build| build_cells(build, build.build_id.clone()),
            nothing: self.nothing("build", args.filter != BuildFilter::default()),
        };
        self.show(&list, builds, args.limit, args.json)
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
            columns: &[
                ("version", 18),
                ("commit", 7),
                ("age", 4),
                ("callable", 8),
                ("build id", WHOLE),
            ],
            cells: |version| {
                vec![
                    version.semantic_version().map(str::to_owned),
                    version.git_hash().map(str::to_owned),
                    age(version.built_time()),
                    version.callability().map(str::to_owned),
                    version.build_id().map(str::to_owned),
                ]
            },
            nothing: self.nothing("version", args.published.or(args.callable).is_some()),
        };
        let versions = no_more_than(versions.of(), args.limit);
        self.show(&list, versions, args.limit, args.json)
    }

    /// Shows the items of a list. If the list fails partway, shows what came before and returns the error.
    fn show<T: DeserializeOwned>(
        &self,
        list: &List<T>,
        mut items: Pages<Item<T>>,
        limit: usize,
        json: bool,
    ) -> Result<(), CliError> {
        let mut rows = Rows::new(list.columns, json, &self.reporter, self.color);
        let mut result = Ok(());
        for item in items.by_ref().take(limit) {
            match item {
                Ok(Item { typed, raw }) => {
                    rows.push(raw.get(), (list.row)(&typed), (list.cells)(&typed))?;
                }
                Err(error) => {
                    result = Err(self.general_hint(error.into()));
                    break;
                }
            }
        }
        rows.finish(&result)?;
        if result.is_ok() && rows.count == 0 {
            self.reporter.note(&list.nothing);
        } else if limit == rows.count && items.has_more() {
            rows.note_more();
        }
        result
    }
}

/// Shows rows: as JSON, as a table on a terminal, or tab-separated.
pub(super) struct Rows<'a> {
    reporter: &'a Reporter,
    json: bool,
    is_table: bool,
    color: bool,
    /// Whether each row of the table is shown at once, in columns of fixed width.
    pub(super) fixed: bool,
    table: Table,
    objects: Vec<String>,
    pub(super) count: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        columns: &'static [Column],
        json: bool,
        reporter: &'a Reporter,
        color: ColorChoice,
    ) -> Self {
        Self {
            reporter,
            json,
            is_table: io::stdout().is_terminal(),
            color: color.is_enabled(true),
            fixed: false,
            table: Table::new(columns),
            objects: Vec::new(),
            count: 0,
        }
    }

    /// Adds a row, given in each form.
    pub(super) fn push(&mut self, json: &str, row: Cells, cells: Cells) -> Result<(), CliError> {
        self.count += 1;
        if self.json {
            self.objects.push(json::raw(json, self.reporter));
            Ok(())
        } else if self.is_table {
            self.table.push(cells, self.reporter);
            if self.fixed {
                return to_stdout(&self.table.take(true, self.color));
            }
            Ok(())
        } else {
            // Each row is written at once, for programs that read them as they arrive.
            to_stdout(&tab_separated(row, self.reporter))
        }
    }

    /// Shows the remaining rows. If the list failed before its first row, stdout stays empty.
    pub(super) fn finish<E>(&mut self, result: &Result<(), E>) -> Result<(), CliError> {
        if self.json && (result.is_ok() || self.count > 0) {
            to_stdout(&json::array(&self.objects))?;
        }
        to_stdout(&self.table.take(self.fixed, self.color))
    }

    pub(super) fn note_more(&self) {
        let rows = self.count;
        let note = format!("the first {rows}; there may be more: -L N or --all");
        self.reporter.note(&note);
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

/// Returns the columns of a table of builds, whose last one is called `name`.
pub(super) const fn build_columns(name: &'static str) -> [Column; 6] {
    [
        ("status", 11),
        ("commit", 7),
        ("age", 4),
        ("time", 6),
        ("version", 7),
        (name, WHOLE),
    ]
}

/// Returns the cells of a table: the status, commit, age, duration and version, and the name of the row.
pub(super) fn build_cells(build: &Build, name: String) -> Cells {
    vec![
        Some(build.status.to_string()),
        Some(build.commit_sha.clone()),
        age(build.started_time()),
        build.duration().map(format::duration),
        build.semantic_version().map(str::to_owned),
        Some(name),
    ]
}

fn age(time: Option<SystemTime>) -> Option<String> {
    time.map(format::age_of)
}
