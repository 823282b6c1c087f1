//! Lists as aligned tables for people, or as tab-separated lines for programs.

use crate::output::sanitize::{defuse, sanitize_line, truncate};

/// Shown for a missing or empty cell, so that columns can be counted.
const MISSING: &str = "-";
/// The number of spaces between two columns.
const GAP: usize = 2;

/// The cells of a row.
pub(crate) type Cells = Vec<Option<String>>;

/// Formats a line of tab-separated cells, sanitized.
pub(crate) fn tab_separated(cells: Cells) -> String {
    sanitize_cells(cells).join("\t") + "\n"
}

fn sanitize_cells(cells: Cells) -> Vec<String> {
    cells.into_iter().map(sanitize_cell).collect()
}

fn sanitize_cell(cell: Option<String>) -> String {
    match cell {
        Some(text) if !text.is_empty() => defuse(&sanitize_line(&text)),
        _ => MISSING.to_owned(),
    }
}

/// A header, and rows with one cell per column.
#[derive(Debug)]
pub(crate) struct Table {
    header: &'static [&'static str],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: &'static [&'static str]) -> Self {
        Self {
            header,
            rows: Vec::new(),
        }
    }

    /// Adds a row. The cells are sanitized, and those that no real table has are shortened before they are aligned.
    pub(crate) fn push(&mut self, cells: Cells) {
        /// No owner, name or ID is longer than half of this.
        const MAX_CELL: usize = 511;
        let cells = cells
            .into_iter()
            .map(|cell| Some(truncate(&cell?, MAX_CELL)));
        self.rows.push(sanitize_cells(cells.collect()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Formats a header in capitals and the rows, in columns as wide as their widest cell.
    ///
    /// With `colour`, the cells below `status` are coloured.
    pub(crate) fn aligned(&self, colour: bool) -> String {
        let is_status = |name: &&str| *name == "status";
        let status_column = self.header.iter().position(is_status).filter(|_| colour);
        let header: Vec<_> = self
            .header
            .iter()
            .map(|name| name.to_ascii_uppercase())
            .collect();
        let mut widths = vec![0; header.len()];
        for row in self.rows.iter().chain([&header]) {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut out = line(&header, &widths, None);
        for row in &self.rows {
            out.push_str(&line(row, &widths, status_column));
        }
        out
    }
}

/// Formats a row with columns of fixed width. With `colour`, the first cell is coloured as a status.
pub(crate) fn fixed_row(cells: Cells, widths: &[usize], colour: bool) -> String {
    line(&sanitize_cells(cells), widths, colour.then_some(0))
}

fn line(cells: &[String], widths: &[usize], status_column: Option<usize>) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        match status_colour(cell).filter(|_| status_column == Some(column)) {
            Some(sgr) => line.extend([sgr, cell, "\x1b[0m"]),
            None => line.push_str(cell),
        }
        line.push_str(&" ".repeat(width.saturating_sub(cell.chars().count()) + GAP));
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
    fn table(header: &'static [&'static str], rows: &[&str]) -> Table {
        let mut table = Table::new(header);
        for row in rows {
            let cells = row.split('|');
            table.push(
                cells
                    .map(|cell| (cell != "?").then(|| cell.to_owned()))
                    .collect(),
            );
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
            let table = table(&["build", "status", "x"], rows);
            assert_eq!(table.aligned(false), expected);
        }
    }

    #[test]
    fn statuses_in_their_column_are_coloured() {
        let rows = ["succeeded|failed", "failed|x", "in-progress|x", "odd|x"];
        let table = table(&["status", "t"], &rows);
        let expected = "STATUS       T\n\
            \x1b[32msucceeded\x1b[0m    failed\n\
            \x1b[31mfailed\x1b[0m       x\n\
            \x1b[33min-progress\x1b[0m  x\n\
            odd          x\n";
        assert_eq!(table.aligned(true), expected);
        assert!(!table.aligned(false).contains('\x1b'));
    }

    #[test]
    fn long_cells_are_shortened_before_they_are_aligned() {
        let table = table(
            &["a", "b"],
            &[&format!("{}|x", "1".repeat(15_000_000)), "2|x"],
        );
        let aligned = table.aligned(false);
        assert!(aligned.lines().all(|line| line.chars().count() < 520));
    }

    #[test]
    fn cells_are_sanitized() {
        let text = |text: &str| Some(text.to_owned());
        let row = tab_separated(vec![text("##[error]x")]);
        assert_eq!(row, "# #[error]x\n");
        let row = tab_separated(vec![
            None,
            text(""),
            text("1\t2\n3"),
            text("\x1b[31mx\u{202e}"),
        ]);
        assert_eq!(row, "-\t-\t1\u{fffd}2\u{fffd}3\t\u{fffd}[31mx\u{fffd}\n");
        let table = table(&["a", "b"], &["?|1\t2\n3"]);
        assert_eq!(table.aligned(true), "A  B\n-  1\u{fffd}2\u{fffd}3\n");
    }
}
