//! The data of the cluster, and its usual responses.

use std::borrow::Cow;
use std::sync::LazyLock;

use serde_json::Value;
use serde_json::value::RawValue;

use super::big::BigLog;
use super::http::Request;
use super::reply::Response;
use super::{Settings, Shared};

/// The API key that the cluster accepts, sent as `Simple KEY`.
pub const KEY: &str = "simUseTheKeyOfTheFakeCluster1";

/// The JWT that the cluster accepts, sent as `Bearer JWT` or, as also documented, as `Simple JWT`.
pub const JWT: &str = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhY21lIn0.ZmFrZS1zaWduYXR1cmU";

/// The host name in the links that the service sends, whatever host a client connected to.
const PUBLIC_HOST: &str = "api.algorithmia.com";

/// The data of `ALGO_OWNER/ALGO_NAME`.
pub mod documented {
    /// The newer build, which succeeded.
    pub const BUILD: &str = "d01d403d-a853-4831-9fff-9783a7b7e956";
    /// The git hash of the only version, which is also the commit of [`BUILD`].
    pub const VERSION: &str = "8e36fbf53f57fa1f1b681b1f1ab178b6f989976f";

    /// The response to `…/builds`.
    pub const BUILDS_JSON: &str = include_str!("../../fixtures/documented/builds.json");
    /// The response to `…/builds/BUILD/logs`.
    pub const BUILD_LOGS_JSON: &str = include_str!("../../fixtures/documented/build-logs.json");
    /// The response to `…/versions`.
    pub const VERSIONS_JSON: &str = include_str!("../../fixtures/documented/versions.json");
    /// The response to `…/versions/VERSION`.
    pub const VERSION_JSON: &str = include_str!("../../fixtures/documented/version.json");
}

/// The data of `acme/Lemmatizer`, newest first.
pub mod lemmatizer {
    /// The build in progress.
    pub const IN_PROGRESS: &str = "5f0c2a7e-91d4-4b6a-8e3c-2d7b9a10c4e8";
    /// The failed build; its log is [`FAILED_LOG`].
    pub const FAILED: &str = "b7d3f1c9-06e2-4f58-9a7d-c81e45a2f630";
    /// The build of version 1.2.0, which succeeded; its log is [`SUCCEEDED_LOG`]. Its id is not a UUID.
    pub const SUCCEEDED: &str = "610651f0a3e9d40007b2c5d8";
    /// A build with the undocumented status `canceled`; its log is empty.
    pub const CANCELED: &str = "c4a80e5d-3b97-4d12-86fe-0e92b7d1a35f";
    /// A finished build whose log is lost.
    pub const LOST: &str = "09f7c2e1-a4d8-4c36-9b50-d6e83f1a7c25";
    /// The build of version 1.0.0, with every documented member and some undocumented ones; its log is
    /// [`SUCCEEDED_LOG`].
    pub const FULL: &str = "d58b1f36-c72e-4e09-a1d4-7f3c60b9e821";

    /// Version 1.2.0, public: its `compilation.output` is [`SUCCEEDED_LOG`].
    pub const VERSION: &str = "7b1e90c4d5a83f26e0b9471cd2f35a68e4107c9d";
    /// An unpublished, private version, with neither `compilation` nor `build`.
    pub const VERSION_WITHOUT_COMPILATION: &str = "e82d4c7190b5f3a6d8e1c2b4a7f09653d1c8e4b0";
    /// Version 1.0.0, private: its `compilation.output` is empty, and its build is [`FULL`].
    pub const VERSION_WITH_EMPTY_OUTPUT: &str = "4a6f8c02d1e7b359c0a8d4f6e2b17935d0c6a8e1";
    /// Version 0.9.0, public: its `compilation.output` is [`OLDEST_OUTPUT`].
    pub const OLDEST_VERSION: &str = "15c7e0a94d8b6f23a1e5d0c9b8f7a6e4d3c2b180";

    /// The long log of a failed build.
    pub const FAILED_LOG: &str = include_str!("../../fixtures/docker-build.log");
    /// The short log of a build that succeeded.
    pub const SUCCEEDED_LOG: &str = include_str!("../../fixtures/succeeded-build.log");
    /// A log of one line, without a newline.
    pub const OLDEST_OUTPUT: &str = "Successfully built 83ee3a23efb7";

