//! Finds the proxy between the client and the cluster.

use std::env;
use std::net::IpAddr;

use ureq::ProxyProtocol;

use super::error_response::retry;
use crate::base_url::{BaseUrl, address};
use crate::error::Error;
use crate::retry::Retry;

/// Where to find the proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum ProxySetting {
    #[default]
    Environment,
    Url(String),
    None,
}

/// Finds the proxy for this cluster, if there is one. Also returns how errors name it: by where its URL comes from, such
/// as `the proxy in HTTPS_PROXY`, and never by the URL, which may contain a password.
///
/// ureq's own search prefers `ALL_PROXY` to the variable for the scheme, and uses no proxy if the value is not valid. The
/// key would then leave a company's network on an unintended route.
pub(super) fn find(
    setting: &ProxySetting,
    base_url: &BaseUrl,
) -> Result<Option<(ureq::Proxy, String)>, Error> {
    let found = match setting {
        // A proxy cannot reach this machine's loopback addresses. It would only see the key.
        _ if base_url.is_loopback() => None,
        ProxySetting::None => None,
        ProxySetting::Url(url) => {
            Some(("given to ClientBuilder::proxy_url".to_owned(), url.clone()))
        }
        ProxySetting::Environment => from_environment(base_url),
    };
    let Some((source, url)) = found else {
        return Ok(None);
    };
    let name = format!("the proxy {source}");
    let invalid = |why| Error::invalid_input(format!("{name} cannot be used: {why}"));
    let proxy = ureq::Proxy::new(&url).map_err(|_| invalid("it is not a valid proxy URL"))?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(invalid("SOCKS is not supported, only http and https"));
    }
    Ok(Some((proxy, name)))
}

/// Explains why a proxy did not connect to the cluster, and says whether to retry.
///
/// `reason` is ureq's message. It contains the status of the proxy's response, if there was one.
pub(super) fn explain_refusal(reason: &str) -> (String, Retry) {
    let mut numbers = reason.split(|c: char| !c.is_ascii_digit());
    let status = numbers.find(|number| number.len() == 3);
    let Some(status) = status.and_then(|status| status.parse().ok()) else {
        let why = "the proxy closed the connection before it responded";
        return (why.to_owned(), Retry::Yes);
    };
    let meaning = match status {
        403 => "the proxy does not allow it",
        407 => "the proxy requires a user and a password",
        _ => "the proxy refused",
    };
    let why = format!("{meaning} (status {status})");
    (why, retry(status))
}

/// Returns the variable that names the proxy for this cluster, as `in NAME`, and its value.
fn from_environment(base_url: &BaseUrl) -> Option<(String, String)> {
    let scheme = if base_url.is_https() {
        ["https_proxy", "HTTPS_PROXY"]
    } else {
        ["http_proxy", "HTTP_PROXY"]
    };
    let (_, exceptions) = variable(["no_proxy", "NO_PROXY"]).unwrap_or_default();
    let mut exceptions = exceptions.split([',', ' ']);
    if exceptions.any(|pattern| is_exempt(base_url.host(), base_url.port(), pattern)) {
        return None;
    }
    variable(scheme).or_else(|| variable(["all_proxy", "ALL_PROXY"]))
}

/// Returns the first of these environment variables that is set and not empty: `in NAME`, and its value.
fn variable(names: [&str; 2]) -> Option<(String, String)> {
    names.into_iter().find_map(|name| {
        // A value that is not Unicode will be rejected as an invalid URL.
        let value = env::var_os(name)?.to_string_lossy().into_owned();
        (!value.is_empty()).then(|| (format!("in {name}"), value))
    })
}

/// Returns whether an element of `NO_PROXY` matches a host. An element is `*`, a name (which includes its subdomains),
/// an address or a CIDR block, each with an optional port.
fn is_exempt(host: &str, port: u16, pattern: &str) -> bool {
    // The last group of an IPv6 address is a port only after a bracket.
    let pattern = match pattern.rsplit_once(':') {
        Some((host, only)) if !host.contains(':') || host.contains(']') => {
            if only.parse() != Ok(port) {
                return false;
            }
            host
        }
        _ => pattern,
    };
    if pattern == "*" {
        return true;
    }
    if let Some(ip) = address(host) {
        return match pattern.split_once('/') {
            Some((network, prefix)) => is_in_block(ip, network, prefix),
            None => address(pattern) == Some(ip),
        };
    }
    // As in curl, `.name` and `*.name` mean the same as `name`.
    let name = pattern.trim_start_matches(['*', '.']).trim_end_matches('.');
    let host = host.trim_end_matches('.');
    match host.strip_suffix(&*name.to_ascii_lowercase()) {
        Some(subdomain) => !name.is_empty() && (subdomain.is_empty() || subdomain.ends_with('.')),
        None => false,
    }
}

