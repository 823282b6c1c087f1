//! The command line as typed values.
//!
//! What commands and options there are is in the tables of `help.rs`; this is what they mean, and
//! what is wrong with a line that means nothing. Nothing here prints, exits or looks at the
//! environment: `--help`, `--version` and `--generate` are values like any other outcome.

pub(crate) mod generate;
pub(crate) mod help;
mod suggest;
mod value;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::Arg;

use suggest::suggest;
pub(crate) use value::{KINDS, Kind, STATUSES, Status, VersionSpec};
use value::{Value, clean, masked, number, shown, split_version};

use crate::cli::help::CommandName::{self, Builds, Help, Log, Save, Versions};
use crate::cli::help::{COMMANDS, OPTIONS, Opt, OptionSpec, ValueSpec};

const DEFAULT_LIMIT: usize = 20;
const DEFAULT_JOBS: usize = 4;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
const DEFAULT_RETRIES: u32 = 3;
const DEFAULT_WAIT: Duration = Duration::from_secs(1800);
const KEY_HINT: &str = "put the key in a file for '--api-key-file', or in ALGORITHMIA_API_KEY";

/// Options that say opposite things.
const CONTRADICTIONS: &[(Opt, Opt)] = &[
    (Opt::Limit, Opt::All),
    (Opt::Published, Opt::Unpublished),
    (Opt::Public, Opt::Private),
    (Opt::Raw, Opt::Plain),
    (Opt::Verbose, Opt::Quiet),
];

/// Names under which people look for an option that takes the key itself. There is none, because
/// every user of a machine can read the command lines of all.
const KEY_OPTIONS: &[&str] = &[
    "api-key",
    "api_key",
    "apikey",
    "auth",
    "bearer",
    "bearer-token",
    "key",
    "password",
    "token",
];

/// What a command line asks for.
#[allow(clippy::large_enum_variant)] // there is one in the whole life of a process
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    Run(Args),
    Help(Option<CommandName>),
    Version,
    Generate(Kind),
}

/// A command line that cannot be carried out. Exit 2.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct UsageError {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// Whether `--json` was given, and the error is to be JSON too.
    pub(crate) json: bool,
}

/// A command with all that belongs to it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Args {
    pub(crate) command: Command,
    pub(crate) connect: Connect,
    pub(crate) verbose: bool,
    pub(crate) quiet: bool,
}

/// Where to connect and who it is, as far as the command line says so.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    pub(crate) api: Option<String>,
    pub(crate) api_key_file: Option<PathOrStdin>,
    pub(crate) cacert: Option<PathBuf>,
    pub(crate) profile: Option<String>,
    pub(crate) allow_http: bool,
    pub(crate) timeout: Duration,
    pub(crate) retries: u32,
}

/// A file to read, `-` being stdin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PathOrStdin {
    Path(PathBuf),
    Stdin,
}

/// The commands that ask the service something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Builds {
        algorithm: String,
        filter: BuildFilter,
        limit: Limit,
        json: bool,
    },
    Versions {
        algorithm: String,
        /// `Some(true)` for `--published`, `Some(false)` for `--unpublished`.
        published: Option<bool>,
        /// `Some(true)` for `--public`, `Some(false)` for `--private`.
        callable: Option<bool>,
        limit: Limit,
        json: bool,
    },
    Log(LogArgs),
    Save(SaveArgs),
}

/// What `save` takes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SaveArgs {
    pub(crate) algorithm: String,
    pub(crate) filter: BuildFilter,
    pub(crate) limit: Limit,
    pub(crate) folder: PathBuf,
    /// How many logs to fetch at once: at least 1.
    pub(crate) jobs: usize,
}

/// What `log` takes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LogArgs {
    pub(crate) algorithm: String,
    /// Never together with `build_id` or `filter`.
    pub(crate) version: Option<VersionSpec>,
    /// Never together with `filter`.
    pub(crate) build_id: Option<String>,
    pub(crate) filter: BuildFilter,
    pub(crate) tail: Option<usize>,
    /// `None` is stdout.
    pub(crate) output: Option<PathBuf>,
    pub(crate) wait: Option<Duration>,
    pub(crate) exit_status: bool,
    pub(crate) escapes: Escapes,
}

/// `-s` and `-c`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BuildFilter {
    pub(crate) status: Option<Status>,
    /// The first digits of a commit SHA, 1 to 40 of them, in lower case.
    pub(crate) commit: Option<String>,
}

/// How many rows to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// At least 1.
    Rows(usize),
    All,
}

/// What becomes of escape sequences in a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escapes {
    /// Made harmless on a terminal, left alone elsewhere.
    #[default]
    Auto,
    Raw,
    Plain,
}

/// Reads a command line, without the program's name in front.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Parsed, UsageError> {
    let args: Vec<OsString> = args.into_iter().collect();
    // No option takes one of these words as its value, see `value`, so looking for them is enough.
    let options = || args.iter().take_while(|arg| *arg != "--");
    let json = options().any(|arg| arg == "--json");
    let help = options().any(|arg| arg == "--help" || arg == "-h");

    let mut found = RawArgs::default();
    let outcome = found.read(args);
    // Whoever asks for help gets it, all the more where the rest of the line is wrong.
    if help || found.has(Opt::Help) {
        return Ok(Parsed::Help(found.topic()));
    }
    if found.has(Opt::Version) {
        return Ok(Parsed::Version);
    }
    outcome
        .and_then(|()| found.finish())
        .map_err(|error| UsageError { json, ..error })
}

