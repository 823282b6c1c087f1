//! Which word somebody probably meant.

/// The word that was probably meant: few letters differ, or one is a good beginning of the other.
pub(super) fn suggest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // Nothing near can be that long, and the distance takes time that grows with the length.
    if word.chars().count() > 32 {
        return None;
    }
    let word: Vec<char> = word.to_ascii_lowercase().chars().collect();
    let distance_if_near = |candidate: &str| {
        let candidate: Vec<char> = candidate.chars().collect();
        let same = word
            .iter()
            .zip(&candidate)
            .take_while(|(a, b)| a == b)
            .count();
        let distance = distance(&word, &candidate);
        let begins = same >= 4 || (same == 3 && same == word.len());
        (begins || distance <= (candidate.len() / 3).max(1)).then_some(distance)
    };
    let near = words.filter_map(|candidate| Some((distance_if_near(candidate)?, candidate)));
    Some(near.min_by_key(|(distance, _)| *distance)?.1)
}

/// How many letters to add, drop, replace or swap with a neighbour, from one word to the other.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (from, to, wanted) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "ab", 1),
            ("kitten", "sitting", 3),
        ] {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            assert_eq!(distance(&chars(from), &chars(to)), wanted, "{from} {to}");
        }
    }
}
