//! The settings of a client, and the ureq agent that they describe.
//!
//! ureq panics on some settings and ignores others that it cannot use, so each is checked here first.

use std::env;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ureq::{Agent, ProxyProtocol};

use super::Observer;
use crate::base_url::BaseUrl;
use crate::error::Error;
use crate::token::Token;

const USER_AGENT: &str = concat!("algo-logs/", env!("CARGO_PKG_VERSION"));

/// Holds the header of any request: its longest parts are a token and a path.
const OUTPUT_BUFFER: usize = 32 * 1024;

/// ureq adds timeouts to the current time, and panics if that overflows.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What [`ClientBuilder`](crate::ClientBuilder) sets.
#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) base_url: BaseUrl,
    pub(crate) allow_http: bool,
    pub(crate) token: Option<Token>,
    pub(crate) root_certificates: Option<Vec<u8>>,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) idle_connections: usize,
    pub(crate) observer: Option<Arc<Observer>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: BaseUrl::default(),
            allow_http: false,
            token: None,
            root_certificates: None,
            timeout: Duration::from_secs(30),
            retries: 3,
            retry_delay: Duration::from_secs(1),
            idle_connections: 4,
            observer: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &self.base_url)
            .field("token", &self.token)
            .field("timeout", &self.timeout)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// Makes the agent. Also returns the variable that names its proxy, if it has one.
pub(super) fn agent(config: &Config) -> Result<(Agent, Option<&'static str>), Error> {
    let base_url = &config.base_url;
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
    let (proxy, variable) = proxy(base_url)?.unzip();
    let agent = agent
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(USER_AGENT)
        .accept("application/json")
        // ureq starts a thread for a name lookup that has a timeout, and panics where it cannot. The lookup of a proxy
        // is part of connecting, so that only the system limits how long connecting to a proxy takes.
        .timeout_connect(proxy.is_none().then_some(timeout))
        .proxy(proxy)
        .timeout_per_read(Some(timeout))
        .timeout_per_write(Some(timeout))
        .output_buffer_size(OUTPUT_BUFFER)
        .max_idle_connections(config.idle_connections)
        .max_idle_connections_per_host(config.idle_connections)
        .build()
        .new_agent();
    Ok((agent, variable))
}

/// Finds the proxy that the environment names for this cluster, and the name of its variable.
///
/// ureq's own search prefers `ALL_PROXY` to the variable of the scheme, and uses no proxy if the value is not valid:
/// then the key would leave a company's network by another way than intended.
fn proxy(base_url: &BaseUrl) -> Result<Option<(ureq::Proxy, &'static str)>, Error> {
    let scheme = if base_url.is_https() {
        ["https_proxy", "HTTPS_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY"]
    };
    let Some((name, value)) = variable(&scheme).or_else(|| variable(&["all_proxy", "ALL_PROXY"]))
    else {
        return Ok(None);
    };
    let invalid =
        |why: &str| Error::invalid_input(format!("the proxy in {name} cannot be used: {why}"));
    let proxy = ureq::Proxy::new(&value).map_err(|_| invalid("it is not a valid proxy URL"))?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(invalid("SOCKS is not supported, only http and https"));
    }
    let (_, exceptions) = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let mut exceptions = exceptions.split([',', ' ']);
    let exempt = exceptions.any(|pattern| is_exempt(base_url.host(), pattern));
    Ok((!exempt).then_some((proxy, name)))
}

/// Compares a host with an element of `NO_PROXY`. As in curl, a name includes its subdomains.
fn is_exempt(host: &str, pattern: &str) -> bool {
    let name = pattern.trim_start_matches(['*', '.']).to_ascii_lowercase();
    match host.strip_suffix(&*name) {
        _ if name.is_empty() => pattern == "*",
        Some(subdomain) => subdomain.is_empty() || subdomain.ends_with('.'),
        None => false,
    }
}

/// Returns the first of these environment variables that is set and not empty.
fn variable(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|&name| {
        // A value that is not Unicode is not a valid URL either, and is rejected as such.
        let value = env::var_os(name)?.to_string_lossy().into_owned();
        (!value.is_empty()).then(|| (as_spelled(name, names), value))
    })
}

/// Returns the one of the names that the environment spells like this. On Windows each finds the variable, since case is
/// ignored.
fn as_spelled(name: &'static str, names: &[&'static str]) -> &'static str {
    if !cfg!(windows) {
        return name;
    }
    let is_exact = |name: &&&str| env::vars_os().any(|(other, _)| other == ***name);
    names.iter().find(is_exact).copied().unwrap_or(name)
}
