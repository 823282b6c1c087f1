//! Which cluster, whose key and whose certificates: flags over environment over profile, put into a client.

mod profile;
pub(crate) mod project;

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use algo_logs::{BaseUrl, Client, ErrorKind, Token};

use crate::cli::{Args, Command, Connect, PathOrStdin};
use crate::error::{CliError, Exit};
use crate::output::sanitize::sanitize_line;
use crate::output::{Reporter, to_stderr};
use profile::Profile;

/// More than any key, bundle of certificates or list of profiles has; `/dev/zero` has more.
const LONGEST_FILE: u64 = 16 * 1024 * 1024;

/// The client, and what an error may have to say about its settings.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    token: Token,
    /// Such as `ALGORITHMIA_API_KEY`.
    key_from: String,
}

impl Connection {
    /// A word of the service for a sentence of this program: no longer than it may be, and not the key.
    pub(crate) fn word(&self, word: &str) -> String {
        /// Longer than ids, hashes and times are.
        const LONGEST: usize = 80;
        let word = self.token.redact(word);
        match word.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &word[..end]),
            None => word,
        }
    }

    /// Says where the key came from, if that is what was refused, and how to name a cluster, if nobody did.
    pub(crate) fn explain(&self, failure: CliError) -> CliError {
        let nobody_said_which = *self.client.base_url() == BaseUrl::default();
        match failure.exit {
            Exit::Unauthorized => failure.hint(format!("the key is from {}", self.key_from)),
            _ if nobody_said_which && failure.is(ErrorKind::Connection) => {
                failure.hint("--api or ALGORITHMIA_API names another cluster")
            }
            _ => failure,
        }
    }
}

/// Makes the client that the flags, the environment and the profile ask for.
pub(crate) fn connect(args: &Args, environment: &Environment) -> Result<Connection, CliError> {
    let flags = &args.connect;
    let mut profile = LazyProfile::new(flags, environment, Reporter::of(args));

    let named = match &flags.api {
        Some(url) => Some(url.clone()),
        None => environment.text("ALGORITHMIA_API")?,
    };
    let base: BaseUrl = match named {
        Some(url) => url.parse()?,
        None => profile.cluster()?,
    };
    let (token, key_from) = match given_key(flags, environment)? {
        Some(key) => key,
        None => profile.key(&base)?,
    };
    let roots = match given_roots(flags, environment) {
        Some(path) => Some(path),
        None => profile.roots(&base)?,
    };

    let sent_in_clear = !base.is_https() && !base.is_loopback() && !flags.allow_http;
    let mut builder = Client::builder()
        .base_url(base.to_string())
        .allow_http(flags.allow_http)
        .token(token.clone())
        .timeout(flags.timeout)
        .retries(flags.retries)
        .idle_connections(match &args.command {
            Command::Save(save) => save.jobs,
            _ => 1,
        });
    if let Some(path) = roots {
        builder = builder.root_certificates(read_file("CA file", &path)?);
    }
    if args.verbose {
        builder = builder.on_request(|exchange| {
            let status = exchange.status.map_or("-".to_owned(), |s| s.to_string());
            let line = format!(
                "algo-logs: GET {} {status} {} bytes {}.{:03} s",
                exchange.url,
                exchange.bytes,
                exchange.elapsed.as_secs(),
                exchange.elapsed.subsec_millis()
            );
            to_stderr(&format!("{}\n", sanitize_line(&line)));
        });
    }
    let client = builder.build().map_err(|error| {
        let failure = CliError::from(error);
        match sent_in_clear {
            true => failure.hint("--allow-http sends it all the same"),
            false => failure,
        }
    })?;
    Ok(Connection {
        client,
        token,
        key_from,
    })
}

/// The key of the flags or the environment.
fn given_key(
    flags: &Connect,
    environment: &Environment,
) -> Result<Option<(Token, String)>, CliError> {
    if let Some(file) = &flags.api_key_file {
        let (bytes, from) = match file {
            PathOrStdin::Path(path) => (read_file("key file", path)?, path.display().to_string()),
            PathOrStdin::Stdin => (read_all("key", "stdin", io::stdin())?, "stdin".to_owned()),
        };
        let text = String::from_utf8(bytes)
            .map_err(|_| CliError::settings(format!("the key in {from} is not text")))?;
        return Ok(Some((from_source(Token::simple(text), &from)?, from)));
    }
    type Scheme = fn(String) -> Result<Token, algo_logs::Error>;
    let variables: [(&str, Scheme); 2] = [
        ("ALGORITHMIA_API_KEY", Token::simple),
        ("ALGORITHMIA_BEARER_TOKEN", Token::bearer),
    ];
    for (name, scheme) in variables {
        if let Some(value) = environment.text(name)? {
            return Ok(Some((from_source(scheme(value), name)?, name.to_owned())));
        }
    }
    Ok(None)
}

fn from_source(token: Result<Token, algo_logs::Error>, from: &str) -> Result<Token, CliError> {
    token.map_err(|error| CliError::settings(format!("{from}: {error}")))
}

fn given_roots(flags: &Connect, environment: &Environment) -> Option<PathBuf> {
    match &flags.cacert {
        Some(path) => Some(path.clone()),
        None => environment.get("SSL_CERT_FILE").map(PathBuf::from),
    }
}

/// The profile, which is read only once something is missing that it may have.
struct LazyProfile<'a> {
    name: Option<&'a str>,
    path: Option<PathBuf>,
    read: Option<Profile>,
    notes: Reporter,
}

impl<'a> LazyProfile<'a> {
    fn new(flags: &'a Connect, environment: &Environment, notes: Reporter) -> Self {
        Self {
            name: flags.profile.as_deref(),
            path: environment.profiles_path(),
            read: None,
            notes,
        }
    }

