//! The settings of a connection: timeouts and the proxy, put into ureq's words and checked beforehand.
//!
//! ureq panics on some settings that it cannot serve and ignores others, so each is looked at here first.

use std::env;
use std::time::Duration;

use crate::base_url::BaseUrl;
use crate::error::Error;
use ureq::Agent;

/// What a client sends as `User-Agent`.
const USER_AGENT: &str = concat!("algo-logs/", env!("CARGO_PKG_VERSION"));

/// Room for the request's head, of which no part is longer than a token.
const OUTPUT_BUFFER: usize = 32 * 1024;

/// ureq adds a timeout to the clock's reading, and panics where that overflows. Nobody is patient for longer than this.
const MAX_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) struct Settings<'a> {
    pub(super) base: &'a BaseUrl,
    pub(super) timeout: Duration,
    pub(super) roots: Option<Vec<u8>>,
    pub(super) connections: usize,
}

/// The agent, and the variable that names its proxy, if it has one.
pub(super) fn build(settings: Settings<'_>) -> Result<(Agent, Option<&'static str>), Error> {
    let Settings {
        base,
        timeout,
        roots,
        connections,
    } = settings;
    let timeout = timeout.min(MAX_TIMEOUT);
    let (proxy, variable) = proxy(base)?.unzip();
    let config = Agent::config_builder();
    #[cfg(any(feature = "rustls", feature = "native-tls"))]
    let config = config.tls_config(super::tls::config(roots)?);
    #[cfg(not(any(feature = "rustls", feature = "native-tls")))]
    if base.is_https() || roots.is_some() {
        return Err(Error::settings(
            "this build has no TLS: it needs the feature rustls or native-tls",
        ));
    }
    let config = config
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent(USER_AGENT)
        .accept("application/json")
        // ureq starts a thread for a name lookup that has a timeout, and panics where it cannot. The lookup of a proxy
        // is part of connecting, so that only the system limits connecting to a proxy.
        .timeout_connect(proxy.is_none().then_some(timeout))
        .proxy(proxy)
        .timeout_per_read(Some(timeout))
        .timeout_per_write(Some(timeout))
        .output_buffer_size(OUTPUT_BUFFER)
        .max_idle_connections(connections)
        .max_idle_connections_per_host(connections)
        .build();
    Ok((config.new_agent(), variable))
}

/// The proxy that the environment names for this cluster.
///
/// ureq's own look takes `ALL_PROXY` before the variable of the scheme, and no proxy where the variable's value is of
/// no use: then a company's key would go out another way than the company wants.
fn proxy(base: &BaseUrl) -> Result<Option<(ureq::Proxy, &'static str)>, Error> {
    let scheme = if base.is_https() {
        ["https_proxy", "HTTPS_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY"]
    };
    let Some((name, value)) = variable(&scheme).or_else(|| variable(&["all_proxy", "ALL_PROXY"]))
    else {
        return Ok(None);
    };
    let wrong = |why: &str| Error::settings(format!("the proxy in {name} cannot be used: {why}"));
    let proxy = ureq::Proxy::new(&value).map_err(|_| wrong("it is no URL of a proxy"))?;
    let protocol = match proxy.protocol() {
        protocol @ (ureq::ProxyProtocol::Http | ureq::ProxyProtocol::Https) => protocol,
        _ => return Err(wrong("SOCKS is not supported, only http and https")),
    };
    let mut builder = ureq::Proxy::builder(protocol)
        .host(proxy.host())
        .port(proxy.port());
    if let Some(user) = proxy.username() {
        builder = builder.username(user);
    }
    if let Some(password) = proxy.password() {
        builder = builder.password(password);
    }
    let (_, exempt) = variable(&["no_proxy", "NO_PROXY"]).unwrap_or_default();
    for host in exempt.split([',', ' ']).filter(|host| !host.is_empty()) {
        // As curl has it: a name stands for its subdomains, too, with or without a dot in front.
        let host = host.strip_prefix('.').unwrap_or(host);
        builder = builder.no_proxy(host).no_proxy(&format!(".{host}"));
    }
    let proxy = builder
        .build()
        .map_err(|_| wrong("it is no URL of a proxy"))?;
    let target = base.to_string().parse();
    let exempt = target.is_ok_and(|target| proxy.is_no_proxy(&target));
    Ok((!exempt).then_some((proxy, name)))
}

/// The first of these variables of the environment that is set to something.
fn variable(names: &[&'static str]) -> Option<(&'static str, String)> {
    names.iter().find_map(|&name| {
        let value = env::var_os(name)?;
        // A value that is no text is no URL either, and is refused as such.
        let value = value.to_string_lossy().into_owned();
        (!value.is_empty()).then_some((name, value))
    })
}
