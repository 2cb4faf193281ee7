//! The figures of a run: a table for people, `report.json` for programs.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// The figure.
    pub value: f64,
    /// Of what.
    pub unit: &'static str,
    /// What it has to be: at least, or at most, as the name of the unit's kind says; `null` where nothing is asked for.
    pub bar: Option<f64>,
    /// Whether it is; true where nothing is asked for.
    pub pass: bool,
    #[serde(skip)]
    at_most: bool,
}

/// All figures, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Report(Vec<Row>);

impl Report {
    /// A figure that nothing is asked of.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.0.push(Row { name: name.into(), value, unit, bar: None, pass: true, at_most: false });
    }

    /// A figure that has to be at least `bar`.
    pub fn at_least(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        let pass = value >= bar;
        self.0.push(Row { name: name.into(), value, unit, bar: Some(bar), pass, at_most: false });
    }

    /// A figure that has to be at most `bar`.
    pub fn at_most(&mut self, bar: f64, name: impl Into<String>, value: f64, unit: &'static str) {
        let pass = value <= bar;
        self.0.push(Row { name: name.into(), value, unit, bar: Some(bar), pass, at_most: true });
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
            let sign = if row.at_most { "<=" } else { ">=" };
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
