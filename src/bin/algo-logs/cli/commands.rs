//! The commands and their help.

use CommandName::{Builds, Help, Log, Save, Versions, Why};

/// The name of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandName {
    Builds,
    Versions,
    Log,
    Why,
    Save,
    Help,
}

/// The commands that send requests.
pub(super) const REQUESTS: &[CommandName] = &[Builds, Versions, Log, Why, Save];
pub(super) const EVERY_COMMAND: &[CommandName] = &[Builds, Versions, Log, Why, Save, Help];

/// A command and its help.
pub(super) struct CommandSpec {
    pub(super) name: CommandName,
    pub(super) word: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
    /// One paragraph.
    pub(super) details: &'static str,
    /// The words that may follow the command, split into lines.
    pub(super) usage: &'static [&'static str],
    /// Every argument that the command takes, in order, and what it means.
    pub(super) arguments: &'static [(&'static str, &'static str)],
    /// The maximum number of arguments.
    pub(super) max_arguments: usize,
    /// What each example does, and its command line. Errors show the first one.
    pub(super) examples: &'static [(&'static str, &'static str)],
}

const ALGO: (&str, &str) = (
    "ALGO",
    "OWNER/NAME, or the URL of its page, https://CLUSTER/algorithms/OWNER/NAME; if omitted, \
     algorithmia.conf names it, in this directory or the nearest parent that has one",
);
const BUILD_ID: (&str, &str) = (
    "BUILD_ID",
    "the ID of a build, as 'builds' lists it, or at least its first 7 digits",
);

