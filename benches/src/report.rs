//! The figures of a run, as a table and as `report.json`.

use std::borrow::Cow;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Its unit.
    pub unit: Cow<'static, str>,
    /// The bar, a minimum or a maximum; `null` if there is none.
    pub bar: Option<f64>,
    /// Whether the bar is met; true if there is none.
    pub pass: bool,
}

impl Row {
    /// Whether the bar is a maximum. The report does not store this, but it follows from `pass`.
    fn is_at_most(&self) -> bool {
        self.bar.is_some_and(|bar| self.pass == (self.value <= bar))
    }
}

/// All figures, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report(Vec<Row>);

impl Report {
    /// Adds a figure without a bar.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, None, true);
    }

    /// Adds a figure that must be at least `bar`.
    pub fn at_least(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, Some(bar), value >= bar);
    }

    /// Adds a figure that must be at most `bar`.
    pub fn at_most(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, Some(bar), value <= bar);
    }

    fn push(&mut self, name: String, value: f64, unit: &'static str, bar: Option<f64>, pass: bool) {
        self.0.push(Row { name, value, unit: unit.into(), bar, pass });
    }

    /// Reads the JSON array.
    pub fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&json).with_context(|| format!("{} is not a report", path.display()))
    }

    /// Appends another report's figures.
    pub fn join(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Whether every bar is met.
    pub fn passes(&self) -> bool {
        self.0.iter().all(|row| row.pass)
    }

    /// Writes the JSON array.
    pub fn write(&self, path: &Path) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        std::fs::write(path, json)?;
        Ok(())
    }

    /// The figures as a table for a terminal.
    pub fn table(&self) -> String {
        let width = self.0.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        let line = |row: &Row| {
            let sign = if row.is_at_most() { "<=" } else { ">=" };
            let bar = row.bar.map_or(String::new(), |bar| format!("{sign} {}", shown(bar)));
            let verdict = match (row.bar, row.pass) {
                (None, _) => "",
                (Some(_), true) => "pass",
                (Some(_), false) => "MISSED",
            };
            let text = format!(
                "{:width$}  {:>9}  {:<5}  {bar:<8}  {verdict}",
                row.name,
                shown(row.value),
                row.unit
            );
            format!("{}\n", text.trim_end())
        };
        self.0.iter().map(line).collect()
    }
}

/// Three significant digits.
fn shown(value: f64) -> String {
    match value.abs() {
        small if small < 10.0 => format!("{value:.2}"),
        medium if medium < 100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// The middle value; the mean of the two middle ones of an even number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[odd / 2],
        even => (sorted[even / 2 - 1] + sorted[even / 2]) / 2.0,
    }
}
