//! `linkway demo`: lend, accept, use and delete an interface on one machine, with real packets.
//!
//! One program with three roles. The *launcher* (what a person starts) makes a temporary directory and
//! starts the *sandbox* in namespaces of its own. The sandbox runs the server, the AWS CLI and the
//! scenario. The *runner* runs programs on the machine that has the routers, which is the sandbox's
//! own kernel or a User-mode Linux. When the launcher ends, for whatever reason, the kernel ends the rest.

mod clients;
mod launcher;
mod machine;
mod ping;
mod report;
mod requirements;
mod router;
mod runner;
mod sandbox;
mod scenario;
mod states;
mod terminal;
mod topology;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Show the whole procedure on this machine: two tenants, an edge, a customer's router, a VPC, real
/// packets.
///
/// A lender lends a virtual interface, a recipient accepts it and later deletes it; the customer's
/// host pings a host in the recipient's VPC before, between and after. Tenants use the AWS CLI,
/// unmodified. Everything runs in network namespaces of its own, or in User-mode Linux where the
/// kernel lacks 802.1Q or VRF, and is removed at the end. Needs root. Takes half a minute.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit status: 0 if every check passed, 1 if not, 130 if interrupted.

Examples:
  sudo linkway demo
  sudo linkway demo --aws .cache/venv/bin/aws --report report.json
  sudo linkway demo --keep
  sudo linkway demo --kernel uml")]
pub struct DemoArgs {
    /// The AWS CLI [default: aws on the PATH]
    #[arg(long, value_name = "PATH")]
    pub aws: Option<PathBuf>,
    /// Write a report as JSON: pings, times, states
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Pause while traffic flows, and after a failure, and print commands to inspect the demo
    #[arg(long)]
    pub keep: bool,
    /// Which kernel carries the packets
    #[arg(long, value_enum, default_value = "auto")]
    pub kernel: KernelChoice,
    /// List the Debian packages that the demo needs and that are not installed, and stop
    #[arg(long)]
    pub packages: bool,
    /// Run the sandbox with this directory; the launcher sets it
    #[arg(long, hide = true, value_name = "DIR")]
    pub inside: Option<PathBuf>,
    /// Run programs for those who connect to this address
    #[arg(long, hide = true, value_name = "ADDR")]
    pub runner: Option<SocketAddr>,
    /// Run a program in one of the demo's namespaces; `--keep` shows how
    #[arg(long, hide = true, value_name = "NAMESPACE", requires = "words")]
    pub at: Option<String>,
    /// The program for `--at`, with its arguments
    #[arg(hide = true, trailing_var_arg = true, requires = "at", value_name = "WORDS")]
    pub words: Vec<String>,
}

/// Which kernel carries the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KernelChoice {
    /// This machine's own if it has 802.1Q and VRF, otherwise User-mode Linux
    Auto,
    /// This machine's own, in network namespaces
    Host,
    /// User-mode Linux
    Uml,
}

/// The kernel that was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// This machine's own.
    Host,
    /// User-mode Linux.
    Uml,
}

impl Kernel {
    /// Its name in the report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host namespaces",
            Self::Uml => "User-mode Linux",
        }
    }
}

/// Runs the demo, or the role that the hidden arguments name.
///
/// # Errors
///
/// Something that the demo needs is missing. A check that fails is an exit status, not an error.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(address) = args.runner {
        runner::serve(address)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(namespace) = &args.at {
        return runner::run_at(namespace, &args.words);
    }
    if args.packages {
        let missing = requirements::missing_packages(requirements::choose(args.kernel)?);
        crate::print::print(&missing.iter().map(|name| format!("{name}\n")).collect::<String>());
        return Ok(ExitCode::SUCCESS);
    }
    match &args.inside {
        Some(directory) => sandbox::run(args, directory),
        None => launcher::run(args),
    }
}
