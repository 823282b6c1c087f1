//! What the service lists: builds and versions, as it sent them.
//!
//! Each keeps the JSON text that it was read from, so that members that this crate does not know are not lost, and
//! numbers and the order of members stay as they were. The accessors are for what the documentation names.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A build of an algorithm, as listed by `GET /v1/algorithms/OWNER/NAME/builds`.
///
/// Serializing it gives the object that the service sent, with every member.
///
/// # Examples
///
/// ```
/// use algo_logs::{Build, BuildStatus};
///
/// let json = r#"{"build_id":"d01d403d","status":"succeeded","commit_sha":"8e36fbf5",
///     "started_at":"2021-07-29T21:12:56.442Z","finished_at":null,"new":1}"#;
/// let build: Build = serde_json::from_str(json)?;
/// assert_eq!(build.build_id(), "d01d403d");
/// assert_eq!(build.status(), &BuildStatus::Succeeded);
/// assert_eq!(build.finished_at(), None);
/// assert_eq!(serde_json::to_string(&build)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Build {
    members: BuildMembers,
    status: BuildStatus,
    raw: Box<RawValue>,
}

#[derive(Clone, serde::Deserialize)]
struct BuildMembers {
    build_id: String,
    status: String,
    commit_sha: String,
    started_at: String,
    finished_at: Option<String>,
    resource_type: Option<String>,
    version_info: Option<BuildVersionInfo>,
    registry_status: Option<RegistryStatus>,
}

#[derive(Clone, serde::Deserialize)]
struct BuildVersionInfo {
    semantic_version: Option<String>,
}

/// How far the image of a build has come in the registry.
///
/// # Examples
///
/// ```
/// let json = r#"{"build_id":"b","status":"succeeded","commit_sha":"c","started_at":"t",
///     "registry_status":{"status":"pushed"}}"#;
/// let build: algo_logs::Build = serde_json::from_str(json)?;
/// assert_eq!(build.registry_status().unwrap().status.as_deref(), Some("pushed"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct RegistryStatus {
    /// The state, in the registry's words.
    pub status: Option<String>,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// What the registry says of it.
    pub status_message: Option<String>,
    /// Which registry.
    pub registry_id: Option<String>,
}

/// Whether a build has finished, and how.
///
/// # Examples
///
/// ```
/// use algo_logs::BuildStatus;
///
/// assert_eq!(BuildStatus::from("failed"), BuildStatus::Failed);
/// assert_eq!(BuildStatus::from("canceled").as_str(), "canceled");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BuildStatus {
    /// `in-progress`: it has no log yet.
    InProgress,
    /// `succeeded`.
    Succeeded,
    /// `failed`: it has a log, but there is no version of it.
    Failed,
    /// Any other word, as it came. It is taken for finished.
    Other(String),
}

impl BuildStatus {
    /// The service's word for it.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(algo_logs::BuildStatus::InProgress.as_str(), "in-progress");
    /// ```
    pub fn as_str(&self) -> &str {
        match self {
            Self::InProgress => "in-progress",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Other(word) => word,
        }
    }

    /// Whether the build has ended, well or not: everything but `in-progress`.
    ///
    /// # Examples
    ///
    /// ```
    /// use algo_logs::BuildStatus;
    ///
    /// assert!(BuildStatus::Failed.is_finished());
    /// assert!(!BuildStatus::InProgress.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        *self != Self::InProgress
    }
}

impl From<&str> for BuildStatus {
    fn from(word: &str) -> Self {
        match word {
            "in-progress" => Self::InProgress,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for BuildStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Build {
    /// What the build is called: a UUID or a hex string.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.build_id(), "b1");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn build_id(&self) -> &str {
        &self.members.build_id
    }

    /// Whether the build has finished, and how.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::{Build, BuildStatus};
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"c","started_at":"t"}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.status(), &BuildStatus::Failed);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn status(&self) -> &BuildStatus {
        &self.status
    }

