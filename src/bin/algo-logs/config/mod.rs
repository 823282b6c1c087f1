//! Decides where to connect and with which key: options override the environment, which overrides the default profile.
//! A profile requested with `--profile` overrides the environment.

mod connection;
mod environment;
mod options;
mod profile;
pub(crate) mod project;

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use algo_logs::{BaseUrl, Token};

use crate::error::{CliError, Kind, redact};
pub(crate) use connection::Connection;
pub(crate) use environment::{color, has_escape_sequences, read_all};
use environment::{open_regular_file, profiles_path, text, variable};
pub(crate) use options::{ColorChoice, Options, PathOrStdin};

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

    /// Parses the value. An error says where the value comes from.
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

/// Creates an error about a value, which says where the value comes from.
fn error_from(source: &str, why: impl Display) -> CliError {
    CliError::invalid_input(format!("{source}: {why}"))
}

/// The settings from the options, the environment or a profile.
#[derive(Default)]
struct Layer {
    url: Option<Setting<String>>,
    key: Option<Setting<String>>,
    ca_file: Option<Setting<PathBuf>>,
    /// The cluster that the key and the CAs belong to. Defaults to any.
    cluster: Option<BaseUrl>,
}

/// The settings that decide where to connect, and with which key.
pub(crate) struct Settings<'a> {
    options: &'a Options,
    base_url: Setting<BaseUrl>,
    token: Setting<Token>,
    /// The CAs to trust instead of the compiled-in roots.
    ca_pem: Option<Setting<Vec<u8>>>,
}

/// Chooses each setting, then parses it: an invalid one is an error only if it is used.
pub(crate) fn resolve(options: &Options) -> Result<Settings<'_>, CliError> {
    let from_variable = |name| Setting::from(name, text(name));
    let key_file = Setting::from("--api-key-file", options.api_key_file.as_ref());
    let mut layers = vec![
        Layer {
            url: Setting::from("--api", options.api.clone()),
            key: key_file.map(|file| file.parse(read_key)).transpose()?,
            ca_file: Setting::from("--cacert", options.cacert.clone()),
            ..Layer::default()
        },
        Layer {
            url: from_variable("ALGORITHMIA_API"),
            key: from_variable("ALGORITHMIA_API_KEY").or_else(|| from_variable(BEARER_VARIABLE)),
            ca_file: Setting::from(
                "SSL_CERT_FILE",
                variable("SSL_CERT_FILE").map(PathBuf::from),
            ),
            ..Layer::default()
        },
    ];
    let has_url = layers.iter().any(|layer| layer.url.is_some());
    let has_key = layers.iter().any(|layer| layer.key.is_some());
    let name = options.profile.as_deref();
    // Do not open the default profile just for its CAs.
    if name.is_some() || !has_url || !has_key {
        // A profile that was requested by name overrides the environment.
        let position = if name.is_some() { 1 } else { 2 };
        layers.insert(position, read_profile(name)?);
    }

    let Some(url) = layers.iter().find_map(|layer| layer.url.clone()) else {
        return Err(no_cluster(layers.iter().any(|layer| layer.key.is_some())));
    };
    let base_url = url.parse(parse_url)?;
    let is_for_cluster = |layer: &&Layer| match &layer.cluster {
        Some(cluster) => *cluster == base_url.value,
        None => true,
    };
    let mut ca_files = layers.iter().filter(is_for_cluster);
    let ca_pem = ca_files
        .find_map(|layer| layer.ca_file.clone())
        .map(|file| file.parse(|path| read("CA file", &path)))
        .transpose()?;
    let keys = |layer: &Layer| Some((layer.key.clone()?, layer.cluster.clone()));
    let token = match layers.iter().find_map(keys) {
        None => return Err(no_key("no API key is set".to_owned())),
        Some((_, Some(own))) if own != base_url.value => {
            let cluster = &base_url.value;
            return Err(no_key(format!(
                "no API key is set for {cluster}: the profile's key belongs to {own}"
            )));
        }
        Some((key, _)) => match key.source {
            BEARER_VARIABLE | BEARER_MEMBER => key.parse(Token::bearer)?,
            _ => key.parse(Token::simple)?,
        },
    };
    Ok(Settings {
        options,
        base_url,
        token,
        ca_pem,
    })
}

fn no_cluster(has_key: bool) -> CliError {
    match has_key {
        true => CliError::invalid_input("no cluster is set")
            .hint("set ALGORITHMIA_API or pass --api URL"),
        false => CliError::invalid_input("no cluster and no API key are set").hint(
            "set ALGORITHMIA_API and ALGORITHMIA_API_KEY, or see 'algo-logs help environment'",
        ),
    }
}

fn no_key(message: String) -> CliError {
    CliError::new(Kind::NoKey, message).hint("set ALGORITHMIA_API_KEY or pass --api-key-file FILE")
}

/// Parses a base URL. Rejects text that looks like a key: it can be a valid host name, which errors would show and the
/// resolver would receive.
fn parse_url(text: String) -> Result<BaseUrl, String> {
    let is_word = text.len() >= 20 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word || text.starts_with("eyJ") {
        return Err("the base URL cannot be used: it looks like a key".to_owned());
    }
    text.parse()
        .map_err(|error: algo_logs::Error| error.to_string())
}

fn read_key(file: &PathOrStdin) -> Result<String, String> {
    let bytes = match file {
        PathOrStdin::Path(path) => read("key file", path),
        PathOrStdin::Stdin => {
            read_all(io::stdin()).map_err(|error| format!("cannot read stdin: {error}"))
        }
    };
    // Invalid UTF-8 becomes U+FFFD, which no key can contain.
    Ok(String::from_utf8_lossy(&bytes?).into_owned())
}

/// Reads a file. Errors show only absolute paths: any other path could be a key or a certificate, passed by mistake.
fn read(name: &str, path: &Path) -> Result<Vec<u8>, String> {
    let bytes = File::open(path).and_then(read_all);
    bytes.map_err(|error| match path.is_absolute() {
        true => format!("cannot read the {name} {}: {error}", path.display()),
        false => format!("cannot read the {name}: {error}"),
    })
}

/// Reads a profile. A missing one is an error only if it was requested by name.
fn read_profile(name: Option<&str>) -> Result<Layer, CliError> {
    let missing = |why: String| match name {
        Some(name) => Err(CliError::invalid_input(format!(
            "there is no profile '{}': {why}",
            redact(name)
        ))),
        None => Ok(Layer::default()),
    };
    let Some(path) = profiles_path() else {
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
    let url = Setting::from("api_server of the profile", profile.api_server);
    // `algo` means the public cluster if the file names none.
    let cluster = match url.clone() {
        Some(url) => url.parse(parse_url)?.value,
        None => "https://api.algorithmia.com".parse()?,
    };
    let ca_file = profile.ca_cert.map(PathBuf::from);
    Ok(Layer {
        url,
        key: Setting::from("api_key of the profile", profile.api_key)
            .or_else(|| Setting::from(BEARER_MEMBER, profile.bearer_token)),
        ca_file: Setting::from("ca_cert of the profile", ca_file),
        cluster: Some(cluster),
    })
}
