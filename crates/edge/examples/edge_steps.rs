//! Carries out the first steps of a router's next plan and is gone, as if it had been killed there: for the lab, which
//! then lets the agent loose on what it left (tests/lab, scenario h).
//!
//! Usage: `edge_steps STATE_DIR COUNT`. Prints how many steps the plan has. Ends by SIGKILL after COUNT of them, or with
//! exit status 0 when there are no more than COUNT.

use std::path::Path;
use std::process::{Command, ExitCode};

use linkway_edge::agent::stored_config::StateDir;
use linkway_edge::bird::{BirdSettings, Processes};
use linkway_edge::kernel::Change;
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Netlink;
use linkway_edge::plan::plan;
use linkway_edge::session::{Daemon as _, Sessions};

/// A step of a plan, daemon and kernel alike.
enum Step {
    Daemon(Sessions),
    Kernel(Change),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, dir, count] = arguments.as_slice() else {
        eprintln!("usage: edge_steps STATE_DIR COUNT");
        return ExitCode::from(2);
    };
    let Ok(count) = count.parse() else {
        eprintln!("COUNT {count:?} is not a number");
        return ExitCode::from(2);
    };
    match run(Path::new(dir), count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(dir: &Path, count: usize) -> Result<(), Box<dyn std::error::Error>> {
    let state = StateDir::open(dir)?;
    let config = state.load()?.ok_or("no configuration on disk")?.config;
    let marks = Marks::default();
    let (mut kernel, mut daemon) =
        (Netlink::open(marks)?, Processes::new(BirdSettings::default(), dir));
    let picture = kernel.observe()?;
    let observed = daemon.read()?;
    let plan = plan(&config, &picture, &observed, &marks, |s| daemon.digest(s)).plan;
    let mut steps: Vec<Step> = plan.withdraw.into_iter().map(Step::Daemon).collect();
    steps.extend(plan.steps.into_iter().map(|step| Step::Kernel(step.change)));
    steps.extend(plan.sessions.map(Step::Daemon));
    println!("{}", steps.len());
    for step in steps.iter().take(count) {
        match step {
            Step::Daemon(sessions) => daemon.apply(sessions)?,
            Step::Kernel(change) => {
                kernel
                    .apply(std::slice::from_ref(change))
                    .into_iter()
                    .collect::<Result<(), _>>()?;
            }
        }
    }
    if count < steps.len() {
        // Nothing of this process may run on: no destructor, no flush.
        let own = std::process::id().to_string();
        Command::new("kill").args(["-KILL", &own]).status()?;
    }
    Ok(())
}