    /// The commit that was built: several builds can share it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.commit_sha(), "8e36fbf5");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn commit_sha(&self) -> &str {
        &self.members.commit_sha
    }

    /// When the build began: RFC 3339, in UTC, to the millisecond.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.started_at(), "2021-07-29T21:12:56.442Z");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn started_at(&self) -> &str {
        &self.members.started_at
    }

    /// When the build ended, in the same form; `None` until it has.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.finished_at(), Some("2021-07-29T21:13:44.251Z"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn finished_at(&self) -> Option<&str> {
        self.members.finished_at.as_deref()
    }

    /// The version that the build was published as; `None` until it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.semantic_version(), Some("0.1.0"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn semantic_version(&self) -> Option<&str> {
        self.members
            .version_info
            .as_ref()?
            .semantic_version
            .as_deref()
    }

    /// What the service says that this object is: `algorithm_build`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert_eq!(build.resource_type(), Some("algorithm_build"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn resource_type(&self) -> Option<&str> {
        self.members.resource_type.as_deref()
    }

    /// How far the image has come in the registry, where the cluster says so.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Build;
    /// # let json = r#"{"build_id":"b1","status":"failed","commit_sha":"8e36fbf5","started_at":"2021-07-29T21:12:56.442Z","finished_at":"2021-07-29T21:13:44.251Z","resource_type":"algorithm_build","version_info":{"semantic_version":"0.1.0"}}"#;
    /// # let build: Build = serde_json::from_str(json)?;
    /// assert!(build.registry_status().is_none());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn registry_status(&self) -> Option<&RegistryStatus> {
        self.members.registry_status.as_ref()
    }
}

impl<'de> Deserialize<'de> for Build {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let members: BuildMembers = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        Ok(Self {
            status: BuildStatus::from(members.status.as_str()),
            members,
            raw,
        })
    }
}

impl Serialize for Build {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl fmt::Debug for Build {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Build").field(&self.raw.get()).finish()
    }
}

/// A version of an algorithm: a successful build, published or not, as listed by
/// `GET /v1/algorithms/OWNER/NAME/versions`.
///
/// The service may leave out every member, so that each accessor may be `None`. Serializing a `Version` gives the
/// object that the service sent, with every member.
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
/// assert_eq!(serde_json::to_string(&version)?, json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct Version {
    members: VersionMembers,
    build: Option<Build>,
    raw: Box<RawValue>,
}

#[derive(Clone, serde::Deserialize)]
struct VersionMembers {
    id: Option<String>,
    name: Option<String>,
    settings: Option<VersionSettings>,
    version_info: Option<VersionInfo>,
    build: Option<VersionBuild>,
    compilation: Option<Compilation>,
}

#[derive(Clone, serde::Deserialize)]
struct VersionSettings {
    algorithm_callability: Option<String>,
}

#[derive(Clone, serde::Deserialize)]
struct VersionInfo {
    semantic_version: Option<String>,
    git_hash: Option<String>,
}

#[derive(Clone, serde::Deserialize)]
struct VersionBuild {
    build_id: Option<String>,
    finished_at: Option<String>,
}

/// The output is not read here: it is the log, which [`Logs`](crate::Logs) streams.
#[derive(Clone, serde::Deserialize)]
struct Compilation {
    successful: Option<bool>,
}

#[derive(serde::Deserialize)]
struct RawBuild<'a> {
    #[serde(borrow)]
    build: Option<&'a RawValue>,
}

