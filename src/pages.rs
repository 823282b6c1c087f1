//! Lists, page by page, as one iterator.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::time::SystemTime;

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
/// [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse): the service repeated a page marker, or sent 100
/// pages in a row without an item.
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
    /// The query parameters of the next request.
    query: Vec<(&'static str, String)>,
    /// A new filter replaces the one with its name. Filters without a name add up.
    filters: Vec<(&'static str, Box<Filter<T>>)>,
    /// The items of the last page that pass all filters and have not been returned yet.
    received: VecDeque<T>,
    markers: HashSet<String>,
    /// How many empty pages came in a row.
    empty_pages: usize,
    ended: bool,
}

type Filter<T> = dyn Fn(&T) -> bool + Send + Sync;

/// After this many empty pages in a row, the list is considered endless.
const MAX_EMPTY_PAGES: usize = 100;

/// The longest marker, in bytes. Real ones have fewer than 100, and it must fit into a URL.
const MAX_MARKER: usize = 4096;

impl<T> Pages<T> {
    pub(crate) fn new(http: Arc<Http>, list: Endpoint) -> Self {
        Self {
            http,
            list,
            query: Vec::new(),
            filters: Vec::new(),
            received: VecDeque::new(),
            markers: HashSet::new(),
            empty_pages: 0,
            ended: false,
        }
    }

    /// Sets how many items the service puts on a page (`limit`), at least 1. Defaults to the service's default, 50.
    ///
    /// The service rejects more than its maximum, which is a setting of the cluster.
    pub fn page_size(self, limit: u32) -> Self {
        self.with("limit", limit.max(1).to_string())
    }

    fn with(mut self, name: &'static str, value: String) -> Self {
        self.set(name, value);
        self
    }

    fn set(&mut self, name: &'static str, value: String) {
        self.query.retain(|(other, _)| *other != name);
        self.query.push((name, value));
    }

    /// Returns the request for the next page.
    fn endpoint(&self) -> Endpoint {
        let mut endpoint = self.list.clone();
        let mut separator = '?';
        for (name, value) in &self.query {
            endpoint.path += &format!("{separator}{name}={value}");
            separator = '&';
        }
        endpoint
    }

    /// Returns the items of a page, and determines which page comes next.
    fn receive(&mut self, page: Page<T>) -> Result<Vec<T>, Error> {
        let Items(items) = page.results;
        let Some(marker) = page.marker else {
            return Ok(items);
        };
        self.empty_pages = if items.is_empty() {
            self.empty_pages + 1
        } else {
            0
        };
        let problem = if self.empty_pages == MAX_EMPTY_PAGES {
            "the list never ends: 100 pages in a row had no items"
        } else if marker.len() > MAX_MARKER {
            "the service sent a page marker of over 4 KiB"
        } else if self.markers.contains(&marker) {
            "the list never ends: the service repeated a page marker"
        } else {
            self.set("marker", encode(&marker));
            self.markers.insert(marker);
            self.ended = false;
            return Ok(items);
        };
        Err(Error::invalid_response(problem).about(&self.list.name))
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
        self.received.retain(&filter);
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
        !self.ended || !self.received.is_empty()
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
        let mut newest: Option<(Option<SystemTime>, Build)> = None;
        let mut times = Vec::new();
        while let Some(page) = self.request() {
            for build in page? {
                let started = build.started_time();
                times.push(started);
                let is_newer = newest.as_ref().is_none_or(|(known, _)| started > *known);
                if is_newer && self.matches(&build) && matches(&build) {
                    newest = Some((started, build));
                }
            }
            if newest.is_some() && times.is_sorted_by(|earlier, later| earlier >= later) {
                break;
            }
        }
        Ok(newest.map(|(_, build)| build))
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
    /// Returns the remaining items of the current page or, if there are none, requests the next page and returns its
    /// items. Leaves out items that do not pass the filters. Returns `None` at the end of the list.
    pub fn next_page(&mut self) -> Option<Result<Vec<T>, Error>> {
        if !self.received.is_empty() {
            return Some(Ok(std::mem::take(&mut self.received).into()));
        }
        let page = self.request()?;
        Some(page.map(|mut items| {
            items.retain(|item| self.matches(item));
            items
        }))
    }

    /// Requests the next page that has items, and returns them, whether they pass the filters or not.
    fn request(&mut self) -> Option<Result<Vec<T>, Error>> {
        while !self.ended {
            // An error ends the list, and so does a page without a marker.
            self.ended = true;
            let page = self.http.get_json(&self.endpoint());
            match page.and_then(|page| self.receive(page)) {
                Ok(items) if items.is_empty() => {}
                page => return Some(page),
            }
        }
        None
    }
}

impl<T: DeserializeOwned> Iterator for Pages<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.received.is_empty() {
            match self.next_page()? {
                Ok(items) => self.received = items.into(),
                Err(error) => return Some(Err(error)),
            }
        }
        self.received.pop_front().map(Ok)
    }
}

impl<T: DeserializeOwned> FusedIterator for Pages<T> {}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("list", &self.list.name)
            .finish_non_exhaustive()
    }
}

/// Percent-encodes every character that is not unreserved by RFC 3986.
fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded += &format!("%{byte:02X}"),
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
