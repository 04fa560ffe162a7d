//! Lists as CSV (RFC 4180), for people with spreadsheets.
//!
//! What functions say about themselves ends up in somebody's spreadsheet, which takes a text that begins with `=` for a
//! formula and runs it. Such a text gets an apostrophe before it, which spreadsheets take for "this is text".
//!
//! **Invariant.** The columns of a list never depend on what is in it.

use crate::api::words::{Moment, Word as _};

/// Something with a row in a table.
pub(crate) trait Tabular {
    /// Their names, in groups that several tables may have in common.
    const COLUMNS: &'static [&'static [&'static str]];

    /// As many as there are columns.
    fn cells(&self) -> Vec<Cell>;
}

/// One cell; empty where nothing is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell(String);

impl Cell {
    /// What somebody else has written.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        let mut text = text.into();
        // Tab and carriage return are left out by some spreadsheets before they look at what follows.
        if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
            text.insert(0, '\'');
        }
        Self(text)
    }

    /// A number, an instant, a word of ours.
    pub(crate) fn plain(value: impl ToString) -> Self {
        Self(value.to_string())
    }

    pub(crate) fn empty() -> Self {
        Self(String::new())
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(cell: Option<T>) -> Self {
        cell.map_or_else(Self::empty, Into::into)
    }
}

impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self::text(text)
    }
}

impl From<&Moment> for Cell {
    fn from(at: &Moment) -> Self {
        Self::plain(at.0.write())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::plain(number)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::plain(number)
    }
}

/// A line of names, then a line for each.
pub(crate) fn write<T: Tabular>(rows: &[T]) -> Result<Vec<u8>, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(T::COLUMNS.concat())?;
    for row in rows {
        writer.write_record(row.cells().iter().map(|it| it.0.as_str()))?;
    }
    writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str);

    impl Tabular for Row {
        const COLUMNS: &'static [&'static [&'static str]] = &[&["name", "count"]];

        fn cells(&self) -> Vec<Cell> {
            vec![Cell::text(self.0), Cell::plain(-1)]
        }
    }

    #[track_caller]
    fn check(text: &'static str, cell: &str) {
        let table = String::from_utf8(write(&[Row(text)]).unwrap()).unwrap();
        assert_eq!(table, format!("name,count\r\n{cell},-1\r\n"));
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        check("plain", "plain");
        check("=1+1", "'=1+1");
        check("-dash", "'-dash");
        check("@SUM(A1)", "'@SUM(A1)");
        check("\t=1", "'\t=1");
        check("=cmd|'/c calc'!A1,\"x\"", "\"'=cmd|'/c calc'!A1,\"\"x\"\"\"");
    }

    #[test]
    fn an_empty_list_still_says_what_its_columns_are() {
        assert_eq!(write::<Row>(&[]).unwrap(), b"name,count\r\n");
    }
}