/// Returns whether an address has the first `prefix` bits of a network.
fn is_in_block(ip: IpAddr, network: &str, prefix: &str) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let (Some(network), Ok(prefix)) = (address(network), prefix.parse::<u32>()) else {
        return false;
    };
    let ((ip, length), (network, other_length)) = (bits(ip), bits(network));
    length == other_length && prefix <= length && (ip ^ network).leading_zeros() >= prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn exempts(pattern: &str, url: &str) {
        let url: BaseUrl = url.parse().unwrap();
        assert!(
            is_exempt(url.host(), url.port(), pattern),
            "{pattern} {url}"
        );
    }

    #[track_caller]
    fn does_not_exempt(pattern: &str, url: &str) {
        let url: BaseUrl = url.parse().unwrap();
        assert!(
            !is_exempt(url.host(), url.port(), pattern),
            "{pattern} {url}"
        );
    }

    #[test]
    fn names_include_subdomains() {
        for pattern in [
            "example.com",
            ".example.com",
            "*.example.com",
            "EXAMPLE.com",
            "example.com.",
        ] {
            exempts(pattern, "example.com");
            exempts(pattern, "c.example.com");
            exempts(pattern, "c.example.com.");
            does_not_exempt(pattern, "cexample.com");
            does_not_exempt(pattern, "example.com.org");
        }
        exempts("*", "c.example.com");
        exempts("*", "10.0.0.1");
        for pattern in ["", ".", "*.", "c.example", "**"] {
            does_not_exempt(pattern, "c.example.com");
        }
    }

    #[test]
    fn addresses_and_blocks() {
        exempts("10.1.2.3", "10.1.2.3");
        exempts("fd00::1", "[fd00::1]");
        exempts("[FD00:0::1]", "[fd00::1]");
        exempts("10.0.0.0/8", "10.1.2.3");
        exempts("10.1.2.3/32", "10.1.2.3");
        exempts("0.0.0.0/0", "10.1.2.3");
        exempts("fd00::/8", "[fdab::1]");
        exempts("[fd00::]/8", "[fdab::1]");
        exempts("fd00::1/128", "[fd00::1]");
        exempts("::/0", "[fd00::1]");
        for (pattern, url) in [
            ("1.2.3", "10.1.2.3"),
            ("10.1.2.30", "10.1.2.3"),
            ("10.0.0.0/16", "10.1.2.3"),
            ("10.1.2.4/32", "10.1.2.3"),
            ("10.0.0.0/33", "10.1.2.3"),
            ("10.0.0.0/-1", "10.1.2.3"),
            ("10.0.0.0/", "10.1.2.3"),
            ("::/0", "10.1.2.3"),
            ("0.0.0.0/0", "[fd00::1]"),
            ("fc00::/8", "[fdab::1]"),
            ("10.0.0.0/8", "10.example.com"),
        ] {
            does_not_exempt(pattern, url);
        }
    }

    #[test]
    fn a_port_limits_an_exception() {
        for pattern in ["c:8443", "*:8443", ".c:8443"] {
            exempts(pattern, "c:8443");
            does_not_exempt(pattern, "c");
        }
        exempts("c:443", "https://c");
        exempts("c:80", "http://c");
        exempts("10.0.0.1:8443", "10.0.0.1:8443");
        exempts("10.0.0.0/8:8443", "10.0.0.1:8443");
        exempts("[fd00::1]:8443", "[fd00::1]:8443");
        does_not_exempt("[fd00::1]:8443", "[fd00::1]");
        // The last group of a bare address is not a port.
        does_not_exempt("fd00::8443", "[fd00::]:8443");
        does_not_exempt("c:", "c");
        does_not_exempt("c:99999", "c");
    }
}
