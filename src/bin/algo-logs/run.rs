//! The commands: what is asked of the library, and what is shown of the answer.

use std::io::{self, IsTerminal};

use algo_logs::{Algorithm, Build, BuildStatus, Client, ErrorKind, Logs, Version, Wait};

use crate::args::{Args, BuildFilter, Command, Escapes, Limit, LogArgs, Status, VersionSpec};
use crate::failure::{Exit, Failure};
use crate::output::{Notes, Output, Treatment, to_stdout};
use crate::settings::{self, Connection, Environment};
use crate::table::Table;
use crate::terminal::Mode;
use crate::{json, time};

/// As much of a log as is handed on at a time. More is not faster, and less is slower.
const PIECE: usize = 64 * 1024;

/// Carries out a command line.
pub(crate) fn run(args: &Args, environment: &Environment) -> Result<(), Failure> {
    let algorithm = match &args.command {
        Command::Builds { algorithm, .. } | Command::Versions { algorithm, .. } => algorithm,
        Command::Log(log) => &log.algorithm,
    };
    // Before any key or profile is read: a name that is none needs neither.
    let session = Session {
        algorithm: algorithm.parse()?,
        connection: settings::connect(args, environment)?,
        notes: Notes::of(args),
        colours: !environment.no_color(),
    };
    let outcome = match &args.command {
        Command::Builds {
            filter,
            limit,
            json,
            ..
        } => session.builds(filter, *limit, *json),
        Command::Versions {
            published,
            callable,
            limit,
            json,
            ..
        } => session.versions(*published, *callable, *limit, *json),
        Command::Log(log) => session.log(log),
    };
    outcome.map_err(|failure| session.connection.explain(failure))
}

struct Session {
    algorithm: Algorithm,
    connection: Connection,
    notes: Notes,
    colours: bool,
}

impl Session {
    fn client(&self) -> &Client {
        &self.connection.client
    }

    fn builds(&self, filter: &BuildFilter, limit: Limit, json: bool) -> Result<(), Failure> {
        let builds = self.client().builds(&self.algorithm);
        let fits = |build: &Build| matches(filter, build);
        let builds = first(
            builds.filter(|build| build.as_ref().map_or(true, fits)),
            limit,
        )?;
        if builds.is_empty() {
            self.notes.say(&self.no_build(filter));
        }
        if json {
            return to_stdout(&json::array(&builds)?);
        }
        if builds.is_empty() {
            return Ok(());
        }
        let mut table = Table::new([
            "build id", "status", "commit", "started", "duration", "version",
        ]);
        for build in &builds {
            table.push([
                Some(build.build_id().to_owned()),
                Some(build.status().to_string()),
                Some(build.commit_sha().to_owned()),
                Some(build.started_at().to_owned()),
                duration(build),
                build.semantic_version().map(str::to_owned),
            ]);
        }
        self.show(&table, Some(1))
    }

    fn versions(
        &self,
        published: Option<bool>,
        callable: Option<bool>,
        limit: Limit,
        json: bool,
    ) -> Result<(), Failure> {
        let mut versions = self.client().versions(&self.algorithm);
        if let Some(published) = published {
            versions = versions.published(published);
        }
        if let Some(callable) = callable {
            versions = versions.callable(callable);
        }
        let versions = first(versions, limit)?;
        if versions.is_empty() {
            let filtered = published.is_some() || callable.is_some();
            let which = if filtered { " fits" } else { "" };
            self.notes
                .say(&format!("no version of {}{which}", self.algorithm));
        }
        if json {
            return to_stdout(&json::array(&versions)?);
        }
        if versions.is_empty() {
            return Ok(());
        }
        let mut table = Table::new(["version", "git hash", "build id", "built", "callability"]);
        for version in &versions {
            let cells = [
                version.semantic_version(),
                version.git_hash(),
                version.build_id(),
                version.built_at(),
                version.callability(),
            ];
            table.push(cells.map(|cell| cell.map(str::to_owned)));
        }
        self.show(&table, None)
    }

    fn no_build(&self, filter: &BuildFilter) -> String {
        let filtered = *filter != BuildFilter::default();
        format!(
            "no build of {}{}",
            self.algorithm,
            if filtered { " fits" } else { "" }
        )
    }

    fn show<const N: usize>(
        &self,
        table: &Table<N>,
        status_column: Option<usize>,
    ) -> Result<(), Failure> {
        if io::stdout().is_terminal() {
            to_stdout(&table.aligned(self.colours, status_column))
        } else {
            to_stdout(&table.tabbed())
        }
    }

