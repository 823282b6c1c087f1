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
    let layers = layers(options)?;
    let url = layers.iter().find_map(|layer| layer.url.clone());
    let has_key = layers.iter().any(|layer| layer.key.is_some());
    let base_url = url.ok_or_else(|| no_cluster(has_key))?.parse(parse_url)?;
    let cluster = &base_url.value;
    let is_usable = |layer: &&Layer| layer.cluster.as_ref().is_none_or(|own| own == cluster);
    let mut usable = layers.iter().filter(is_usable);
    let ca_file = usable.find_map(|layer| layer.ca_file.clone());
    let ca_pem = ca_file.map(|file| file.parse(|path| read("CA file", &path)));
    Ok(Settings {
        options,
        token: token(&layers, cluster)?,
        ca_pem: ca_pem.transpose()?,
        base_url,
    })
}

/// Returns the layers, the first of which that has a setting decides it.
fn layers(options: &Options) -> Result<Vec<Layer>, CliError> {
    let from_variable = |name| Setting::from(name, text(name));
    let key_file = Setting::from("--api-key-file", options.api_key_file.as_ref());
    let ca_variable = variable("SSL_CERT_FILE").map(PathBuf::from);
    let mut layers = vec![
        Layer {
            url: Setting::from("--api", options.api.clone()),
            key: key_file.map(|file| file.parse(read_key)).transpose()?,
            ca_file: Setting::from("--cacert", options.cacert.clone()),
            cluster: None,
        },
        Layer {
            url: from_variable("ALGORITHMIA_API"),
            key: from_variable("ALGORITHMIA_API_KEY").or_else(|| from_variable(BEARER_VARIABLE)),
            ca_file: Setting::from("SSL_CERT_FILE", ca_variable),
            cluster: None,
        },
    ];
    let has_url = layers.iter().any(|layer| layer.url.is_some());
    let has_key = layers.iter().any(|layer| layer.key.is_some());
    if let Some(name) = &options.profile {
        // A profile that was requested by name overrides the environment.
        layers.insert(1, read_profile(Some(name))?);
    } else if !has_url || !has_key {
        // Do not open the default profile just for its CAs.
        layers.push(read_profile(None)?);
    }
    Ok(layers)
}

/// Returns the key, unless it is a profile's that belongs to another cluster.
fn token(layers: &[Layer], cluster: &BaseUrl) -> Result<Setting<Token>, CliError> {
    let found = layers
        .iter()
        .find_map(|layer| Some((layer, layer.key.clone()?)));
    let Some((layer, key)) = found else {
        return Err(no_key("no API key is set".to_owned()));
    };
    if let Some(own) = layer.cluster.as_ref().filter(|own| *own != cluster) {
        let why = format!("the profile's key belongs to {own}");
        return Err(no_key(format!("no API key is set for {cluster}: {why}")));
    }
    match key.source {
        BEARER_VARIABLE | BEARER_MEMBER => key.parse(Token::bearer),
        _ => key.parse(Token::simple),
    }
}

fn no_cluster(has_key: bool) -> CliError {
    if has_key {
        CliError::invalid_input("no cluster is set").hint("set ALGORITHMIA_API or pass --api URL")
    } else {
        CliError::invalid_input("no cluster and no API key are set").hint(
            "set ALGORITHMIA_API and ALGORITHMIA_API_KEY, or see 'algo-logs help environment'",
        )
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
    bytes.map_err(|error| {
        if path.is_absolute() {
            format!("cannot read the {name} {}: {error}", path.display())
        } else {
            format!("cannot read the {name}: {error}")
        }
    })
}

/// Finds a profile in its file. A missing one is an error only if it was requested by name.
fn find_profile(name: Option<&str>) -> Result<Option<Profile>, CliError> {
    let missing = |why: String| match name {
        Some(name) => Err(CliError::invalid_input(format!(
            "there is no profile '{}': {why}",
            redact(name)
        ))),
        None => Ok(None),
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
    if profile.is_some() {
        return Ok(profile);
    }
    let names: Vec<String> = profile::names(&text).take(5).map(redact).collect();
    missing(if names.is_empty() {
        format!("{shown} has no profiles")
    } else {
        format!("{shown} has {}", names.join(", "))
    })
}

/// Returns the settings of a profile, or none if there is no such profile.
fn read_profile(name: Option<&str>) -> Result<Layer, CliError> {
    let Some(profile) = find_profile(name)? else {
        return Ok(Layer::default());
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
