//! Suggestions for misspelled words, and for the words of similar programs.

/// Words of similar programs, and what they stand for here.
const ALIASES: &[(&[&str], &str)] = &[
    (
        &["list", "ls", "run", "runs", "history", "status"],
        "'builds'",
    ),
    (&["cat", "get", "show", "view"], "'log'"),
    (&["tail"], "'log -n 50'"),
    (&["follow", "wait", "watch"], "'log --wait'"),
    (&["diagnose", "error", "errors", "explain"], "'why'"),
    (&["archive", "backup", "download", "export"], "'save'"),
    (&["version"], "'versions' or '--version'"),
    (&["completion", "completions"], "'--generate complete-bash'"),
    (&["man", "manual"], "'--generate man'"),
];

/// The same for options. The first row whose option the command accepts counts.
const OPTION_ALIASES: &[(&[&str], &str)] = &[
    (&["last", "lines"], "tail"),
    (&["count", "last", "lines", "max", "number"], "limit"),
    (&["failed", "failure"], "status failed"),
    (&["success", "succeeded"], "status succeeded"),
    (&["running"], "status in-progress"),
    (&["hash", "ref", "rev", "revision", "sha"], "commit"),
    (&["out"], "output"),
    (&["directory", "folder"], "dir"),
    (&["parallel", "threads", "workers"], "jobs"),
    (&["poll", "watch"], "wait"),
    (&["base-url", "cluster", "host", "server", "url"], "api"),
    (&["ca", "ca-bundle", "cert", "insecure"], "cacert"),
    (
        &["no-color", "no-colors", "no-colour", "nocolor"],
        "color never",
    ),
    (&["debug", "trace"], "verbose"),
    (&["silent"], "quiet"),
];

/// Returns the suggestion for a word of a similar program.
pub(super) fn alias(word: &str) -> Option<&'static str> {
    let mut rows = ALIASES.iter();
    Some(rows.find(|(words, _)| words.contains(&word))?.1)
}

/// Returns the suggestion for an option of a similar program, without its dashes.
pub(super) fn option_alias(long: &str, accepted: &[&str]) -> Option<&'static str> {
    let rows = OPTION_ALIASES
        .iter()
        .filter(|(words, _)| words.contains(&long));
    rows.map(|(_, option)| *option)
        .find(|option| accepted.contains(&option_name(option)))
}

/// Returns an option without its value: `status` for `status failed`.
fn option_name(option: &str) -> &str {
    option.split(' ').next().unwrap_or(option)
}

/// Returns the candidate that was probably meant: one that differs in few letters, or begins in the same way.
pub(super) fn suggest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    // No candidate is nearly as long, and the time to compare grows with the length.
    if word.chars().count() > 32 {
        return None;
    }
    let word: Vec<char> = word.to_ascii_lowercase().chars().collect();
    let distance_if_near = |candidate: &str| {
        let candidate: Vec<char> = candidate.chars().collect();
        let pairs = word.iter().zip(&candidate);
        let common_prefix = pairs.take_while(|(a, b)| a == b).count();
        let distance = distance(&word, &candidate);
        let near = common_prefix >= 4
            || (common_prefix == 3 && common_prefix == word.len())
            || distance <= (candidate.len() / 3).max(1);
        near.then_some(distance)
    };
    candidates
        .into_iter()
        .filter_map(|candidate| Some((distance_if_near(candidate)?, candidate)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Counts the letters to add, drop, replace or swap with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_previous: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = previous[j] + usize::from(a != b);
            let mut least = replaced.min(previous[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before_previous[j - 1] + 1);
            }
            row.push(least);
        }
        before_previous = std::mem::replace(&mut previous, row);
    }
    previous[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::CommandName;
    use crate::cli::flags::FLAGS;

    #[test]
    fn aliases_suggest_what_exists() {
        for (words, meant) in ALIASES {
            for meant in meant.split(" or ").map(|text| text.trim_matches('\'')) {
                let first = option_name(meant);
                let exists = match first.strip_prefix("--") {
                    Some(long) => FLAGS.iter().any(|flag| flag.long == long),
                    None => CommandName::from_word(first).is_some(),
                };
                assert!(exists, "{meant}");
            }
            for word in *words {
                assert_eq!(CommandName::from_word(word), None, "{word}");
            }
        }
        for (words, option) in OPTION_ALIASES {
            let name = option_name(option);
            assert!(FLAGS.iter().any(|flag| flag.long == name), "{option}");
            for word in *words {
                assert!(FLAGS.iter().all(|flag| flag.long != *word), "{word}");
            }
        }
    }

    #[test]
    fn distances() {
        for (from, to, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("kitten", "sitting", 3),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(from), &chars(to)), expected, "{from} {to}");
        }
    }
}
