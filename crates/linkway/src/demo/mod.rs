//! `linkway demo`: the whole story on one machine, with real packets.
//!
//! Three programs in one. The *rim* (what a person starts) makes a temporary directory and starts
//! the *stage* in namespaces of its own; the stage runs the server, the AWS CLI and the story; the
//! *hands* run programs on the machine that has the routers, which is the stage's own kernel or a
//! User-mode Linux. When the rim ends, however that happens, the kernel ends all the rest.

mod clients;
mod hands;
mod machine;
mod need;
mod ping;
mod report;
mod rim;
mod router;
mod stage;
mod states;
mod story;
mod terminal;
mod wiring;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

/// Play the whole story on this machine: two tenants, an edge, a customer's router, a VPC, real
/// packets.
///
/// A lender lends a virtual interface, a recipient accepts it, and later gives it back; the
/// customer's host pings a host in the recipient's VPC all the while. Tenants use the AWS CLI,
/// unmodified. Everything happens in network namespaces of its own, or in User-mode Linux where the
/// kernel lacks 802.1Q or VRF, and is gone afterwards. Needs root. Takes half a minute.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exit status: 0 if everything was as it must be, 1 if anything was not, \
130 if interrupted.

Examples:
  sudo linkway demo
  sudo linkway demo --aws .cache/venv/bin/aws --report report.json
  sudo linkway demo --keep
  sudo linkway demo --kernel uml")]
pub struct DemoArgs {
    /// The AWS CLI [default: aws on the PATH]
    #[arg(long, value_name = "PATH")]
    pub aws: Option<PathBuf>,
    /// Write what happened as JSON: pings, times, states
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Pause while traffic flows, and after a failure, and tell how to look around
    #[arg(long)]
    pub keep: bool,
    /// Which kernel carries the packets
    #[arg(long, value_enum, default_value = "auto")]
    pub kernel: KernelChoice,
    /// List the Debian packages that are missing for it here, and stop
    #[arg(long)]
    pub packages: bool,
    /// Play on the stage in this directory; the rim starts it so
    #[arg(long, hide = true, value_name = "DIR")]
    pub inside: Option<PathBuf>,
    /// Run programs for whoever connects to this address
    #[arg(long, hide = true, value_name = "ADDR")]
    pub hands: Option<SocketAddr>,
    /// Run a program in one of the demo's places; `--keep` shows how
    #[arg(long, hide = true, value_name = "PLACE", requires = "words")]
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

/// Which kernel it is, once that is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// This machine's own.
    Host,
    /// User-mode Linux.
    Uml,
}

impl Kernel {
    /// As the report names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Host => "host namespaces",
            Self::Uml => "User-mode Linux",
        }
    }
}

/// Plays the part that the arguments name.
pub fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    if let Some(address) = args.hands {
        hands::serve(address)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(place) = &args.at {
        return hands::look(place, &args.words);
    }
    if args.packages {
        let missing = need::missing_packages(need::choose(args.kernel)?);
        crate::admin::print(&missing.iter().map(|name| format!("{name}\n")).collect::<String>());
        return Ok(ExitCode::SUCCESS);
    }
    match &args.inside {
        Some(directory) => stage::run(args, directory),
        None => rim::run(args),
    }
}