    /// The builds.
    pub const BUILDS_JSON: &str = include_str!("../../fixtures/lemmatizer/builds.json");
    /// The versions.
    pub const VERSIONS_JSON: &str = include_str!("../../fixtures/lemmatizer/versions.json");
}

/// The build of `acme/Waiting`.
pub const WAITING_BUILD: &str = "b-wait";
/// Its log, once it has finished.
pub const WAITING_LOG: &str = "Step 1/1 : FROM scratch\nSuccessfully built 5a61c3e87d24\n";

/// How many builds `acme/Paged` has.
const PAGED_BUILDS: usize = 57;
/// How many versions `acme/Paged` has.
const PAGED_VERSIONS: usize = 23;

/// The response to a request that no script covers.
pub(super) enum Normal {
    Response(Response),
    Big(BigLog),
}

/// Returns the response to a request that no script covers.
pub(super) fn respond(request: &Request, shared: &Shared) -> Normal {
    match look_up(request, &mut shared.state().settings) {
        Ok(normal) => normal,
        Err(refusal) => Normal::Response(refusal),
    }
}

fn look_up(request: &Request, settings: &mut Settings) -> Result<Normal, Response> {
    let segments: Vec<&str> = request.path().split('/').collect();
    let segments = match segments.as_slice() {
        ["", "v1", "users", owner, "algorithms"] => return algorithms_of(owner, request),
        ["", "v1", "algorithms", segments @ ..] => segments,
        _ => return Err(page_not_found()),
    };
    let [owner, name, collection @ ("builds" | "versions"), rest @ ..] = segments else {
        return Err(page_not_found());
    };
    if !matches!((*collection, rest), (_, [] | [_]) | ("builds", [_, "logs"])) {
        return Err(page_not_found());
    }
    authorize(request)?;
    let algorithm = Algorithm::find(owner, name)?;
    let finished = settings.waits_left == 0;
    let json = match (*collection, rest) {
        ("builds", []) => algorithm.builds_page(finished, request, settings)?,
        ("builds", [id]) => {
            let build = algorithm.build(id, finished)?;
            if algorithm == Algorithm::Waiting {
                settings.waits_left = settings.waits_left.saturating_sub(1);
            }
            build.json
        }
        ("builds", [id, ..]) => match algorithm.log(id, finished)? {
            Log::Big(log) => return Ok(Normal::Big(log)),
            Log::Json(json) => json,
        },
        (_, []) => algorithm.versions_page(request, settings)?,
        (_, [hash, ..]) => algorithm.version(hash)?,
    };
    Ok(Normal::Response(Response::json(200, json.into_owned())))
}

/// Lists the algorithms of an owner, as an array instead of a page.
fn algorithms_of(owner: &str, request: &Request) -> Result<Normal, Response> {
    authorize(request)?;
    let listed: Vec<Value> = Algorithm::ALL
        .iter()
        .filter_map(|algorithm| algorithm.path().split_once('/'))
        .filter(|(of, _)| *of == owner)
        .map(|(username, algoname)| {
            serde_json::json!({
                "id": "4a1b7a2a-4183-4939-a292-26e677aeba73",
                "username": username,
                "algoname": algoname,
            })
        })
        .collect();
    let json = Value::from(listed).to_string();
    Ok(Normal::Response(Response::json(200, json)))
}

fn authorize(request: &Request) -> Result<(), Response> {
    let Some(authorization) = request.header("Authorization") else {
        return Err(error(401, 2002, "authorization required"));
    };
    match authorization.split_once(' ') {
        Some(("Simple", KEY | JWT) | ("Bearer", JWT)) => Ok(()),
        _ => Err(error(401, 2002, "invalid api key")),
    }
}

