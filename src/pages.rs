//! Lists, page by page, as one iterator.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::iter::{self, FusedIterator};
use std::sync::Arc;
use std::vec;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::http::{Endpoint, Http};
use crate::model::{Build, BuildStatus, Items, Page, Version};

/// An iterator over the items of a list, which requests each page when its first item is needed.
///
/// Items come in the service's order: newest first, although this is not documented. The iterator ends after the first
/// error. It requests the next page from the configured base URL, with the `marker` of the page before. It never
/// follows the service's `next_link`: the documented one is an `http://` URL, which would send the token unencrypted.
///
/// # Errors
///
/// Each item is a `Result`, which may be any [request error](crate#request-errors). If the list would never end, it is
/// [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse): the service repeated a marker, or sent 100 pages
/// in a row without an item.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Algorithm, Client, Token};
///
/// let client = Client::builder("cluster.example.com").token(Token::simple("sim0123456789")?).build()?;
/// let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
/// for build in client.builds(&algorithm).take(5) {
///     println!("{}", build?.build_id);
/// }
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[must_use = "iterators are lazy: nothing is sent until the first item is taken"]
pub struct Pages<T> {
    http: Arc<Http>,
    list: Endpoint,
    /// The query parameters of the request for each page.
    query: Vec<(&'static str, String)>,
    /// The iterator skips items that do not pass all of these. Only those with a name can be replaced.
    filters: Vec<(&'static str, Box<Filter<T>>)>,
    received: vec::IntoIter<T>,
    /// A hash of each marker: a marker can be long.
    seen: HashSet<u64>,
    hasher: RandomState,
    /// How many empty pages came in a row.
    empty_pages: usize,
    next: Next,
}

type Filter<T> = dyn Fn(&T) -> bool + Send + Sync;

/// After this many empty pages in a row, the list is considered endless.
const MAX_EMPTY_PAGES: usize = 100;

/// The longest marker, in bytes. Real ones have fewer than 100, and it must fit into a URL.
const MAX_MARKER: usize = 4096;

enum Next {
    First,
    After(String),
    Ended,
}

impl<T> Pages<T> {
    pub(crate) fn new(http: Arc<Http>, list: Endpoint) -> Self {
        Self {
            http,
            list,
            query: Vec::new(),
            filters: Vec::new(),
            received: Vec::new().into_iter(),
            seen: HashSet::new(),
            hasher: RandomState::new(),
            empty_pages: 0,
            next: Next::First,
        }
    }

    /// Sets how many items the service puts on a page (`limit`), at least 1. Defaults to the service's default, 50.
    ///
    /// The service rejects more than its maximum, which is a setting of the cluster.
    pub fn page_size(self, limit: u32) -> Self {
        self.with("limit", limit.max(1).to_string())
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.query.retain(|(other, _)| *other != name);
        self.query.push((name, value));
        self
    }

    fn endpoint(&self, marker: Option<&str>) -> Endpoint {
        let marker = marker.map(|marker| ("marker", encode(marker)));
        let query = self.query.iter().cloned().chain(marker);
        let mut path = self.list.path.clone();
        for (n, (name, value)) in query.enumerate() {
            path.push(if n == 0 { '?' } else { '&' });
            path.push_str(name);
            path.push('=');
            path.push_str(&value);
        }
        Endpoint {
            path,
            what: self.list.what.clone(),
        }
    }

    /// Takes the items of a page, and determines which page comes next.
    fn receive(&mut self, page: Page<T>) -> Result<(), Error> {
        let Items(results) = page.results;
        if results.is_empty() {
            self.empty_pages += 1;
        } else {
            self.empty_pages = 0;
        }
        if let Some(marker) = page.marker {
            let invalid = |problem: &str| Error::invalid_response(problem).about(&self.list.what);
            if self.empty_pages == MAX_EMPTY_PAGES {
                return Err(invalid(
                    "the list never ends: 100 pages in a row had no items",
                ));
            }
            if marker.len() > MAX_MARKER {
                return Err(invalid("the service sent a page marker of over 4 KiB"));
            }
            if !self.seen.insert(self.hasher.hash_one(&marker)) {
                return Err(invalid(
                    "the list never ends: the service repeated a page marker",
                ));
            }
            self.next = Next::After(marker);
        }
        self.received = results.into_iter();
        Ok(())
    }

    fn matches(&self, item: &T) -> bool {
        self.filters.iter().all(|(_, filter)| filter(item))
    }

    fn filter(
        mut self,
        name: &'static str,
        filter: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filters
            .retain(|(other, _)| name.is_empty() || *other != name);
        self.filters.push((name, Box::new(filter)));
        self
    }

    /// Lists the same list as items of another type, such as a type of your own or
    /// `Box<serde_json::value::RawValue>`.
    ///
    /// Filters are dropped, so set them after this.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// #[derive(serde::Deserialize)]
    /// struct Registered {
    ///     build_id: String,
    ///     resource_type: Option<String>,
    /// }
    ///
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// for build in client.builds(&"acme/Lemmatizer".parse()?).of::<Registered>() {
    ///     println!("{}", build?.build_id);
    /// }
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn of<U>(self) -> Pages<U> {
        Pages {
            query: self.query,
            ..Pages::new(self.http, self.list)
        }
    }

    /// Selects the items for which `matches` returns true. Items must pass all filters. Defaults to all items.
    pub fn matching(self, matches: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.filter("", matches)
    }

    /// Returns whether the pages read so far have another item that passes the filters, or another page follows. Sends
    /// nothing.
    pub fn has_more(&self) -> bool {
        let follows = matches!(self.next, Next::After(_));
        let mut received = self.received.as_slice().iter();
        follows || received.any(|item| self.matches(item))
    }
}

impl Pages<Build> {
    /// Selects the builds with this status. Defaults to any status.
    ///
    /// The service has no such filter: all builds are requested, and those that do not match are skipped.
    pub fn status(self, status: BuildStatus) -> Self {
        self.filter("status", move |build| build.status == status)
    }

    /// Selects the builds of a commit, given by its SHA or the first digits of its SHA. Defaults to any commit.
    ///
    /// The service has no such filter: all builds are requested, and those that do not match are skipped.
    pub fn commit(self, sha: impl Into<String>) -> Self {
        let sha = sha.into().to_ascii_lowercase();
        self.filter("commit", move |build| {
            build.commit_sha.to_ascii_lowercase().starts_with(&sha)
        })
    }

    /// Returns the build that started last, of those that pass the filters.
    ///
    /// Lists come newest first, although this is not documented. This returns the first match if the pages read so far
    /// are in that order, and reads the whole list otherwise.
    ///
    /// # Errors
    ///
    /// The first error of the list.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use algo_logs::BuildStatus;
    /// # let client = algo_logs::Client::builder("cluster.example.com").build()?;
    /// let algorithm = "acme/Lemmatizer".parse()?;
    /// let Some(failed) = client.builds(&algorithm).status(BuildStatus::Failed).newest()? else {
    ///     return Ok(());
    /// };
    /// // The last build that succeeded before it:
    /// let before = failed.started_time();
    /// let last_success = client
    ///     .builds(&algorithm)
    ///     .status(BuildStatus::Succeeded)
    ///     .matching(move |build| build.started_time() < before)
    ///     .newest()?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn newest(self) -> Result<Option<Build>, Error> {
        self.newest_of(&|_| true)
    }

    /// Returns the newest build that passes the filters and `matches`.
    pub(crate) fn newest_of(
        mut self,
        matches: &dyn Fn(&Build) -> bool,
    ) -> Result<Option<Build>, Error> {
        let mut newest: Option<Build> = None;
        let mut previous = None;
        let mut newest_first = true;
        while let Some(build) = self.next_unfiltered() {
            let build = build?;
            let started = build.started_time();
            newest_first &= previous.is_none_or(|previous| started <= previous);
            previous = Some(started);
            let matches = self.matches(&build) && matches(&build);
            if matches
                && newest
                    .as_ref()
                    .is_none_or(|newest| started > newest.started_time())
            {
                newest = Some(build);
            }
            if let (Some(newest), true) = (&newest, newest_first) {
                let started = newest.started_time();
                if self
                    .received
                    .as_slice()
                    .iter()
                    .all(|other| other.started_time() <= started)
                {
                    break;
                }
            }
        }
        Ok(newest)
    }
}

impl Pages<Version> {
    /// Selects the published versions (`true`) or the unpublished ones (`false`), with the parameter `published`.
    ///
    /// By default, the parameter is not sent, and the service lists both. According to one page of its documentation,
    /// it then lists only the published ones.
    pub fn published(self, published: bool) -> Self {
        self.with("published", published.to_string())
    }