/// In the order of [`CommandName`], which is the index.
#[rustfmt::skip] // an example is one line where it fits
pub(super) static COMMANDS: [CommandSpec; 6] = [
    CommandSpec {
        name: Builds,
        word: "builds",
        about: "List the builds of an algorithm, including the failed ones.",
        details: "The order is the service's: newest first. A terminal gets a table with a header. A pipe gets \
                  tab-separated rows without a header, each as soon as it is known, with whole values and '-' for a \
                  missing one: build id, status, commit, started, duration, version. With OWNER, each row is an \
                  algorithm's newest build, followed by the algorithm's name, and all of them are listed unless -L is \
                  given.",
        usage: &["[ALGO|OWNER] [-s STATUS] [-c SHA] [-L N | --all] [--json]"],
        arguments: &[
            ALGO,
            ("OWNER", "a user or an organization; lists the newest build of each of its algorithms"),
        ],
        max_arguments: 1,
        examples: &[
            ("List the newest 20 builds", "algo-logs builds acme/tagger"),
            ("See when the newest 5 failed builds started", "algo-logs builds acme/tagger -s failed -L 5"),
            ("See which algorithms of an owner are broken", "algo-logs builds acme -s failed"),
            ("Get the IDs of all builds of a commit in a script",
             "algo-logs builds acme/tagger -c 3fa9c1d --all --json | jq -r '.[].build_id'"),
        ],
    },
    CommandSpec {
        name: Versions,
        word: "versions",
        about: "List the versions of an algorithm, each with its build.",
        details: "A terminal gets a table with a header. A pipe gets tab-separated rows without a header, with whole \
                  values and '-' for a missing one: version, git hash, build id, built (when its build finished), \
                  callability.",
        usage: &["[ALGO] [--published | --unpublished]", "[--public | --private] [-L N | --all] [--json]"],
        arguments: &[ALGO],
        max_arguments: 1,
        examples: &[
            ("List the published versions", "algo-logs versions acme/tagger --published"),
            ("Get everything that the service reports about all versions",
             "algo-logs versions acme/tagger --all --json"),
        ],
    },
    CommandSpec {
        name: Log,
        word: "log",
        about: "Write the log of a build, by default the newest that matches.",
        details: "The newest build is the one that started last. A pipe or a file gets the exact bytes of the log. A \
                  terminal gets its text and colours; other escape sequences are dropped, and other control characters \
                  are replaced. Exit status 0 means that the log was complete and that every byte of it was written. \
                  -o replaces FILE, which keeps its permissions but neither ACLs nor hard links. An interrupted run \
                  leaves FILE unchanged, but may leave a file named .algo-logs-*.tmp beside it, which a later run \
                  removes after an hour.",
        usage: &[
            "[ALGO] [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE]",
            "[--wait[=SECS]] [--exit-status] [--raw | --plain]",
        ],
        arguments: &[
            ALGO,
            ("VERSION", "in OWNER/NAME/VERSION, selects the log of that version: a semantic version, or at least the \
                         first 7 digits of a git hash"),
            BUILD_ID,
        ],
        max_arguments: 2,
        examples: &[
            ("Show where the newest failed build failed; see also 'algo-logs why'",
             "algo-logs log acme/tagger -s failed --plain | grep -B20 ' code: '"),
            ("In CI: wait for the build of a commit, and exit with 3 if it failed",
             "algo-logs log acme/tagger -c \"$SHA\" --wait --exit-status"),
            ("Write the log of a version to a file", "algo-logs log acme/tagger/1.2.0 -o build.log"),
        ],
    },
    CommandSpec {
        name: Why,
        word: "why",
        about: "Show why a build failed, by default the newest that did.",
        details: "The output is the header of the failed step, the last lines that the step printed, above them at \
                  most four earlier lines that report an error, and the line that reports the failure. The clean-up \
                  that follows in the log is left out. Nothing is printed until the whole log has been read. If the \
                  log has no Docker steps, its last lines are printed. With --json, the members are build_id, status, \
                  commit_sha, started_at, last_success, builder, stage, step, steps, instruction, exit_code, error, \
                  earlier, output and output_lines, with null for what is unknown.",
        usage: &["[ALGO] [BUILD_ID] [-c SHA] [-n N] [--json]", "or: --file FILE [-n N] [--json]"],
        arguments: &[ALGO, BUILD_ID],
        max_arguments: 2,
        examples: &[
            ("Show why the newest failed build failed", "algo-logs why acme/tagger"),
            ("Show more output of the failed step for a commit", "algo-logs why acme/tagger -c \"$SHA\" -n 200"),
            ("Explain a log that 'save' or 'log -o' wrote", "algo-logs why --file build.log"),
            ("Get the line that reports the failure in a script",
             "algo-logs why acme/tagger --json | jq -r .error"),
        ],
    },
    CommandSpec {
        name: Save,
        word: "save",
        about: "Save the logs of algorithms, or of everything an owner has.",
        details: "Logs go into DIR/OWNER/NAME/STARTED-BUILD_ID.log, where STARTED is when the build started, with '-' \
                  for ':'. Beside them, builds.json and versions.json hold every build and version that was seen, as \
                  the service wrote it. Each file is complete or absent. A rerun fetches only what is new and adds to \
                  these lists, so repeat an interrupted run to continue it. A rejected key or a full disk ends the \
                  run. Other failures do not affect other logs and are listed at the end; the worst one decides the \
                  exit status.",
        usage: &["ALGO|OWNER... -d DIR [-s STATUS] [-c SHA] [-L N | --all]", "[-j N]"],
        arguments: &[
            ("ALGO", "OWNER/NAME, or the URL of its page, https://CLUSTER/algorithms/OWNER/NAME"),
            ("OWNER", "a user or an organization; saves all of its algorithms"),
            ("-", "reads the names of algorithms and owners from stdin, one per line"),
        ],
        max_arguments: usize::MAX,
        examples: &[
            ("Save all logs of an algorithm; rerun to add new ones", "algo-logs save acme/tagger -d logs"),
            ("Save all logs of two owners, 8 at a time", "algo-logs save acme example -d logs -j 8"),
            ("Save the newest 50 failures of the algorithms in a file",
             "algo-logs save - -d failed -s failed -L 50 < names.txt"),
        ],
    },
    CommandSpec {
        name: Help,
        word: "help",
        about: "Show help on a command, the environment or the exit codes.",
        details: "Help on a command includes examples and its exit codes.",
        usage: &["[COMMAND | environment | exit-codes]"],
        arguments: &[("COMMAND", "the command to show help on; without it, a summary of all")],
        max_arguments: 1,
        examples: &[("Show help on 'log'", "algo-logs help log"),
                    ("Show the environment variables", "algo-logs help environment")],
    },
];

impl CommandName {
    pub(super) fn spec(self) -> &'static CommandSpec {
        &COMMANDS[self as usize]
    }

    /// Returns the command as it is written on the command line.
    pub(crate) fn word(self) -> &'static str {
        self.spec().word
    }

    pub(super) fn from_word(word: &str) -> Option<CommandName> {
        Some(COMMANDS.iter().find(|spec| spec.word == word)?.name)
    }
}

/// Returns the words of all commands.
pub(super) fn command_words() -> [&'static str; COMMANDS.len()] {
    COMMANDS.each_ref().map(|spec| spec.word)
}
