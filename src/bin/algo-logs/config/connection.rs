//! The client, and where its configuration came from.

use algo_logs::{Client, ClientBuilder, Error, RequestSummary, RetryInfo};

use super::layer::Source;
use super::{ALLOW_HTTP, Config};
use crate::error::{CliError, message};
use crate::output::Reporter;

/// A client, and where its configuration came from, for error messages.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    key: Source,
    base_url: Source,
    /// `None` means the compiled-in CAs.
    ca_pem: Option<Source>,
}

impl Config {
    /// Creates the client. It reports each retry, and each request if `verbose`.
    pub(super) fn connect(
        self,
        reporter: &Reporter,
        verbose: bool,
        connections: usize,
    ) -> Result<Connection, CliError> {
        let retry_reporter = reporter.clone();
        let mut builder = self
            .builder()
            .idle_connections(connections)
            .on_retry(move |retry| retry_reporter.note(&describe_retry(retry)));
        if let Some(ca_pem) = &self.ca_pem {
            builder = builder.root_certificates(ca_pem.value.clone());
        }
        if verbose {
            let reporter = reporter.clone();
            builder = builder.on_request(move |request| reporter.note(&describe_request(request)));
        }
        Ok(Connection {
            client: builder.build().map_err(|error| self.error(error))?,
            key: self.token.source,
            base_url: self.base_url.source,
            ca_pem: self.ca_pem.map(|ca_pem| ca_pem.source),
        })
    }

    /// Returns a builder with everything except the CAs.
    fn builder(&self) -> ClientBuilder {
        Client::builder()
            .base_url(self.base_url.value.clone())
            .token(self.token.value.clone())
            .allow_http(self.allow_http)
            .timeout(self.timeout)
            .retries(self.retries)
    }

    /// Adds the source of the rejected value to an error. Errors about a proxy already name its variable.
    fn error(&self, error: Error) -> CliError {
        let base_url = &self.base_url.value;
        if !base_url.is_https() && !base_url.is_loopback() && !self.allow_http {
            return self.base_url.source.error(error).hint(ALLOW_HTTP);
        }
        match &self.ca_pem {
            Some(ca_pem) if self.builder().build().is_ok() => ca_pem.source.error(error),
            _ => error.into(),
        }
    }
}

impl Connection {
    /// Returns where the key came from, such as `ALGORITHMIA_API_KEY`.
    pub(crate) fn key_source(&self) -> String {
        self.key.to_string()
    }

    /// Returns where the CAs came from, such as `--cacert`, or `None` for the compiled-in ones.
    pub(crate) fn ca_source(&self) -> Option<String> {
        self.ca_pem.map(|source| source.to_string())
    }

    /// Returns whether no setting names a cluster, so that the default is used.
    pub(crate) fn is_default_cluster(&self) -> bool {
        self.base_url == Source::Default
    }
}

/// Returns the note about a retry.
fn describe_retry(retry: &RetryInfo<'_>) -> String {
    let left = match retry.attempts_left {
        1 => "1 attempt".to_owned(),
        n => format!("{n} attempts"),
    };
    format!(
        "{}; retrying in {:.1} s, {left} left",
        message(retry.error),
        retry.delay.as_secs_f64()
    )
}

/// Returns the line that `-v` shows for each request.
fn describe_request(request: &RequestSummary) -> String {
    let status = request
        .status
        .map_or("-".to_owned(), |status| status.to_string());
    format!(
        "GET {} {status} {} bytes {:.3} s",
        request.url,
        request.bytes,
        request.elapsed.as_secs_f64()
    )
}