    fn get(&mut self) -> Result<&Profile, CliError> {
        let profile = match self.read.take() {
            Some(profile) => profile,
            None => self.load()?.unwrap_or_default(),
        };
        Ok(self.read.insert(profile))
    }

    /// The profile as it is written; none is fine, unless it was asked for by name.
    fn load(&self) -> Result<Option<Profile>, CliError> {
        let missing = |why: String| match self.name {
            Some(name) => Err(CliError::settings(format!(
                "there is no profile '{name}': {why}"
            ))),
            None => Ok(None),
        };
        let Some(path) = &self.path else {
            return missing("there is no home directory to look in".to_owned());
        };
        let shown = path.display();
        let text = match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return missing(format!("{shown} does not exist"));
            }
            _ => read_file("profile file", path)?,
        };
        let text = String::from_utf8(text)
            .map_err(|_| CliError::settings(format!("the profile file {shown} is not UTF-8")))?;
        let name = self.name.unwrap_or("default");
        let found = profile::parse(&text, name).map_err(|error| {
            CliError::settings(format!(
                "the profile file {shown} cannot be used: line {}: {}",
                error.line, error.reason
            ))
        })?;
        match found {
            Some(profile) => {
                if others_can_read(path) {
                    self.notes.say(&format!(
                        "others can read {shown}, and the keys in it: chmod 600 keeps them out"
                    ));
                }
                Ok(Some(profile))
            }
            None => match &profile::names(&text)[..] {
                [] => missing(format!("{shown} has none that can be named")),
                names => missing(format!("{shown} has {}", names.join(", "))),
            },
        }
    }

    /// The profile's own cluster: the one that its key belongs to.
    fn cluster(&mut self) -> Result<BaseUrl, CliError> {
        match &self.get()?.api_server {
            Some(url) => url
                .parse::<BaseUrl>()
                .map_err(|error| CliError::settings(format!("api_server of the profile: {error}"))),
            None => Ok(BaseUrl::default()),
        }
    }

    fn key(&mut self, base: &BaseUrl) -> Result<(Token, String), CliError> {
        let profile = self.get()?;
        let key = match (&profile.api_key, &profile.bearer_token) {
            (Some(key), _) => Some((Token::simple(key), "api_key of the profile")),
            (None, Some(token)) => Some((Token::bearer(token), "bearer_token of the profile")),
            (None, None) => None,
        };
        let Some((token, from)) = key else {
            return Err(
                CliError::new(Exit::Unauthorized, "no-key", "there is no key")
                    .hint("set ALGORITHMIA_API_KEY, or give --api-key-file FILE"),
            );
        };
        let own = self.cluster()?;
        if own != *base {
            // It was given for one cluster, and would be shown to another.
            return Err(CliError::new(
                Exit::Unauthorized,
                "no-key",
                format!("there is no key for {base}: the profile's key belongs to {own}"),
            )
            .hint("set ALGORITHMIA_API_KEY, or give --api-key-file FILE"));
        }
        Ok((from_source(token, from)?, from.to_owned()))
    }

    /// The profile's certificates say whom its own cluster is to be known by, and nothing about others.
    fn roots(&mut self, base: &BaseUrl) -> Result<Option<PathBuf>, CliError> {
        if self.get()?.ca_cert.is_none() || self.cluster()? != *base {
            return Ok(None);
        }
        Ok(self.get()?.ca_cert.as_ref().map(PathBuf::from))
    }
}

#[cfg(unix)]
fn others_can_read(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).is_ok_and(|known| known.mode() & 0o044 != 0)
}

/// Elsewhere permissions are not as simple as that.
#[cfg(not(unix))]
fn others_can_read(_: &Path) -> bool {
    false
}

fn read_file(what: &str, path: &Path) -> Result<Vec<u8>, CliError> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| unreadable(what, &name, &error.to_string()))?;
    read_all(what, &name, file)
}

fn read_all(what: &str, name: &str, reader: impl Read) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    reader
        .take(LONGEST_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(what, name, &error.to_string()))?;
    if bytes.len() as u64 > LONGEST_FILE {
        return Err(unreadable(what, name, "it does not end"));
    }
    Ok(bytes)
}

fn unreadable(what: &str, name: &str, why: &str) -> CliError {
    CliError::settings(format!("cannot read the {what} {name}: {why}"))
}

/// What the program looks at of its environment. An empty variable counts for one that is not set.
pub(crate) struct Environment {
    variable: fn(&str) -> Option<OsString>,
}

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self {
            variable: |name| env::var_os(name),
        }
    }

    fn get(&self, name: &str) -> Option<OsString> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Result<Option<String>, CliError> {
        let value = self.get(name).map(OsString::into_string);
        value
            .transpose()
            .map_err(|_| CliError::settings(format!("{name} is not text")))
    }

    /// Whether colours are unwanted: <https://no-color.org>.
    pub(crate) fn no_color(&self) -> bool {
        self.get("NO_COLOR").is_some()
    }

    /// Where the official `algo` program keeps its profiles.
    fn profiles_path(&self) -> Option<PathBuf> {
        if cfg!(windows) {
            let folder = self.get("LOCALAPPDATA")?;
            Some(PathBuf::from(folder).join("Algorithmia").join("config"))
        } else {
            let home = self.get("HOME")?;
            Some(PathBuf::from(home).join(".algorithmia").join("config"))
        }
    }
}

impl Reporter {
    pub(crate) fn of(args: &Args) -> Self {
        Self { quiet: args.quiet }
    }
}
