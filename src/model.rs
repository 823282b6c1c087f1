//! Builds and versions: plain data, as sent by the service.
//!
//! Required members are fields. All other members stay in a map. Serializing an object therefore loses none of them,
//! and an unexpected type in one of them does not make a whole list unreadable. Methods return the most useful of them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::time::parse_rfc3339;

/// A build of an algorithm, as listed by `GET /v1/algorithms/OWNER/NAME/builds`.
///
/// # Examples
///
/// ```
/// use algo_logs::{Build, BuildStatus};
///
/// let json = r#"{"build_id":"d01d403d","status":"succeeded","commit_sha":"8e36fbf5",
///     "started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z"}"#;
/// let build: Build = serde_json::from_str(json)?;
/// assert_eq!(build.build_id, "d01d403d");
/// assert_eq!(build.status, BuildStatus::Succeeded);
/// assert_eq!(build.duration().unwrap().as_millis(), 47_809);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// The ID of the build: a UUID or a hex string.
    pub build_id: String,
    /// Whether the build has finished, and how.
    pub status: BuildStatus,
    /// The commit that was built. Several builds can share it.
    pub commit_sha: String,
    /// When the build started, in RFC 3339. [`started`](Build::started) parses it.
    pub started_at: String,
    /// All other members, such as `finished_at`, `version_info` and `registry_status`.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Build {
    /// Returns when the build started, or `None` if `started_at` is not an RFC 3339 time since 1970.
    pub fn started(&self) -> Option<SystemTime> {
        parse_rfc3339(&self.started_at)
    }

    /// Returns `finished_at`, when the build finished, in RFC 3339. It is `None` until then.
    pub fn finished_at(&self) -> Option<&str> {
        self.other.get("finished_at")?.as_str()
    }

    /// Returns when the build finished. It is `None` until then.
    pub fn finished(&self) -> Option<SystemTime> {
        parse_rfc3339(self.finished_at()?)
    }

    /// Returns how long the build took. It is `None` until the build has finished.
    pub fn duration(&self) -> Option<Duration> {
        self.finished()?.duration_since(self.started()?).ok()
    }

    /// Returns `version_info.semantic_version`, the version that the build was published as, if it was.
    pub fn semantic_version(&self) -> Option<&str> {
        text(&self.other, "version_info", "semantic_version")
    }
}

/// The status of a build.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum BuildStatus {
    /// `in-progress`: the build has not finished and has no log yet.
    InProgress,
    /// `succeeded`.
    Succeeded,
    /// `failed`: the build has a log but no version.
    Failed,
    /// Any other status, as the service sent it. The build counts as finished.
    Other(String),
}

impl BuildStatus {
    /// Returns the status as the service spells it, such as `in-progress`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InProgress => "in-progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Returns whether the build has finished: true for every status but `in-progress`.
    pub fn is_finished(&self) -> bool {
        *self != Self::InProgress
    }
}

impl From<String> for BuildStatus {
    fn from(word: String) -> Self {
        match word.as_str() {
            "in-progress" => Self::InProgress,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            _ => Self::Other(word),
        }
    }
}

impl From<BuildStatus> for String {
    fn from(status: BuildStatus) -> Self {
        status.as_str().to_owned()
    }
}

impl FromStr for BuildStatus {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(Self::from(word.to_owned()))
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A version of an algorithm, as listed by `GET /v1/algorithms/OWNER/NAME/versions`: a build that succeeded, published
/// or not.
///
/// The service may leave out any member, so all of them are in a map. `Debug` does not show the log.
///
/// # Examples
///
/// ```
/// use algo_logs::Version;
///
/// let json = r#"{"version_info":{"git_hash":"8e36fbf5"},"compilation":{"successful":true}}"#;
/// let version: Version = serde_json::from_str(json)?;
/// assert_eq!(version.git_hash(), Some("8e36fbf5"));
/// assert_eq!(version.build_id(), None);
/// assert_eq!(version.members["compilation"]["successful"], true);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// All members.
    #[serde(flatten)]
    pub members: Map<String, Value>,
}

impl Version {
    /// Returns `version_info.git_hash`, the commit that the version was built from: 40 hex digits that identify the
    /// version.
    pub fn git_hash(&self) -> Option<&str> {
        text(&self.members, "version_info", "git_hash")
    }

    /// Returns `version_info.semantic_version`, such as `0.1.0`. It is `None` until the version has been published.
    pub fn semantic_version(&self) -> Option<&str> {
        text(&self.members, "version_info", "semantic_version")
    }

    /// Returns `settings.algorithm_callability`: `public` or `private`.
    pub fn callability(&self) -> Option<&str> {
        text(&self.members, "settings", "algorithm_callability")
    }

    /// Returns `build.build_id`, the ID of the build that made the version.
    pub fn build_id(&self) -> Option<&str> {
        text(&self.members, "build", "build_id")
    }

    /// Returns `build.status`, the status of the build that made the version.
    pub fn build_status(&self) -> Option<BuildStatus> {
        let status = text(&self.members, "build", "status")?;
        Some(status.to_owned().into())
    }

    /// Returns `build.finished_at`, when the build that made the version finished, in RFC 3339.
    pub fn built_at(&self) -> Option<&str> {
        text(&self.members, "build", "finished_at")
    }

