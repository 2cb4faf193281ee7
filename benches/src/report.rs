//! The figures of a run: a table for people, `report.json` for programs.

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
    /// Of what.
    pub unit: Cow<'static, str>,
    /// What it has to be: at least, or at most, as the name of the unit's kind says; `null` where nothing is asked for.
    pub bar: Option<f64>,
    /// Whether it is; true where nothing is asked for.
    pub pass: bool,
}

impl Row {
    /// Whether the bar is one that must not be passed. A report does not say so, but what came of it does.
    fn is_at_most(&self) -> bool {
        self.bar.is_some_and(|bar| self.pass == (self.value <= bar))
    }
}

/// All figures, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report(Vec<Row>);

impl Report {
    /// A figure that nothing is asked of.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, None, true);
    }

    /// A figure that has to be at least `bar`.
    pub fn at_least(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, Some(bar), value >= bar);
    }

    /// A figure that has to be at most `bar`.
    pub fn at_most(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        self.push(name.into(), value, unit, Some(bar), value <= bar);
    }

    fn push(&mut self, name: String, value: f64, unit: &'static str, bar: Option<f64>, pass: bool) {
        self.0.push(Row { name, value, unit: unit.into(), bar, pass });
    }

    /// Reads the JSON array.
    pub fn read(path: &Path) -> Result<Self> {
        let json = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        serde_json::from_slice(&json).with_context(|| format!("{} is no report", path.display()))
    }

    /// Puts another's figures after these.
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

    /// The table.
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

/// Three digits that count, no more than a measurement is good for.
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