/// What has been read so far. A flag is set if it is in `given`; the rest have a field.
#[derive(Default)]
struct RawArgs {
    command: Option<CommandName>,
    arguments: Vec<String>,
    /// Each option, and how it was spelled.
    given: Vec<(&'static OptionSpec, String)>,
    filter: BuildFilter,
    limit: Option<usize>,
    tail: Option<usize>,
    output: Option<PathBuf>,
    folder: Option<PathBuf>,
    jobs: Option<usize>,
    generate: Option<Kind>,
    wait: Option<Duration>,
    api: Option<String>,
    api_key_file: Option<PathOrStdin>,
    cacert: Option<PathBuf>,
    profile: Option<String>,
    timeout: Option<Duration>,
    retries: Option<u32>,
}

impl RawArgs {
    fn read(&mut self, args: Vec<OsString>) -> Result<(), UsageError> {
        let mut parser = lexopt::Parser::from_args(args);
        let mut after_bare_wait = false;
        loop {
            let (spec, spelled) = match parser.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Arg::Value(word))) => {
                    self.argument(word, after_bare_wait)?;
                    after_bare_wait = false;
                    continue;
                }
                Ok(Some(Arg::Short(short))) => (self.by_short(short)?, format!("-{short}")),
                Ok(Some(Arg::Long(long))) => (self.by_long(long)?, format!("--{long}")),
                Err(lexopt::Error::UnexpectedValue { option, .. }) => {
                    return Err(usage(format!("option '{option}' takes no value")));
                }
                // Nothing else comes from `next`; this is here so that nothing can slip through.
                Err(_) => return Err(usage("the command line cannot be understood")),
            };
            let value = value(&mut parser, spec, &spelled)?;
            after_bare_wait = spec.id == Opt::Wait && value.is_none();
            self.option(spec, &spelled, value)?;
            self.given.push((spec, spelled));
        }
    }

    fn argument(&mut self, word: OsString, after_bare_wait: bool) -> Result<(), UsageError> {
        let word = word.into_string().map_err(|word| {
            let lossy = masked(&word.to_string_lossy());
            usage(format!("argument '{lossy}' is not valid UTF-8"))
        })?;
        if after_bare_wait && word.len() <= 7 && number(&word).is_ok() {
            // It would become a BUILD_ID, and the error speak of a build that nobody named.
            return Err(usage(format!(
                "'{word}' after '--wait' is not taken for its value"
            ))
            .hint(format!("write '--wait={word}'")));
        }
        if self.command.is_some() {
            self.arguments.push(word);
        } else {
            self.command = Some(command(&word)?);
        }
        Ok(())
    }

    fn by_short(&self, short: char) -> Result<&'static OptionSpec, UsageError> {
        if let Some(spec) = OPTIONS.iter().find(|spec| spec.short == Some(short)) {
            return Ok(spec);
        }
        let short = clean(short);
        if short == 'f' {
            return Err(follow("-f"));
        }
        let other_case = |c: char| c != short && c.eq_ignore_ascii_case(&short);
        let mut shorts = OPTIONS.iter().filter_map(|spec| spec.short);
        let hint = match shorts.find(|c| other_case(*c)) {
            Some(near) => format!("did you mean '-{near}'?"),
            None => self.see_help(),
        };
        Err(usage(format!("unknown option '-{short}'")).hint(hint))
    }

    fn by_long(&self, long: &str) -> Result<&'static OptionSpec, UsageError> {
        if let Some(spec) = OPTIONS.iter().find(|spec| spec.long == long) {
            return Ok(spec);
        }
        if long == "follow" {
            return Err(follow("--follow"));
        }
        if KEY_OPTIONS.contains(&long) {
            return Err(usage(format!(
                "there is no option '--{long}': others can see a key on the command line"
            ))
            .hint(KEY_HINT));
        }
        let takes = |spec: &&OptionSpec| {
            self.command
                .is_none_or(|command| spec.commands.contains(&command))
        };
        let names = OPTIONS.iter().filter(takes).map(|spec| spec.long);
        let hint = match suggest(long, names) {
            Some(near) => format!("did you mean '--{near}'?"),
            None => self.see_help(),
        };
        Err(usage(format!("unknown option '--{}'", shown(long))).hint(hint))
    }

    fn see_help(&self) -> String {
        match self.command {
            Some(command) => format!("see 'algo-logs {} --help'", command.word()),
            None => "see 'algo-logs --help'".to_owned(),
        }
    }

    /// Keeps an option's value; a later one replaces it.
    fn option(
        &mut self,
        spec: &OptionSpec,
        spelled: &str,
        value: Option<OsString>,
    ) -> Result<(), UsageError> {
        let Some(value) = value else {
            if spec.id == Opt::Wait {
                self.wait = Some(DEFAULT_WAIT);
            }
            return Ok(());
        };
        let value = Value {
            of: format!("{spelled}{}", spec.value.after_name()),
            value,
        };
        if value.value.is_empty() {
            return Err(value.invalid("it is empty"));
        }
        match spec.id {
            Opt::Status => self.filter.status = Some(value.one_of(STATUSES)?),
            Opt::Commit => self.filter.commit = Some(value.commit()?),
            Opt::Limit => self.limit = Some(value.limit()?),
            Opt::Tail => self.tail = Some(value.number()?),
            Opt::Output => self.output = Some(value.path()).filter(|path| path.as_os_str() != "-"),
            Opt::Dir => self.folder = Some(value.path()),
            Opt::Jobs => self.jobs = Some(value.jobs()?),
            Opt::Wait => self.wait = Some(value.seconds()?),
            Opt::Generate => self.generate = Some(value.one_of(KINDS)?),
            Opt::Api => self.api = Some(value.text()?),
            Opt::ApiKeyFile => {
                self.api_key_file = Some(match value.path() {
                    path if path.as_os_str() == "-" => PathOrStdin::Stdin,
                    path => PathOrStdin::Path(path),
                });
            }
            Opt::Cacert => self.cacert = Some(value.path()),
            Opt::Profile => self.profile = Some(value.text()?),
            Opt::Timeout => self.timeout = Some(value.timeout()?),
            Opt::Retries => self.retries = Some(value.number()?),
            _ => {} // flags
        }
        Ok(())
    }

    fn has(&self, option: Opt) -> bool {
        self.spelled(option).is_some()
    }

    fn spelled(&self, option: Opt) -> Option<&str> {
        let mut given = self.given.iter();
        Some(&given.find(|(spec, _)| spec.id == option)?.1)
    }

    /// The command that help is wanted for.
    fn topic(&self) -> Option<CommandName> {
        match self.command {
            Some(Help) => CommandName::from_word(self.arguments.first()?),
            command => command,
        }
    }

    fn finish(mut self) -> Result<Parsed, UsageError> {
        if let Some(kind) = self.generate {
            return self.check_alone().map(|()| Parsed::Generate(kind));
        }
        let Some(command) = self.command else {
            return Err(usage("no command given").hint("see 'algo-logs --help'"));
        };
        self.check_taken_by(command)?;
        self.check_contradictions()?;
        let most = match command {
            Builds | Versions | Save | Help => 1,
            Log => 2,
        };
        if let Some(extra) = self.arguments.get(most) {
            return Err(
                usage(format!("unexpected argument '{}'", masked(extra))).hint(format!(
                    "usage: algo-logs {} {}",
                    command.word(),
                    command.spec().usage.join(" ")
                )),
            );
        }
        let mut arguments = std::mem::take(&mut self.arguments).into_iter();
        if command == Help {
            let topic = arguments.next().map(|word| self::command(&word));
            return Ok(Parsed::Help(topic.transpose()?));
        }
        let algorithm = arguments.next().filter(|word| !word.is_empty());
        let algorithm = algorithm.ok_or_else(|| {
            usage(format!(
                "'{}' needs an algorithm, OWNER/NAME",
                command.word()
            ))
            .hint(format!("as in: {}", command.spec().examples[0].1))
        })?;
        self.run(command, algorithm, arguments.next())
            .map(Parsed::Run)
    }

    /// `--generate` is about the program as a whole: nothing else can mean anything beside it.
    fn check_alone(&self) -> Result<(), UsageError> {
        let mut options = self.given.iter();
        let option = options.find(|(spec, _)| spec.id != Opt::Generate);
        let option = option.map(|(_, spelled)| spelled.as_str());
        match self.command.map(CommandName::word).or(option) {
            None => Ok(()),
            Some(other) => Err(contradiction("--generate", other)
                .hint("it stands alone, as in: algo-logs --generate man")),
        }
    }

    fn check_taken_by(&self, command: CommandName) -> Result<(), UsageError> {
        for (spec, spelled) in &self.given {
            if !spec.commands.contains(&command) {
                let takers: Vec<_> = spec.commands.iter().map(|taker| taker.word()).collect();
                return Err(
                    usage(format!("'{}' takes no option '{spelled}'", command.word()))
                        .hint(format!("'{spelled}' belongs to {}", takers.join(", "))),
                );
            }
        }
        Ok(())
    }

    fn check_contradictions(&self) -> Result<(), UsageError> {
        for (one, other) in CONTRADICTIONS {
            if let (Some(one), Some(other)) = (self.spelled(*one), self.spelled(*other)) {
                return Err(contradiction(one, other));
            }
        }
        Ok(())
    }

    fn run(
        mut self,
        command: CommandName,
        algorithm: String,
        build_id: Option<String>,
    ) -> Result<Args, UsageError> {
        let command = match command {
            Builds => Command::Builds {
                algorithm,
                filter: std::mem::take(&mut self.filter),
                limit: self.limit(),
                json: self.has(Opt::Json),
            },
            Versions => Command::Versions {
                algorithm,
                published: self.either(Opt::Published, Opt::Unpublished),
                callable: self.either(Opt::Public, Opt::Private),
                limit: self.limit(),
                json: self.has(Opt::Json),
            },
            Save => Command::Save(SaveArgs {
                algorithm,
                filter: std::mem::take(&mut self.filter),
                limit: self.limit.map_or(Limit::All, Limit::Rows),
                folder: self.folder.take().ok_or_else(|| {
                    usage("'save' needs a folder, -d DIR")
                        .hint(format!("as in: {}", Save.spec().examples[0].1))
                })?,
                jobs: self.jobs.unwrap_or(DEFAULT_JOBS),
            }),
            // Help has been dealt with, and takes no algorithm.
            Log | Help => Command::Log(self.log(algorithm, build_id)?),
        };
        Ok(Args {
            command,
            verbose: self.has(Opt::Verbose),
            quiet: self.has(Opt::Quiet),
            connect: Connect {
                allow_http: self.has(Opt::AllowHttp),
                api: self.api,
                api_key_file: self.api_key_file,
                cacert: self.cacert,
                profile: self.profile,
                timeout: self.timeout.unwrap_or(DEFAULT_TIMEOUT),
                retries: self.retries.unwrap_or(DEFAULT_RETRIES),
            },
        })
    }

    fn log(&mut self, algorithm: String, build_id: Option<String>) -> Result<LogArgs, UsageError> {
        let (algorithm, version) = split_version(algorithm)?;
        if build_id.as_deref() == Some("") {
            // An unset variable, most likely; whoever wrote it did not mean the newest build.
            return Err(usage("BUILD_ID is empty"));
        }
        self.check_one_choice(version.is_some(), build_id.is_some())?;
        Ok(LogArgs {
            algorithm,
            version,
            build_id,
            tail: self.tail,
            output: self.output.take(),
            wait: self.wait,
            exit_status: self.has(Opt::ExitStatus),
            escapes: match self.either(Opt::Raw, Opt::Plain) {
                None => Escapes::Auto,
                Some(true) => Escapes::Raw,
                Some(false) => Escapes::Plain,
            },
            filter: std::mem::take(&mut self.filter),
        })
    }

    /// VERSION, BUILD_ID and the filters each choose the build; only the filters go together, since
    /// they narrow each other down.
    fn check_one_choice(&self, version: bool, build_id: bool) -> Result<(), UsageError> {
        let choices = [
            version.then_some("VERSION"),
            build_id.then_some("BUILD_ID"),
            self.spelled(Opt::Status).or(self.spelled(Opt::Commit)),
        ];
        let mut choices = choices.into_iter().flatten();
        match (choices.next(), choices.next()) {
            (Some(one), Some(other)) => {
                Err(contradiction(one, other).hint("each of them chooses the build"))
            }
            _ => Ok(()),
        }
    }

    fn limit(&self) -> Limit {
        if self.has(Opt::All) {
            return Limit::All;
        }
        Limit::Rows(self.limit.unwrap_or(DEFAULT_LIMIT))
    }

    fn either(&self, yes: Opt, no: Opt) -> Option<bool> {
        match (self.has(yes), self.has(no)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }
    }
}

