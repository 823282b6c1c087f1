//! The environment variables, files and exit codes, as help and the man page list them.

use super::commands::CommandName::{self, Builds, Log, Save, Versions, Why};
use super::commands::{EVERY_COMMAND, REQUESTS};

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
    ("NO_COLOR", "if not empty, turns off colours with '--color auto'"),
    ("TERM", "if 'dumb', does the same, and turns off the progress line"),
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

/// What `save` writes.
#[rustfmt::skip] // one line each
pub(super) const SAVED_FILES: &[(&str, &str)] = &[
    ("DIR/OWNER/NAME/STARTED-BUILD_ID.log", "the log of a build, written by 'save'; STARTED is when the build started, \
                                             with '-' for ':'"),
    ("DIR/OWNER/NAME/builds.json", "the builds that 'save' has seen, as 'builds --json' prints them"),
    ("DIR/OWNER/NAME/versions.json", "the versions that 'save' has seen, as 'versions --json' prints them"),
];

/// What an exit code means for some commands.
pub(super) struct ExitCode {
    pub(super) code: &'static str,
    pub(super) commands: &'static [CommandName],
    pub(super) meaning: &'static str,
}

const fn exit(
    code: &'static str,
    commands: &'static [CommandName],
    meaning: &'static str,
) -> ExitCode {
    ExitCode {
        code,
        commands,
        meaning,
    }
}

#[rustfmt::skip] // one line each
pub(super) const EXIT_CODES: &[ExitCode] = &[
    exit("0", EVERY_COMMAND, "success: every byte was written"),
    exit("1", REQUESTS, "network or service failure: connecting, TLS, a proxy, a timeout, a redirect, 429, 5xx"),
    exit("2", EVERY_COMMAND, "invalid usage or settings"),
    exit("3", &[Log], "the build failed (with '--exit-status')"),
    exit("4", REQUESTS, "no key, or the service rejected it (401, 403)"),
    exit("5", &[Builds, Versions], "no such algorithm"),
    exit("5", &[Log], "no such algorithm, build or version; no log; nothing matches"),
    exit("5", &[Why], "no such algorithm or build; nothing failed; no log, or an empty one"),
    exit("5", &[Save], "no such algorithm or owner"),
    exit("6", REQUESTS, "the response was truncated or invalid"),
    exit("7", EVERY_COMMAND, "the output could not be written"),
    exit("8", &[Log], "the build has not finished, even after '--wait' timed out"),
    exit("8", &[Why], "the build has not finished"),
    exit("141", EVERY_COMMAND, "the reader of stdout closed it"),
];

impl ExitCode {
    /// Returns the meaning, after the names of the commands unless it is the same for all.
    pub(super) fn general_meaning(&self) -> String {
        if REQUESTS
            .iter()
            .all(|command| self.commands.contains(command))
        {
            return self.meaning.to_owned();
        }
        let words: Vec<_> = self.commands.iter().map(|command| command.word()).collect();
        format!("{}: {}", words.join(", "), self.meaning)
    }
}
