//! Completions for bash, zsh and fish. They never run the program or send a request.

use super::commands::{COMMANDS, CommandName, command_words};
use super::flags::{FLAGS, Flag, Kind};
use super::help::topic_words;

/// Returns the flags that a command accepts, with their help texts. `None` means that there is no command yet, so that
/// any flag may appear.
fn flags_of(command: Option<CommandName>) -> impl Iterator<Item = (&'static Flag, &'static str)> {
    FLAGS.iter().filter_map(move |flag| {
        let doc = match command {
            Some(command) => flag.doc(command)?,
            None => flag.general_doc(),
        };
        Some((flag, doc))
    })
}

/// Returns the part of a help text that fits one line beside the flag.
fn short(doc: &str) -> &str {
    let ends = [";", ": ", " ["].iter().filter_map(|end| doc.find(end));
    &doc[..ends.min().unwrap_or(doc.len())]
}

/// Returns an arm of a `case` for each command, and one for no command yet.
fn arms_by_command(arm: impl Fn(&str, Option<CommandName>) -> String) -> String {
    let commands = COMMANDS.iter().map(|spec| (spec.word, Some(spec.name)));
    let arms = commands.chain([("''", None)]);
    let arms: Vec<_> = arms.map(|(pattern, name)| arm(pattern, name)).collect();
    arms.join("\n")
}

/// Returns a pattern, for bash and zsh, of the flags whose value may be the next word.
fn flags_with_value() -> String {
    let flags = FLAGS
        .iter()
        .filter(|flag| matches!(flag.kind, Kind::Choice(..) | Kind::Required(..)));
    flags.flat_map(Flag::names).collect::<Vec<_>>().join("|")
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
@VALUES@
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
    let mut arms = Vec::new();
    for flag in FLAGS {
        let action = match flag.kind {
            Kind::Switch(_) | Kind::Optional(..) => continue,
            Kind::Choice(_, choices) => format!("words='{}'", words(choices)),
            Kind::Required("FILE", _) => "files=-f".to_owned(),
            Kind::Required("DIR", _) => "files=-d".to_owned(),
            Kind::Required(..) => "return".to_owned(),
        };
        arms.push(format!("        {}) {action} ;;", flag.names().join("|")));
    }
    let flags = arms_by_command(|pattern, command| {
        let names: Vec<_> = flags_of(command)
            .flat_map(|(flag, _)| flag.names())
            .collect();
        format!("{:20}{pattern}) words='{}' ;;", "", names.join(" "))
    });
    BASH.replace("@VALUED@", &flags_with_value())
        .replace("@VALUES@", &arms.join("\n"))
        .replace("@OPTIONS@", &flags)
        .replace("@COMMANDS@", &command_words().join(" "))
        .replace("@TOPICS@", &topic_words().join(" "))
}

const ZSH: &str = r#"#compdef algo-logs
# Completion of algo-logs in zsh. Save it as _algo-logs in a folder of $fpath.
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
    let flags = arms_by_command(|pattern, command| {
        let specs: Vec<_> = flags_of(command)
            .map(|(flag, doc)| zsh_spec(flag, doc))
            .collect();
        let specs = specs.join("\n");
        format!("        {pattern}) options=(\n{specs}\n        ) ;;")
    });
    let commands = COMMANDS.iter().map(|spec| {
        let entry = format!("{}:{}", spec.word, spec.about);
        format!("        {}", quote(&entry, r"'\''"))
    });
    ZSH.replace("@VALUED@", &flags_with_value())
        .replace("@OPTIONS@", &flags)
        .replace("@COMMANDS@", &commands.collect::<Vec<_>>().join("\n"))
        .replace("@TOPICS@", &topic_words().join(" "))
}

/// Returns a flag in the notation of zsh's `_arguments`.
fn zsh_spec(flag: &Flag, doc: &str) -> String {
    let (after_short, after_long, value) = match flag.kind {
        Kind::Switch(_) => ("", "", String::new()),
        Kind::Choice(name, choices) => ("+", "=", format!(":{name}:({})", words(choices))),
        Kind::Required(name, _) => {
            let action = match name {
                "FILE" => "_files",
                "DIR" => "_files -/",
                _ => " ",
            };
            ("+", "=", format!(":{name}:{action}"))
        }
        Kind::Optional(name, _) => ("", "=-", format!("::{name}: ")),
    };
    let long = flag.long;
    let names = match flag.short {
        Some(short) => {
            format!("'(-{short} --{long})'{{-{short}{after_short},--{long}{after_long}}}")
        }
        None => format!("--{long}{after_long}"),
    };
    let rest = quote(&format!("[{}]{value}", short(doc)), r"'\''");
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
    contains -- $command $argv
end
complete -c algo-logs -f
complete -c algo-logs -n '__algo_logs_command_is help' -a '@TOPICS@'
"#;

pub(super) fn fish() -> String {
    let complete = |commands: &[&str], rest: String| {
        let condition = format!("__algo_logs_command_is {}", commands.join(" "));
        format!("complete -c algo-logs -n '{condition}'{rest}\n")
    };
    let description = |text| format!(" -d {}", quote(text, r"\'"));
    let mut script = FISH
        .replace("@VALUED@", &flags_with_value())
        .replace("@TOPICS@", &topic_words().join(" "));
    for spec in &COMMANDS {
        let rest = format!(" -a {}{}", spec.word, description(spec.about));
        script += &complete(&["none"], rest);
    }
    for flag in FLAGS {
        let names = flag.short.map(|short| format!(" -s {short}"));
        let names = format!("{} -l {}", names.unwrap_or_default(), flag.long);
        let value = match flag.kind {
            Kind::Switch(_) | Kind::Optional(..) => String::new(),
            Kind::Choice(_, choices) => format!(" -x -a '{}'", words(choices)),
            Kind::Required("FILE", _) => " -r -F".to_owned(),
            Kind::Required("DIR", _) => " -x -a '(__fish_complete_directories)'".to_owned(),
            Kind::Required(..) => " -x".to_owned(),
        };
        for (i, (commands, doc)) in flag.docs.iter().enumerate() {
            let mut commands = Vec::from_iter(commands.iter().map(|command| command.word()));
            // Without a command, any flag may appear, but only once.
            if i == 0 {
                commands.push("none");
            }
            script += &complete(
                &commands,
                format!("{names}{value}{}", description(short(doc))),
            );
        }
    }
    script
}

/// Puts a text between single quotes, and replaces those inside it with `quote`.
fn quote(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}