fn command(word: &str) -> Result<CommandName, UsageError> {
    if let Some(command) = CommandName::from_word(word) {
        return Ok(command);
    }
    let words = COMMANDS.iter().map(|spec| spec.word);
    Err(match suggest(word, words.clone()) {
        Some(near) => usage(format!("unknown command '{}'", shown(word)))
            .hint(format!("did you mean '{near}'?")),
        None => {
            let words: Vec<_> = words.collect();
            usage(format!("unknown command '{}'", masked(word)))
                .hint(format!("the commands are {}", words.join(", ")))
        }
    })
}

/// Takes an option's value off the command line, if it has one.
fn value(
    parser: &mut lexopt::Parser,
    spec: &OptionSpec,
    spelled: &str,
) -> Result<Option<OsString>, UsageError> {
    match spec.value {
        ValueSpec::No => return Ok(None),
        ValueSpec::Possible(_) => return Ok(parser.optional_value()),
        ValueSpec::Needed(_) => {}
    }
    if let Some(value) = parser.optional_value() {
        return Ok(Some(value));
    }
    let Ok(value) = parser.value() else {
        return Err(usage(format!(
            "option '{spelled}{}' needs a value",
            spec.value.after_name()
        )));
    };
    // `-o --raw` is a forgotten FILE, not a file of that name. `-5` is judged as a number.
    match value.as_encoded_bytes() {
        [b'-', second, ..] if !second.is_ascii_digit() => Err(usage(format!(
            "option '{spelled}{}' needs a value",
            spec.value.after_name()
        ))
        .hint(format!(
            "a value that begins with '-' is written '--{}=-…'",
            spec.long
        ))),
        _ => Ok(Some(value)),
    }
}

