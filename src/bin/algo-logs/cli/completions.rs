//! Completions for bash, zsh and fish. A script for each shell runs `algo-logs --complete` with the words up to the
//! cursor, so all of them offer the same. It sends no request.

use std::ffi::OsString;

use super::commands::{COMMANDS, CommandName};
use super::flags::{FLAGS, Flag, Kind, flags_of};
use super::help::topic_words;

/// The flag that the scripts pass, followed by the words. It is not for people.
pub(super) const COMPLETE: &str = "--complete";

/// Returns a line for each word that can replace the last one, followed by a tab and what it means. `:FILE` and `:DIR`
/// stand for paths, which the shells complete.
pub(super) fn complete(words: &[OsString]) -> String {
    let words = join(words);
    let Some((last, before)) = words.split_last() else {
        return String::new();
    };
    let mut command = None;
    let mut option: Option<&Flag> = None;
    for word in before {
        if option.take().is_some() {
            continue;
        }
        option = by_name(word).filter(|flag| flag.takes_next_word());
        if command.is_none() && !word.starts_with('-') {
            let Some(name) = CommandName::from_word(word) else {
                return String::new();
            };
            command = Some(name);
        }
    }
    // The value of an option is the next word, or follows a `=`.
    let (prefix, option) = match last.split_once('=') {
        Some((name, _)) if option.is_none() => (format!("{name}="), by_name(name)),
        _ => (String::new(), option),
    };
    let line = |word: &str, doc: &str| format!("{}\n", format!("{word}\t{doc}").trim_end());
    let offered: Vec<String> = match (option.map(|option| &option.kind), command) {
        // bash would replace only the part after a '=', which the name of a file can have.
        (Some(Kind::Required(..)), _) if prefix.is_empty() && last.contains('=') => Vec::new(),
        (Some(Kind::Required(path @ ("FILE" | "DIR"), _)), _) => return format!(":{path}\n"),
        (Some(Kind::Choice(_, choices)), _) => {
            let words = choices.iter().map(|(word, _)| format!("{prefix}{word}"));
            words.map(|word| line(&word, "")).collect()
        }
        (None, _) if last.starts_with('-') => {
            let flags = flags_of(command).map(|(flag, doc)| (flag.names(), first_part(doc)));
            flags
                .flat_map(|(names, doc)| names.into_iter().map(move |name| line(&name, doc)))
                .collect()
        }
        (None, None) => COMMANDS
            .iter()
            .map(|spec| line(spec.word, spec.about))
            .collect(),
        (None, Some(CommandName::Help)) => {
            topic_words().iter().map(|word| line(word, "")).collect()
        }
        _ => Vec::new(),
    };
    offered
        .into_iter()
        .filter(|line| line.starts_with(last))
        .collect()
}

/// Joins what bash separates by default: `--status`, `=`, `failed`.
fn join(words: &[OsString]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    let mut is_separate = true;
    for word in words.iter().map(|word| word.to_string_lossy()) {
        let is_equals = word == "=";
        match joined.last_mut() {
            Some(last) if is_equals || !is_separate => last.push_str(&word),
            _ => joined.push(word.into_owned()),
        }
        is_separate = !is_equals;
    }
    joined
}

fn by_name(name: &str) -> Option<&'static Flag> {
    FLAGS
        .iter()
        .find(|flag| flag.names().iter().any(|other| other == name))
}

/// Returns the part of a help text that fits one line beside the flag.
fn first_part(doc: &str) -> &str {
    let ends = [";", ": ", " ["].iter().filter_map(|end| doc.find(end));
    &doc[..ends.min().unwrap_or(doc.len())]
}

/// Works in bash 3.2, the version on macOS, and without the package bash-completion.
pub(super) const BASH: &str = r#"# Completion of algo-logs in bash. Load it with: source <(algo-logs --generate complete-bash)
_algo_logs() {
    local last=${COMP_WORDS[COMP_CWORD]} prefix= paths= word
    # By default bash separates a '=' from what is around it, and replaces only the part after it.
    if [[ $last == = ]]; then
        last=
    elif [[ $last == -*=* ]]; then
        prefix=${last%%=*}= last=${last#*=}
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        case $word in
            :FILE) paths=-f ;;
            :DIR) paths=-d ;;
            *) COMPREPLY+=("$prefix${word#*=}") ;;
        esac
    done < <(algo-logs --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    [[ $paths ]] || return
    compopt -o filenames 2>/dev/null
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen $paths -P "$prefix" -- "$last")
}
complete -F _algo_logs algo-logs
"#;

pub(super) const ZSH: &str = r#"#compdef algo-logs
# Completion of algo-logs in zsh. Save it as _algo-logs in a directory of $fpath.
_algo-logs() {
    local -a offered=("${(@f)$(algo-logs --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    case $offered[1] in
        :FILE) compset -P '-*='; _files ;;
        :DIR) compset -P '-*='; _files -/ ;;
        *)
            offered=("${(@)offered//:/\\:}")
            offered=("${(@)offered/$'\t'/:}")
            _describe algo-logs offered ;;
    esac
}
if [[ $funcstack[1] == _algo-logs ]]; then
    _algo-logs "$@"
else
    compdef _algo-logs algo-logs
fi
"#;

pub(super) const FISH: &str = r#"# Completion of algo-logs in fish. Load it with: algo-logs --generate complete-fish | source
function __algo_logs_complete
    set -l last (commandline -ct)
    algo-logs --complete (commandline -opc)[2..-1] "$last" 2>/dev/null
end
function __algo_logs_needs
    string match -q -- $argv (__algo_logs_complete)
end
complete -c algo-logs -f -a '(__algo_logs_complete | string match -v -- ":*")'
complete -c algo-logs -n '__algo_logs_needs :FILE' -F
complete -c algo-logs -n '__algo_logs_needs :DIR' -x -a '(__fish_complete_directories)'
"#;
