//! The base URL of a cluster, parsed leniently.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::algorithm::segment;
use crate::error::Error;

/// The base URL of a cluster, normalized: `https://HOST[:PORT][/PATH]`, without `/v1` and without a slash at the end.
///
/// A host alone means `https`. A trailing `/` or `/v1` is dropped. The host consists of letters, digits, `.`, `-` and
/// `_`, or is an IPv6 address in brackets, so every URL parser agrees on the host.
///
/// # Errors
///
/// Parsing fails with [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for anything else, including a URL
/// with a user, a password, a query or a fragment. The error does not show the URL.
///
/// # Examples
///
/// ```
/// use algo_logs::BaseUrl;
///
/// let url: BaseUrl = "cluster.example.com/v1/".parse()?;
/// assert_eq!(url.to_string(), "https://cluster.example.com");
/// assert_eq!(url.host(), "cluster.example.com");
/// assert_eq!(url, "HTTPS://Cluster.Example.com:443".parse()?);
/// # Ok::<(), algo_logs::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl {
    https: bool,
    host: String,
    port: u16,
    path: String,
}

impl BaseUrl {
    /// Returns whether the scheme is `https`, so that requests are encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Returns the host: a name in lower case, an IPv4 address, or an IPv6 address in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
    pub fn is_loopback(&self) -> bool {
        let is_localhost = matches!(&*self.host, "localhost" | "localhost.");
        is_localhost || address(&self.host).is_some_and(|ip| ip.to_canonical().is_loopback())
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

/// Parses an address, in brackets if it is an IPv6 address of a URL.
pub(crate) fn address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|ip| ip.strip_suffix(']'));
    bare.unwrap_or(host).parse().ok()
}

impl FromStr for BaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |why: &str| {
            Err(Error::invalid_input(format!(
                "the base URL cannot be used: {why}"
            )))
        };
        let (https, rest) = match text.split_once("://") {
            None => (true, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return wrong("its scheme is neither https nor http"),
        };
        // This check comes first, because a later one could mistake part of a password for an invalid port.
        if rest.contains('@') {
            return wrong("it contains a user or a password");
        }
        if rest.contains(['?', '#']) {
            return wrong("it contains a query or a fragment");
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse()),
            _ => (authority, Ok(if https { 443 } else { 80 })),
        };
        let Some(port) = port.ok().filter(|&port| port != 0) else {
            return wrong("its port is not between 1 and 65535");
        };
        let is_ipv6 = host.starts_with('[') && address(host).is_some_and(|ip| ip.is_ipv6());
        let in_name = |b: u8| b.is_ascii_alphanumeric() || b".-_".contains(&b);
        if !is_ipv6 && (host.is_empty() || !host.bytes().all(in_name)) {
            return wrong("its host is neither a host name nor an address");
        }
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let path = path.trim_end_matches('/');
        let mut segments = path.split('/').skip(1);
        if !segments.all(|name| segment("path", name).is_ok()) {
            return wrong("its path may contain only letters, digits, '_', '-' and '.'");
        }
        Ok(Self {
            https,
            host: host.to_ascii_lowercase(),
            port,
            path: path.to_owned(),
        })
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, default) = if self.https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port != default {
            write!(f, ":{}", self.port)?;
        }
        f.write_str(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn parses_to(text: &str, url: &str) {
        assert_eq!(text.parse::<BaseUrl>().unwrap().to_string(), url);
    }

    #[track_caller]
    fn rejected(text: &str, why: &str) {
        let error = text.parse::<BaseUrl>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("the base URL cannot be used: {why}")
        );
        assert!(!format!("{error:?}").contains("SECRET"));
    }

    #[test]
    fn forms_that_people_write() {
        parses_to("https://api.algorithmia.com", "https://api.algorithmia.com");
        parses_to("https://c.example.com/", "https://c.example.com");
        parses_to("https://c.example.com/v1", "https://c.example.com");
        parses_to("https://c.example.com/v1/", "https://c.example.com");
        parses_to("c.example.com", "https://c.example.com");
        parses_to("c.example.com:8443/v1", "https://c.example.com:8443");
        parses_to("localhost:8080", "https://localhost:8080");
        parses_to("HTTPS://C.Example.COM:443", "https://c.example.com");
        parses_to("http://127.0.0.1:80", "http://127.0.0.1");
        parses_to("http://[::1]:8080//", "http://[::1]:8080");
        parses_to("[::1]", "https://[::1]");
        parses_to("gw.example.com/algo/v1", "https://gw.example.com/algo");
        parses_to("gw.example.com/v1x", "https://gw.example.com/v1x");
    }

    #[test]
    fn invalid_urls_are_rejected() {
        rejected("", "its host is neither a host name nor an address");
        rejected("https://", "its host is neither a host name nor an address");
        rejected("ftp://c", "its scheme is neither https nor http");
        rejected("https://u:SECRET@c", "it contains a user or a password");
        rejected("u:SECRET@c", "it contains a user or a password");
        rejected("https://c/?key=SECRET", "it contains a query or a fragment");
        rejected("https://c#SECRET", "it contains a query or a fragment");
        rejected("https://c:", "its port is not between 1 and 65535");
        rejected("https://c:0", "its port is not between 1 and 65535");
        rejected("https://c:65536", "its port is not between 1 and 65535");
        rejected("https://c:x", "its port is not between 1 and 65535");
        rejected(
            "https://c d",
            "its host is neither a host name nor an address",
        );
        rejected(
            "https://c\\d",
            "its host is neither a host name nor an address",
        );
        rejected(
            "https://[c]",
            "its host is neither a host name nor an address",
        );
        rejected(
            "https://::1",
            "its host is neither a host name nor an address",
        );
        let path = "its path may contain only letters, digits, '_', '-' and '.'";
        rejected("https://c/a b", path);
        rejected("https://c/a/../b", path);
        rejected("https://c/a//b", path);
        rejected("https://c/%2e", path);
        rejected("https://c/a\r\nX: y", path);
    }

    #[test]
    fn loopback() {
        for url in [
            "http://localhost",
            "http://LOCALHOST.:80",
            "http://127.1.2.3:1",
            "[::1]:8",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(url.parse::<BaseUrl>().unwrap().is_loopback(), "{url}");
        }
        for url in [
            "http://localhost.example.com",
            "127.0.0.1.example.com",
            "[::2]",
            "1.2.3.4",
        ] {
            assert!(!url.parse::<BaseUrl>().unwrap().is_loopback(), "{url}");
        }
    }
}
