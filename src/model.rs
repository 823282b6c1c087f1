//! Builds and versions: plain data, as sent by the service.
//!
//! The structs have the members that this crate uses. They ignore all others, whatever their values.

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::time::parse_rfc3339;

/// A build of an algorithm, as listed by `GET /v1/algorithms/OWNER/NAME/builds`.
///
/// It leaves out the members that are seldom needed. [`Pages::of`](crate::Pages::of) lists builds as a type of your own.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// The ID of the build: a UUID or a hex string.
    pub build_id: String,
    /// The build's status.
    pub status: BuildStatus,
    /// The commit that was built. Several builds can share it.
    pub commit_sha: String,
    /// When the build started, in RFC 3339. [`started_time`](Build::started_time) parses it.
    pub started_at: String,
    /// When the build finished, in RFC 3339. It is `None` until then. [`finished_time`](Build::finished_time) parses it.
    pub finished_at: Option<String>,
    /// The version that the build was published as. It is `None` until then.
    pub version_info: Option<VersionInfo>,
}

impl Build {
    /// Returns `started_at` as a time, or `None` if it is not an RFC 3339 time in UTC since 1970.
    pub fn started_time(&self) -> Option<SystemTime> {
        parse_rfc3339(&self.started_at)
    }

    /// Returns `finished_at` as a time, or `None` if it is missing or not an RFC 3339 time in UTC since 1970.
    pub fn finished_time(&self) -> Option<SystemTime> {
        parse_rfc3339(self.finished_at.as_deref()?)
    }

    /// Returns how long the build took. It is `None` until the build has finished.
    pub fn duration(&self) -> Option<Duration> {
        let (started, finished) = (self.started_time()?, self.finished_time()?);
        finished.duration_since(started).ok()
    }

    /// Returns `version_info.semantic_version`, the version that the build was published as, if it was.
    pub fn semantic_version(&self) -> Option<&str> {
        self.version_info.as_ref()?.semantic_version.as_deref()
    }
}

/// The status of a build.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BuildStatus {
    /// `in-progress`: the build has not finished and has no log yet.
    InProgress,
    /// `succeeded`.
    Succeeded,
    /// `failed`: the build has a log but no version.
    Failed,
    /// Any other status, as the service sent it. The build counts as finished. Parse a string to get one.
    #[non_exhaustive]
    #[serde(untagged)]
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

impl FromStr for BuildStatus {
    type Err = Infallible;

    fn from_str(word: &str) -> Result<Self, Infallible> {
        Ok(match word {
            "in-progress" => Self::InProgress,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            _ => Self::Other(word.to_owned()),
        })
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
/// The service may leave out any member. The log of a version is not part of it:
/// [`Client::version_logs`](crate::Client::version_logs) reads it.
///
/// # Examples
///
/// ```
/// use algo_logs::Version;
///
/// let json = r#"{"version_info":{"git_hash":"8e36fbf5"},"compilation":{"successful":true}}"#;
/// let version: Version = serde_json::from_str(json)?;
/// assert_eq!(version.git_hash(), Some("8e36fbf5"));
/// assert_eq!(version.compilation_successful(), Some(true));
/// assert_eq!(version.build_id(), None);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Version {
    /// The names of the version: its commit and its number.
    pub version_info: Option<VersionInfo>,
    /// The settings of the version.
    pub settings: Option<Settings>,
    /// The result of building the version.
    pub compilation: Option<Compilation>,
    /// The build that made the version.
    pub build: Option<VersionBuild>,
}

/// `version_info` of a [`Version`] or a [`Build`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionInfo {
    /// The number of the version, such as `0.1.0`. It is `None` until the version has been published.
    pub semantic_version: Option<String>,
    /// The commit that the version was built from: 40 hex digits that identify the version.
    pub git_hash: Option<String>,
}

/// `settings` of a [`Version`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Settings {
    /// Who can call the version: `public` or `private`.
    pub algorithm_callability: Option<String>,
}

/// `compilation` of a [`Version`], without its output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Compilation {
    /// Whether the version was built successfully.
    pub successful: Option<bool>,
}

/// The build that made a [`Version`]. Unlike a [`Build`], it may lack any member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VersionBuild {
    /// The ID of the build.
    pub build_id: Option<String>,
    /// The build's status.
    pub status: Option<BuildStatus>,
    /// The commit that was built.
    pub commit_sha: Option<String>,
    /// When the build started, in RFC 3339.
    pub started_at: Option<String>,
    /// When the build finished, in RFC 3339. [`Version::built_time`] parses it.
    pub finished_at: Option<String>,
}

impl Version {
    /// Returns `version_info.git_hash`, the commit that the version was built from.
    pub fn git_hash(&self) -> Option<&str> {
        self.version_info.as_ref()?.git_hash.as_deref()
    }

    /// Returns `version_info.semantic_version`, such as `0.1.0`. It is `None` until the version has been published.
    pub fn semantic_version(&self) -> Option<&str> {
        self.version_info.as_ref()?.semantic_version.as_deref()
    }

