//! A list, as an aligned table for people or as tab-separated lines for programs.
//!
//! Cells hold words of the service: they are masked here, so that no newline, tab or escape
//! sequence in one can break either form.

use crate::output::sanitize::sanitize_line;

/// What stands for a cell that is missing.
const MISSING: &str = "-";
/// Between two columns of an aligned table.
const GAP: usize = 2;
const RESET: &str = "\x1b[0m";

/// A list of rows of `N` cells.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(header: [&'static str; N]) -> Self {
        Self {
            header,
            rows: Vec::new(),
        }
    }

    /// Adds a row. A cell that is missing or empty is shown as `-`, so that columns can be counted.
    pub(crate) fn push(&mut self, cells: [Option<String>; N]) {
        let shown = |cell: Option<String>| match cell {
            Some(text) if !text.is_empty() => sanitize_line(&text),
            _ => MISSING.to_owned(),
        };
        self.rows.push(cells.map(shown));
    }

    /// A header in capitals, then the rows, in columns as wide as their widest cell: nothing is ever
    /// cut, because ids are there to be copied. With `colour`, a build's status is coloured where it
    /// stands in `status_column`.
    pub(crate) fn aligned(&self, colour: bool, status_column: Option<usize>) -> String {
        let header = self.header.map(str::to_ascii_uppercase);
        let widths = self.widths(&header);
        let mut out = String::new();
        push_line(&mut out, &header, &widths, None);
        for row in &self.rows {
            push_line(&mut out, row, &widths, status_column.filter(|_| colour));
        }
        out
    }

    /// A line for each row, its cells separated by tabs, without a header.
    pub(crate) fn tabbed(&self) -> String {
        self.rows.iter().map(|row| row.join("\t") + "\n").collect()
    }

    fn widths(&self, header: &[String; N]) -> [usize; N] {
        let mut widths = [0; N];
        for row in self.rows.iter().chain([header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(cell));
            }
        }
        widths
    }
}

fn push_line(out: &mut String, cells: &[String], widths: &[usize], coloured: Option<usize>) {
    let mut padding = 0;
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        // Before a cell, and not after it: so that no line ends in spaces.
        out.extend(std::iter::repeat_n(' ', padding));
        match status_colour(cell).filter(|_| coloured == Some(column)) {
            Some(sgr) => out.extend([sgr, cell, RESET]),
            None => out.push_str(cell),
        }
        padding = width.saturating_sub(display_width(cell)) + GAP;
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

fn status_colour(status: &str) -> Option<&'static str> {
    match status {
        "succeeded" => Some("\x1b[32m"),
        "failed" => Some("\x1b[31m"),
        "in-progress" => Some("\x1b[33m"),
        _ => None,
    }
}

/// How many columns a terminal needs for the text.
fn display_width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// As terminals count: combining marks of common scripts 0, East Asian wide characters and emoji 2.
///
/// What is left out is rare, and makes a column that is not straight, at worst.
fn char_width(c: char) -> usize {
    match c {
        '\0'..='\u{2ff}' => 1,
        _ if is_in(ZERO_WIDTH, c) => 0,
        _ if is_in(WIDE, c) => 2,
        _ => 1,
    }
}

/// Whether a sorted list of ranges, first and last character, holds the character.
fn is_in(ranges: &[(char, char)], c: char) -> bool {
    let after = ranges.partition_point(|&(first, _)| first <= c);
    ranges[..after].last().is_some_and(|&(_, last)| c <= last)
}

#[rustfmt::skip] // many to a line
const ZERO_WIDTH: &[(char, char)] = &[
    ('\u{300}', '\u{36f}'), ('\u{483}', '\u{489}'), ('\u{591}', '\u{5bd}'), ('\u{5bf}', '\u{5bf}'),
    ('\u{5c1}', '\u{5c2}'), ('\u{5c4}', '\u{5c5}'), ('\u{5c7}', '\u{5c7}'), ('\u{610}', '\u{61a}'),
    ('\u{64b}', '\u{65f}'), ('\u{670}', '\u{670}'), ('\u{6d6}', '\u{6dc}'), ('\u{6df}', '\u{6e4}'),
    ('\u{6e7}', '\u{6e8}'), ('\u{6ea}', '\u{6ed}'), ('\u{900}', '\u{902}'), ('\u{93a}', '\u{93a}'),
    ('\u{93c}', '\u{93c}'), ('\u{941}', '\u{948}'), ('\u{94d}', '\u{94d}'), ('\u{951}', '\u{957}'),
    ('\u{962}', '\u{963}'), ('\u{e31}', '\u{e31}'), ('\u{e34}', '\u{e3a}'), ('\u{e47}', '\u{e4e}'),
    ('\u{1160}', '\u{11ff}'), ('\u{1ab0}', '\u{1ace}'), ('\u{1dc0}', '\u{1dff}'), ('\u{200b}', '\u{200f}'),
    ('\u{20d0}', '\u{20f0}'), ('\u{302a}', '\u{302d}'), ('\u{3099}', '\u{309a}'), ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'), ('\u{e0100}', '\u{e01ef}'),
];

