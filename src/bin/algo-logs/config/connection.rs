//! The client, and where its settings come from.

use algo_logs::{Client, ClientBuilder, Error, RequestSummary, RetryInfo};

use super::{Environment, Options, Settings, error_from, resolve};
use crate::error::{CliError, message};
use crate::output::Reporter;

/// A client, and where its settings come from, for error messages.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The same without retries and notes, for requests that only add to a message.
    pub(crate) silent: Client,
    key_source: &'static str,
    /// `None` means the compiled-in CAs.
    ca_source: Option<&'static str>,
}

impl Connection {
    /// Returns where the key came from, such as `ALGORITHMIA_API_KEY`.
    pub(crate) fn key_source(&self) -> &'static str {
        self.key_source
    }

    /// Returns where the CAs came from, such as `--cacert`, or `None` for the compiled-in ones.
    pub(crate) fn ca_source(&self) -> Option<&'static str> {
        self.ca_source
    }
}

/// Creates the client, which keeps up to `connections` connections alive. It reports each retry, and each request if
/// `verbose`.
pub(crate) fn connect(
    options: &Options,
    environment: &Environment,
    reporter: &Reporter,
    verbose: bool,
    connections: usize,
) -> Result<Connection, CliError> {
    let settings = resolve(options, environment)?;
    reporter.redact(settings.token.value.clone());
    if let Some(warning) = &settings.warning {
        reporter.note(warning);
    }
    let builder = || {
        let mut builder = settings.builder().idle_connections(connections);
        if let Some(ca_pem) = &settings.ca_pem {
            builder = builder.root_certificates(ca_pem.value.clone());
        }
        if verbose {
            let reporter = reporter.clone();
            builder = builder.on_request(move |request| reporter.note(&describe_request(request)));
        }
        builder
    };
    let retry_reporter = reporter.clone();
    let client = builder().on_retry(move |retry| retry_reporter.note(&describe_retry(retry)));
    let silent = builder().retries(0);
    Ok(Connection {
        client: client.build().map_err(|error| settings.error(error))?,
        silent: silent.build().map_err(|error| settings.error(error))?,
        key_source: settings.token.source,
        ca_source: settings.ca_pem.map(|ca_pem| ca_pem.source),
    })
}

impl Settings {
    /// Returns a builder with everything except the CAs.
    fn builder(&self) -> ClientBuilder {
        Client::builder(self.base_url.value.to_string())
            .token(self.token.value.clone())
            .allow_http(self.allow_http)
            .timeout(self.timeout)
            .retries(self.retries)
    }

    /// Adds the source of the rejected value to an error. Errors about a proxy already name its variable.
    fn error(&self, error: Error) -> CliError {
        let base_url = &self.base_url.value;
        if !base_url.is_https() && !base_url.is_loopback() && !self.allow_http {
            return error_from(self.base_url.source, error)
                .hint("use --allow-http to send it anyway");
        }
        match &self.ca_pem {
            Some(ca_pem) if self.builder().build().is_ok() => error_from(ca_pem.source, error),
            _ => error.into(),
        }
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
