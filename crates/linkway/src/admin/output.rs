//! How answers are shown: a table for people, or JSON with the API's own member names.

use std::io::{self, BufWriter, ErrorKind, IsTerminal, StdoutLock, Write};

use clap::ValueEnum;
use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;

use super::failure::Failure;
use super::narrow;

/// The form of what is printed: a table for people, JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    Table,
    Json,
}

/// What a table shows of a type.
pub trait Row {
    /// The columns' names.
    const COLUMNS: &'static [&'static str];
    /// The columns of a list that is to fit into [`narrow::WIDTH`] columns of text; all others are shown with `--wide`.
    const NARROW: &'static [&'static str] = Self::COLUMNS;
    /// One text for each column; empty is shown as `-`.
    fn cells(&self) -> Vec<String>;
}

impl<T: Row> Columns for T {}

/// A check of every table that is printed, made when the program is compiled.
trait Columns: Row {
    /// The columns' names, no two of them alike.
    const DISTINCT: &'static [&'static str] = {
        assert!(are_distinct(Self::COLUMNS), "two columns of a table have one name");
        Self::COLUMNS
    };
}

/// Whether no two names are alike; a plural is like its singular, for a reader takes ERROR and ERRORS for one thing.
const fn are_distinct(names: &[&str]) -> bool {
    let mut at = 0;
    while at < names.len() {
        let mut other = at + 1;
        while other < names.len() {
            if are_alike(names[at].as_bytes(), names[other].as_bytes()) {
                return false;
            }
            other += 1;
        }
        at += 1;
    }
    true
}

const fn are_alike(one: &[u8], other: &[u8]) -> bool {
    let (one, other) = (singular(one), singular(other));
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

const fn singular(name: &[u8]) -> &[u8] {
    match name {
        [start @ .., b'S'] => start,
        _ => name,
    }
}

/// Prints one thing: an object, or a table of two columns. A reader that has gone is an error here,
/// for the answer may hold a secret that nobody gets to see again.
pub fn one<T: Row + Serialize>(form: Form, thing: &T) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let written = match form {
        Form::Json => write_json(&mut out, thing).and_then(|()| writeln!(out)),
        Form::Table => {
            let mut table = plain_table();
            for (column, cell) in T::DISTINCT.iter().zip(thing.cells()) {
                table.add_row([Cell::new(column), Cell::new(shown(&cell))]);
            }
            write_table(&mut out, &table)
        }
    };
    written
        .and_then(|()| out.flush())
        .map_err(|error| Failure::Local(format!("cannot write the answer: {error}")))
}

/// How wide a list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// As wide as [`narrow::WIDTH`] where its ids let it.
    Narrow,
    /// All columns, whole.
    Wide,
}

/// A table with a header.
fn listed<T: Row>(things: &[T], width: Width) -> Table {
    let rows = things.iter().map(|thing| thing.cells().iter().map(|cell| shown(cell)).collect());
    let (header, rows) = match width {
        Width::Wide => (T::DISTINCT.to_vec(), rows.collect()),
        Width::Narrow => narrow::table(T::DISTINCT, T::NARROW, rows.collect()),
    };
    let mut table = plain_table();
    table.set_header(header);
    for cells in rows {
        table.add_row(cells.into_iter().map(Cell::new));
    }
    table
}

/// Prints a table of things that are all there; nothing where there are none.
pub fn table<T: Row>(things: &[T], width: Width) -> Result<(), Failure> {
    if things.is_empty() {
        return Ok(());
    }
    let table = listed(things, width);
    let mut out = BufWriter::new(io::stdout().lock());
    let written = writeln!(out).and_then(|()| write_table(&mut out, &table));
    written.and_then(|()| out.flush()).map_err(reader_gone)
}

/// Prints a list as its pages come: an array piece by piece, or a table once all are there.
pub struct List<T> {
    form: Form,
    width: Width,
    rows: Vec<T>,
    is_begun: bool,
    out: BufWriter<StdoutLock<'static>>,
}

