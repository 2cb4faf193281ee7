//! `make bench`: what the server does in a second, how that changes as its store grows, and what it is compared with.
//! docs/benchmarks.md says what is measured and how.

mod constant;
mod figures;
mod load;
mod moto;
mod process;
mod report;
mod requests;
mod rounds;
mod run;
mod seed;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};

const USAGE: &str = "usage: linkway-bench [--sizes N,N,...] [--rounds N] [--turn-ms N] | join";

/// How a run is to be.
pub struct Plan {
    /// Interfaces in each store, ascending.
    pub sizes: Vec<usize>,
    /// Rounds that count.
    pub rounds: usize,
    /// Length of a turn.
    pub turn: Duration,
    /// The program that is measured.
    pub linkway: PathBuf,
    /// moto's server.
    pub moto: PathBuf,
    /// Where stores are filled and the report is written.
    pub out: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [only] if only == "constant" => constant::serve_told().map(|()| true),
        [only] if only == "join" => join(),
        _ => plan(&arguments).and_then(|plan| run::run(&plan)),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("linkway-bench: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Adds the edge's figures (`benches/edge.sh`) to those of the run before: one report and one table.
fn join() -> Result<bool> {
    let out = repository().join("target/bench");
    let path = out.join("report.json");
    let mut report = report::Report::read(&path)?;
    report.join(report::Report::read(&out.join("edge.json"))?);
    report.write(&path)?;
    print!("{}", report.table());
    Ok(report.passes())
}

/// Cargo says where the package is; without it, the repository is the current directory.
fn repository() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.as_deref().and_then(Path::parent).unwrap_or(Path::new(".")).to_owned()
}

fn plan(arguments: &[String]) -> Result<Plan> {
    let repository = repository();
    let own = std::env::current_exe()?;
    let mut plan = Plan {
        sizes: vec![1_000, 100_000, 1_000_000],
        rounds: 7,
        turn: Duration::from_millis(1000),
        linkway: own.with_file_name("linkway"),
        moto: repository.join(".cache/venv/bin/moto_server"),
        out: repository.join("target/bench"),
    };
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { bail!(USAGE) };
        match name.as_str() {
            "--sizes" => {
                let sizes = value.split(',').map(str::parse).collect::<Result<_, _>>();
                plan.sizes = sizes.context(USAGE)?;
            }
            "--rounds" => plan.rounds = value.parse().context(USAGE)?,
            "--turn-ms" => plan.turn = Duration::from_millis(value.parse().context(USAGE)?),
            _ => bail!(USAGE),
        }
    }
    if !plan.linkway.exists() {
        bail!("{} is missing: cargo build --release -p linkway makes it", plan.linkway.display());
    }
    if plan.sizes.is_empty() || !plan.sizes.is_sorted() {
        bail!("--sizes must name sizes in ascending order");
    }
    Ok(plan)
}
