//! `builds` and `versions`: as tables for people, as tabs and as JSON for programs.

use std::io::{self, IsTerminal};

use algo_logs::Build;

use crate::cli::{BuildFilter, Limit};
use crate::commands::context::{Context, first};
use crate::error::CliError;
use crate::output::table::Table;
use crate::output::to_stdout;
use crate::output::{format, json};

impl Context {
    pub(crate) fn builds(
        &self,
        filter: &BuildFilter,
        limit: Limit,
        json: bool,
    ) -> Result<(), CliError> {
        let builds = self.matching_builds(filter, limit)?;
        if builds.is_empty() {
            self.notes.say(&self.no_build(filter));
        }
        if json {
            return to_stdout(&json::array(&builds)?);
        }
        if builds.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            "build id", "status", "commit", "started", "duration", "version",
        ]);
        for build in &builds {
            table.push([
                Some(build.build_id.to_owned()),
                Some(build.status.to_string()),
                Some(build.commit_sha.to_owned()),
                Some(build.started_at.to_owned()),
                duration(build),
                build.semantic_version().map(str::to_owned),
            ]);
        }
        self.show(&table, Some(1))
    }

    pub(crate) fn versions(
        &self,
        published: Option<bool>,
        callable: Option<bool>,
        limit: Limit,
        json: bool,
    ) -> Result<(), CliError> {
        let mut versions = self.client().versions(&self.algorithm);
        if let Some(published) = published {
            versions = versions.published(published);
        }
        if let Some(callable) = callable {
            versions = versions.callable(callable);
        }
        let versions = first(versions, limit)?;
        if versions.is_empty() {
            let filtered = published.is_some() || callable.is_some();
            self.notes.say(&self.none("version", filtered));
        }
        if json {
            return to_stdout(&json::array(&versions)?);
        }
        if versions.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["version", "git hash", "build id", "built", "callability"]);
        for version in &versions {
            let cells = [
                version.semantic_version(),
                version.git_hash(),
                version.build_id(),
                version.built_at(),
                version.callability(),
            ];
            table.push(cells.map(|cell| cell.map(str::to_owned)));
        }
        self.show(&table, None)
    }

    fn show<const N: usize>(
        &self,
        table: &Table<N>,
        status_column: Option<usize>,
    ) -> Result<(), CliError> {
        if io::stdout().is_terminal() {
            to_stdout(&table.aligned(self.colours, status_column))
        } else {
            to_stdout(&table.tabbed())
        }
    }
}

fn duration(build: &Build) -> Option<String> {
    Some(format::duration(build.duration()?))
}
