//! Suggestions for misspelled words, and for the words of similar programs.

/// Words of similar programs, and what they stand for here.
#[rustfmt::skip] // one line each
const COMMANDS: &[(&str, &str)] = &[
    ("history list ls run runs status", "builds"),
    ("cat get show view", "log"),
    ("tail", "log -n 50"),
    ("follow wait watch", "log --wait"),
    ("diagnose error errors explain", "why"),
    ("archive backup download export", "save"),
    ("version", "--version"),
    ("auth config configure env login", "help environment"),
    ("completion completions", "--generate complete-bash"),
    ("man", "--generate man"),
];

/// The same for options. The first row whose option the command accepts wins.
#[rustfmt::skip] // one line each
const OPTIONS: &[(&str, &str)] = &[
    ("last lines", "tail"),
    ("count last lines max number", "limit"),
    ("failed", "status failed"),
    ("succeeded success", "status succeeded"),
    ("ref rev sha", "commit"),
    ("directory folder", "dir"),
    ("parallel threads", "jobs"),
    ("watch", "wait"),
    ("cluster host server url", "api"),
    ("ca ca-bundle cert insecure", "cacert"),
    ("no-color no-colour", "color never"),
    ("debug", "verbose"),
    ("silent", "quiet"),
];

/// Options of similar programs that do not exist here for a reason, and what to do instead.
#[rustfmt::skip] // one line each
const MISSING: &[(&str, &str)] = &[
    ("--api-key --api_key --auth --bearer --bearer-token --key --password --token",
     "put the key in a file for '--api-key-file', or in ALGORITHMIA_API_KEY: others can see the command line"),
    ("-f --follow", "'--wait' waits for the build, then writes its log: there is none before"),
    ("--since --until", r#"select by time with: --json | jq '.[] | select(.started_at > "2021-08")'"#),
    ("--log-failed", "'algo-logs why' shows the step that failed, 'algo-logs log -s failed' the whole log"),
];

fn find<'a>(
    table: &'a [(&str, &'static str)],
    word: &'a str,
) -> impl Iterator<Item = &'static str> + 'a {
    let rows = table.iter();
    let rows = rows.filter(move |(words, _)| words.split(' ').any(|known| known == word));
    rows.map(|(_, meant)| *meant)
}

/// Returns the hint for an unknown word: a suggestion, or `otherwise`.
pub(super) fn did_you_mean(meant: Option<&str>, otherwise: String) -> String {
    meant.map_or(otherwise, |meant| format!("did you mean '{meant}'?"))
}

/// Returns what to do instead of using an option that does not exist for a reason.
pub(super) fn instead_of(option: &str) -> Option<&'static str> {
    find(MISSING, option).next()
}

/// Returns the command that a word probably stands for.
pub(super) fn command<'a>(word: &str, commands: &[&'a str]) -> Option<&'a str> {
    find(COMMANDS, word)
        .next()
        .or_else(|| nearest(word, commands))
}

/// Returns the option that a word probably stands for, without its dashes.
pub(super) fn option<'a>(long: &str, accepted: &[&'a str]) -> Option<&'a str> {
    let mut aliases = find(OPTIONS, long);
    let name = |option: &'static str| option.split(' ').next().unwrap_or(option);
    let alias = aliases.find(|option| accepted.contains(&name(option)));
    alias.or_else(|| nearest(long, accepted))
}

/// Returns the candidate that the word abbreviates or nearly equals.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    // No candidate is nearly as long, and the time to compare grows with the length.
    if word.len() > 32 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let near = candidates.iter().filter_map(|candidate| {
        let distance = distance(&word, candidate);
        let is_near = distance <= (candidate.len() / 3).max(1)
            || word.len() >= 3 && candidate.starts_with(&word);
        is_near.then_some((distance, *candidate))
    });
    let (_, nearest) = near.min_by_key(|(distance, _)| *distance)?;
    Some(nearest)
}

/// Returns the edit distance: how many bytes to insert, delete or replace.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{flags::FLAGS, parse_line};

    #[test]
    fn only_what_exists_is_suggested() {
        for (_, line) in COMMANDS {
            let line = line.replace("save", "save acme -d f");
            assert!(parse_line(&line).is_ok(), "{line}");
        }
        for (_, option) in OPTIONS {
            let name = option.split(' ').next();
            assert!(FLAGS.iter().any(|flag| Some(flag.long) == name), "{option}");
        }
    }
}
