//! What [`explain`](super::explain) returns.

use serde::{Deserialize, Serialize};

/// Why a build failed, as far as its log shows. Returned by [`explain`](super::explain).
///
/// A log does not reliably show whether the build failed at all. Check the status of the [`Build`](crate::Build) for
/// that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Explanation {
    /// The builder that wrote the log, or `None` if it is not a log of `docker build`.
    pub builder: Option<DockerBuilder>,
    /// The stage of the Dockerfile. Only BuildKit names it.
    pub stage: Option<String>,
    /// The number of the step, or of the step within its stage.
    pub step: Option<u32>,
    /// The number of steps, or of steps in the stage.
    pub steps: Option<u32>,
    /// The instruction in the Dockerfile, or the title of one of BuildKit's own operations, such as loading metadata.
    pub instruction: Option<String>,
    /// The exit code of the step's command.
    pub exit_code: Option<i64>,
    /// The line that reports the failure.
    pub error: Option<String>,
    /// Lines above `output` that were cut off but report an error: at most the first two and the last two of them.
    pub earlier: Vec<EarlierLine>,
    /// The last lines of the step's output. If the image was built, the lines after that, if there are any.
    pub output: Vec<String>,
    /// The number of lines in the step's output, including those not kept in `output`.
    pub output_lines: u64,
    /// The part of the Dockerfile that BuildKit shows with its error. Empty if it shows none or if there is output.
    pub excerpt: Vec<String>,
    /// Whether the log says that the image was built. If the build failed nevertheless, it failed after its last step.
    pub succeeded: bool,
    /// Whether the build failed before its first step: in an internal operation of BuildKit, or because the Dockerfile
    /// could not be parsed.
    pub before_first_step: bool,
    /// Whether the beginning of the build is missing from the log, so that only its end identifies the builder.
    pub beginning_missing: bool,
}

impl Explanation {
    /// Returns whether nothing was found: the log has only blank lines and messages about removed images.
    pub fn is_empty(&self) -> bool {
        self.instruction.is_none()
            && self.error.is_none()
            && self.output_lines == 0
            && !self.succeeded
    }
}

/// A line of a step's output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EarlierLine {
    /// The number of the line in the step's output, from 1.
    pub line: u64,
    /// The line.
    pub text: String,
}

/// A builder of Docker images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DockerBuilder {
    /// Docker's classic builder.
    Classic,
    /// BuildKit.
    BuildKit,
}
