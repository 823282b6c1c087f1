//! `why`: explains why a build failed.

use super::context::Context;
use crate::cli::{WhyArgs, WhySource};
use crate::error::CliError;

impl Context {
    /// Always fails: the library cannot explain a log yet.
    pub(crate) fn why(&self, args: &WhyArgs) -> Result<(), CliError> {
        let build = match &args.source {
            WhySource::NewestFailed { commit: None } => "the newest failed build".to_owned(),
            WhySource::NewestFailed {
                commit: Some(commit),
            } => format!("the newest failed build of commit {commit}"),
            WhySource::Build(id) => format!("build {id}"),
        };
        Err(CliError::usage(format!(
            "cannot explain {build} of {} (in {} lines, JSON: {}): 'why' is not implemented",
            self.algorithm, args.lines, args.json
        )))
    }
}
