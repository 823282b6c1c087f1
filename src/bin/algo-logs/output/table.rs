//! Lists as tables for people, or as tab-separated lines for programs.

use crate::output::Reporter;
use crate::output::sanitize::truncate;

/// Shown for a missing or empty cell, so that columns can be counted.
const MISSING: &str = "-";
/// The number of spaces between two columns.
const GAP: usize = 2;

/// The name of a column, and the maximum number of characters in a cell.
pub(crate) type Column = (&'static str, usize);

/// The width of a column that shows names and IDs in full. Every one is shorter.
pub(crate) const WHOLE: usize = 511;

/// The cells of a row.
pub(crate) type Cells = Vec<Option<String>>;

/// Formats a line of tab-separated cells, safe to print.
pub(crate) fn tab_separated(cells: Cells, reporter: &Reporter) -> String {
    let cells = cells.into_iter().map(|cell| clean(cell, reporter));
    cells.collect::<Vec<_>>().join("\t") + "\n"
}

/// Makes a cell safe to print. This must precede shortening: part of a key would not be recognized.
fn clean(cell: Option<String>, reporter: &Reporter) -> String {
    match cell {
        Some(text) if !text.is_empty() => reporter.clean(&text),
        _ => MISSING.to_owned(),
    }
}

/// A header, and rows with one cell per column.
#[derive(Debug)]
pub(crate) struct Table {
    columns: &'static [Column],
    rows: Vec<Vec<String>>,
    has_header: bool,
}

impl Table {
    pub(crate) fn new(columns: &'static [Column]) -> Self {
        Self {
            columns,
            rows: Vec::new(),
            has_header: false,
        }
    }

    /// Adds a row. Its cells are made safe to print, and shortened.
    pub(crate) fn push(&mut self, cells: Cells, reporter: &Reporter) {
        let cells = cells.into_iter().zip(self.columns);
        let cells = cells.map(|(cell, column)| shorten(clean(cell, reporter), column));
        self.rows.push(cells.collect());
    }

    /// Takes the rows and formats them. The first rows get a header in capitals.
    ///
    /// Each column is as wide as its widest cell or, if `fixed`, as its maximum. If `color`, statuses are coloured.
    pub(crate) fn take(&mut self, fixed: bool, color: bool) -> String {
        let mut rows = std::mem::take(&mut self.rows);
        if !rows.is_empty() && !self.has_header {
            let names = self.columns.iter().map(|(name, _)| name.to_uppercase());
            rows.insert(0, names.collect());
            self.has_header = true;
        }
        let width = |(n, (_, max)): (usize, &Column)| {
            if fixed {
                *max
            } else {
                let cells = rows.iter().map(|row| row[n].chars().count());
                cells.max().unwrap_or(0)
            }
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(width).collect();
        let lines = rows.iter().map(|row| self.line(row, &widths, color));
        lines.collect()
    }

    fn line(&self, cells: &[String], widths: &[usize], color: bool) -> String {
        let mut line = String::new();
        for ((cell, width), (name, _)) in cells.iter().zip(widths).zip(self.columns) {
            match status_color(cell).filter(|_| color && *name == "status") {
                Some(sgr) => line.extend([sgr, cell, "\x1b[0m"]),
                None => line.push_str(cell),
            }
            line.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
        }
        line.truncate(line.trim_end_matches(' ').len());
        line + "\n"
    }
}

/// Shortens a cell to the width of its column. A commit is cut without an ellipsis, as Git does it.
fn shorten(cell: String, (name, width): &Column) -> String {
    match cell.char_indices().nth(*width) {
        None => cell,
        Some((end, _)) if *name == "commit" => cell[..end].to_owned(),
        Some(_) => truncate(&cell, width - 1),
    }
}

fn status_color(status: &str) -> Option<&'static str> {
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
    use algo_logs::Token;

    /// Formats rows with `|` between cells, where `?` is a missing cell.
    fn table(columns: &'static [Column], rows: &[&str], fixed: bool, color: bool) -> String {
        let mut table = Table::new(columns);
        for row in rows {
            let cells = row.split('|');
            let cells = cells.map(|cell| (cell != "?").then(|| cell.to_owned()));
            table.push(cells.collect(), &Reporter::default());
        }
        table.take(fixed, color)
    }

    #[test]
    fn columns_are_aligned_and_no_line_ends_in_spaces() {
        let columns = &[("build", 8), ("status", 6), ("x", 9)];
        let rows = ["é\u{fffd}|in-progress|c ", "a||?"];
        for (fixed, expected) in [
            (
                false,
                "BUILD  STATUS  X\né\u{fffd}     in-pr…  c\na      -       -\n",
            ),
            (
                true,
                "BUILD     STATUS  X\né\u{fffd}        in-pr…  c\na         -       -\n",
            ),
        ] {
            assert_eq!(table(columns, &rows, fixed, false), expected);
        }
        assert_eq!(table(columns, &[], false, false), "");
    }

    #[test]
    fn statuses_in_their_column_are_colored() {
        let rows = ["succeeded|failed", "failed|x", "in-progress|x", "odd|x"];
        let table = |color| table(&[("status", 11), ("t", 9)], &rows, false, color);
        let expected = "STATUS       T\n\
            \x1b[32msucceeded\x1b[0m    failed\n\
            \x1b[31mfailed\x1b[0m       x\n\
            \x1b[33min-progress\x1b[0m  x\n\
            odd          x\n";
        assert_eq!(table(true), expected);
        assert!(!table(false).contains('\x1b'));
    }

    #[test]
    fn cells_are_shortened_before_they_are_aligned() {
        let row = format!("123456789|{}|x", "1".repeat(15_000_000));
        let columns = &[("commit", 7), ("a", WHOLE), ("b", 1)];
        let text = table(columns, &[&row], false, false);
        assert!(text.contains("\n1234567  1111") && text.chars().count() < 1100);
    }

    #[test]
    fn cells_are_safe_to_print() {
        let reporter = Reporter::default();
        reporter.redact(Token::simple("12345678").unwrap());
        let text = |text: &str| Some(text.to_owned());
        let cells = [
            "##[error]x",
            "1\t2\n3",
            "\x1b[31mx\u{202e}",
            "a12345678",
            "",
        ]
        .map(text);
        assert_eq!(
            tab_separated(cells.into(), &reporter),
            "# #[error]x\t1\u{fffd}2\u{fffd}3\t\u{fffd}[31mx\u{fffd}\ta[key]\t-\n"
        );
        // The key is redacted before a cell is shortened.
        let mut table = Table::new(&[("commit", 7), ("b", WHOLE)]);
        table.push(vec![text("12345678"), text("1\t2")], &reporter);
        assert_eq!(table.take(false, true), "COMMIT  B\n[key]   1\u{fffd}2\n");
    }
}
