//! The settings from one place: the options, the environment or a profile.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;

use algo_logs::{BaseUrl, Error, Token};

use super::environment::{Environment, others_can_read, read_all, read_file};
use super::profile::{self, Profile};
use crate::cli::{Connect, PathOrStdin};
use crate::error::CliError;
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
            Self::Option(name) | Self::Variable(name) => f.write_str(name),
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
}

/// A value and where it came from.
#[derive(Clone)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    pub(super) source: Source,
}

/// A setting, if there is one. An invalid one is an error only if it is used, since another layer can override it.
type Setting<T> = Option<Result<Sourced<T>, CliError>>;

/// The settings from one place.
#[derive(Default)]
pub(super) struct Layer {
    pub(super) base_url: Setting<BaseUrl>,
    pub(super) token: Setting<Token>,
    pub(super) ca_file: Option<PathBuf>,
    /// The only cluster that the token and the CAs are meant for. `None` means any.
    pub(super) cluster: Option<BaseUrl>,
}

impl Layer {
    pub(super) fn from_options(options: &Connect) -> Result<Self, CliError> {
        let key = match &options.api_key_file {
            None => None,
            Some(PathOrStdin::Stdin) => Some(read_all("key from stdin", io::stdin())?),
            Some(PathOrStdin::Path(path)) => Some(read_file("key file", path)?),
        };
        // Invalid UTF-8 becomes U+FFFD, which no key can contain.
        let key = key.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Self {
            base_url: parse(Source::Option("--api").of(options.api.clone()), parse_url),
            token: parse(Source::Option("--api-key-file").of(key), Token::simple),
            ca_file: options.cacert.clone(),
            cluster: None,
        })
    }

    pub(super) fn from_environment(environment: &Environment) -> Self {
        let variable = |name| Source::Variable(name).of(environment.text(name));
        Self {
            base_url: parse(variable("ALGORITHMIA_API"), parse_url),
            token: parse(variable("ALGORITHMIA_API_KEY"), Token::simple)
                .or_else(|| parse(variable("ALGORITHMIA_BEARER_TOKEN"), Token::bearer)),
            ca_file: environment.get("SSL_CERT_FILE").map(PathBuf::from),
            cluster: None,
        }
    }

    /// Reads a profile. Without a name, that is the default profile, which need not exist.
    pub(super) fn from_profile(
        name: Option<&str>,
        environment: &Environment,
        notes: Reporter,
    ) -> Result<Self, CliError> {
        let Some(profile) = read_profile(name, environment, notes)? else {
            return Ok(Self::default());
        };
        let member = |key, value| Source::Profile(key).of(value);
        let base_url = parse(member("api_server", profile.api_server), parse_url).transpose()?;
        Ok(Self {
            // Without `api_server`, the profile is for the public cluster.
            cluster: Some(
                base_url
                    .as_ref()
                    .map(|url| url.value.clone())
                    .unwrap_or_default(),
            ),
            base_url: base_url.map(Ok),
            token: parse(member("api_key", profile.api_key), Token::simple)
                .or_else(|| parse(member("bearer_token", profile.bearer_token), Token::bearer)),
            ca_file: profile.ca_cert.map(PathBuf::from),
        })
    }

    /// Returns whether the key and the CAs may be used for a cluster.
    pub(super) fn is_for(&self, cluster: &BaseUrl) -> bool {
        self.cluster.as_ref().is_none_or(|own| own == cluster)
    }
}

/// Parses a setting. An error says where it came from.
fn parse<T>(
    text: Option<Sourced<String>>,
    parse: impl FnOnce(String) -> Result<T, Error>,
) -> Setting<T> {
    let Sourced { value, source } = text?;
    Some(match parse(value) {
        Ok(value) => Ok(Sourced { value, source }),
        Err(error) => Err(CliError::settings(format!("{source}: {error}"))),
    })
}

fn parse_url(text: String) -> Result<BaseUrl, Error> {
    text.parse()
}

fn read_profile(
    name: Option<&str>,
    environment: &Environment,
    notes: Reporter,
) -> Result<Option<Profile>, CliError> {
    let missing = |why: &str| match name {
        Some(name) => {
            let message = format!("there is no profile '{name}': {why}");
            Err(CliError::settings(message))
        }
        None => Ok(None),
    };
    let Some(path) = environment.profiles_path() else {
        return missing("there is no home directory to look in");
    };
    let shown = path.display();
    if fs::metadata(&path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return missing(&format!("{shown} does not exist"));
    }
    let invalid =
        |why: &str| CliError::settings(format!("the profile file {shown} cannot be used: {why}"));
    let text = read_file("profile file", &path)?;
    let text = String::from_utf8(text).map_err(|_| invalid("it is not UTF-8"))?;
    let profile = profile::parse(&text, name.unwrap_or("default"))
        .map_err(|error| invalid(&format!("line {}: {}", error.line, error.reason)))?;
    if profile.is_none() {
        let names = profile::names(&text).join(", ");
        return missing(&match names.is_empty() {
            true => format!("{shown} has no profiles"),
            false => format!("{shown} has {names}"),
        });
    }
    if others_can_read(&path) {
        notes.say(&format!(
            "{shown} contains keys, and other users can read it; run 'chmod 600 {shown}'"
        ));
    }
    Ok(profile)
}
