//! `builds OWNER`: the newest build of each of an owner's algorithms.

use algo_logs::Build;

use super::Session;
use super::context::Context;
use super::item::Item;
use super::lists::{Rows, build_cells, build_columns, build_row};
use crate::cli::{BuildFilter, BuildsArgs, Target};
use crate::error::CliError;

impl Session<'_> {
    pub(super) fn list_newest_builds(
        &self,
        owner: &str,
        args: &BuildsArgs,
    ) -> Result<(), CliError> {
        let targets = vec![Target::Owner(owner.to_owned())];
        let (contexts, mut failures) = self.contexts(targets, 1)?;
        let mut rows = Rows::new(
            const { &build_columns("algorithm") },
            args.json,
            &self.reporter,
            self.color,
        );
        rows.fixed = true;
        for context in contexts {
            if args.limit == rows.count {
                rows.note_more();
                break;
            }
            match context.newest_listed_build() {
                Ok(Some(build)) if !args.filter.matches(&build.typed) => {}
                Ok(None) if args.filter != BuildFilter::default() => {}
                Ok(build) => context.show_newest(&mut rows, build.as_ref())?,
                Err(error) => failures.push(error),
            }
        }
        // The worst failure decides the exit code.
        failures.sort_by_key(|failure| failure.exit().severity());
        let result = failures.pop().map_or(Ok(()), Err);
        rows.finish(&result)?;
        if result.is_ok() && rows.count == 0 {
            let note = format!("no newest build of {owner}'s algorithms matches");
            self.reporter.note(&note);
        }
        for failure in &failures {
            self.reporter.error(failure, false);
        }
        result
    }
}

impl Context {
    /// Returns the newest build on the first page of the list.
    fn newest_listed_build(&self) -> Result<Option<Item<Build>>, CliError> {
        let page = self
            .build_items(&BuildFilter::default(), usize::MAX)
            .next_page();
        let builds = page.transpose()?.unwrap_or_default();
        // Of builds that started at the same time, the first is the newest.
        let builds = builds.into_iter().rev();
        Ok(builds.max_by_key(|build| build.typed.started_time()))
    }

    fn show_newest(
        &self,
        rows: &mut Rows<'_>,
        build: Option<&Item<Build>>,
    ) -> Result<(), CliError> {
        let name = self.algorithm.to_string();
        let raw = build.map_or("null", |build| build.raw.get());
        let json = format!("{{\"algorithm\":\"{name}\",\"build\":{raw}}}");
        let (mut row, cells) = match build {
            Some(build) => (
                build_row(&build.typed),
                build_cells(&build.typed, name.clone()),
            ),
            None => (
                vec![None; 6],
                [vec![None; 5], vec![Some(name.clone())]].concat(),
            ),
        };
        row.push(Some(name));
        rows.push(&json, row, cells)
    }
}