impl<T: Row + Serialize> List<T> {
    /// Nothing printed yet.
    pub fn new(form: Form) -> Self {
        let out = BufWriter::new(io::stdout().lock());
        List { form, width: Width::Narrow, rows: Vec::new(), is_begun: false, out }
    }

    /// The same, of this width.
    pub fn of_width(self, width: Width) -> Self {
        List { width, ..self }
    }

    /// Takes one page.
    pub fn page(&mut self, items: impl IntoIterator<Item = T>) -> Result<(), Failure> {
        match self.form {
            Form::Table => self.rows.extend(items),
            Form::Json => self.elements(items).map_err(reader_gone)?,
        }
        Ok(())
    }

    /// Prints what is left.
    pub fn end(mut self) -> Result<(), Failure> {
        let written = match self.form {
            Form::Json => writeln!(self.out, "{}", if self.is_begun { "\n]" } else { "[]" }),
            Form::Table => write_table(&mut self.out, &listed(&self.rows, self.width)),
        };
        written.and_then(|()| self.out.flush()).map_err(reader_gone)
    }

    fn elements(&mut self, items: impl IntoIterator<Item = T>) -> io::Result<()> {
        for item in items {
            self.out.write_all(if self.is_begun { b",\n" } else { b"[\n" })?;
            self.is_begun = true;
            write_json(&mut self.out, &item)?;
        }
        Ok(())
    }
}

/// Prints one element of a list that has no end, at once: an object without line breaks, or its
/// cells.
pub fn row<T: Row + Serialize>(form: Form, thing: &T) -> Result<(), Failure> {
    match form {
        Form::Json => object(thing),
        Form::Table => {
            let cells: Vec<_> = thing.cells().iter().map(|cell| shown(cell)).collect();
            line(&cells.join("  "))
        }
    }
}

/// Prints an object without line breaks.
pub fn object(thing: &impl Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string(thing).expect("answers came as JSON"))
}

fn line(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(reader_gone)
}

/// Turns what cannot be shown safely into escapes: names are chosen by tenants, and a terminal
/// obeys control characters.
fn shown(cell: &str) -> String {
    let is_unsafe = |c: char| {
        let turns_text_around = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        c.is_control() || turns_text_around
    };
    if cell.is_empty() {
        return "-".to_owned();
    }
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        if is_unsafe(c) { text.extend(c.escape_default()) } else { text.push(c) }
    }
    text
}

fn plain_table() -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn write_table(out: &mut impl Write, table: &Table) -> io::Result<()> {
    let is_styled = table.header().is_some() && has_style();
    for (at, line) in table.lines().enumerate() {
        // The table pads each cell on both sides; at a line's ends nobody needs that.
        let line = line.strip_prefix(' ').unwrap_or(&line).trim_end();
        if at == 0 && is_styled {
            // Bold, and back (ECMA-48, select graphic rendition).
            writeln!(out, "\x1b[1m{line}\x1b[0m")?;
        } else {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn has_style() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn write_json(out: &mut impl Write, thing: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(out, thing).map_err(io::Error::from)
}

fn reader_gone(error: io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::ReaderGone,
        _ => Failure::Local(format!("cannot write the answer: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::are_distinct;

    #[test]
    fn two_columns_of_one_name_are_found() {
        let table: [(&[&str], bool); 7] = [
            (&[], true),
            (&["A"], true),
            (&["A", "B", "AB"], true),
            (&["VIRTUAL INTERFACE", "INTERFACE"], true),
            (&["A", "B", "A"], false),
            (&["B", "ERROR", "ERRORS"], false),
            (&["ERRORS", "ERROR"], false),
        ];
        for (names, expected) in table {
            assert_eq!(are_distinct(names), expected, "{names:?}");
        }
    }
}