#[rustfmt::skip] // many to a line
const WIDE: &[(char, char)] = &[
    ('\u{1100}', '\u{115f}'), ('\u{231a}', '\u{231b}'), ('\u{2329}', '\u{232a}'), ('\u{23e9}', '\u{23ec}'),
    ('\u{23f0}', '\u{23f0}'), ('\u{23f3}', '\u{23f3}'), ('\u{25fd}', '\u{25fe}'), ('\u{2614}', '\u{2615}'),
    ('\u{2648}', '\u{2653}'), ('\u{267f}', '\u{267f}'), ('\u{2693}', '\u{2693}'), ('\u{26a1}', '\u{26a1}'),
    ('\u{26aa}', '\u{26ab}'), ('\u{26bd}', '\u{26be}'), ('\u{26c4}', '\u{26c5}'), ('\u{26ce}', '\u{26ce}'),
    ('\u{26d4}', '\u{26d4}'), ('\u{26ea}', '\u{26ea}'), ('\u{26f2}', '\u{26f3}'), ('\u{26f5}', '\u{26f5}'),
    ('\u{26fa}', '\u{26fa}'), ('\u{26fd}', '\u{26fd}'), ('\u{2705}', '\u{2705}'), ('\u{270a}', '\u{270b}'),
    ('\u{2728}', '\u{2728}'), ('\u{274c}', '\u{274c}'), ('\u{274e}', '\u{274e}'), ('\u{2753}', '\u{2755}'),
    ('\u{2757}', '\u{2757}'), ('\u{2795}', '\u{2797}'), ('\u{27b0}', '\u{27b0}'), ('\u{27bf}', '\u{27bf}'),
    ('\u{2b1b}', '\u{2b1c}'), ('\u{2b50}', '\u{2b50}'), ('\u{2b55}', '\u{2b55}'), ('\u{2e80}', '\u{303e}'),
    ('\u{3041}', '\u{3247}'), ('\u{3250}', '\u{4dbf}'), ('\u{4e00}', '\u{a4c6}'), ('\u{a960}', '\u{a97c}'),
    ('\u{ac00}', '\u{d7a3}'), ('\u{f900}', '\u{faff}'), ('\u{fe10}', '\u{fe19}'), ('\u{fe30}', '\u{fe6b}'),
    ('\u{ff01}', '\u{ff60}'), ('\u{ffe0}', '\u{ffe6}'), ('\u{16fe0}', '\u{1b2fb}'), ('\u{1f004}', '\u{1f004}'),
    ('\u{1f0cf}', '\u{1f0cf}'), ('\u{1f18e}', '\u{1f18e}'), ('\u{1f191}', '\u{1f19a}'), ('\u{1f200}', '\u{1f320}'),
    ('\u{1f32d}', '\u{1f335}'), ('\u{1f337}', '\u{1f37c}'), ('\u{1f37e}', '\u{1f393}'), ('\u{1f3a0}', '\u{1f3ca}'),
    ('\u{1f3cf}', '\u{1f3d3}'), ('\u{1f3e0}', '\u{1f3f0}'), ('\u{1f3f4}', '\u{1f3f4}'), ('\u{1f3f8}', '\u{1f43e}'),
    ('\u{1f440}', '\u{1f440}'), ('\u{1f442}', '\u{1f4fc}'), ('\u{1f4ff}', '\u{1f53d}'), ('\u{1f54b}', '\u{1f54e}'),
    ('\u{1f550}', '\u{1f567}'), ('\u{1f57a}', '\u{1f57a}'), ('\u{1f595}', '\u{1f596}'), ('\u{1f5a4}', '\u{1f5a4}'),
    ('\u{1f5fb}', '\u{1f64f}'), ('\u{1f680}', '\u{1f6c5}'), ('\u{1f6cc}', '\u{1f6cc}'), ('\u{1f6d0}', '\u{1f6d2}'),
    ('\u{1f6d5}', '\u{1f6df}'), ('\u{1f6eb}', '\u{1f6ec}'), ('\u{1f6f4}', '\u{1f6fc}'), ('\u{1f7e0}', '\u{1f7f0}'),
    ('\u{1f90c}', '\u{1f93a}'), ('\u{1f93c}', '\u{1f945}'), ('\u{1f947}', '\u{1f9ff}'), ('\u{1fa70}', '\u{1faff}'),
    ('\u{20000}', '\u{3fffd}'),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows with `|` between cells, a cell `?` missing.
    fn table<const N: usize>(header: [&'static str; N], rows: &[&str]) -> Table<N> {
        let mut table = Table::new(header);
        for row in rows {
            let cells: Vec<_> = row
                .split('|')
                .map(|cell| (cell != "?").then(|| cell.to_owned()))
                .collect();
            table.push(cells.try_into().expect("as many cells as the header"));
        }
        table
    }

    #[track_caller]
    fn check(rows: &[&str], expected: &str) {
        assert_eq!(
            table(["build", "status", "x"], rows).aligned(false, Some(1)),
            expected
        );
    }

    #[test]
    fn columns_are_aligned() {
        check(&[], "BUILD  STATUS  X\n");
        check(
            &["1|failed|?", "12345678|?|1.0.0"],
            "BUILD     STATUS  X\n1         failed  -\n12345678  -       1.0.0\n",
        );
        check(&["?|?|?"], "BUILD  STATUS  X\n-      -       -\n");
    }

    #[test]
    fn columns_are_aligned_by_what_is_seen() {
        check(
            &["日本|ｓ|x", "e\u{301}a|✅|x"],
            "BUILD  STATUS  X\n日本   ｓ      x\ne\u{301}a     ✅      x\n",
        );
        check(
            &["日本日本|s|x"],
            "BUILD     STATUS  X\n日本日本  s       x\n",
        );
    }

    #[test]
    fn no_line_ends_in_spaces() {
        check(
            &["a|b|c ", "a|b|  "],
            "BUILD  STATUS  X\na      b       c\na      b\n",
        );
        assert_eq!(
            table(["a", ""], &["longer|x"]).aligned(false, None),
            "A\nlonger  x\n"
        );
    }

    #[test]
    fn an_empty_cell_is_missing() {
        let table = table(["a", "b"], &["|x"]);
        assert_eq!(table.tabbed(), "-\tx\n");
        assert_eq!(table.aligned(false, None), "A  B\n-  x\n");
    }

    #[test]
    fn a_status_is_coloured_where_it_is_one() {
        let table = table(
            ["s", "t"],
            &[
                "succeeded|failed",
                "failed|x",
                "in-progress|x",
                "odd|x",
                "?|x",
            ],
        );
        let expected = "S            T\n\
            \x1b[32msucceeded\x1b[0m    failed\n\
            \x1b[31mfailed\x1b[0m       x\n\
            \x1b[33min-progress\x1b[0m  x\n\
            odd          x\n\
            -            x\n";
        assert_eq!(table.aligned(true, Some(0)), expected);
        for uncoloured in [
            table.aligned(false, Some(0)),
            table.aligned(true, None),
            table.aligned(true, Some(9)),
        ] {
            assert!(!uncoloured.contains('\x1b'), "{uncoloured}");
        }
    }

    #[test]
    fn a_header_is_not_coloured() {
        let out = table(["failed"], &["failed"]).aligned(true, Some(0));
        assert_eq!(out, "FAILED\n\x1b[31mfailed\x1b[0m\n");
    }

    #[test]
    fn tabs_separate_rows_without_a_header() {
        assert_eq!(table(["a", "b"], &[]).tabbed(), "");
        assert_eq!(
            table(["a", "b"], &["1|?", "two words|日"]).tabbed(),
            "1\t-\ntwo words\t日\n"
        );
    }

    #[test]
    fn cells_are_masked() {
        let table = table(["a", "b"], &["1\t2\n3|\x1b[31mx\u{202e}"]);
        let cells = ["1\u{fffd}2\u{fffd}3", "\u{fffd}[31mx\u{fffd}"];
        assert_eq!(table.tabbed(), cells.join("\t") + "\n");
        assert_eq!(
            table.aligned(true, Some(1)),
            format!("A      B\n{}\n", cells.join("  "))
        );
    }

    #[test]
    fn widths() {
        let cases = [
            ("", 0),
            ("abc-1.0", 7),
            ("é\u{fffd}", 2),
            ("e\u{301}", 1),
            ("日本語", 6),
            ("한국", 4),
            ("ＡＢ", 4),
            ("ﾃ", 1),
            ("ไทยที่", 4),
            ("👍🏽", 4),
            ("❤\u{fe0f}", 1),
            ("✓━", 2),
            ("\u{20000}\u{3fffd}", 4),
            ("\u{10ffff}", 1),
        ];
        for (text, expected) in cases {
            assert_eq!(display_width(text), expected, "{text:?}");
        }
    }

    #[test]
    fn ranges_are_sorted_and_apart() {
        for ranges in [ZERO_WIDTH, WIDE] {
            assert!(ranges.iter().all(|(first, last)| first <= last));
            assert!(ranges.windows(2).all(|pair| pair[0].1 < pair[1].0));
        }
    }
}
