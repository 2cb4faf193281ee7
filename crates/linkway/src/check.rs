//! `linkway admin check`: every invariant of a data directory, offline.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use linkway_server::verify;

/// Verifies the data directory and prints what is broken. Exit status 0: nothing is; 1: something
/// is.
pub fn run(dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start")?;
    let report = runtime.block_on(verify::data_dir(dir))?;
    if json {
        crate::admin::print(&format!("{}\n", serde_json::to_string_pretty(&report)?));
    } else {
        for violation in &report.violations {
            crate::admin::print(&format!("{violation}\n"));
        }
        let verdict = match report.violations.len() {
            0 => "every invariant holds".to_owned(),
            1 => "1 violation".to_owned(),
            many => format!("{many} violations"),
        };
        crate::admin::print(&format!("{} records checked: {verdict}\n", report.records));
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
