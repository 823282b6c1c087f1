//! The client, and where its settings come from.

use std::time::Duration;

use algo_logs::{Client, ClientBuilder, Error, Token};

use super::{Settings, error_from};
use crate::error::CliError;

/// A client, and where its settings come from, for error messages.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    /// The same client without retries and notes, for requests that only add detail to a message.
    pub(crate) silent: Client,
    /// Where the key comes from, such as `ALGORITHMIA_API_KEY`.
    pub(crate) key_source: &'static str,
    /// Where the CAs come from, such as `--cacert`. `None` means the compiled-in ones.
    pub(crate) ca_source: Option<&'static str>,
}

impl Settings<'_> {
    /// Creates the clients. `customize` sets what does not come from the settings.
    pub(crate) fn connect(
        self,
        customize: impl Fn(ClientBuilder) -> ClientBuilder,
    ) -> Result<Connection, CliError> {
        let build = |builder: ClientBuilder| {
            let builder = match &self.ca_pem {
                Some(ca_pem) => builder.root_certificates(ca_pem.value.clone()),
                None => builder,
            };
            builder.build().map_err(|error| self.error(error))
        };
        // A hint is not worth a long wait.
        let silent_timeout = self.options.timeout.min(Duration::from_secs(5));
        Ok(Connection {
            client: build(customize(self.builder()))?,
            silent: build(customize(self.builder()).retries(0).timeout(silent_timeout))?,
            key_source: self.token.source,
            ca_source: self.ca_pem.as_ref().map(|ca_pem| ca_pem.source),
        })
    }

    pub(crate) fn token(&self) -> Token {
        self.token.value.clone()
    }

    /// Returns a builder with everything except the CAs.
    fn builder(&self) -> ClientBuilder {
        Client::builder(self.base_url.value.to_string())
            .token(self.token())
            .allow_http(self.options.allow_http)
            .timeout(self.options.timeout)
            .retries(self.options.retries)
    }

    /// Adds the source of the rejected value to an error. An error about a proxy already names the variable.
    fn error(&self, error: Error) -> CliError {
        let base_url = &self.base_url.value;
        if !base_url.is_https() && !base_url.is_loopback() && !self.options.allow_http {
            return error_from(self.base_url.source, error)
                .hint("use --allow-http to send it anyway");
        }
        match &self.ca_pem {
            // The CAs are to blame if the client can be built without them.
            Some(ca_pem) if self.builder().build().is_ok() => error_from(ca_pem.source, error),
            _ => error.into(),
        }
    }
}
