//! `--generate`: a man page, and what completes command lines in bash, zsh and fish.
//!
//! All of them are made of the tables in `help.rs` and of the words that `args` takes for values, so an option that is
//! added there is in here. Nothing that is generated runs the program or asks the service.

use crate::cli::help::{
    ABOUT, COMMANDS, CommandName, ENVIRONMENT, EXIT_STATUS, Group, OPTIONS, ORDER, Opt, OptionSpec,
    ValueSpec,
};
use crate::cli::{KINDS, Kind, STATUSES};

/// What `--generate` prints.
pub(crate) fn generate(kind: Kind) -> String {
    match kind {
        Kind::Man => man(),
        Kind::Bash => bash(),
        Kind::Zsh => zsh(),
        Kind::Fish => fish(),
    }
}

/// What may be completed where an option's value stands.
enum Values {
    /// There is none, or it may be left out, and is never a word of its own.
    None,
    Words(Vec<&'static str>),
    Files,
    Folders,
    /// Nobody but the user knows.
    Unknown,
}

fn values(spec: &OptionSpec) -> Values {
    match (spec.id, spec.value) {
        (Opt::Status, _) => Values::Words(STATUSES.iter().map(|(word, _)| *word).collect()),
        (Opt::Generate, _) => Values::Words(KINDS.iter().map(|(word, _)| *word).collect()),
        (_, ValueSpec::Needed("FILE")) => Values::Files,
        (_, ValueSpec::Needed("DIR")) => Values::Folders,
        (_, ValueSpec::Needed(_)) => Values::Unknown,
        (_, ValueSpec::No | ValueSpec::Possible(_)) => Values::None,
    }
}

/// The options of a command; for `None` all, since options may stand before the command.
fn options(command: Option<CommandName>) -> impl Iterator<Item = &'static OptionSpec> {
    OPTIONS
        .iter()
        .filter(move |spec| command.is_none_or(|command| spec.commands.contains(&command)))
}

/// `-s` and `--status`, or only the latter.
fn names(spec: &OptionSpec) -> Vec<String> {
    let mut names = vec![format!("--{}", spec.long)];
    names.splice(0..0, spec.short.map(|short| format!("-{short}")));
    names
}

fn command_words() -> String {
    COMMANDS.each_ref().map(|command| command.word).join(" ")
}

/// An arm of a `case` for each command, and for where there is none yet.
fn commands(arm: impl Fn(&str, Option<CommandName>) -> String) -> String {
    let arms = COMMANDS.iter();
    let mut arms: Vec<_> = arms.map(|spec| arm(spec.word, Some(spec.name))).collect();
    arms.push(arm("''", None));
    arms.join("\n")
}

/// A pattern of bash and zsh for the options whose value may be the next word.
fn valued() -> String {
    let valued = OPTIONS
        .iter()
        .filter(|spec| matches!(spec.value, ValueSpec::Needed(_)));
    valued.flat_map(names).collect::<Vec<_>>().join("|")
}

// The man page, in the macros of man(7) that groff and mandoc have in common.

fn man() -> String {
    let mut page = format!(
        ".TH ALGO\\-LOGS 1 \"\" \"algo\\-logs {}\" \"User Commands\"\n",
        roff(env!("CARGO_PKG_VERSION"))
    );
    let about = ABOUT.trim_end_matches('.').replacen("Read", "read", 1);
    page += &format!(
        ".SH NAME\nalgo\\-logs \\- {}\n.SH SYNOPSIS\n.nf\n",
        roff(&about)
    );
    for command in &COMMANDS {
        let start = format!("algo-logs {}", command.word);
        let indent = format!("\n{}", " ".repeat(start.len() + 1));
        let usage = command.usage.join(&indent);
        page += &format!("\\fB{}\\fR {}\n", roff(&start), roff(&usage));
    }
    page += &format!(".fi\n.SH DESCRIPTION\n{}\n{}\n", roff(ABOUT), roff(ORDER));
    page += ".SH COMMANDS\n";
    for command in &COMMANDS {
        page += &format!(".SS {}\n{}\n", command.word, roff(command.about));
        for (name, meaning) in command.arguments {
            page += &item(&format!("\\fI{}\\fR", roff(name)), meaning);
        }
        man_options(&mut page, Group::Command, Some(command.name));
    }
    for (title, group) in [
        ("CONNECTION OPTIONS", Group::Connection),
        ("GENERAL OPTIONS", Group::General),
    ] {
        page += &format!(".SH {title}\n");
        man_options(&mut page, group, None);
    }
    page += ".SH ENVIRONMENT\n";
    for (name, meaning) in ENVIRONMENT {
        page += &item(&format!("\\fB{}\\fR", roff(name)), meaning);
    }
    page += ".SH FILES\n";
    page += &item("\\fB\\(ti/.algorithmia/config\\fR", "The profiles.");
    page += ".SH EXIT STATUS\n";
    for (status, meaning) in EXIT_STATUS {
        page += &item(&format!("\\fB{status}\\fR"), meaning);
    }
    page += ".SH EXAMPLES\n";
    for (purpose, line) in COMMANDS.iter().flat_map(|command| command.examples) {
        page += &format!(".TP\n{}:\n.nf\n{}\n.fi\n", roff(purpose), roff(line));
    }
    page
}

