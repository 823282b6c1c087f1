//! Lists, page by page, as one iterator.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind};
use crate::http::{Endpoint, Http};
use crate::model::{Build, Page, Version};

/// The items of a list, read page by page as they are asked for.
///
/// Items come in the service's order, which is newest first, though no source promises it. A page is asked for only
/// when its first item is. The iterator ends after the first error. Pages are found by their `marker` on the
/// configured base URL, never by the `next_link` that the service sends: the documented one would send the token in
/// clear.
///
/// # Errors
///
/// Each item is a `Result`. Besides what every request may fail with, [`ErrorKind::InvalidResponse`] says that a marker
/// came a second time, as it would for ever.
///
/// # Examples
///
/// ```no_run
/// use algo_logs::{Algorithm, Client, Token};
///
/// let client = Client::builder().token(Token::simple("sim0123456789")?).build()?;
/// let algorithm: Algorithm = "acme/Lemmatizer".parse()?;
/// for build in client.builds(&algorithm).take(5) {
///     println!("{}", build?.build_id());
/// }
/// # Ok::<(), algo_logs::Error>(())
/// ```
pub struct Pages<T> {
    http: Arc<Http>,
    list: Endpoint,
    /// The filters, which every page must repeat.
    query: Vec<(&'static str, String)>,
    received: VecDeque<T>,
    seen: HashSet<String>,
    next: Next,
}

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
            received: VecDeque::new(),
            seen: HashSet::new(),
            next: Next::First,
        }
    }

    /// How many items the service puts on a page (`limit`), at least 1. The cluster has a maximum, and refuses more.
    ///
    /// Defaults to the service's own default, 50.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// # let algorithm = "acme/Lemmatizer".parse()?;
    /// let newest = client.builds(&algorithm).page_size(1).next();
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
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

    /// Notes where the list goes on.
    fn follow(&mut self, marker: Option<String>) -> Result<(), Error> {
        let Some(marker) = marker else {
            self.next = Next::Ended;
            return Ok(());
        };
        if !self.seen.insert(marker.clone()) {
            return Err(Error::new(
                ErrorKind::InvalidResponse,
                "the list does not end: a marker came a second time",
            )
            .about(&self.list.what));
        }
        self.next = Next::After(marker);
        Ok(())
    }
}

impl Pages<Build> {
    /// The build that started last, of those that fit; `None` if none does.
    ///
    /// Builds come newest first, though no source promises it. So the first one that fits is taken, unless what has come
    /// by then shows another order: then the list is read to its end.
    ///
    /// # Errors
    ///
    /// The first one that reading the list meets.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use algo_logs::BuildStatus;
    /// # let client = algo_logs::Client::builder().build()?;
    /// let failed = client
    ///     .builds(&"acme/Lemmatizer".parse()?)
    ///     .newest(|build| *build.status() == BuildStatus::Failed)?;
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn newest(mut self, fits: impl Fn(&Build) -> bool) -> Result<Option<Build>, Error> {
        let mut newest: Option<Build> = None;
        let mut before = None;
        let mut ordered = true;
        while let Some(build) = self.next() {
            let build = build?;
            // Times of one form are in the order of their texts.
            let started = build.started_at().to_owned();
            ordered &= before.is_none_or(|before| started <= before);
            let later = |newest: &Build| started.as_str() > newest.started_at();
            if fits(&build) && newest.as_ref().is_none_or(later) {
                newest = Some(build);
            }
            before = Some(started);
            if let (Some(newest), true) = (&newest, ordered) {
                let received = &mut self.received.iter();
                if received.all(|other| other.started_at() <= newest.started_at()) {
                    break;
                }
            }
        }
        Ok(newest)
    }
}

impl Pages<Version> {
    /// Only versions that are published, or only those that are not.
    ///
    /// Defaults to both, or to what the cluster does where it is not told.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// # let algorithm = "acme/Lemmatizer".parse()?;
    /// let latest = client.versions(&algorithm).published(true).next();
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn published(self, published: bool) -> Self {
        self.with("published", published.to_string())
    }

    /// Only versions that everybody may call (`true`), or only private ones (`false`).
    ///
    /// Defaults to both.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # let client = algo_logs::Client::builder().build()?;
    /// # let algorithm = "acme/Lemmatizer".parse()?;
    /// let private = client.versions(&algorithm).callable(false);
    /// # Ok::<(), algo_logs::Error>(())
    /// ```
    pub fn callable(self, callable: bool) -> Self {
        self.with("callable", callable.to_string())
    }
}

impl<T: DeserializeOwned> Iterator for Pages<T> {
    type Item = Result<T, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(item) = self.received.pop_front() {
                return Some(Ok(item));
            }
            let endpoint = match &self.next {
                Next::First => self.endpoint(None),
                Next::After(marker) => self.endpoint(Some(marker)),
                Next::Ended => return None,
            };
            // Whatever happens now, a failure is the last that comes.
            self.next = Next::Ended;
            let page: Page<T> = match self.http.get_json(&endpoint) {
                Ok(page) => page,
                Err(error) => return Some(Err(error)),
            };
            if let Err(error) = self.follow(page.marker) {
                return Some(Err(error));
            }
            self.received.extend(page.results);
        }
    }
}

impl<T> fmt::Debug for Pages<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("list", &self.list.what)
            .field("query", &self.query)
            .field("received", &self.received.len())
            .finish_non_exhaustive()
    }
}

/// Percent-encodes all but the characters that RFC 3986 calls unreserved.
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