fn error(status: u16, code: u32, message: &str) -> Response {
    let message = Value::from(message);
    let id = "9e0d4b1c-7a35-4f62-8c1e-b5d2f70a6e93";
    let json = format!(r#"{{"error":{{"id":"{id}","code":{code},"message":{message}}}}}"#);
    Response::json(status, json)
}

/// The 404 page of the server in front of the service, for an unknown path.
fn page_not_found() -> Response {
    let mut response = Response::new(404);
    response.add("Content-Type", "text/html");
    let page = "<html>\n<head><title>404 Not Found</title></head>\n<body><h1>404 Not Found</h1></body>\n</html>\n";
    response.body = page.into();
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Documented,
    Lemmatizer,
    Paged,
    Waiting,
    Big,
    Empty,
}

enum Log {
    Json(Cow<'static, str>),
    Big(BigLog),
}

impl Algorithm {
    const ALL: [Algorithm; 6] = [
        Algorithm::Documented,
        Algorithm::Lemmatizer,
        Algorithm::Paged,
        Algorithm::Waiting,
        Algorithm::Big,
        Algorithm::Empty,
    ];

    fn find(owner: &str, name: &str) -> Result<Algorithm, Response> {
        Ok(match (owner, name) {
            ("ALGO_OWNER", "ALGO_NAME") => Algorithm::Documented,
            ("acme", "Lemmatizer") => Algorithm::Lemmatizer,
            ("acme", "Paged") => Algorithm::Paged,
            ("acme", "Waiting") => Algorithm::Waiting,
            ("acme", "Big") => Algorithm::Big,
            ("acme", "Empty") => Algorithm::Empty,
            ("acme", "Secret") => {
                return Err(error(403, 2001, "not authorized to access this algorithm"));
            }
            _ => {
                let message = format!("algorithm algo://{owner}/{name} not found");
                return Err(error(404, 1001, &message));
            }
        })
    }

    fn path(self) -> &'static str {
        match self {
            Algorithm::Documented => "ALGO_OWNER/ALGO_NAME",
            Algorithm::Lemmatizer => "acme/Lemmatizer",
            Algorithm::Paged => "acme/Paged",
            Algorithm::Waiting => "acme/Waiting",
            Algorithm::Big => "acme/Big",
            Algorithm::Empty => "acme/Empty",
        }
    }

    fn builds(self, finished: bool) -> Vec<Item> {
        match self {
            Algorithm::Documented => page_items(documented::BUILDS_JSON),
            Algorithm::Lemmatizer => items(lemmatizer::BUILDS_JSON),
            Algorithm::Paged => (0..PAGED_BUILDS).map(paged_build).collect(),
            Algorithm::Waiting => vec![waiting_build(finished)],
            // The builds of `acme/Big` are not listed.
            Algorithm::Big | Algorithm::Empty => Vec::new(),
        }
    }

    fn versions(self) -> Vec<Item> {
        match self {
            Algorithm::Documented => page_items(documented::VERSIONS_JSON),
            Algorithm::Lemmatizer => items(lemmatizer::VERSIONS_JSON),
            Algorithm::Paged => (0..PAGED_VERSIONS).map(paged_version).collect(),
            Algorithm::Waiting | Algorithm::Big | Algorithm::Empty => Vec::new(),
        }
    }

    fn build(self, id: &str, finished: bool) -> Result<Item, Response> {
        if self == Algorithm::Big && BigLog::named(id).is_some() {
            return Ok(big_build(id));
        }
        let mut builds = self.builds(finished).into_iter();
        let found = builds.find(|build| build.value["build_id"] == id);
        found.ok_or_else(|| error(404, 1010, &format!("build {id} not found")))
    }

    fn log(self, id: &str, finished: bool) -> Result<Log, Response> {
        // Encoding this log takes a while.
        static FAILED_JSON: LazyLock<String> = LazyLock::new(|| logs_json(lemmatizer::FAILED_LOG));
        let build = self.build(id, finished)?;
        let none = || Err(error(404, 1011, &format!("logs of build {id} not found")));
        if build.value["status"] == "in-progress" {
            return none();
        }
        if let Some(log) = BigLog::named(id) {
            return Ok(Log::Big(log));
        }
        Ok(Log::Json(match id {
            documented::BUILD => documented::BUILD_LOGS_JSON.into(),
            lemmatizer::FAILED => FAILED_JSON.as_str().into(),
            lemmatizer::CANCELED => logs_json("").into(),
            lemmatizer::LOST => return none(),
            WAITING_BUILD => logs_json(WAITING_LOG).into(),
            _ if self == Algorithm::Paged => logs_json(&paged_log(id)).into(),
            _ => logs_json(lemmatizer::SUCCEEDED_LOG).into(),
        }))
    }

    fn version(self, hash: &str) -> Result<Cow<'static, str>, Response> {
        let mut versions = self.versions().into_iter();
        let found = versions.find(|version| version.value["version_info"]["git_hash"] == hash);
        let Some(version) = found else {
            return Err(error(404, 1014, &format!("version {hash} not found")));
        };
        let output = match hash {
            documented::VERSION => return Ok(documented::VERSION_JSON.into()),
            lemmatizer::VERSION_WITHOUT_COMPILATION => return Ok(version.json),
            lemmatizer::VERSION_WITH_EMPTY_OUTPUT => "",
            lemmatizer::OLDEST_VERSION => lemmatizer::OLDEST_OUTPUT,
            _ => lemmatizer::SUCCEEDED_LOG,
        };
        Ok(version.with_compilation(output).into())
    }

    fn builds_page(
        self,
        finished: bool,
        request: &Request,
        settings: &Settings,
    ) -> Result<Cow<'static, str>, Response> {
        let documented = (self == Algorithm::Documented).then_some(documented::BUILDS_JSON);
        let page = Page::requested(self, "builds", &query(request), settings)?;
        Ok(page.of(&self.builds(finished), |_| true, documented))
    }

    fn versions_page(
        self,
        request: &Request,
        settings: &Settings,
    ) -> Result<Cow<'static, str>, Response> {
        let query = query(request);
        let flag = |name| value(&query, name).map(|flag| flag == "true");
        let (published, callable) = (flag("published"), flag("callable"));
        let passes = |version: &Value| {
            let is_published = version["version_info"]["semantic_version"].is_string();
            let is_public = version["settings"]["algorithm_callability"] == "public";
            published.is_none_or(|wanted| wanted == is_published)
                && callable.is_none_or(|wanted| wanted == is_public)
        };
        let documented = (self == Algorithm::Documented).then_some(documented::VERSIONS_JSON);
        let page = Page::requested(self, "versions", &query, settings)?;
        Ok(page.of(&self.versions(), passes, documented))
    }
}