fn man_options(page: &mut String, group: Group, command: Option<CommandName>) {
    for spec in options(command).filter(|spec| spec.group == group) {
        let names = names(spec).into_iter();
        let names: Vec<_> = names
            .map(|name| format!("\\fB{}\\fR", roff(&name)))
            .collect();
        let value = match spec.value {
            ValueSpec::No => String::new(),
            ValueSpec::Needed(name) => format!(" \\fI{name}\\fR"),
            ValueSpec::Possible(name) => format!("[=\\fI{name}\\fR]"),
        };
        *page += &item(&(names.join(", ") + &value), spec.help);
    }
}

fn item(term: &str, meaning: &str) -> String {
    format!(".TP\n{term}\n{}\n", roff(meaning))
}

/// A text as roff shows it unchanged.
fn roff(text: &str) -> String {
    let mut escaped = String::new();
    for (i, c) in text.char_indices() {
        match c {
            '\\' => escaped.push_str("\\e"),
            '-' => escaped.push_str("\\-"),
            '\'' => escaped.push_str("\\(aq"),
            '"' => escaped.push_str("\\(dq"),
            '~' => escaped.push_str("\\(ti"),
            '^' => escaped.push_str("\\(ha"),
            '`' => escaped.push_str("\\(ga"),
            // It would begin a request.
            '.' if text[..i].is_empty() || text[..i].ends_with('\n') => escaped.push_str("\\&."),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Needs neither the package bash-completion nor a bash newer than 3.2, which macOS has.
const BASH: &str = r#"# Completion of algo-logs in bash. Load it with: source <(algo-logs --generate complete-bash)
_algo_logs() {
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]}
    local prefix= attached= command= words= files= i
    COMPREPLY=()
    # Most often bash takes --status=failed for three words, and completes the last.
    if [[ $cur == = ]]; then
        cur= attached=1
    elif [[ $option == = ]]; then
        option=${COMP_WORDS[COMP_CWORD-2]} attached=1
    elif [[ $cur == --*=* ]]; then
        option=${cur%%=*} prefix=${cur%%=*}= cur=${cur#*=} attached=1
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            @VALUED@)
                [[ ${COMP_WORDS[i+1]-} == = ]] || ((++i)) ;;
            =) ((++i)) ;;
            -*) ;;
            *) command=${COMP_WORDS[i]}; break ;;
        esac
    done
    case $option in
@VALUES@
        *)
            if [[ $attached ]]; then
                return
            elif [[ $cur == -* ]]; then
                case $command in
@OPTIONS@
                esac
            elif [[ ! $command || $command == help ]]; then
                words='@COMMANDS@'
            fi ;;
    esac
    [[ $files ]] && compopt -o filenames 2>/dev/null
    while IFS= read -r i; do
        COMPREPLY+=("$i")
    done < <(compgen ${files:--W "$words"} -P "$prefix" -- "$cur")
}
complete -F _algo_logs algo-logs
"#;

fn bash() -> String {
    let mut arms = Vec::new();
    for spec in OPTIONS {
        let action = match values(spec) {
            Values::None => continue,
            Values::Words(words) => format!("words='{}'", words.join(" ")),
            Values::Files => "files=-f".to_owned(),
            Values::Folders => "files=-d".to_owned(),
            Values::Unknown => "return".to_owned(),
        };
        arms.push(format!("        {}) {action} ;;", names(spec).join("|")));
    }
    let options = commands(|pattern, command| {
        let names: Vec<_> = options(command).flat_map(names).collect();
        format!("{:20}{pattern}) words='{}' ;;", "", names.join(" "))
    });
    BASH.replace("@VALUED@", &valued())
        .replace("@VALUES@", &arms.join("\n"))
        .replace("@OPTIONS@", &options)
        .replace("@COMMANDS@", &command_words())
}

