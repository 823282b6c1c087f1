//! Lists, page by page, as one iterator.

use std::collections::HashSet;
use std::fmt;
use std::iter::FusedIterator;
use std::sync::Arc;
use std::vec;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::http::{Endpoint, Http};
use crate::model::{Build, BuildStatus, Page, Version};

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
/// let client = Client::builder().token(Token::simple("sim0123456789")?).build()?;
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
    /// The iterator skips items that do not pass all of these.
    filters: Vec<Box<Filter<T>>>,
    received: vec::IntoIter<T>,
    seen: HashSet<String>,
    /// How many empty pages came in a row.
    empty_pages: usize,
    next: Next,
}

type Filter<T> = dyn Fn(&T) -> bool + Send + Sync;

/// After this many empty pages in a row, the list is considered endless.
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
            received: Vec::new().into_iter(),
            seen: HashSet::new(),
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
        self.received = page.results.into_iter();
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

    /// Selects the builds of a commit, given by its SHA or the first digits of its SHA. Defaults to any commit.
    ///
    /// The service has no such filter: all builds are requested, and those that do not match are skipped.
    pub fn commit(mut self, sha: impl Into<String>) -> Self {
        let sha = sha.into().to_ascii_lowercase();
        let of_commit =
            move |build: &Build| build.commit_sha.to_ascii_lowercase().starts_with(&sha);
        self.filters.push(Box::new(of_commit));
        self
    }

    /// Returns the build that started last, of those that pass the filters and for which `matches` returns true.
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
                if self
                    .received
                    .as_slice()
                    .iter()
                    .all(|other| other.started() <= started)
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
