//! Completions for bash, zsh and fish. They never run the program or send a request.

use super::commands::{COMMANDS, CommandName, command_words};
use super::flags::{FLAGS, Flag, Kind, flags_of};
use super::help::topic_words;

/// Returns the part of a help text that fits one line beside the flag.
fn first_part(doc: &str) -> &str {
    let ends = [";", ": ", " ["].iter().filter_map(|end| doc.find(end));
    &doc[..ends.min().unwrap_or(doc.len())]
}

/// Calls `write` for each command, and for a line without one yet, where any flag may appear. Joins the results.
fn by_command(write: impl Fn(Option<CommandName>) -> String) -> String {
    let commands = COMMANDS.iter().map(|spec| Some(spec.name)).chain([None]);
    commands.map(write).collect::<Vec<_>>().join("\n")
}

/// Returns the pattern for a command in a `case` of bash or zsh.
fn pattern(command: Option<CommandName>) -> &'static str {
    command.map_or("''", CommandName::word)
}

/// Returns a pattern that matches the flags of some kinds.
fn flags_that(are: impl Fn(&Kind) -> bool) -> String {
    let flags = FLAGS.iter().filter(|flag| are(&flag.kind));
    flags.flat_map(Flag::names).collect::<Vec<_>>().join("|")
}

/// Fills in what the scripts have in common: the commands, the topics of help, and a pattern of the flags whose value
/// may be the next word.
fn fill_in(script: &str) -> String {
    let valued = flags_that(|kind| matches!(kind, Kind::Choice(..) | Kind::Required(..)));
    script
        .replace("@VALUED@", &valued)
        .replace("@COMMANDS@", &command_words().join(" "))
        .replace("@TOPICS@", &topic_words().join(" "))
}

/// Returns the words of a choice, separated by spaces.
fn words<T>(choices: &[(&str, T)]) -> String {
    let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
    words.join(" ")
}

/// Works in bash 3.2, the version on macOS, and without the package bash-completion.
const BASH: &str = r#"# Completion of algo-logs in bash. Load it with: source <(algo-logs --generate complete-bash)
_algo_logs() {
    local cur=${COMP_WORDS[COMP_CWORD]} option=${COMP_WORDS[COMP_CWORD-1]}
    local prefix= attached= command= words= files= i
    COMPREPLY=()
    # By default bash splits --status=failed into three words and completes the last.
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
@CHOICES@
        @FILES@) files=-f ;;
        @DIRECTORIES@) files=-d ;;
        @VALUED@) return ;;
        *)
            if [[ $attached ]]; then
                return
            elif [[ $cur == -* ]]; then
                case $command in
@OPTIONS@
                esac
            elif [[ ! $command ]]; then
                words='@COMMANDS@'
            elif [[ $command == help ]]; then
                words='@TOPICS@'
            fi ;;
    esac
    [[ $files ]] && compopt -o filenames 2>/dev/null
    while IFS= read -r i; do
        COMPREPLY+=("$i")
    done < <(compgen ${files:--W "$words"} -P "$prefix" -- "$cur")
}
complete -F _algo_logs algo-logs
"#;

pub(super) fn bash() -> String {
    let choices = FLAGS.iter().filter_map(|flag| match flag.kind {
        Kind::Choice(_, choices) => {
            let names = flag.names().join("|");
            Some(format!("        {names}) words='{}' ;;", words(choices)))
        }
        _ => None,
    });
    let options = by_command(|command| {
        let names: Vec<_> = flags_of(command)
            .flat_map(|(flag, _)| flag.names())
            .collect();
        let pattern = pattern(command);
        format!("{:20}{pattern}) words='{}' ;;", "", names.join(" "))
    });
    let files = flags_that(|kind| matches!(kind, Kind::Required("FILE", _)));
    let directories = flags_that(|kind| matches!(kind, Kind::Required("DIR", _)));
    fill_in(BASH)
        .replace("@CHOICES@", &choices.collect::<Vec<_>>().join("\n"))
        .replace("@FILES@", &files)
        .replace("@DIRECTORIES@", &directories)
        .replace("@OPTIONS@", &options)
}

