//! The settings from one place: the options, the environment or a profile.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use algo_logs::{BaseUrl, Error, Token};

use super::environment::{
    Environment, as_spelled, open_regular_file, others_can_read, read_all, read_file,
};
use super::profile::{self, Profile};
use super::{Options, PathOrStdin};
use crate::error::{CliError, redact};
use crate::output::Reporter;

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Option(&'static str),
    Variable(&'static str),
    /// A key in the profile file.
    Profile(&'static str),
    /// The value is not set anywhere.
    Default,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(name) => f.write_str(name),
            Self::Variable(name) => f.write_str(&as_spelled(name)),
            Self::Profile(key) => write!(f, "{key} of the profile"),
            Self::Default => f.write_str("the default"),
        }
    }
}

impl Source {
    fn of<T>(self, value: Option<T>) -> Option<Sourced<T>> {
        let source = self;
        value.map(|value| Sourced { value, source })
    }

    /// Creates an error about the value that says where it came from.
    pub(super) fn error(self, why: impl fmt::Display) -> CliError {
        CliError::invalid_input(format!("{self}: {why}"))
    }

    /// Reads the file that the value names. Errors show only absolute paths: anything else could be a key or a
    /// certificate that was given instead of a path.
    pub(super) fn read(self, what: &str, path: &Path) -> Result<Vec<u8>, CliError> {
        let file = match path.is_absolute() {
            true => format!("{what} {}", path.display()),
            false => what.to_owned(),
        };
        read_file(path).map_err(|error| self.error(format!("cannot read the {file}: {error}")))
    }
}

/// A value and where it came from.
#[derive(Clone)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    pub(super) source: Source,
}

/// An optional setting. An invalid one is an error only if it is used, since another layer can override it.
type Setting<T> = Option<Result<Sourced<T>, CliError>>;

/// The settings from one place.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) base_url: Setting<BaseUrl>,
    pub(super) token: Setting<Token>,
    pub(super) ca_file: Option<Sourced<PathBuf>>,
    /// The only cluster that the token and the CAs are meant for. `None` means any.
    pub(super) cluster: Option<BaseUrl>,
}

impl Layer {
    pub(super) fn from_options(options: &Options) -> Result<Self, CliError> {
        let key_file = Source::Option("--api-key-file");
        let key = match &options.api_key_file {
            None => None,
            Some(PathOrStdin::Path(path)) => Some(key_file.read("key file", path)?),
            Some(PathOrStdin::Stdin) => Some(
                read_all(io::stdin())
                    .map_err(|error| key_file.error(format!("cannot read stdin: {error}")))?,
            ),
        };
        // Invalid UTF-8 becomes U+FFFD, which no key can contain.
        let key = key.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Self {
            base_url: parse(Source::Option("--api").of(options.api.clone()), parse_url),
            token: parse(key_file.of(key), Token::simple),
            ca_file: Source::Option("--cacert").of(options.cacert.clone()),
            cluster: None,
        })
    }

    pub(super) fn from_environment(environment: &Environment) -> Self {
        const CERT_FILE: &str = "SSL_CERT_FILE";
        let variable = |name| Source::Variable(name).of(environment.text(name));
        Self {
            base_url: parse(variable("ALGORITHMIA_API"), parse_url),
            token: parse(variable("ALGORITHMIA_API_KEY"), Token::simple)
                .or_else(|| parse(variable("ALGORITHMIA_BEARER_TOKEN"), Token::bearer)),
            ca_file: Source::Variable(CERT_FILE).of(environment.get(CERT_FILE).map(PathBuf::from)),
            cluster: None,
        }
    }

    /// Reads a profile. If it does not exist, returns an empty layer, or an error if it was requested by name.
    pub(super) fn from_profile(
        name: Option<&str>,
        environment: &Environment,
        reporter: &Reporter,
    ) -> Result<Self, CliError> {
        let Some(profile) = read_profile(name, environment, reporter)? else {
            return Ok(Self::default());
        };
        let member = |key, value| Source::Profile(key).of(value);
        let base_url = parse(member("api_server", profile.api_server), parse_url).transpose()?;
        let cluster = match &base_url {
            Some(base_url) => base_url.value.clone(),
            None => BaseUrl::default(),
        };
        Ok(Self {
            base_url: base_url.map(Ok),
            cluster: Some(cluster),
            token: parse(member("api_key", profile.api_key), Token::simple)
                .or_else(|| parse(member("bearer_token", profile.bearer_token), Token::bearer)),
            ca_file: Source::Profile("ca_cert").of(profile.ca_cert.map(PathBuf::from)),
        })
    }

    /// Returns whether the key and the CAs may be used for a cluster.
    pub(super) fn is_for(&self, cluster: &BaseUrl) -> bool {
        self.cluster.as_ref().is_none_or(|own| own == cluster)
    }
}

/// Parses a setting. An error says where it came from.
fn parse<T, E: fmt::Display>(
    text: Option<Sourced<String>>,
    parse: impl FnOnce(String) -> Result<T, E>,
) -> Setting<T> {
    let Sourced { value, source } = text?;
    Some(match parse(value) {
        Ok(value) => Ok(Sourced { value, source }),
        Err(error) => Err(source.error(error)),
    })
}

/// Parses a base URL. Rejects what looks like a key: as a valid host name, it would be shown in errors and sent to the
/// resolver.
fn parse_url(text: String) -> Result<BaseUrl, String> {
    let is_word = text.len() >= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word || text.starts_with("eyJ") {
        return Err("the base URL cannot be used: it looks like a key".to_owned());
    }
    text.parse().map_err(|error: Error| error.to_string())
}

/// Reads a profile. It need not exist unless it was requested by name.
fn read_profile(
    name: Option<&str>,
    environment: &Environment,
    reporter: &Reporter,
) -> Result<Option<Profile>, CliError> {
    let missing = |why: String| match name {
        Some(name) => Err(CliError::invalid_input(format!(
            "there is no profile '{}': {why}",
            redact(name)
        ))),
        None => Ok(None),
    };
    let Some(path) = environment.profiles_path() else {
        return missing("the home directory is unknown".to_owned());
    };
    let shown = path.display();
    let file = match open_regular_file(&path) {
        Ok(file) => file,
        Err(error) => return missing(format!("cannot open {shown}: {error}")),
    };
    let invalid = |why: String| {
        CliError::invalid_input(format!("the profile file {shown} cannot be used: {why}"))
    };
    let bytes = read_all(file).map_err(|error| invalid(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| invalid("it is not UTF-8".to_owned()))?;
    let profile = profile::parse(&text, name.unwrap_or("default"))
        .map_err(|error| invalid(format!("line {}: {}", error.line, error.reason)))?;
    if profile.is_none() {
        let names = profile::names(&text).join(", ");
        return missing(match names.is_empty() {
            true => format!("{shown} has no profiles"),
            false => format!("{shown} has {names}"),
        });
    }
    if others_can_read(&path) {
        reporter.note(&format!(
            "{shown} contains keys, and other users can read it; run 'chmod 600 {shown}'"
        ));
    }
    Ok(profile)
}
