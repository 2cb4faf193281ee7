//! `linkway admin check`: every invariant of a data directory, offline.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use linkway_server::boot::BootError;
use linkway_server::verify;

use crate::cli;

/// Verifies the data directory and prints what is broken. Exit status 0: nothing is broken; 1: something is; 3: the directory
/// cannot be checked, because it or a file in it is missing, unreadable or in use.
pub fn run(dir: &Path, json: bool) -> ExitCode {
    print_report(dir, json).unwrap_or_else(|error| {
        eprintln!("error: {}", cli::told(&error));
        let is_damage = error.downcast_ref().is_some_and(BootError::is_damage);
        ExitCode::from(if is_damage { BROKEN } else { UNUSABLE })
    })
}

const BROKEN: u8 = 1;
const UNUSABLE: u8 = 3;

fn print_report(dir: &Path, json: bool) -> anyhow::Result<ExitCode> {
    dir.read_dir().with_context(|| format!("cannot read {}", dir.display()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build().context("cannot start")?;
    let report = runtime.block_on(verify::data_dir(dir))?;
    if json {
        crate::print::print(&format!("{}\n", serde_json::to_string_pretty(&report)?));
    } else {
        for violation in &report.violations {
            crate::print::print(&format!("{violation}\n"));
        }
        let verdict = match report.violations.len() {
            0 => "every invariant holds".to_owned(),
            1 => "1 violation".to_owned(),
            many => format!("{many} violations"),
        };
        crate::print::print(&format!("{} records checked: {verdict}\n", report.records));
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
