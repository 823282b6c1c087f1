//! The base URL of a cluster, parsed leniently.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

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
        if self.host == "localhost" || self.host == "localhost." {
            return true;
        }
        match (self.ipv4(), self.ipv6()) {
            (Some(ip), _) => ip.is_loopback(),
            (_, Some(ip)) => ip.to_canonical().is_loopback(),
            _ => false,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn ipv4(&self) -> Option<Ipv4Addr> {
        self.host.parse().ok()
    }

    fn ipv6(&self) -> Option<Ipv6Addr> {
        self.host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
    }
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
        // This check comes first: to the later ones, part of a password could look like an invalid port.
        if rest.contains('@') {
            return wrong("it contains a user or a password");
        }
        if rest.contains(['?', '#']) {
            return wrong("it contains a query or a fragment");
        }
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        let (host, port) = match authority.rfind(':') {
            Some(colon) if !authority[colon..].contains(']') => {
                (&authority[..colon], Some(&authority[colon + 1..]))
            }
            _ => (authority, None),
        };
        let port = match port {
            None if https => 443,
            None => 80,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => match digits.parse() {
                Ok(port) if port != 0 => port,
                _ => return wrong("its port is not between 1 and 65535"),
            },
            Some(_) => return wrong("its port is not a number"),
        };
        let mut url = Self {
            https,
            host: host.to_ascii_lowercase(),
            port,
            path: String::new(),
        };
        let named = !url.host.is_empty()
            && url
                .host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_".contains(&b));
        if !named && url.ipv6().is_none() {
            return wrong("its host is neither a host name nor an address");
        }
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        let plain = |segment: &str| {
            segment != "."
                && segment != ".."
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"_-.~".contains(&b))
        };
        if !path.split('/').all(plain) || path.contains("//") {
            return wrong("its path may contain only letters, digits, '_', '-', '.' and '~'");
        }
        url.path = path.trim_end_matches('/').to_owned();
        Ok(url)
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
        rejected("https://c:+80", "its port is not a number");
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
        let path = "its path may contain only letters, digits, '_', '-', '.' and '~'";
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
