//! `builds OWNER`: the newest build of each of an owner's algorithms.

use std::io::{self, IsTerminal};

use algo_logs::Build;

use super::Session;
use super::context::Context;
use super::item::Item;
use super::lists::{build_row, short_build_cells};
use crate::cli::{BuildFilter, BuildsArgs, Limit, Target};
use crate::error::CliError;
use crate::output::table::{fixed_row, tab_separated};
use crate::output::{json, to_stdout};

/// The columns of the table. Widths are fixed, because each row is shown as soon as it is known. The last column is
/// never cut.
const COLUMNS: [(&str, usize); 6] = [
    ("status", 11),
    ("commit", 7),
    ("age", 4),
    ("time", 6),
    ("version", 7),
    ("algorithm", 0),
];

impl Session<'_> {
    pub(super) fn list_newest_builds(
        &self,
        owner: &str,
        args: &BuildsArgs,
    ) -> Result<(), CliError> {
        let targets = vec![Target::Owner(owner.to_owned())];
        let (contexts, mut failures) = self.contexts(targets, 1)?;
        let mut rows = Rows::new(self, args);
        for context in contexts {
            if failures.last().is_some_and(CliError::is_fatal) {
                break;
            }
            match context.newest_listed_build() {
                Ok(build) => {
                    if rows.is_full() && rows.selects(build.as_ref()) {
                        let rows = rows.count;
                        self.reporter.note(&format!(
                            "the first {rows}; there may be more: -L N or --all"
                        ));
                        break;
                    }
                    rows.show(&context, build)?;
                }
                Err(error) => failures.push(error),
            }
        }
        rows.finish(failures.is_empty())?;
        // The worst failure decides the exit code.
        failures.sort_by_key(|failure| failure.exit.severity());
        let worst = failures.pop();
        for failure in &failures {
            self.reporter.error(failure, false);
        }
        worst.map_or(Ok(()), Err)
    }
}

impl Context {
    /// Returns the newest build on the first page of the list.
    fn newest_listed_build(&self) -> Result<Option<Item<Build>>, CliError> {
        let page = self.build_items(&BuildFilter::default()).next_page();
        let builds = page.transpose()?.unwrap_or_default();
        // Of builds that started at the same time, the first is the newest.
        let builds = builds.into_iter().rev();
        Ok(builds.max_by_key(|build| build.typed.started_time()))
    }
}

/// Shows the rows as they become known.
struct Rows<'a> {
    session: &'a Session<'a>,
    args: &'a BuildsArgs,
    is_table: bool,
    count: usize,
    objects: Vec<String>,
}

impl<'a> Rows<'a> {
    fn new(session: &'a Session<'a>, args: &'a BuildsArgs) -> Self {
        Self {
            session,
            args,
            is_table: !args.json && io::stdout().is_terminal(),
            count: 0,
            objects: Vec::new(),
        }
    }

    fn is_full(&self) -> bool {
        self.args.limit == Limit::Rows(self.count)
    }

    /// Returns whether the filters select an algorithm with this newest build.
    fn selects(&self, build: Option<&Item<Build>>) -> bool {
        let filter = &self.args.filter;
        match build {
            Some(build) => filter.matches(&build.typed),
            None => *filter == BuildFilter::default(),
        }
    }

    fn show(&mut self, context: &Context, build: Option<Item<Build>>) -> Result<(), CliError> {
        if !self.selects(build.as_ref()) {
            return Ok(());
        }
        self.count += 1;
        let algorithm = context.algorithm.to_string();
        if self.args.json {
            let build = match &build {
                Some(build) => json::raw(build.raw.get(), &context.reporter),
                None => "null".to_owned(),
            };
            let object = format!("{{\"algorithm\":\"{algorithm}\",\"build\":{build}}}");
            self.objects.push(object);
            return Ok(());
        }
        let cells = if self.is_table {
            short_build_cells
        } else {
            build_row
        };
        let missing = if self.is_table { 5 } else { 6 };
        let mut cells = build.map_or(vec![None; missing], |build| cells(&build.typed));
        cells.push(Some(algorithm));
        if !self.is_table {
            return to_stdout(&tab_separated(cells));
        }
        let widths = COLUMNS.map(|(_, width)| width);
        let mut text = String::new();
        if self.count == 1 {
            let header = COLUMNS.map(|(name, _)| Some(name.to_ascii_uppercase()));
            text = fixed_row(header.into(), &widths, false);
        }
        text += &fixed_row(cells, &widths, self.session.color.is_enabled(true));
        to_stdout(&text)
    }

    /// Ends the output. `is_complete` means that every algorithm could be read.
    fn finish(self, is_complete: bool) -> Result<(), CliError> {
        if self.args.json && (is_complete || self.count > 0) {
            to_stdout(&json::array(&self.objects))?;
        }
        if self.count == 0 && is_complete {
            self.session.reporter.note("no matching builds");
        }
        Ok(())
    }
}
