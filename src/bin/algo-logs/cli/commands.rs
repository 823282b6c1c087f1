//! The commands, one row each: what help says about them.

use CommandName::{Builds, Help, Log, Save, Versions};

/// A command without its arguments, to name it in rows and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommandName {
    Builds,
    Versions,
    Log,
    Save,
    Help,
}

/// One row.
pub(super) struct CommandSpec {
    pub(super) name: CommandName,
    pub(super) word: &'static str,
    /// One sentence.
    pub(super) about: &'static str,
    /// The words that may follow the command, split into lines.
    pub(super) usage: &'static [&'static str],
    /// Every argument that the command takes, in order, and what it means.
    pub(super) arguments: &'static [(&'static str, &'static str)],
    /// What a command line does, and the command line. The summary and errors show the first one.
    pub(super) examples: &'static [(&'static str, &'static str)],
}

const ALGO: (&str, &str) = ("ALGO", "OWNER/NAME, with or without 'algo://' in front");

/// In the order of [`CommandName`], which is the index.
#[rustfmt::skip] // an example is one line where it fits
pub(super) static COMMANDS: [CommandSpec; 5] = [
    CommandSpec {
        name: Builds,
        word: "builds",
        about: "List the builds of an algorithm, including the failed ones.",
        usage: &["ALGO [-s STATUS] [-c SHA] [-L N | --all] [--json]"],
        arguments: &[ALGO],
        examples: &[
            ("List the newest 20 builds", "algo-logs builds acme/tagger"),
            ("See when the newest 5 failed builds started", "algo-logs builds acme/tagger -s failed -L 5"),
            ("Get the IDs of all builds of a commit in a script",
             "algo-logs builds acme/tagger -c 3fa9c1d --all --json | jq -r '.[].build_id'"),
        ],
    },
    CommandSpec {
        name: Versions,
        word: "versions",
        about: "List the versions of an algorithm, each with the build it came from.",
        usage: &["ALGO [--published | --unpublished]", "[--public | --private] [-L N | --all] [--json]"],
        arguments: &[ALGO],
        examples: &[
            ("List the published versions", "algo-logs versions acme/tagger --published"),
            ("Get all that the service says about every version",
             "algo-logs versions acme/tagger --all --json"),
        ],
    },
    CommandSpec {
        name: Log,
        word: "log",
        about: "Write the log of a build, by default of the newest that matches.",
        usage: &[
            "ALGO [BUILD_ID] [-s STATUS] [-c SHA] [-n N] [-o FILE]",
            "[--wait[=SECS]] [--exit-status] [--raw | --plain]",
        ],
        arguments: &[
            ("ALGO", "OWNER/NAME, or OWNER/NAME/VERSION for the log of a version; VERSION is a \
                      semantic version or at least the first 7 digits of a git hash"),
            ("BUILD_ID", "the ID of a build, as 'builds' lists it"),
        ],
        examples: &[
            ("Show the end of the last failure", "algo-logs log acme/tagger -s failed -n 50"),
            ("In CI: wait for the build of a commit, and exit with 3 if it failed",
             "algo-logs log acme/tagger -c \"$SHA\" --wait --exit-status"),
            ("Write the log of a version to a file", "algo-logs log acme/tagger/1.2.0 -o build.log"),
        ],
    },
    CommandSpec {
        name: Save,
        word: "save",
        about: "Save the logs of all builds, or of those that match, in a folder.",
        usage: &["ALGO -d DIR [-s STATUS] [-c SHA] [-L N | --all] [-j N]"],
        arguments: &[ALGO],
        examples: &[
            ("Save all logs not yet in 'logs'", "algo-logs save acme/tagger -d logs"),
            ("Save the newest 50 failures, 8 at a time",
             "algo-logs save acme/tagger -d failed -s failed -L 50 -j 8"),
        ],
    },
    CommandSpec {
        name: Help,
        word: "help",
        about: "Show the help of a command, or a summary of all commands.",
        usage: &["[COMMAND]"],
        arguments: &[("COMMAND", "the command whose help to show")],
        examples: &[("Show the help of 'log'", "algo-logs help log")],
    },
];

impl CommandName {
    pub(super) fn spec(self) -> &'static CommandSpec {
        &COMMANDS[self as usize]
    }

    /// Returns the word that stands for the command on the command line.
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