impl Version {
    /// The algorithm's id, a UUID.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.id(), Some("v1"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn id(&self) -> Option<&str> {
        self.members.id.as_deref()
    }

    /// The algorithm's name.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.name(), Some("Lemmatizer"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn name(&self) -> Option<&str> {
        self.members.name.as_deref()
    }

    /// The commit that the version was built from: 40 hex digits, and what the service calls the version by.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.git_hash(), Some("8e36fbf5"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn git_hash(&self) -> Option<&str> {
        self.members.version_info.as_ref()?.git_hash.as_deref()
    }

    /// The number that the version was published as, such as `0.1.0`; `None` until it is.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.semantic_version(), Some("0.1.0"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn semantic_version(&self) -> Option<&str> {
        self.members
            .version_info
            .as_ref()?
            .semantic_version
            .as_deref()
    }

    /// Who may call the version: `public` or `private`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.callability(), Some("private"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn callability(&self) -> Option<&str> {
        self.members
            .settings
            .as_ref()?
            .algorithm_callability
            .as_deref()
    }

    /// The build that made the version, where the service sent all that a build has.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.build().unwrap().build_id(), "b1");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn build(&self) -> Option<&Build> {
        self.build.as_ref()
    }

    /// What the build that made the version is called, even where nothing else is known of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.build_id(), Some("b1"));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn build_id(&self) -> Option<&str> {
        self.members.build.as_ref()?.build_id.as_deref()
    }

    /// When the build that made the version finished.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.built_at(), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn built_at(&self) -> Option<&str> {
        self.members.build.as_ref()?.finished_at.as_deref()
    }

    /// Whether the version could be compiled.
    ///
    /// # Examples
    ///
    /// ```
    /// # use algo_logs::Version;
    /// # let json = r#"{"id":"v1","name":"Lemmatizer","settings":{"algorithm_callability":"private"},"version_info":{"git_hash":"8e36fbf5","semantic_version":"0.1.0"},"build":{"build_id":"b1","status":"succeeded","commit_sha":"8e36fbf5","started_at":"t"},"compilation":{"successful":true}}"#;
    /// # let version: Version = serde_json::from_str(json)?;
    /// assert_eq!(version.compilation_successful(), Some(true));
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn compilation_successful(&self) -> Option<bool> {
        self.members.compilation.as_ref()?.successful
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let members = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
        // A build that lacks what a build must have is no reason to lose the version.
        let build = serde_json::from_str::<RawBuild<'_>>(raw.get())
            .ok()
            .and_then(|version| serde_json::from_str(version.build?.get()).ok());
        Ok(Self {
            members,
            build,
            raw,
        })
    }
}

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.raw.serialize(serializer)
    }
}

impl fmt::Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Version").field(&self.raw.get()).finish()
    }
}

/// The envelope of a list.
#[derive(serde::Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
pub(crate) struct Page<T> {
    /// Where the next page begins; `None` on the last one.
    pub(crate) marker: Option<String>,
    pub(crate) results: Vec<T>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILD: &str =
        r#"{"z":1e400, "build_id":"b","status":"canceled","commit_sha":"c","started_at":"t"}"#;

    #[test]
    fn what_was_read_is_written_again() {
        let build: Build = serde_json::from_str(BUILD).unwrap();
        assert_eq!(build.status(), &BuildStatus::Other("canceled".to_owned()));
        assert!(build.status().is_finished());
        assert_eq!(serde_json::to_string(&build).unwrap(), BUILD);
    }

    #[test]
    fn a_build_needs_what_the_documentation_requires() {
        for member in ["build_id", "status", "commit_sha", "started_at"] {
            let json = BUILD.replace(member, "other");
            assert!(serde_json::from_str::<Build>(&json).is_err(), "{member}");
        }
    }

    #[test]
    fn every_member_of_a_version_may_be_missing_or_null() {
        let nulls = r#"{"id":null,"name":null,"settings":null,"version_info":null,"build":null,
            "compilation":null}"#;
        for json in [
            "{}",
            nulls,
            r#"{"compilation":{},"build":{},"settings":{}}"#,
        ] {
            let version: Version = serde_json::from_str(json).unwrap();
            assert_eq!(version.git_hash(), None);
            assert_eq!(version.build_id(), None);
            assert!(version.build().is_none());
            assert_eq!(version.compilation_successful(), None);
        }
    }

    #[test]
    fn a_version_survives_an_unfinished_build() {
        let json = r#"{"build":{"build_id":"b"}}"#;
        let version: Version = serde_json::from_str(json).unwrap();
        assert_eq!(version.build_id(), Some("b"));
        assert!(version.build().is_none());
    }

    #[test]
    fn an_absent_marker_is_a_last_page() {
        for json in [
            r#"{"results":[]}"#,
            r#"{"results":[],"marker":null,"next_link":null}"#,
        ] {
            assert!(
                serde_json::from_str::<Page<Build>>(json)
                    .unwrap()
                    .marker
                    .is_none()
            );
        }
    }
}