    /// Returns `settings.algorithm_callability`: `public` or `private`.
    pub fn callability(&self) -> Option<&str> {
        self.settings.as_ref()?.algorithm_callability.as_deref()
    }

    /// Returns `compilation.successful`, whether the version was built successfully.
    pub fn compilation_successful(&self) -> Option<bool> {
        self.compilation.as_ref()?.successful
    }

    /// Returns `build.build_id`, the ID of the build that made the version.
    pub fn build_id(&self) -> Option<&str> {
        self.build.as_ref()?.build_id.as_deref()
    }

    /// Returns `build.status`, the status of the build that made the version.
    pub fn build_status(&self) -> Option<&BuildStatus> {
        self.build.as_ref()?.status.as_ref()
    }

    /// Returns `build.finished_at`, when the build that made the version finished, in RFC 3339.
    pub fn built_at(&self) -> Option<&str> {
        self.build.as_ref()?.finished_at.as_deref()
    }

    /// Returns `build.finished_at` as a time, or `None` if it is missing or not an RFC 3339 time in UTC since 1970.
    pub fn built_time(&self) -> Option<SystemTime> {
        parse_rfc3339(self.built_at()?)
    }
}

/// The envelope of a list.
#[derive(Deserialize)]
pub(crate) struct Page<T> {
    /// Where the next page begins. `None` on the last page.
    pub(crate) marker: Option<String>,
    pub(crate) results: Items<T>,
}

/// The items of a page or another list.
pub(crate) struct Items<T>(pub(crate) Vec<T>);

/// No real page has that many items. Without a limit, the smallest items would take a hundred times the memory of their
/// JSON.
const MAX_ITEMS: usize = 10_000;

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Items<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemsVisitor<T> {
            type Value = Items<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an array of at most {MAX_ITEMS} items")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Items<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    if items.len() == MAX_ITEMS {
                        return Err(de::Error::invalid_length(MAX_ITEMS + 1, &self));
                    }
                    items.push(item);
                }
                Ok(Items(items))
            }
        }

        deserializer.deserialize_seq(ItemsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str = r#"{"build_id":"b","commit_sha":"c","finished_at":null,"new":{"a":[1e400,"\ud800"]},"registry_status":"pushed","started_at":"2021-07-29T21:12:56.900Z","status":"canceled"}"#;

    fn build(json: &str) -> Build {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn statuses_are_parsed_and_displayed() {
        for word in ["in-progress", "succeeded", "failed", "canceled"] {
            let status: BuildStatus = word.parse().unwrap();
            assert_eq!(status.to_string(), word);
            let json = format!("\"{word}\"");
            assert_eq!(serde_json::from_str::<BuildStatus>(&json).unwrap(), status);
            assert_eq!(serde_json::to_string(&status).unwrap(), json);
            assert_eq!(status.is_finished(), word != "in-progress");
        }
    }

    #[test]
    fn times_of_a_build() {
        let finished_at = |text: &str| BUILD.replace("null", &format!("\"{text}\""));
        assert_eq!(build(BUILD).duration(), None);
        assert_eq!(build(&finished_at("soon")).duration(), None);
        // It finished before it started.
        assert_eq!(build(&finished_at("2021-07-29T21:12:56Z")).duration(), None);
        let finished = build(&finished_at("2021-07-29T21:13:00Z"));
        assert_eq!(finished.duration(), Some(Duration::from_millis(3100)));
        assert!(finished.started_time() < finished.finished_time());
    }

    #[test]
    fn members_of_a_version_can_be_missing_but_not_of_another_type() {
        for json in [
            "{}",
            r#"{"settings":null,"version_info":null,"build":null,"compilation":null}"#,
            r#"{"settings":{},"version_info":{"git_hash":null},"compilation":{"output":7}}"#,
        ] {
            let version: Version = serde_json::from_str(json).unwrap();
            assert_eq!((version.git_hash(), version.callability()), (None, None));
            assert_eq!((version.build_id(), version.built_at()), (None, None));
        }
        for json in [r#"{"settings":7}"#, r#"{"build":{"status":7}}"#] {
            assert!(serde_json::from_str::<Version>(json).is_err(), "{json}");
        }
        // A build that lacks members still has its ID and status.
        let json = r#"{"build":{"build_id":"b","status":"failed"}}"#;
        let version: Version = serde_json::from_str(json).unwrap();
        assert_eq!(version.build_id(), Some("b"));
        assert_eq!(version.build_status(), Some(&BuildStatus::Failed));
    }

    #[test]
    fn a_page_has_a_limited_number_of_items() {
        let page = |items: usize| {
            let items = vec!["{}"; items].join(",");
            serde_json::from_str::<Page<Version>>(&format!(r#"{{"results":[{items}]}}"#))
        };
        assert_eq!(page(MAX_ITEMS).unwrap().results.0.len(), MAX_ITEMS);
        assert!(page(MAX_ITEMS + 1).is_err());
    }
}
