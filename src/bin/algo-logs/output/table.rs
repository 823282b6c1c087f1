//! Lists as aligned tables for people, or as tab-separated lines for programs.

use crate::output::sanitize::sanitize_line;

/// Shown for a missing or empty cell, so that columns can be counted.
const MISSING: &str = "-";
/// The number of spaces between two columns.
const GAP: usize = 2;

/// Rows of `N` cells.
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

    /// Adds a row. The cells are sanitized.
    pub(crate) fn push(&mut self, cells: [Option<String>; N]) {
        self.rows.push(cells.map(|cell| match cell {
            Some(text) if !text.is_empty() => sanitize_line(&text),
            _ => MISSING.to_owned(),
        }));
    }

    /// Formats a header in capitals and the rows, in columns as wide as their widest cell.
    ///
    /// With `colour`, the statuses in `status_column` are coloured.
    pub(crate) fn aligned(&self, colour: bool, status_column: Option<usize>) -> String {
        let header = self.header.map(str::to_ascii_uppercase);
        let mut widths = [0; N];
        for row in self.rows.iter().chain([&header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = line(&header, &widths, None);
        for row in &self.rows {
            out.push_str(&line(row, &widths, status_column.filter(|_| colour)));
        }
        out
    }

    /// Formats one line for each row, without a header.
    pub(crate) fn tabbed(&self) -> String {
        self.rows.iter().map(|row| row.join("\t") + "\n").collect()
    }
}

fn line(cells: &[String], widths: &[usize], status_column: Option<usize>) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match status_colour(cell).filter(|_| status_column == Some(column)) {
            Some(sgr) => line.extend([sgr, cell, "\x1b[0m"]),
            None => line.push_str(cell),
        }
        line.push_str(&" ".repeat(width - cell.chars().count() + GAP));
    }
    line.truncate(line.trim_end_matches(' ').len());
    line + "\n"
}

fn status_colour(status: &str) -> Option<&'static str> {
    match status {
        "succeeded" => Some("\x1b[32m"),
        "failed" => Some("\x1b[31m"),
        "in-progress" => Some("\x1b[33m"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a table of rows with `|` between cells, where `?` is a missing cell.
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

    #[test]
    fn columns_are_aligned_and_no_line_ends_in_spaces() {
        for (rows, expected) in [
            (&[][..], "BUILD  STATUS  X\n"),
            (
                &["1|failed|?", "12345678||1.0.0"],
                "BUILD     STATUS  X\n1         failed  -\n12345678  -       1.0.0\n",
            ),
            (
                &["é\u{fffd}|b|c ", "a|b|  "],
                "BUILD  STATUS  X\né\u{fffd}     b       c\na      b\n",
            ),
        ] {
            let table = table(["build", "status", "x"], rows);
            assert_eq!(table.aligned(false, Some(1)), expected);
        }
    }

    #[test]
    fn statuses_in_their_column_are_coloured() {
        let rows = ["succeeded|failed", "failed|x", "in-progress|x", "odd|x"];
        let table = table(["failed", "t"], &rows);
        let expected = "FAILED       T\n\
            \x1b[32msucceeded\x1b[0m    failed\n\
            \x1b[31mfailed\x1b[0m       x\n\
            \x1b[33min-progress\x1b[0m  x\n\
            odd          x\n";
        assert_eq!(table.aligned(true, Some(0)), expected);
        for plain in [table.aligned(false, Some(0)), table.aligned(true, None)] {
            assert!(!plain.contains('\x1b'), "{plain}");
        }
    }

    #[test]
    fn cells_are_sanitized_and_separated_by_tabs() {
        assert_eq!(table(["a", "b"], &[]).tabbed(), "");
        let table = table(["a", "b"], &["?|", "1\t2\n3|\x1b[31mx\u{202e}"]);
        let expected = "-\t-\n1\u{fffd}2\u{fffd}3\t\u{fffd}[31mx\u{fffd}\n";
        assert_eq!(table.tabbed(), expected);
        let expected = "A      B\n-      -\n1\u{fffd}2\u{fffd}3  \u{fffd}[31mx\u{fffd}\n";
        assert_eq!(table.aligned(true, Some(1)), expected);
    }
}
