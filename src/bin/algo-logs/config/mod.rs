//! Decides where to connect and with which key: options override the environment, which overrides the default profile.
//! A profile requested with `--profile` counts as an option.
//!
//! Each source becomes a [`Layer`]. [`Config::resolve`] takes every value from the first layer that has it.

mod connection;
mod environment;
mod layer;
mod options;
mod profile;
pub(crate) mod project;

use std::time::Duration;

use algo_logs::{BaseUrl, Token};

use crate::error::CliError;
use crate::output::Reporter;

pub(crate) use connection::Connection;
pub(crate) use environment::{Environment, read_all};
use layer::{Layer, Source, Sourced};
pub(crate) use options::{ColorChoice, Options, PathOrStdin};

/// Hints for errors.
const SET_A_KEY: &str = "set ALGORITHMIA_API_KEY, or give --api-key-file FILE";
const ALLOW_HTTP: &str = "use --allow-http to send it anyway";

/// Resolves the configuration and creates the client, which keeps up to `connections` connections alive.
pub(crate) fn connect(
    options: &Options,
    environment: &Environment,
    reporter: &Reporter,
    verbose: bool,
    connections: usize,
) -> Result<Connection, CliError> {
    let config = Config::resolve(options, environment, reporter)?;
    reporter.redact(config.token.value.clone());
    config.connect(reporter, verbose, connections)
}

/// The configuration of the client.
struct Config {
    base_url: Sourced<BaseUrl>,
    token: Sourced<Token>,
    /// The CAs to trust instead of the compiled-in roots.
    ca_pem: Option<Sourced<Vec<u8>>>,
    allow_http: bool,
    timeout: Duration,
    retries: u32,
}

impl Config {
    fn resolve(
        options: &Options,
        environment: &Environment,
        reporter: &Reporter,
    ) -> Result<Self, CliError> {
        let profile = |name| Layer::from_profile(name, environment, reporter);
        let mut layers = vec![Layer::from_options(options)?];
        if let Some(name) = &options.profile {
            layers.push(profile(Some(name))?);
        }
        layers.push(Layer::from_environment(environment));
        let is_complete = layers.iter().any(|layer| layer.base_url.is_some())
            && layers.iter().any(|layer| layer.token.is_some());
        // The default profile is not opened just for its CAs.
        if options.profile.is_none() && !is_complete {
            layers.push(profile(None)?);
        }

        let base_url = match layers.iter_mut().find_map(|layer| layer.base_url.take()) {
            Some(base_url) => base_url?,
            None => Sourced {
                value: BaseUrl::default(),
                source: Source::Default,
            },
        };
        let cluster = &base_url.value;
        let ca_file = layers
            .iter()
            .filter(|layer| layer.is_for(cluster))
            .find_map(|layer| layer.ca_file.as_ref());
        let ca_pem = match ca_file {
            Some(Sourced { value, source }) => Some(Sourced {
                value: source.read("CA file", value)?,
                source: *source,
            }),
            None => None,
        };
        Ok(Self {
            token: token(layers, cluster)?,
            base_url,
            ca_pem,
            allow_http: options.allow_http,
            timeout: options.timeout,
            retries: options.retries,
        })
    }
}

/// Returns the token of the first layer that has one, unless it is meant for another cluster.
fn token(layers: Vec<Layer>, cluster: &BaseUrl) -> Result<Sourced<Token>, CliError> {
    let error = |message: String| CliError::no_key(message).hint(SET_A_KEY);
    let mut tokens = layers
        .into_iter()
        .filter_map(|layer| Some((layer.cluster, layer.token?)));
    match tokens.next() {
        None => Err(error("there is no key".to_owned())),
        Some((Some(own), _)) if own != *cluster => Err(error(format!(
            "there is no key for {cluster}: the profile's key belongs to {own}"
        ))),
        Some((_, token)) => token,
    }
}