fn usage(message: impl Into<String>) -> UsageError {
    UsageError {
        message: message.into(),
        hint: None,
        json: false,
    }
}

impl UsageError {
    fn hint(self, hint: impl Into<String>) -> UsageError {
        UsageError {
            hint: Some(hint.into()),
            ..self
        }
    }
}

fn contradiction(one: &str, other: &str) -> UsageError {
    usage(format!("'{one}' contradicts '{other}'"))
}

fn follow(spelled: &str) -> UsageError {
    usage(format!(
        "there is no option '{spelled}': the service has no log before a build has finished"
    ))
    .hint("'--wait' waits for the build, then writes its log")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::help::FIRST_EXAMPLES;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(OsString::from).collect()
    }

    #[track_caller]
    fn run(line: &str) -> Args {
        match parse(words(line)) {
            Ok(Parsed::Run(args)) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[track_caller]
    fn fails(line: &str, message: &str, hint: &str) {
        fails_with(words(line), message, hint);
    }

    /// An empty hint is none.
    #[track_caller]
    fn fails_with(args: Vec<OsString>, message: &str, hint: &str) {
        let error = parse(args).expect_err("a usage error");
        assert_eq!(error.message, message);
        assert_eq!(error.hint.as_deref().unwrap_or(""), hint);
    }

    fn builds(algorithm: &str) -> Command {
        Command::Builds {
            algorithm: algorithm.to_owned(),
            filter: BuildFilter::default(),
            limit: Limit::Rows(20),
            json: false,
        }
    }

    /// Compares with a plain `log acme/x` that has been changed.
    #[track_caller]
    fn logs(line: &str, change: impl FnOnce(&mut LogArgs)) {
        let mut wanted = LogArgs {
            algorithm: "acme/x".to_owned(),
            ..LogArgs::default()
        };
        change(&mut wanted);
        assert_eq!(run(line).command, Command::Log(wanted), "{line}");
    }

    #[test]
    fn defaults() {
        let args = run("builds acme/x");
        assert_eq!(args.command, builds("acme/x"));
        assert!(!args.verbose && !args.quiet);
        let connect = Connect {
            api: None,
            api_key_file: None,
            cacert: None,
            profile: None,
            allow_http: false,
            timeout: Duration::from_secs(30),
            retries: 3,
        };
        assert_eq!(args.connect, connect);
        logs("log acme/x", |_| ());
        let versions = Command::Versions {
            algorithm: "acme/x".to_owned(),
            published: None,
            callable: None,
            limit: Limit::Rows(20),
            json: false,
        };
        assert_eq!(run("versions acme/x").command, versions);
    }

    #[test]
    fn help_tells_the_defaults() {
        for (option, default) in [
            (Opt::Limit, format!("{DEFAULT_LIMIT}; for 'save' all")),
            (Opt::Jobs, DEFAULT_JOBS.to_string()),
            (Opt::Wait, DEFAULT_WAIT.as_secs().to_string()),
            (Opt::Timeout, DEFAULT_TIMEOUT.as_secs().to_string()),
            (Opt::Retries, DEFAULT_RETRIES.to_string()),
        ] {
            let spec = OPTIONS.iter().find(|spec| spec.id == option);
            let help = spec.expect("in the table").help;
            assert!(help.ends_with(&format!("[default: {default}]")), "{help}");
        }
    }

    #[test]
    fn help_tells_the_words_that_are_values() {
        fn told<T>(option: Opt, known: &[(&str, T)]) {
            let spec = OPTIONS.iter().find(|spec| spec.id == option);
            let help = spec.expect("in the table").help;
            for (word, _) in known {
                assert!(help.contains(&format!("'{word}'")), "{word}: {help}");
            }
        }
        told(Opt::Status, STATUSES);
        told(Opt::Generate, KINDS);
    }

    #[test]
    fn filters_of_lists() {
        for line in [
            "builds acme/x -s failed -c 3FA9 -L 5 --json",
            "builds -sfailed -c=3fa9 -L5 --json -- acme/x",
            "--json --status=failed --commit 3fa9 --limit=5 builds acme/x",
        ] {
            let wanted = Command::Builds {
                algorithm: "acme/x".to_owned(),
                filter: BuildFilter {
                    status: Some(Status::Failed),
                    commit: Some("3fa9".to_owned()),
                },
                limit: Limit::Rows(5),
                json: true,
            };
            assert_eq!(run(line).command, wanted, "{line}");
        }
        for (flags, published, callable, limit) in [
            (
                "--published --public",
                Some(true),
                Some(true),
                Limit::Rows(20),
            ),
            ("--unpublished", Some(false), None, Limit::Rows(20)),
            ("--private --all", None, Some(false), Limit::All),
        ] {
            let wanted = Command::Versions {
                algorithm: "algo://acme/x".to_owned(),
                published,
                callable,
                limit,
                json: false,
            };
            assert_eq!(
                run(&format!("versions {flags} algo://acme/x")).command,
                wanted
            );
        }
    }

    #[test]
    fn statuses() {
        for (word, status) in [
            ("succeeded", Status::Succeeded),
            ("failed", Status::Failed),
            ("in-progress", Status::InProgress),
        ] {
            let filter = BuildFilter {
                status: Some(status),
                commit: None,
            };
            logs(&format!("log acme/x -s {word}"), |log| log.filter = filter);
        }
        for (word, hint) in [
            ("success", "did you mean 'succeeded'?"),
            ("failure", "did you mean 'failed'?"),
            ("FAILED", "did you mean 'failed'?"),
            ("in_progress", "did you mean 'in-progress'?"),
            ("good", ""),
        ] {
            let message = format!(
                "invalid value '{word}' for '-s STATUS': not one of succeeded, failed, in-progress"
            );
            fails(&format!("builds acme/x -s {word}"), &message, hint);
        }
    }

    #[test]
    fn what_log_takes() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        logs("log acme/x b-1", |log| log.build_id = Some("b-1".into()));
        logs("log -n 0 acme/x", |log| log.tail = Some(0));
        logs("log -n007 acme/x", |log| log.tail = Some(7));
        logs("log acme/x -o f", |log| log.output = Some("f".into()));
        logs("log acme/x -o f -o -", |_| ());
        logs("log acme/x --output=-f", |log| {
            log.output = Some("-f".into())
        });
        logs("log acme/x --wait", |log| log.wait = seconds(1800));
        logs("log acme/x --wait=0", |log| log.wait = seconds(0));
        logs("log acme/x --wait=5 --wait", |log| log.wait = seconds(1800));
        logs("log acme/x --exit-status", |log| log.exit_status = true);
        logs("log acme/x --raw", |log| log.escapes = Escapes::Raw);
        logs("log acme/x --plain", |log| log.escapes = Escapes::Plain);
        logs("log -- acme/x --raw", |log| {
            log.build_id = Some("--raw".into())
        });
    }

    /// Compares with a plain `save acme/x -d f` that has been changed.
    #[track_caller]
    fn saves(line: &str, change: impl FnOnce(&mut SaveArgs)) {
        let mut wanted = SaveArgs {
            algorithm: "acme/x".to_owned(),
            filter: BuildFilter::default(),
            limit: Limit::All,
            folder: "f".into(),
            jobs: 4,
        };
        change(&mut wanted);
        assert_eq!(run(line).command, Command::Save(wanted), "{line}");
    }

    #[test]
    fn what_save_takes() {
        saves("save acme/x -d f", |_| ());
        saves("-d g save --dir=f acme/x", |_| ());
        saves("save acme/x -d f --all", |_| ());
        saves("save acme/x -d f -L 5", |save| save.limit = Limit::Rows(5));
        saves("save acme/x --dir=-", |save| save.folder = "-".into());
        saves("save acme/x -d f -j 1", |save| save.jobs = 1);
        saves("save acme/x -d f --jobs=64", |save| save.jobs = 64);
        saves("save acme/x -d f -s failed -c 3FA9", |save| {
            save.filter = BuildFilter {
                status: Some(Status::Failed),
                commit: Some("3fa9".to_owned()),
            };
        });
    }

    #[test]
    fn what_save_does_not_take() {
        let needs_a_folder = "'save' needs a folder, -d DIR";
        let hint = "as in: algo-logs save acme/tagger -d logs";
        fails("save a/x", needs_a_folder, hint);
        fails("save", "'save' needs an algorithm, OWNER/NAME", hint);
        fails("save a/x -d", "option '-d DIR' needs a value", "");
        fails(
            "save a/x --dir=",
            "invalid value '' for '--dir DIR': it is empty",
            "",
        );
        fails(
            "save a/x f",
            "unexpected argument 'f'",
            "usage: algo-logs save ALGO -d DIR [-s STATUS] [-c SHA] [-L N | --all] [-j N]",
        );
        fails("save a/x -d f --all -L 5", "'-L' contradicts '--all'", "");
        for jobs in ["0", "65"] {
            let message = format!("invalid value '{jobs}' for '-j N': not from 1 to 64");
            fails(&format!("save a/x -d f -j {jobs}"), &message, "");
        }
        let message = "invalid value 'x' for '--jobs N': not a number";
        fails("save a/x -d f --jobs x", message, "");
    }

    #[test]
    fn what_generate_takes() {
        for (word, kind) in KINDS {
            for line in [
                format!("--generate {word}"),
                format!("--generate={word} --"),
            ] {
                assert_eq!(parse(words(&line)), Ok(Parsed::Generate(*kind)), "{line}");
            }
        }
        for (line, message, hint) in [
            ("--generate", "option '--generate KIND' needs a value", ""),
            (
                "--generate nroff",
                "invalid value 'nroff' for '--generate KIND': \
                 not one of man, complete-bash, complete-zsh, complete-fish",
                "",
            ),
            (
                "--generate complete-zhs",
                "invalid value 'complete-zhs' for '--generate KIND': \
                 not one of man, complete-bash, complete-zsh, complete-fish",
                "did you mean 'complete-zsh'?",
            ),
            (
                "--generat man",
                "unknown option '--generat'",
                "did you mean '--generate'?",
            ),
            (
                "--generate man log a/x",
                "'--generate' contradicts 'log'",
                "it stands alone, as in: algo-logs --generate man",
            ),
            (
                "-q --generate man",
                "'--generate' contradicts '-q'",
                "it stands alone, as in: algo-logs --generate man",
            ),
        ] {
            fails(line, message, hint);
        }
        assert_eq!(parse(words("--generate man -h")), Ok(Parsed::Help(None)));
        assert_eq!(parse(words("--generate man -V")), Ok(Parsed::Version));
    }

    #[test]
    fn connection() {
        let line = "--api h --api-key-file k --cacert c --profile p --allow-http --timeout 1 \
                    --retries 0 -v builds acme/x";
        let args = run(line);
        let connect = Connect {
            api: Some("h".to_owned()),
            api_key_file: Some(PathOrStdin::Path("k".into())),
            cacert: Some("c".into()),
            profile: Some("p".to_owned()),
            allow_http: true,
            timeout: Duration::from_secs(1),
            retries: 0,
        };
        assert_eq!(args.connect, connect);
        assert!(args.verbose && !args.quiet);
        let args = run("builds acme/x -q --api-key-file -");
        assert_eq!(args.connect.api_key_file, Some(PathOrStdin::Stdin));
        assert!(args.quiet && !args.verbose);
    }

    #[test]
    fn the_last_of_a_repeated_option_counts() {
        let args = run("log acme/x -n 1 --tail 2 --timeout 5 --timeout=6 -v -v --api a --api b");
        assert!(matches!(
            args.command,
            Command::Log(LogArgs { tail: Some(2), .. })
        ));
        assert_eq!(args.connect.timeout, Duration::from_secs(6));
        assert_eq!(args.connect.api.as_deref(), Some("b"));
    }

    #[test]
    fn every_example_is_a_command_line() {
        let of_commands = COMMANDS.iter().flat_map(|command| command.examples);
        let lines = of_commands.map(|(_, line)| line.strip_prefix("algo-logs ").unwrap());
        for line in lines.chain(FIRST_EXAMPLES.iter().map(|(line, _)| *line)) {
            let (line, _) = line.split_once(" | jq ").unwrap_or((line, ""));
            let line = line.replace("\"$SHA\"", "3fa9c1d");
            assert!(parse(words(&line)).is_ok(), "{line}");
        }
    }

    #[test]
    fn every_option_of_the_table_parses() {
        for spec in OPTIONS {
            let value = match spec.value.after_name().trim_matches([' ', '[', '=', ']']) {
                "" => None,
                "STATUS" => Some("failed"),
                "KIND" => Some("man"),
                "SHA" => Some("3fa9"),
                _ => Some("1"),
            };
            for command in &COMMANDS {
                let argument = if command.name == Help {
                    "log"
                } else {
                    "acme/x"
                };
                // The one option without which there is no command line.
                let needed = if command.name == Save && spec.id != Opt::Dir {
                    "-d f "
                } else {
                    ""
                };
                let mut spellings = vec![match value {
                    Some(value) => format!("--{}={value}", spec.long),
                    None => format!("--{}", spec.long),
                }];
                spellings.extend(
                    spec.short
                        .map(|short| format!("-{short}{}", value.unwrap_or(""))),
                );
                for spelling in spellings {
                    let line = format!("{} {argument} {needed}{spelling}", command.word);
                    let wanted = spec.commands.contains(&command.name);
                    assert_eq!(parse(words(&line)).is_ok(), wanted, "{line}");
                }
            }
        }
    }

    #[test]
    fn versions_in_algo() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        let hash = |hash: &str| Some(VersionSpec::Hash(hash.to_owned()));
        let semantic = |version: &str| Some(VersionSpec::Semantic(version.to_owned()));
        for (algo, algorithm, version) in [
            ("acme/x/3FA9c1d", "acme/x", hash("3fa9c1d")),
            ("acme/x/1234567", "acme/x", hash("1234567")),
            (&format!("acme/x/{sha}"), "acme/x", hash(sha)),
            ("algo://acme/x/1.20.0", "algo://acme/x", semantic("1.20.0")),
            ("acme/x/1.2.0-rc.1-b", "acme/x", semantic("1.2.0-rc.1-b")),
            ("algo://acme/x", "algo://acme/x", None),
            ("algo://x", "algo://x", None),
            ("acme", "acme", None),
        ] {
            logs(&format!("log {algo}"), |log| {
                log.algorithm = algorithm.to_owned();
                log.version = version;
            });
        }
        let long = format!("{sha}0");
        for (version, shown) in [
            ("", ""),
            ("3fa9c1", "3fa9c1"),
            ("3fa9c1g", "3fa9c1g"),
            (&long, "012…"),
            ("1.2", "1.2"),
            ("1.2.3.4", "1.2.3.4"),
            ("1..3", "1..3"),
            ("v1.2.3", "v1.2.3"),
            ("1.2.3-", "1.2.3-"),
            ("1.2.3-a..b", "1.2.3-a..b"),
            ("1.2.3-a_b", "1.2.3-a_b"),
            ("1.2.3+b", "1.2.3+b"),
            ("1.2.3/", "1.2.3/"),
            ("latest", "latest"),
        ] {
            let message = format!(
                "'{shown}' is no version: neither a semantic version nor 7 to 40 digits of a git hash"
            );
            let hint = "ALGO is OWNER/NAME or OWNER/NAME/VERSION";
            fails(&format!("log acme/x/{version}"), &message, hint);
        }
        assert_eq!(run("builds acme/x/1.2.0").command, builds("acme/x/1.2.0"));
    }

    #[test]
    fn contradictions() {
        for (line, one, other) in [
            ("builds acme/x --all --limit 3", "--limit", "--all"),
            ("builds acme/x -L3 --all", "-L", "--all"),
            (
                "versions acme/x --published --unpublished",
                "--published",
                "--unpublished",
            ),
            (
                "versions acme/x --private --public",
                "--public",
                "--private",
            ),
            ("log acme/x --plain --raw", "--raw", "--plain"),
            ("log acme/x -qv", "-v", "-q"),
        ] {
            fails(line, &format!("'{one}' contradicts '{other}'"), "");
        }
        for (line, one, other) in [
            ("log acme/x b-1 -s failed", "BUILD_ID", "-s"),
            ("log acme/x b-1 --commit 3fa9", "BUILD_ID", "--commit"),
            ("log acme/x/1.2.0 b-1", "VERSION", "BUILD_ID"),
            ("log acme/x/1.2.0 -s failed", "VERSION", "-s"),
            ("log acme/x/1.2.0 -c 3fa9", "VERSION", "-c"),
        ] {
            let hint = "each of them chooses the build";
            fails(line, &format!("'{one}' contradicts '{other}'"), hint);
        }
        let filter = BuildFilter {
            status: Some(Status::Failed),
            commit: Some("3fa9".to_owned()),
        };
        logs("log acme/x -s failed -c 3fa9", |log| log.filter = filter);
    }

    #[test]
    fn numbers_are_strict() {
        for (line, message) in [
            ("log a/x -n x", "invalid value 'x' for '-n N': not a number"),
            (
                "log a/x --tail=x",
                "invalid value 'x' for '--tail N': not a number",
            ),
            (
                "log a/x -n -5",
                "invalid value '-5' for '-n N': not a number",
            ),
            (
                "log a/x -n +5",
                "invalid value '+5' for '-n N': not a number",
            ),
            (
                "log a/x -n 5k",
                "invalid value '5k' for '-n N': not a number",
            ),
            ("log a/x -n=", "invalid value '' for '-n N': it is empty"),
            (
                "log a/x --wait=",
                "invalid value '' for '--wait[=SECS]': it is empty",
            ),
            (
                "log a/x --wait=1.5",
                "invalid value '1.5' for '--wait[=SECS]': not a number",
            ),
            (
                "log a/x -n 99999999999999999999",
                "invalid value '999…' for '-n N': too large",
            ),
            (
                "log a/x --retries 4294967296",
                "invalid value '4294967296' for '--retries N': too large",
            ),
            (
                "log a/x --timeout 31536001",
                "invalid value '31536001' for '--timeout SECS': longer than a year",
            ),
            (
                "log a/x --timeout 0",
                "invalid value '0' for '--timeout SECS': the cluster would have no time to answer",
            ),
        ] {
            fails(line, message, "");
        }
        let message = "invalid value '0' for '-L N': at least 1 row";
        fails("builds a/x -L 0", message, "'--all' shows all rows");
        assert_eq!(
            run("builds a/x --timeout 31536000").connect.timeout,
            Duration::from_secs(31_536_000)
        );
    }

    #[test]
    fn commits_are_hex_digits() {
        let sha = "0123456789abcdef0123456789abcdef01234567";
        assert!(parse(words(&format!("builds a/x -c {sha}"))).is_ok());
        fails(
            "builds a/x -c HEAD",
            "invalid value 'HEAD' for '-c SHA': not 1 to 40 hex digits",
            "",
        );
        fails(
            &format!("builds a/x -c {sha}0"),
            "invalid value '012…' for '-c SHA': not 1 to 40 hex digits",
            "",
        );
    }

    #[test]
    fn missing_words() {
        fails("", "no command given", "see 'algo-logs --help'");
        fails("-v", "no command given", "see 'algo-logs --help'");
        let hint = "as in: algo-logs builds acme/tagger";
        fails(
            "builds --json",
            "'builds' needs an algorithm, OWNER/NAME",
            hint,
        );
        fails_with(
            vec!["builds".into(), "".into()],
            "'builds' needs an algorithm, OWNER/NAME",
            hint,
        );
        fails_with(
            vec!["log".into(), "a/x".into(), "".into()],
            "BUILD_ID is empty",
            "",
        );
        fails("log a/x -n", "option '-n N' needs a value", "");
        fails(
            "log a/x -o --raw",
            "option '-o FILE' needs a value",
            "a value that begins with '-' is written '--output=-…'",
        );
        fails(
            "log a/x -o -- b",
            "option '-o FILE' needs a value",
            "a value that begins with '-' is written '--output=-…'",
        );
    }

    #[test]
    fn unknown_words() {
        for (line, message, hint) in [
            (
                "buidls a/x",
                "unknown command 'buidls'",
                "did you mean 'builds'?",
            ),
            ("logs a/x", "unknown command 'logs'", "did you mean 'log'?"),
            (
                "ver a/x",
                "unknown command 'ver'",
                "did you mean 'versions'?",
            ),
            ("help lgo", "unknown command 'lgo'", "did you mean 'log'?"),
            ("safe a/x", "unknown command 'safe'", "did you mean 'save'?"),
            (
                "save --job 3",
                "unknown option '--job'",
                "did you mean '--jobs'?",
            ),
            (
                "l a/x",
                "unknown command 'l'",
                "the commands are builds, versions, log, save, help",
            ),
            (
                "acme/tagger",
                "unknown command 'acm…'",
                "the commands are builds, versions, log, save, help",
            ),
            (
                "log --stauts=x",
                "unknown option '--stauts'",
                "did you mean '--status'?",
            ),
            (
                "--LIMIT",
                "unknown option '--LIMIT'",
                "did you mean '--limit'?",
            ),
            (
                "--xyzzy",
                "unknown option '--xyzzy'",
                "see 'algo-logs --help'",
            ),
            (
                "log --xyzzy",
                "unknown option '--xyzzy'",
                "see 'algo-logs log --help'",
            ),
            // `--json` would be nearer, and `log` does not take it.
            (
                "log --jso",
                "unknown option '--jso'",
                "see 'algo-logs log --help'",
            ),
            ("builds -l 5", "unknown option '-l'", "did you mean '-L'?"),
            (
                "log -x",
                "unknown option '-x'",
                "see 'algo-logs log --help'",
            ),
            (
                "log -\u{1b}",
                "unknown option '-\u{fffd}'",
                "see 'algo-logs log --help'",
            ),
            ("log a/x --raw=1", "option '--raw' takes no value", ""),
            ("log a/x -v=1", "option '-v' takes no value", ""),
        ] {
            fails(line, message, hint);
        }
        let long = "s".repeat(1_000_000);
        fails(
            &format!("--{long}"),
            "unknown option '--sss…'",
            "see 'algo-logs --help'",
        );
        let long = format!("--status{}", "x".repeat(30));
        fails(&long, "unknown option '--sta…'", "see 'algo-logs --help'");
    }

    #[test]
    fn options_of_other_commands() {
        for (line, message, hint) in [
            (
                "builds a/x --raw",
                "'builds' takes no option '--raw'",
                "'--raw' belongs to log",
            ),
            (
                "--json log a/x",
                "'log' takes no option '--json'",
                "'--json' belongs to builds, versions",
            ),
            (
                "versions a/x -s failed",
                "'versions' takes no option '-s'",
                "'-s' belongs to builds, log, save",
            ),
            (
                "help -v",
                "'help' takes no option '-v'",
                "'-v' belongs to builds, versions, log, save",
            ),
            (
                "save a/x -d f -n 5",
                "'save' takes no option '-n'",
                "'-n' belongs to log",
            ),
            (
                "log a/x -d f",
                "'log' takes no option '-d'",
                "'-d' belongs to save",
            ),
            (
                "builds a/x --jobs=2",
                "'builds' takes no option '--jobs'",
                "'--jobs' belongs to save",
            ),
        ] {
            fails(line, message, hint);
        }
    }

    #[test]
    fn follow_is_answered_with_wait() {
        for option in ["-f", "--follow", "--follow=x"] {
            let name = option.trim_end_matches("=x");
            fails(
                &format!("log a/x {option}"),
                &format!(
                    "there is no option '{name}': the service has no log before a build has finished"
                ),
                "'--wait' waits for the build, then writes its log",
            );
        }
    }

    #[test]
    fn a_number_after_wait_is_not_a_build() {
        let message = "'60' after '--wait' is not taken for its value";
        fails("log a/x --wait 60", message, "write '--wait=60'");
        fails("log --wait 60 a/x", message, "write '--wait=60'");
        for line in [
            "log a/x 60 --wait",
            "log a/x --wait=5 60",
            "log a/x --wait --raw 60",
            "log a/x --wait 12345678",
            "log a/x --wait b60",
            "log --wait a/x 60",
        ] {
            assert!(parse(words(line)).is_ok(), "{line}");
        }
    }

    #[test]
    fn keys_are_not_echoed() {
        let key = "simAbCdEf0123456789XyZ";
        for line in [
            "--api-key KEY builds a/x",
            "builds a/x --api-key=KEY",
            "log a/x --token KEY",
            "log a/x --key=KEY",
            "log a/x --bearer-token KEY",
            "log a/x --passwort=KEY",
            "log a/x -kKEY",
            "log a/x --KEY",
            "KEY",
            "builds KEY x",
            "builds a/x KEY",
            "log a/x b-1 KEY",
            "help KEY",
            "log a/x/KEY",
            "log a/x -n KEY",
            "builds a/x -s KEY",
            "builds a/x -c KEY",
            "builds a/x --json=KEY",
            "builds a/x --timeout KEY",
        ] {
            let error = parse(words(&line.replace("KEY", key))).expect_err(line);
            let text = format!("{error:?}");
            assert!(!text.contains(&key[4..]), "{line}: {text}");
        }
        for line in ["log a/x --api-key x", "log a/x --token=x"] {
            let error = parse(words(line)).expect_err(line);
            assert!(
                error
                    .message
                    .ends_with("others can see a key on the command line")
            );
            assert_eq!(error.hint.as_deref(), Some(KEY_HINT));
        }
        let jwt = format!("eyJ{}", "x".repeat(9));
        fails(
            &format!("log a/x -n {jwt}"),
            "invalid value 'eyJ…' for '-n N': not a number",
            "",
        );
        fails_with(
            vec!["log".into(), "a/x".into(), "-n".into(), "Bearer 1".into()],
            "invalid value 'Bearer 1' for '-n N': not a number",
            "",
        );
        fails_with(
            vec!["log".into(), "a/x".into(), "-n".into(), "Simple 12".into()],
            "invalid value 'Sim…' for '-n N': not a number",
            "",
        );
    }

    #[test]
    fn extra_arguments() {
        fails(
            "builds a/x b-1",
            "unexpected argument 'b-1'",
            "usage: algo-logs builds ALGO [-s STATUS] [-c SHA] [-L N | --all] [--json]",
        );
        fails(
            "help log builds",
            "unexpected argument 'builds'",
            "usage: algo-logs help [COMMAND]",
        );
        let error = parse(words("log a/x b-1 something-else")).expect_err("one too many");
        assert_eq!(error.message, "unexpected argument 'som…'");
    }

    #[test]
    fn words_that_would_spoil_a_line_are_cleaned() {
        fails_with(
            vec!["builds".into(), "a/x".into(), "b\n\u{1b}\u{202e}c".into()],
            "unexpected argument 'b\u{fffd}\u{fffd}\u{fffd}c'",
            "usage: algo-logs builds ALGO [-s STATUS] [-c SHA] [-L N | --all] [--json]",
        );
        fails_with(
            vec!["log".into(), "a/x".into(), "-n\u{7}".into()],
            "invalid value '\u{fffd}' for '-n N': not a number",
            "",
        );
    }

    #[cfg(unix)]
    #[test]
    fn only_file_names_may_be_other_than_utf8() {
        use std::os::unix::ffi::OsStringExt;
        let bad = || OsString::from_vec(b"a\xff".to_vec());
        let args = vec!["log".into(), "a/x".into(), "-o".into(), bad()];
        let Ok(Parsed::Run(args)) = parse(args) else {
            panic!("not accepted as a file name");
        };
        let output = Some(PathBuf::from(bad()));
        assert!(
            matches!(args.command, Command::Log(LogArgs { output: given, .. }) if given == output)
        );

        let message = "argument 'a\u{fffd}' is not valid UTF-8";
        fails_with(vec!["log".into(), bad()], message, "");
        fails_with(
            vec!["log".into(), "--api".into(), bad()],
            "invalid value 'a\u{fffd}' for '--api URL': not valid UTF-8",
            "",
        );
        let option = OsString::from_vec(b"--ra\xff".to_vec());
        let message = "unknown option '--ra\u{fffd}'";
        fails_with(vec!["log".into(), option], message, "did you mean '--raw'?");
        let option = OsString::from_vec(b"-\xff".to_vec());
        let hint = "see 'algo-logs log --help'";
        fails_with(
            vec!["log".into(), option],
            "unknown option '-\u{fffd}'",
            hint,
        );
    }

    #[test]
    fn help_and_version_are_values() {
        for (line, topic) in [
            ("--help", None),
            ("-h", None),
            ("help", None),
            ("help --help", None),
            ("help log", Some(Log)),
            ("help help", Some(Help)),
            ("help log -h", Some(Log)),
            ("builds --help", Some(Builds)),
            ("--help versions", Some(Versions)),
            ("log a/x b-1 extra -vh", Some(Log)),
            ("log --bogus --help", Some(Log)),
            ("log -n x -h", Some(Log)),
            ("log -o --help", Some(Log)),
            ("--version --help", None),
            ("bogus --help", None),
        ] {
            assert_eq!(parse(words(line)), Ok(Parsed::Help(topic)), "{line}");
        }
        for line in [
            "--version",
            "-V",
            "log --version",
            "-vV log a/x",
            "log a/x b c -V",
        ] {
            assert_eq!(parse(words(line)), Ok(Parsed::Version), "{line}");
        }
        for line in ["builds -- --help", "builds -- -h", "builds -- a/x --help"] {
            assert!(!matches!(parse(words(line)), Ok(Parsed::Help(_))), "{line}");
        }
    }

    #[test]
    fn errors_are_json_where_json_is_wanted() {
        for (line, json) in [
            ("--json", true),
            ("builds --json --bogus", true),
            ("builds --bogus --json", true),
            ("log a/x --json", true),
            ("builds -o --json", true),
            ("builds --bogus", false),
            ("builds a/x -- --json", false),
        ] {
            assert_eq!(parse(words(line)).expect_err(line).json, json, "{line}");
        }
    }

    #[test]
    fn every_option_gives_way_to_dashes() {
        assert_eq!(run("-- builds a/x").command, builds("a/x"));
        assert_eq!(run("builds -- -x").command, builds("-x"));
    }

    #[test]
    fn junk_is_no_panic() {
        let pieces = [
            "builds", "log", "help", "a/x", "-", "--", "-n", "-n=", "-=", "--=", "--=x", "-v=",
            "---", "--wait", "--wait=", "-L", "5", "", "é", "-é", "--é=ü", "algo://", "algo:///",
            "//", "a/x/é",
        ];
        for one in pieces {
            for two in pieces {
                for three in pieces {
                    let _ = parse([one, two, three].map(OsString::from));
                }
            }
        }
    }
}