    fn log(&self, args: &LogArgs) -> Result<(), Failure> {
        let chosen = match (&args.version, &args.build_id) {
            (Some(version), _) => self.choose_version(version, args.exit_status)?,
            (None, Some(build_id)) => self.choose_build_id(build_id, args)?,
            (None, None) => {
                let build = self.newest(&args.filter)?;
                self.say_chosen(&build);
                self.choose_build(build, args)?
            }
        };
        self.write(chosen.logs, args)?;
        match chosen.failed {
            Some(why) if args.exit_status => {
                Err(Failure::new(Exit::BuildFailed, "build-failed", why))
            }
            _ => Ok(()),
        }
    }

    /// The build that started last, of those that fit.
    fn newest(&self, filter: &BuildFilter) -> Result<Build, Failure> {
        let mut builds = self.client().builds(&self.algorithm);
        let mut newest: Option<Build> = None;
        // Builds come newest first, though no source promises it. So the first that fits will do, unless what has been
        // received already shows another order: then there is nothing but to look at all of them.
        let mut ordered = true;
        let mut before: Option<String> = None;
        while let Some(build) = builds.next() {
            let build = build?;
            let started = build.started_at().to_owned();
            ordered &= before.is_none_or(|before| started <= before);
            before = Some(started);
            if matches(filter, &build)
                && newest
                    .as_ref()
                    .is_none_or(|newest| build.started_at() > newest.started_at())
            {
                newest = Some(build);
            }
            if let (Some(newest), true) = (&newest, ordered) {
                if builds
                    .received()
                    .all(|other| other.started_at() <= newest.started_at())
                {
                    break;
                }
            }
        }
        newest.ok_or_else(|| {
            Failure::no_match(self.no_build(filter)).hint(format!(
                "'algo-logs builds {}' lists what there is",
                self.algorithm
            ))
        })
    }

    fn choose_build(&self, mut build: Build, args: &LogArgs) -> Result<Chosen, Failure> {
        if args.wait.is_some() && !build.status().is_finished() {
            build = self.wait(build.build_id(), args)?;
        }
        let logs = self.build_logs(build.build_id())?;
        Ok(Chosen {
            logs,
            failed: self.failed(&build),
        })
    }

    fn choose_build_id(&self, build_id: &str, args: &LogArgs) -> Result<Chosen, Failure> {
        let build = match (args.wait, args.exit_status) {
            (Some(_), _) => Some(self.wait(build_id, args)?),
            (None, true) => Some(self.client().build(&self.algorithm, build_id)?),
            (None, false) => None,
        };
        Ok(Chosen {
            logs: self.build_logs(build_id)?,
            failed: build.and_then(|build| self.failed(&build)),
        })
    }

    fn wait(&self, build_id: &str, args: &LogArgs) -> Result<Build, Failure> {
        let wait = Wait::default().timeout(args.wait.unwrap_or_default());
        let build = self
            .client()
            .wait_for_build(&self.algorithm, build_id, &wait)
            .map_err(|error| match error.kind() {
                ErrorKind::NotFinished => {
                    let waited = args.wait.unwrap_or_default().as_secs();
                    Failure::from(error).hint(format!("waited {}", time::duration(waited)))
                }
                _ => error.into(),
            })?;
        Ok(build)
    }

    fn build_logs(&self, build_id: &str) -> Result<Logs, Failure> {
        self.client()
            .build_logs(&self.algorithm, build_id)
            .map_err(|error| match error.kind() {
                ErrorKind::NotFinished => Failure::from(error).hint("--wait waits for it"),
                _ => error.into(),
            })
    }

    /// Why `--exit-status` is 3 for this build: any end but a success.
    fn failed(&self, build: &Build) -> Option<String> {
        let ended_well = matches!(
            build.status(),
            BuildStatus::Succeeded | BuildStatus::InProgress
        );
        (!ended_well).then(|| {
            let Self { algorithm, .. } = self;
            format!(
                "build {} of {algorithm}: {}",
                build.build_id(),
                build.status()
            )
        })
    }

    fn choose_version(&self, spec: &VersionSpec, exit_status: bool) -> Result<Chosen, Failure> {
        const FULL_HASH: usize = 40;
        let (hash, version) = match spec {
            VersionSpec::Hash(hash) if hash.len() == FULL_HASH => {
                let version = match exit_status {
                    true => Some(self.client().version(&self.algorithm, hash)?),
                    false => None,
                };
                (hash.clone(), version)
            }
            _ => {
                let (hash, version) = self.find_version(spec)?;
                (hash, Some(version))
            }
        };
        let name = version.as_ref().and_then(Version::semantic_version);
        let name = name.map(|name| format!("{name}, ")).unwrap_or_default();
        let logs = self.client().version_logs(&self.algorithm, &hash)?;
        self.notes.say(&format!("version {name}commit {hash}"));
        let failed = version.as_ref().and_then(|version| match version.build() {
            Some(build) => self.failed(build),
            None => (version.compilation_successful() == Some(false))
                .then(|| format!("version {hash} of {}: not compiled", self.algorithm)),
        });
        Ok(Chosen { logs, failed })
    }

