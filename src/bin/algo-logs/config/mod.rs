//! Decides where to connect and with which key: options override the environment, which overrides the default profile.
//! A profile requested with `--profile` overrides the environment.

mod connection;
mod environment;
mod options;
mod profile;
pub(crate) mod project;

use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use algo_logs::{BaseUrl, Token};

use crate::error::{CliError, redact};
pub(crate) use connection::Connection;
pub(crate) use environment::{Environment, read_all};
use environment::{open_regular_file, others_can_read, read_file};
pub(crate) use options::{ColorChoice, Options, PathOrStdin};
use profile::Profile;

const BEARER_VARIABLE: &str = "ALGORITHMIA_BEARER_TOKEN";
const BEARER_MEMBER: &str = "bearer_token of the profile";

/// A value, and where it comes from: `--api`, `ALGORITHMIA_API`, `api_server of the profile`.
#[derive(Clone)]
struct Setting<T> {
    value: T,
    source: &'static str,
}

impl<T> Setting<T> {
    fn from(source: &'static str, value: Option<T>) -> Option<Self> {
        value.map(|value| Self { value, source })
    }

    /// Parses the value. An error says where it comes from.
    fn parse<U, E: Display>(
        self,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Setting<U>, CliError> {
        let source = self.source;
        match parse(self.value) {
            Ok(value) => Ok(Setting { value, source }),
            Err(error) => Err(error_from(source, error)),
        }
    }
}

/// Creates an error about a value that says where it comes from.
fn error_from(source: &str, why: impl Display) -> CliError {
    CliError::invalid_input(format!("{source}: {why}"))
}

/// The settings of the client.
pub(crate) struct Settings {
    base_url: Setting<BaseUrl>,
    token: Setting<Token>,
    /// The CAs to trust instead of the compiled-in roots.
    ca_pem: Option<Setting<Vec<u8>>>,
    allow_http: bool,
    timeout: Duration,
    retries: u32,
    /// A note about the permissions of the profile's file.
    pub(crate) warning: Option<String>,
}

/// Chooses each setting, then parses it: an invalid one is an error only if it is used.
pub(crate) fn resolve(options: &Options, environment: &Environment) -> Result<Settings, CliError> {
    let variable = |name| Setting::from(name, environment.text(name));
    let urls = [
        Setting::from("--api", options.api.clone()),
        variable("ALGORITHMIA_API"),
    ];
    let keys = [
        options.api_key_file.as_ref().map(read_key).transpose()?,
        variable("ALGORITHMIA_API_KEY").or_else(|| variable(BEARER_VARIABLE)),
    ];
    let certificates = environment.get("SSL_CERT_FILE").map(PathBuf::from);
    let ca_files = [
        Setting::from("--cacert", options.cacert.clone()),
        Setting::from("SSL_CERT_FILE", certificates),
    ];

    let name = options.profile.as_deref();
    let is_missing = |settings: &[Option<Setting<String>>]| settings.iter().all(Option::is_none);
    // The default profile is not opened just for its CAs.
    let (profile, warning) = match name.is_some() || is_missing(&urls) || is_missing(&keys) {
        true => read_profile(name, environment)?,
        false => (Profile::default(), None),
    };
    let url = Setting::from("api_server of the profile", profile.api_server);
    let key = Setting::from("api_key of the profile", profile.api_key)
        .or_else(|| Setting::from(BEARER_MEMBER, profile.bearer_token));
    let ca_file = profile.ca_cert.map(PathBuf::from);
    let ca_file = Setting::from("ca_cert of the profile", ca_file);
    // The only cluster that the profile's key and CAs are for. `algo` means the public one if the file names none.
    let own = match url.clone() {
        Some(url) => url.parse(parse_url)?.value,
        None => "https://api.algorithmia.com".parse()?,
    };

    let is_named = name.is_some();
    let Some(url) = first(is_named, urls, url) else {
        return Err(no_cluster(key.is_some() || !is_missing(&keys)));
    };
    let base_url = url.parse(parse_url)?;
    let cluster = &base_url.value;
    let is_own = own == *cluster;
    let ca_pem = match first(is_named, ca_files, ca_file.filter(|_| is_own)) {
        Some(Setting { value, source }) => {
            Setting::from(source, Some(read(source, "CA file", &value)?))
        }
        None => None,
    };
    let key = key.map(|key| match is_own {
        true => Ok(key),
        false => Err(no_key(format!(
            "there is no key for {cluster}: the profile's key belongs to {own}"
        ))),
    });
    let key = first(is_named, keys.map(|key| key.map(Ok)), key)
        .unwrap_or_else(|| Err(no_key("no API key is set".to_owned())))?;
    let token = match key.source {
        BEARER_VARIABLE | BEARER_MEMBER => key.parse(Token::bearer)?,
        _ => key.parse(Token::simple)?,
    };
    Ok(Settings {
        base_url,
        token,
        ca_pem,
        allow_http: options.allow_http,
        timeout: options.timeout,
        retries: options.retries,
        warning,
    })
}

/// Returns the first value that is set. A profile that was requested by name comes before the variable.
fn first<T>(is_named: bool, others: [Option<T>; 2], profile: Option<T>) -> Option<T> {
    let [option, variable] = others;
    match is_named {
        true => option.or(profile).or(variable),
        false => option.or(variable).or(profile),
    }
}

fn no_cluster(has_key: bool) -> CliError {
    match has_key {
        true => CliError::invalid_input("no cluster is set")
            .hint("set ALGORITHMIA_API, or give --api URL"),
        false => CliError::invalid_input("no cluster and no API key are set").hint(
            "set ALGORITHMIA_API and ALGORITHMIA_API_KEY, or see 'algo-logs help environment'",
        ),
    }
}

fn no_key(message: String) -> CliError {
    CliError::no_key(message).hint("set ALGORITHMIA_API_KEY, or give --api-key-file FILE")
}

/// Parses a base URL. Rejects what looks like a key: as a valid host name, it would be shown in errors and sent to the
/// resolver.
fn parse_url(text: String) -> Result<BaseUrl, String> {
    let is_word = text.len() >= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word || text.starts_with("eyJ") {
        return Err("the base URL cannot be used: it looks like a key".to_owned());
    }
    text.parse()
        .map_err(|error: algo_logs::Error| error.to_string())
}

fn read_key(file: &PathOrStdin) -> Result<Setting<String>, CliError> {
    let source = "--api-key-file";
    let bytes = match file {
        PathOrStdin::Path(path) => read(source, "key file", path)?,
        PathOrStdin::Stdin => read_all(io::stdin())
            .map_err(|error| error_from(source, format!("cannot read stdin: {error}")))?,
    };
    // Invalid UTF-8 becomes U+FFFD, which no key can contain.
    let value = String::from_utf8_lossy(&bytes).into_owned();
    Ok(Setting { value, source })
}

/// Reads a file. Errors show only absolute paths: anything else could be a key or a certificate that was given instead
/// of a path.
fn read(source: &str, what: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    let file = match path.is_absolute() {
        true => format!("{what} {}", path.display()),
        false => what.to_owned(),
    };
    read_file(path).map_err(|error| error_from(source, format!("cannot read the {file}: {error}")))
}

/// Reads a profile, and returns a note if other users can read it too. A missing one is an error only if it was
/// requested by name.
fn read_profile(
    name: Option<&str>,
    environment: &Environment,
) -> Result<(Profile, Option<String>), CliError> {
    let missing = |why: String| match name {
        Some(name) => Err(CliError::invalid_input(format!(
            "there is no profile '{}': {why}",
            redact(name)
        ))),
        None => Ok((Profile::default(), None)),
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
    let profile = profile::parse(&text, name.unwrap_or("default")).map_err(|line| {
        invalid(format!(
            "line {line}: a profile must consist of lines such as api_key = \"KEY\""
        ))
    })?;
    let Some(profile) = profile else {
        let names: Vec<String> = profile::names(&text).take(5).map(redact).collect();
        return missing(match names.is_empty() {
            true => format!("{shown} has no profiles"),
            false => format!("{shown} has {}", names.join(", ")),
        });
    };
    let warning = others_can_read(&path)
        .then(|| format!("other users can read your keys; run 'chmod 600 {shown}'"));
    Ok((profile, warning))
}