    /// Selects the public versions (`true`) or the private ones (`false`), with the parameter `callable`. Defaults to
    /// both.
    pub fn callable(self, callable: bool) -> Self {
        self.with("callable", callable.to_string())
    }
}

impl<T: DeserializeOwned> Pages<T> {
    /// Returns what is left of the current page or, if that is nothing, requests the next page and returns its items:
    /// only those that pass the filters. Returns `None` at the end of the list.
    pub fn next_page(&mut self) -> Option<Result<Vec<T>, Error>> {
        let first = match self.next_unfiltered()? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        let rest = std::mem::take(&mut self.received);
        let items = iter::once(first).chain(rest);
        Some(Ok(items.filter(|item| self.matches(item)).collect()))
    }

    /// Returns the next item that the service sends, whether it passes the filters or not.
    fn next_unfiltered(&mut self) -> Option<Result<T, Error>> {
        loop {
            if let Some(item) = self.received.next() {
                return Some(Ok(item));
            }
            let endpoint = match &self.next {
                Next::First => self.endpoint(None),
                Next::After(marker) => self.endpoint(Some(marker)),
                Next::Ended => return None,
            };
            // An error ends the list, and so does a page without a marker.
            self.next = Next::Ended;
            let page = self.http.get_json(&endpoint);
            if let Err(error) = page.and_then(|page| self.receive(page)) {
                return Some(Err(error));
            }
        }
    }
}

impl<T: DeserializeOwned> Iterator for Pages<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.next_unfiltered()? {
                Ok(item) if !self.matches(&item) => {}
                result => return Some(result),
            }
        }
    }
}

impl<T: DeserializeOwned> FusedIterator for Pages<T> {}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("list", &self.list.what)
            .field("query", &self.query)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// Percent-encodes every character that is not unreserved by RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_are_encoded() {
        assert_eq!(encode("aZ09-._~"), "aZ09-._~");
        assert_eq!(encode("a+/=& %\u{e9}\n"), "a%2B%2F%3D%26%20%25%C3%A9%0A");
    }
}
