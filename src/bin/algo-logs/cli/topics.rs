//! The environment variables, files and exit codes.

/// The file with the profiles.
const PROFILES: &str = if cfg!(windows) {
    r"%LOCALAPPDATA%\Algorithmia\config"
} else {
    "~/.algorithmia/config"
};

pub(super) const PRECEDENCE: &str = "Options override the environment, which overrides the default profile. A profile \
     given with '--profile' counts as an option.";

#[rustfmt::skip] // one line each
pub(super) const ENVIRONMENT: &[(&str, &str)] = &[
    ("ALGORITHMIA_API", "the URL of the cluster"),
    ("ALGORITHMIA_API_KEY", "the API key"),
    ("ALGORITHMIA_BEARER_TOKEN", "a bearer token, used if there is no API key"),
    ("SSL_CERT_FILE", "a PEM file with the CAs to trust instead of the built-in ones"),
    ("HTTPS_PROXY, HTTP_PROXY", "the proxy for https:// or http:// clusters; lower-case names work too"),
    ("ALL_PROXY", "the proxy for both"),
    ("NO_PROXY", "hosts to reach without a proxy: '*', domains with their subdomains, \
                  IP addresses and CIDR blocks, each with an optional port"),
    ("NO_COLOR", "turns off colours under '--color auto'"),
    ("TERM", "'dumb' turns off colours and the progress line"),
    #[cfg(windows)]
    ("WT_SESSION, ANSICON, ConEmuANSI, TERM", "set by consoles that understand escape sequences; if none is set, \
                                               colours and the progress line need '--color always'"),
];

#[rustfmt::skip] // one line each
pub(super) const FILES: &[(&str, &str)] = &[
    (PROFILES, "profiles: tables '[profiles.NAME]' with the keys 'api_server', 'api_key', 'bearer_token' and \
                'ca_cert'; read for '--profile', or if the cluster or the key is not set elsewhere"),
    ("algorithmia.conf", "names the algorithm if ALGO is omitted: JSON with 'username' and 'algoname', in the \
                          working directory or the nearest parent that has one"),
];

#[rustfmt::skip] // one line each
pub(super) const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "success: every byte was written"),
    ("1", "network or service failure: connecting, TLS, a proxy, a timeout, a redirect, 429, 5xx"),
    ("2", "invalid usage or settings"),
    ("3", "the build failed or was canceled (with '--exit-status')"),
    ("4", "no key, or the service rejected it (401, 403)"),
    ("5", "no such algorithm, build or version; no log; nothing matches; nothing failed"),
    ("6", "the response was truncated or invalid"),
    ("7", "the output could not be written"),
    ("8", "the build has not finished, even after '--wait' timed out"),
    ("141", "stdout was closed by its reader"),
];