const ZSH: &str = r#"#compdef algo-logs
# Completion of algo-logs in zsh. Save it as _algo-logs in a directory of $fpath.
_algo-logs_commands() {
    local -a commands=(
@DESCRIPTIONS@
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
        options+=('2:topic:(@TOPICS@)')
    fi
    _arguments -s -S : $options '1:command:_algo-logs_commands' '*:argument: '
}
if [[ $funcstack[1] == _algo-logs ]]; then
    _algo-logs "$@"
else
    compdef _algo-logs algo-logs
fi
"#;

pub(super) fn zsh() -> String {
    let options = by_command(|command| {
        let specs: Vec<_> = flags_of(command)
            .map(|(flag, doc)| zsh_spec(flag, doc))
            .collect();
        format!(
            "        {}) options=(\n{}\n        ) ;;",
            pattern(command),
            specs.join("\n")
        )
    });
    let descriptions = COMMANDS.each_ref().map(|spec| {
        let entry = format!("{}:{}", spec.word, spec.about);
        format!("        {}", quote(&entry, r"'\''"))
    });
    fill_in(ZSH)
        .replace("@OPTIONS@", &options)
        .replace("@DESCRIPTIONS@", &descriptions.join("\n"))
}

/// Returns a flag in the notation of zsh's `_arguments`.
fn zsh_spec(flag: &Flag, doc: &str) -> String {
    let (after_short, after_long, value) = match flag.kind {
        Kind::Switch(_) => ("", "", String::new()),
        Kind::Choice(name, choices) => ("+", "=", format!(":{name}:({})", words(choices))),
        Kind::Required("FILE", _) => ("+", "=", ":FILE:_files".to_owned()),
        Kind::Required("DIR", _) => ("+", "=", ":DIR:_files -/".to_owned()),
        Kind::Required(name, _) => ("+", "=", format!(":{name}: ")),
        Kind::Optional(name, _) => ("", "=-", format!("::{name}: ")),
    };
    let long = flag.long;
    let names = match flag.short {
        Some(short) => {
            format!("'(-{short} --{long})'{{-{short}{after_short},--{long}{after_long}}}")
        }
        None => format!("--{long}{after_long}"),
    };
    let rest = quote(&format!("[{}]{value}", first_part(doc)), r"'\''");
    format!("            {names}{rest}")
}

/// The function finds the command as bash and zsh do: the first word that is neither an option nor its value.
const FISH: &str = r#"# Completion of algo-logs in fish. Load it with: algo-logs --generate complete-fish | source
function __algo_logs_command_is
    set -l command none
    set -l skip
    for word in (commandline -opc)[2..-1]
        if set -q skip[1]
            set skip
        else if string match -qr -- '^(@VALUED@)$' $word
            set skip yes
        else if not string match -q -- '-*' $word
            set command $word
            break
        end
    end
    test $command = $argv[1]
end
complete -c algo-logs -f
complete -c algo-logs -n '__algo_logs_command_is help' -a '@TOPICS@'
"#;

pub(super) fn fish() -> String {
    let complete = |command: &str, rest: &str| {
        format!("complete -c algo-logs -n '__algo_logs_command_is {command}'{rest}")
    };
    let description = |text| format!(" -d {}", quote(text, r"\'"));
    let commands = COMMANDS.each_ref().map(|spec| {
        let rest = format!(" -a {}{}", spec.word, description(spec.about));
        complete("none", &rest)
    });
    let flags = by_command(|command| {
        let lines = flags_of(command).map(|(flag, doc)| {
            let short = flag.short.map(|short| format!(" -s {short}"));
            let value = match flag.kind {
                Kind::Switch(_) | Kind::Optional(..) => String::new(),
                Kind::Choice(_, choices) => format!(" -x -a '{}'", words(choices)),
                Kind::Required("FILE", _) => " -r -F".to_owned(),
                Kind::Required("DIR", _) => " -x -a '(__fish_complete_directories)'".to_owned(),
                Kind::Required(..) => " -x".to_owned(),
            };
            let (short, long) = (short.unwrap_or_default(), flag.long);
            let rest = format!("{short} -l {long}{value}{}", description(first_part(doc)));
            complete(command.map_or("none", CommandName::word), &rest)
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    format!("{}{}\n{flags}\n", fill_in(FISH), commands.join("\n"))
}

/// Puts text in single quotes, and replaces those inside it with `quote`.
fn quote(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}