    /// Returns when the build that made the version finished.
    pub fn built(&self) -> Option<SystemTime> {
        parse_rfc3339(self.built_at()?)
    }

    /// Returns the build that made the version, or `None` if it lacks a required member.
    pub fn build(&self) -> Option<Build> {
        Build::deserialize(self.members.get("build")?).ok()
    }

    /// Returns `compilation.successful`, whether the version was built successfully.
    pub fn compilation_successful(&self) -> Option<bool> {
        self.members
            .get("compilation")?
            .get("successful")?
            .as_bool()
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.members.clone();
        if let Some(output) = members
            .get_mut("compilation")
            .and_then(|c| c.get_mut("output"))
        {
            *output = Value::from("…");
        }
        f.debug_struct("Version")
            .field("members", &members)
            .finish()
    }
}

/// Returns the string `members[object][member]`.
fn text<'a>(members: &'a Map<String, Value>, object: &str, member: &str) -> Option<&'a str> {
    members.get(object)?.get(member)?.as_str()
}

/// The envelope of a list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    /// Where the next page begins. `None` on the last page.
    pub(crate) marker: Option<String>,
    pub(crate) results: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = r#"{"build_id":"b","commit_sha":"c","finished_at":null,"new":{"a":[1]},"registry_status":"pushed","started_at":"2021-07-29T21:12:56.900Z","status":"canceled"}"#;

    fn build(json: &str) -> Build {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_member_survives_a_round_trip() {
        let value = |json| serde_json::from_str::<Value>(json).unwrap();
        let written = serde_json::to_string(&build(BUILD)).unwrap();
        assert_eq!(value(&written), value(BUILD));
        let json = r#"{"build":null,"details":{"summary":null},"version_info":7}"#;
        let version: Version = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&version).unwrap(), json);
    }

    #[test]
    fn formats_other_than_json_work() {
        // A `Value` stands for any self-describing format: it has no JSON text.
        let value = serde_json::to_value(build(BUILD)).unwrap();
        assert_eq!(Build::deserialize(&value).unwrap(), build(BUILD));
    }

    #[test]
    fn statuses_are_parsed_and_displayed() {
        assert_eq!(
            build(BUILD).status,
            BuildStatus::Other("canceled".to_owned())
        );
        for word in ["in-progress", "succeeded", "failed", "canceled"] {
            let status: BuildStatus = word.parse().unwrap();
            assert_eq!(status.to_string(), word);
            assert_eq!(status.is_finished(), word != "in-progress");
        }
    }

    #[test]
    fn a_build_without_a_required_member_is_rejected() {
        for member in ["build_id", "status", "commit_sha", "started_at"] {
            let json = BUILD.replace(member, "other");
            assert!(serde_json::from_str::<Build>(&json).is_err(), "{member}");
        }
    }

    #[test]
    fn times_of_a_build() {
        let finished_at = |text: &str| BUILD.replace("null", &format!("\"{text}\""));
        assert_eq!(build(BUILD).duration(), None);
        assert_eq!(build(&finished_at("soon")).duration(), None);
        // It finished before it started.
        assert_eq!(build(&finished_at("2021-07-29T21:12:56Z")).duration(), None);
        let finished = build(&finished_at("2021-07-29T23:13:00+02:00"));
        assert_eq!(finished.duration(), Some(Duration::from_millis(3100)));
        assert!(finished.started() < finished.finished());
    }

    #[test]
    fn members_of_a_version_can_be_missing_or_of_any_type() {
        for json in [
            "{}",
            r#"{"settings":null,"version_info":null,"build":null,"compilation":null}"#,
            r#"{"settings":{},"version_info":[],"build":"b","compilation":{"successful":"yes"}}"#,
        ] {
            let version: Version = serde_json::from_str(json).unwrap();
            assert_eq!(version.git_hash(), None);
            assert_eq!(version.semantic_version(), None);
            assert_eq!(version.callability(), None);
            assert_eq!((version.build_id(), version.build()), (None, None));
            assert_eq!(version.build_status(), None);
            assert_eq!((version.built_at(), version.built()), (None, None));
            assert_eq!(version.compilation_successful(), None);
        }
        // A build that lacks a required member still has its ID and status.
        let json = r#"{"build":{"build_id":"b","status":"failed"}}"#;
        let version: Version = serde_json::from_str(json).unwrap();
        assert_eq!((version.build_id(), version.build()), (Some("b"), None));
        assert_eq!(version.build_status(), Some(BuildStatus::Failed));
    }

    #[test]
    fn debug_of_a_version_does_not_show_its_log() {
        let json = r#"{"compilation":{"output":"SECRET","successful":true}}"#;
        let version: Version = serde_json::from_str(json).unwrap();
        let shown = format!("{version:?}");
        assert!(
            shown.contains("successful") && !shown.contains("SECRET"),
            "{shown}"
        );
    }

    #[test]
    fn the_last_page_has_no_marker() {
        for json in [r#"{"results":[]}"#, r#"{"results":[],"marker":null}"#] {
            let page: Page<Build> = serde_json::from_str(json).unwrap();
            assert_eq!(page.marker, None);
        }
    }
}
