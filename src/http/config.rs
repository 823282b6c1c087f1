//! The settings of a client, and the ureq agent that is built from them.
//!
//! ureq panics on some settings and ignores others that it cannot use, so each is checked here first.

use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;

use super::proxy::ProxySetting;
use super::report::{Observer, OnRetry};
use crate::base_url::BaseUrl;
use crate::error::Error;
use crate::token::Token;

const USER_AGENT: &str = concat!("algo-logs/", env!("CARGO_PKG_VERSION"));

/// Large enough for the headers of any request. The token and the path are the longest parts.
const OUTPUT_BUFFER: usize = 32 * 1024;

/// The most time that connecting may take. ureq divides it among the addresses of a host, so an address that does not
/// respond delays the next one by only a few seconds.
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// ureq adds timeouts to the current time, and panics if that overflows.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The client's settings.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) allow_http: bool,
    pub(crate) token: Option<Token>,
    pub(crate) root_certificates: Option<Vec<u8>>,
    pub(crate) proxy: ProxySetting,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) idle_connections: usize,
    pub(crate) observer: Option<Arc<Observer>>,
    pub(crate) on_retry: Option<Arc<OnRetry>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow_http: false,
            token: None,
            root_certificates: None,
            proxy: ProxySetting::default(),
            timeout: Duration::from_secs(30),
            retries: 3,
            retry_delay: Duration::from_secs(1),
            idle_connections: 4,
            observer: None,
            on_retry: None,
        }
    }
}

impl Config {
    /// Returns how long connecting may take, over all addresses of a host.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.timeout.min(MAX_CONNECT)
    }
}

pub(super) fn agent(
    base_url: &BaseUrl,
    config: &Config,
    proxy: Option<ureq::Proxy>,
) -> Result<Agent, Error> {
    if !base_url.is_https() && !base_url.is_loopback() && !config.allow_http {
        return Err(Error::invalid_input(format!(
            "{base_url} would send the key unencrypted: http is only allowed for a loopback address"
        )));
    }
    if config.timeout.is_zero() {
        return Err(Error::invalid_input("the timeout must be greater than 0"));
    }
    let agent = Agent::config_builder();
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let agent = agent.tls_config(super::tls::config(config.root_certificates.as_deref())?);
    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    if base_url.is_https() || config.root_certificates.is_some() {
        return Err(Error::invalid_input(
            "this build has no TLS: it needs the feature rustls or native-tls",
        ));
    }
    let timeout = config.timeout.min(MAX_TIMEOUT);
    let agent = agent
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(USER_AGENT)
        .accept("application/json")
        .timeout_connect(Some(config.connect_timeout()))
        // If this is not set, ureq reads the environment.
        .proxy(proxy)
        .timeout_per_read(Some(timeout))
        .timeout_per_write(Some(timeout))
        .output_buffer_size(OUTPUT_BUFFER)
        .max_idle_connections(config.idle_connections)
        .max_idle_connections_per_host(config.idle_connections)
        .build()
        .new_agent();
    Ok(agent)
}