    /// The one version that is meant. The service looks up none but a full hash, so the list is read.
    fn find_version(&self, spec: &VersionSpec) -> Result<(String, Version), Failure> {
        let mut found: Option<(String, Version)> = None;
        for version in self.client().versions(&self.algorithm) {
            let version = version?;
            let Some(hash) = version.git_hash() else {
                continue;
            };
            match spec {
                VersionSpec::Semantic(wanted) => {
                    if version.semantic_version() == Some(wanted) {
                        return Ok((hash.to_owned(), version));
                    }
                }
                VersionSpec::Hash(wanted) => {
                    let fits = hash.to_ascii_lowercase().starts_with(wanted.as_str());
                    match &found {
                        _ if !fits => {}
                        Some((other, _)) if other != hash => {
                            return Err(Failure::settings(format!(
                                "'{wanted}' begins more than one git hash: {other}, {hash}"
                            )));
                        }
                        Some(_) => {}
                        None => found = Some((hash.to_owned(), version)),
                    }
                }
            }
        }
        found.ok_or_else(|| {
            let (VersionSpec::Hash(wanted) | VersionSpec::Semantic(wanted)) = spec;
            Failure::no_match(format!("no version {wanted} of {}", self.algorithm)).hint(format!(
                "'algo-logs versions {}' lists what there is",
                self.algorithm
            ))
        })
    }

    fn say_chosen(&self, build: &Build) {
        self.notes.say(&format!(
            "build {} ({}, commit {}, started {})",
            build.build_id(),
            build.status(),
            build.commit_sha(),
            build.started_at()
        ));
    }

    /// Writes the whole log. A failure to read it and a failure to write it are told apart.
    fn write(&self, mut logs: Logs, args: &LogArgs) -> Result<(), Failure> {
        let mut buf = vec![0; PIECE];
        // A log that cannot even be begun leaves the target alone.
        let mut n = logs.read_some(&mut buf)?;
        let mut output = Output::open(args.output.as_deref(), self.treatment(args))?;
        while n > 0 {
            output.write(&buf[..n])?;
            n = match logs.read_some(&mut buf) {
                Ok(n) => n,
                Err(error) => {
                    output.abandon();
                    return Err(error.into());
                }
            };
        }
        output.finish()?;
        if logs.delivered() == 0 {
            self.notes.say("the log is empty");
        }
        match logs.replacements() {
            0 => {}
            1 => self
                .notes
                .say("1 character was not valid Unicode, and is U+FFFD in the log"),
            n => self.notes.say(&format!(
                "{n} characters were not valid Unicode, and are U+FFFD in the log"
            )),
        }
        Ok(())
    }

    fn treatment(&self, args: &LogArgs) -> Treatment {
        let (on_terminal, elsewhere) = match args.escapes {
            Escapes::Raw => (None, None),
            Escapes::Plain => (Some(Mode::NoColours), Some(Mode::Strip)),
            Escapes::Auto if self.colours => (Some(Mode::Colours), None),
            Escapes::Auto => (Some(Mode::NoColours), None),
        };
        Treatment {
            on_terminal,
            elsewhere,
            tail: args.tail,
        }
    }
}

/// A log, and why its build is no success, if it is none.
struct Chosen {
    logs: Logs,
    failed: Option<String>,
}

/// As many items as are to be shown. The list is read no further than that.
fn first<T>(
    items: impl Iterator<Item = Result<T, algo_logs::Error>>,
    limit: Limit,
) -> Result<Vec<T>, Failure> {
    let most = match limit {
        Limit::Rows(rows) => rows,
        Limit::All => usize::MAX,
    };
    Ok(items.take(most).collect::<Result<_, _>>()?)
}

fn matches(filter: &BuildFilter, build: &Build) -> bool {
    let status = match filter.status {
        None => true,
        Some(Status::Succeeded) => *build.status() == BuildStatus::Succeeded,
        Some(Status::Failed) => *build.status() == BuildStatus::Failed,
        Some(Status::InProgress) => *build.status() == BuildStatus::InProgress,
    };
    let commit = build.commit_sha().to_ascii_lowercase();
    status
        && filter
            .commit
            .as_ref()
            .is_none_or(|digits| commit.starts_with(digits))
}

fn duration(build: &Build) -> Option<String> {
    let seconds = time::seconds_between(build.started_at(), build.finished_at()?)?;
    Some(time::duration(u64::try_from(seconds).ok()?))
}