const ZSH: &str = r#"#compdef algo-logs
# Completion of algo-logs in zsh: a file named _algo-logs in a folder of $fpath.
_algo-logs_commands() {
    local -a commands=(
@COMMANDS@
    )
    _describe command commands
}
_algo-logs() {
    local command= i
    local -a options
    for ((i = 2; i < CURRENT; i++)); do
        case $words[i] in
            @VALUED@) ((++i)) ;;
            -*) ;;
            *) command=$words[i]; break ;;
        esac
    done
    case $command in
@OPTIONS@
    esac
    if [[ $command == help ]]; then
        options+=('2:command:_algo-logs_commands')
    fi
    _arguments -s -S : $options '1:command:_algo-logs_commands' '*:argument: '
}
if [[ $funcstack[1] == _algo-logs ]]; then
    _algo-logs "$@"
else
    compdef _algo-logs algo-logs
fi
"#;

fn zsh() -> String {
    let spec = |spec: &OptionSpec| {
        let (after_short, after_long, value) = match spec.value {
            ValueSpec::No => ("", "", String::new()),
            ValueSpec::Needed(name) => ("+", "=", format!(":{name}:")),
            ValueSpec::Possible(name) => ("", "=-", format!("::{name}:")),
        };
        let action = match values(spec) {
            Values::None if value.is_empty() => String::new(),
            Values::None | Values::Unknown => " ".to_owned(),
            Values::Words(words) => format!("({})", words.join(" ")),
            Values::Files => "_files".to_owned(),
            Values::Folders => "_files -/".to_owned(),
        };
        let long = format!("--{}{after_long}", spec.long);
        let names = match spec.short {
            Some(short) => format!(
                "'(-{short} --{})'{{-{short}{after_short},{long}}}",
                spec.long
            ),
            None => long,
        };
        let help = spec.help.replace('[', "\\[").replace(']', "\\]");
        format!(
            "            {names}{}",
            quoted(&format!("[{help}]{value}{action}"), r"'\''")
        )
    };
    let options = commands(|pattern, command| {
        let specs: Vec<_> = options(command).map(spec).collect();
        let specs = specs.join("\n");
        format!("        {pattern}) options=(\n{specs}\n        ) ;;")
    });
    let described = COMMANDS.iter().map(|command| {
        let entry = format!("{}:{}", command.word, command.about);
        format!("        {}", quoted(&entry, r"'\''"))
    });
    ZSH.replace("@VALUED@", &valued())
        .replace("@OPTIONS@", &options)
        .replace("@COMMANDS@", &described.collect::<Vec<_>>().join("\n"))
}

fn fish() -> String {
    const COMPLETE: &str = "complete -c algo-logs";
    let quoted = |text: &str| quoted(&text.replace('\\', r"\\"), r"\'");
    let mut script = format!(
        "# Completion of algo-logs in fish. Load it with: algo-logs --generate complete-fish | source\n\
         {COMPLETE} -f\n"
    );
    for command in &COMMANDS {
        let about = quoted(command.about);
        let word = command.word;
        script += &format!("{COMPLETE} -n __fish_use_subcommand -a {word} -d {about}\n");
    }
    let topics = command_words();
    script += &format!("{COMPLETE} -n '__fish_seen_subcommand_from help' -a '{topics}'\n");
    for spec in OPTIONS {
        let takers: Vec<_> = spec.commands.iter().map(|command| command.word()).collect();
        let condition = match takers.len() {
            0 => " -n __fish_use_subcommand".to_owned(),
            n if n == COMMANDS.len() => String::new(),
            _ => format!(" -n '__fish_seen_subcommand_from {}'", takers.join(" ")),
        };
        let short = spec.short.map(|short| format!(" -s {short}"));
        let value = match values(spec) {
            Values::None => String::new(),
            Values::Words(words) => format!(" -x -a '{}'", words.join(" ")),
            Values::Files => " -r -F".to_owned(),
            Values::Folders => " -x -a '(__fish_complete_directories)'".to_owned(),
            Values::Unknown => " -x".to_owned(),
        };
        script += &format!(
            "{COMPLETE}{condition}{} -l {}{value} -d {}\n",
            short.unwrap_or_default(),
            spec.long,
            quoted(spec.help)
        );
    }
    script
}

/// A text between single quotes, those in it written as the shell wants them.
fn quoted(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}

#[cfg(test)]
mod tests {
    #[test]
    fn roff_shows_a_text_unchanged() {
        let text = ".a-'b\n.c\\d. ~^`\"";
        let escaped = "\\&.a\\-\\(aqb\n\\&.c\\ed. \\(ti\\(ha\\(ga\\(dq";
        assert_eq!(super::roff(text), escaped);
    }
}
