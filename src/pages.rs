//! Lists, page by page, as one iterator.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::http::{Endpoint, Http};
use crate::model::{Build, BuildStatus, Page, Version};

/// An iterator over the items of a list, which requests a page when its first item is needed.
///
/// Items come in the service's order: newest first, though no source promises it. The iterator ends after the first
/// error. It finds the next page by the `marker` of the last one, on the configured base URL. It never follows the
/// `next_link` that the service sends: the documented one would send the token in clear text.
///
/// # Errors
///
/// Each item is a `Result`. Besides the errors of any request, [`ErrorKind::InvalidResponse`](crate::ErrorKind::InvalidResponse) says that the list
/// would never end: the service repeated a marker, or sent 100 pages in a row without an item.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Algorithm, Client, Token};
///
/// let client = Client::builder().token(Token::simple("sim0123456789")?).build()?;
/// let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
/// for build in client.builds(&algorithm).take(5) {
///     println!("{}", build?.build_id);
/// }
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[must_use = "nothing is requested before the first item is"]
pub struct Pages<T> {
    http: Arc<Http>,
    list: Endpoint,
    /// The filters. The request for every page repeats them.
    query: Vec<(&'static str, String)>,
    /// Which items the iterator returns, of those that the service sends.
    filters: Vec<Box<Filter<T>>>,
    received: VecDeque<T>,
    seen: HashSet<String>,
    /// How many pages without items came in a row.
    empty_pages: usize,
    next: Next,
}

type Filter<T> = dyn Fn(&T) -> bool + Send + Sync;

/// After this many pages without items in a row, the list is taken to have no end.
const MAX_EMPTY_PAGES: usize = 100;

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
            received: VecDeque::new(),
            seen: HashSet::new(),
            empty_pages: 0,
            next: Next::First,
        }
    }

    /// Sets how many items the service puts on a page (`limit`), at least 1. The service rejects more than its maximum,
    /// which is a setting of the cluster.
    ///
    /// Defaults to the service's own default, 50.
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

    /// Takes the items of a page, and decides which page comes next.
    fn receive(&mut self, page: Page<T>) -> Result<(), Error> {
        self.empty_pages = match page.results.is_empty() {
            true => self.empty_pages + 1,
            false => 0,
        };
        if let Some(marker) = page.marker {
            let endless = |problem: &str| {
                Error::invalid_response(format!("the list never ends: {problem}"))
                    .about(&self.list.what)
            };
            if self.empty_pages == MAX_EMPTY_PAGES {
                return Err(endless("100 pages in a row had no items"));
            }
            if !self.seen.insert(marker.clone()) {
                return Err(endless("the service repeated a marker"));
            }
            self.next = Next::After(marker);
        }
        self.received.extend(page.results);
        Ok(())
    }

    fn matches(&self, item: &T) -> bool {
        self.filters.iter().all(|filter| filter(item))
    }
}

impl Pages<Build> {
    /// Selects the builds with this status. Defaults to any status.
    ///
    /// The service has no such filter: all builds are requested, and those that do not match are skipped.
    pub fn status(mut self, status: BuildStatus) -> Self {
        self.filters
            .push(Box::new(move |build| build.status == status));
        self
    }

    /// Selects the builds of a commit, given by its SHA or the first digits of it. Defaults to any commit.
    ///
    /// The service has no such filter: all builds are requested, and those that do not match are skipped.
    pub fn commit(mut self, sha: impl Into<String>) -> Self {
        let sha = sha.into().to_ascii_lowercase();
        let of_commit =
            move |build: &Build| build.commit_sha.to_ascii_lowercase().starts_with(&sha);
        self.filters.push(Box::new(of_commit));
        self
    }

    /// Returns the build that started last, among those that pass the filters and for which `matches` returns true.
    ///
    /// Lists come newest first, though no source promises it. So the first match is returned unless the pages read up
    /// to then show another order. In that case, the list is read to its end.
    ///
    /// # Errors
    ///
    /// Returns the first error of the list.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use algo_logs::BuildStatus;
    /// # let client = algo_logs::Client::builder().build()?;
    /// let failed = client
    ///     .builds(&"acme/Lemmatizer".parse()?)
    ///     .newest(|build| build.status == BuildStatus::Failed)?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn newest(mut self, matches: impl Fn(&Build) -> bool) -> Result<Option<Build>, Error> {
        let mut newest: Option<Build> = None;
        let mut previous = None;
        let mut newest_first = true;
        while let Some(build) = self.next_unfiltered() {
            let build = build?;
            let started = build.started();
            newest_first &= previous.is_none_or(|previous| started <= previous);
            previous = Some(started);
            let matches = self.matches(&build) && matches(&build);
            if matches
                && newest
                    .as_ref()
                    .is_none_or(|newest| started > newest.started())
            {
                newest = Some(build);
            }
            if let (Some(newest), true) = (&newest, newest_first) {
                let started = newest.started();
                if self.received.iter().all(|other| other.started() <= started) {
                    break;
                }
            }
        }
        Ok(newest)
    }
}

impl Pages<Version> {
    /// Selects the published versions (`true`) or the unpublished ones (`false`).
    ///
    /// Defaults to both. According to one page of its documentation, the service then lists only published ones.
    pub fn published(self, published: bool) -> Self {
        self.with("published", published.to_string())
    }

    /// Selects the public versions (`true`) or the private ones (`false`).
    ///
    /// Defaults to both.
    pub fn callable(self, callable: bool) -> Self {
        self.with("callable", callable.to_string())
    }
}

impl<T: DeserializeOwned> Pages<T> {
    /// Returns the next item that the service sends, whether it passes the filters or not.
    fn next_unfiltered(&mut self) -> Option<Result<T, Error>> {
        loop {
            if let Some(item) = self.received.pop_front() {
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

/// Percent-encodes every character that RFC 3986 does not call unreserved.
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
