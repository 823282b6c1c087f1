//! The client, and what an error message has to know about its configuration.

use algo_logs::{Client, ErrorKind, RequestSummary, Token};

use super::layer::{Source, Sourced};
use super::{ALLOW_HTTP, Config, NAME_A_CLUSTER};
use crate::error::{CliError, Exit};
use crate::output::sanitize::sanitize_line;
use crate::output::to_stderr;

/// A client, and what an error message has to know about its configuration.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    token: Sourced<Token>,
    base_url: Source,
}

impl Config {
    /// Makes the client.
    pub(super) fn connect(self, verbose: bool, connections: usize) -> Result<Connection, CliError> {
        let base_url = self.base_url.value;
        let is_clear = !base_url.is_https() && !base_url.is_loopback() && !self.allow_http;
        let mut builder = Client::builder()
            .base_url(base_url.to_string())
            .token(self.token.value.clone())
            .allow_http(self.allow_http)
            .timeout(self.timeout)
            .retries(self.retries)
            .idle_connections(connections);
        if let Some(pem) = self.ca_pem {
            builder = builder.root_certificates(pem);
        }
        if verbose {
            builder = builder.on_request(print_request);
        }
        let client = builder.build().map_err(|error| match is_clear {
            true => CliError::from(error).hint(ALLOW_HTTP),
            false => error.into(),
        })?;
        Ok(Connection {
            client,
            token: self.token,
            base_url: self.base_url.source,
        })
    }
}

impl Connection {
    /// Makes a word from the service fit for a message: shortens it and removes the key.
    pub(crate) fn word(&self, word: &str) -> String {
        /// No ID, hash or time is longer.
        const MAX_CHARS: usize = 80;
        let word = self.token.value.redact(word);
        match word.char_indices().nth(MAX_CHARS) {
            Some((end, _)) => format!("{}…", &word[..end]),
            None => word,
        }
    }

    /// Adds a hint to an error that another key or cluster could fix.
    pub(crate) fn explain(&self, error: CliError) -> CliError {
        match error.exit {
            Exit::Unauthorized => error.hint(format!("the key is from {}", self.token.source)),
            _ if error.is(ErrorKind::Connection) && self.base_url == Source::Default => {
                error.hint(NAME_A_CLUSTER)
            }
            _ => error,
        }
    }
}

/// Prints the line that `-v` shows for each request.
fn print_request(request: &RequestSummary) {
    let status = request
        .status
        .map_or("-".to_owned(), |status| status.to_string());
    let line = format!(
        "algo-logs: GET {} {status} {} bytes {:.3} s",
        request.url,
        request.bytes,
        request.elapsed.as_secs_f64()
    );
    to_stderr(&format!("{}\n", sanitize_line(&line)));
}