/// A build or a version, as JSON text and parsed.
struct Item {
    json: Cow<'static, str>,
    value: Value,
}

impl Item {
    fn new(json: impl Into<Cow<'static, str>>) -> Item {
        let json = json.into();
        let value = serde_json::from_str(&json).expect("the fixtures are JSON");
        Item { json, value }
    }

    /// Adds `compilation`, which only the response for a single version contains.
    fn with_compilation(&self, output: &str) -> String {
        let members = self.json.strip_suffix('}').expect("an object").trim_end();
        let output = Value::from(output);
        format!(r#"{members},"compilation":{{"successful":true,"output":{output}}}}}"#)
    }
}

fn items(array: &'static str) -> Vec<Item> {
    let items: Vec<&RawValue> = serde_json::from_str(array).expect("the fixtures are JSON");
    items
        .into_iter()
        .map(|item| Item::new(item.get()))
        .collect()
}

fn page_items(page: &'static str) -> Vec<Item> {
    let results = page.find('[').expect("a page has results");
    let end = page.rfind(']').expect("a page has results");
    items(&page[results..=end])
}

fn logs_json(log: &str) -> String {
    format!(r#"{{"logs":{}}}"#, Value::from(log))
}

fn waiting_build(finished: bool) -> Item {
    let (status, finished_at) = if finished {
        ("succeeded", r#","finished_at":"2021-08-04T07:59:58.613Z""#)
    } else {
        ("in-progress", "")
    };
    Item::new(format!(
        r#"{{"build_id":"{WAITING_BUILD}","status":"{status}","commit_sha":"d6a1c08e5f7b3924e0c8d1b6a5f49372c1e8b0d7","started_at":"2021-08-04T07:59:00.208Z"{finished_at}}}"#
    ))
}

fn big_build(id: &str) -> Item {
    Item::new(format!(
        r#"{{"build_id":"{id}","status":"succeeded","commit_sha":"b1600000c5d8e2f7a09b4c3d6e1f8a7b5c2d9e04","started_at":"2021-08-04T06:00:00.000Z","finished_at":"2021-08-04T07:00:00.000Z"}}"#
    ))
}

/// Returns the ID of the build of `acme/Paged` at this index of the list.
pub fn paged_build_id(index: usize) -> String {
    format!(
        "{:08x}-0000-4000-8000-{:012x}",
        0xa000_0000_u32,
        PAGED_BUILDS - index
    )
}

/// Returns the commit of the build or version of `acme/Paged` at this index of the list.
pub fn paged_commit(index: usize) -> String {
    // The first digits differ, so that abbreviations are unique.
    format!(
        "{:08x}{:032x}",
        0x9e37_79b9_u32.wrapping_mul(index as u32 + 1),
        index
    )
}

/// Returns the log of the build of `acme/Paged` with this ID.
pub fn paged_log(id: &str) -> String {
    format!("Step 1/1 : FROM scratch\nbuild {id}\n")
}

/// Each build is a minute older than the one before it; every seventh failed.
fn paged_build(index: usize) -> Item {
    let (id, commit) = (paged_build_id(index), paged_commit(index));
    let status = if index % 7 == 6 {
        "failed"
    } else {
        "succeeded"
    };
    let minute = 59 - index;
    Item::new(format!(
        r#"{{"build_id":"{id}","status":"{status}","commit_sha":"{commit}","started_at":"2021-07-29T21:{minute:02}:00.000Z","finished_at":"2021-07-29T21:{minute:02}:48.500Z"}}"#
    ))
}

/// Every second version is published, every third is public.
fn paged_version(index: usize) -> Item {
    let commit = paged_commit(index);
    let callability = if index % 3 == 0 { "public" } else { "private" };
    let published = if index % 2 == 0 {
        format!(r#""semantic_version":"0.{}.0","#, PAGED_VERSIONS - index)
    } else {
        String::new()
    };
    Item::new(format!(
        r#"{{"id":"6d2f9a04-5be1-4c78-93d0-e7a1c4b8f256","name":"Paged","settings":{{"algorithm_callability":"{callability}"}},"version_info":{{{published}"git_hash":"{commit}","insights_enabled":false}},"resource_type":"algorithm"}}"#
    ))
}

/// A requested page.
struct Page {
    algorithm: Algorithm,
    collection: &'static str,
    start: usize,
    limit: usize,
}

impl Page {
    fn requested(
        algorithm: Algorithm,
        collection: &'static str,
        query: &[(String, String)],
        settings: &Settings,
    ) -> Result<Page, Response> {
        let mut page = Page {
            algorithm,
            collection,
            start: 0,
            limit: settings.page_size,
        };
        if let Some(limit) = value(query, "limit") {
            page.limit = limit.parse().expect("the limit is a number");
            assert!((1..=100).contains(&page.limit), "limit={limit}");
        }
        if let Some(marker) = value(query, "marker") {
            let start = (1..=PAGED_BUILDS).find(|&start| page.marker(start) == marker);
            page.start = start.ok_or_else(|| error(400, 5002, "invalid marker"))?;
        }
        Ok(page)
    }

    /// Returns the marker of the page that begins at this index of the whole list. It contains many characters that
    /// must be encoded.
    fn marker(&self, start: usize) -> String {
        format!(
            "{}+{start}/{}=& %25;?#",
            self.collection,
            self.algorithm.path()
        )
    }

    /// Returns the page of the items that pass, or `whole` if the page contains all items.
    fn of(
        &self,
        items: &[Item],
        passes: impl Fn(&Value) -> bool,
        whole: Option<&'static str>,
    ) -> Cow<'static, str> {
        let mut left = items
            .iter()
            .enumerate()
            .skip(self.start)
            .filter(|(_, item)| passes(&item.value));
        let shown: Vec<&str> = left
            .by_ref()
            .take(self.limit)
            .map(|(_, item)| item.json.as_ref())
            .collect();
        if let Some(whole) = whole.filter(|_| shown.len() == items.len()) {
            return whole.into();
        }
        let (marker, link) = match left.next() {
            Some((start, _)) => (
                Value::from(self.marker(start)),
                Value::from(self.link(start)),
            ),
            None => (Value::Null, Value::Null),
        };
        let results = shown.join(",");
        format!(r#"{{"marker":{marker},"next_link":{link},"results":[{results}]}}"#).into()
    }

    /// Returns the link as documented: plain `http`, the service's public name, and only the marker as a parameter.
    fn link(&self, start: usize) -> String {
        let marker = percent_encode(&self.marker(start));
        let (path, collection) = (self.algorithm.path(), self.collection);
        format!("http://{PUBLIC_HOST}/v1/algorithms/{path}/{collection}?marker={marker}")
    }
}

fn query(request: &Request) -> Vec<(String, String)> {
    let pairs = request.query().split('&').filter(|pair| !pair.is_empty());
    let decode = |text: &str| percent_decode(&text.replace('+', " "));
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

fn value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let pair = query.iter().find(|pair| pair.0 == name);
    pair.map(|(_, value)| value.as_str())
}

/// Decodes ASCII.
fn percent_decode(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(2);
        let byte = u8::from_str_radix(digits, 16).expect("two hex digits");
        decoded.push(byte.into());
        decoded.push_str(rest);
    }
    decoded
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(byte as char);
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
