//! Suggestions for misspelled words.

/// Returns the word that was probably meant: one that differs in few letters, or of which `word` is
/// the beginning.
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
