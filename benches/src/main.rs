//! `make bench`, the server's part: throughput, latency and memory at several sizes of the store, against a constant answer and
//! against moto. docs/benchmarks.md says what is measured.

mod constant;
mod figures;
mod flood;
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

const USAGE: &str =
    "usage: linkway-bench [--sizes N,N,...] [--rounds N] [--turn-ms N] [--only flood] | join";

/// The parameters of a run.
pub struct Plan {
    /// The number of interfaces in each store, ascending.
    pub sizes: Vec<usize>,
    /// The number of rounds, without the warm-up round.
    pub rounds: usize,
    /// The duration of a turn.
    pub turn: Duration,
    /// Whether only the flood is measured.
    pub only_flood: bool,
    /// The measured program.
    pub linkway: PathBuf,
    /// moto's server.
    pub moto: PathBuf,
    /// Where stores are filled and the report is written.
    pub out: PathBuf,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.as_slice() {
        [only] if only == "constant" => constant::serve_with_stdin().map(|()| true),
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

/// Appends the edge's figures (`benches/edge.sh`) to those of the preceding run: one report and one table.
fn join() -> Result<bool> {
    let out = repository().join("target/bench");
    let path = out.join("report.json");
    let mut report = report::Report::read(&path)?;
    report.join(report::Report::read(&out.join("edge.json"))?);
    report.write(&path)?;
    print!("{}", report.table());
    Ok(report.passes())
}

/// The repository: above Cargo's package directory, or the current directory if it is not started by Cargo.
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
        only_flood: false,
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
            "--only" if value == "flood" => plan.only_flood = true,
            _ => bail!(USAGE),
        }
    }
    if !plan.linkway.exists() {
        bail!(
            "{} does not exist; build it with cargo build --release -p linkway",
            plan.linkway.display()
        );
    }
    if plan.only_flood {
        plan.sizes.truncate(1);
    }
    if plan.sizes.is_empty() || !plan.sizes.is_sorted() {
        bail!("--sizes must name sizes in ascending order");
    }
    Ok(plan)
}
