//! The sandbox: process 1 of namespaces of its own, in which the demo runs.
//!
//! When it ends, the kernel ends all processes that it started and removes its network and files.

use std::fs;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use anyhow::Context as _;

use super::clients::{Clients, Server};
use super::machine::{Machine, run_here};
use super::report::Report;
use super::scenario::{Scenario, round};
use super::states::States;
use super::terminal::Terminal;
use super::topology::{CUSTOMER, EDGE, ROUTER, VPC, VPC_HOST};
use super::{DemoArgs, Kernel, KernelChoice, requirements, topology};

/// In the directory that launcher and sandbox share: the sandbox's own files, in a tmpfs.
pub const PRIVATE: &str = "private";
/// The report.
pub const REPORT: &str = "report.json";
/// The file with the id of a process that is in the sandbox's network.
pub const SANDBOX_PID: &str = "pid";

const TOPOLOGY: &str = concat!(
    "customer's host -- customer's router == VLAN 101 == edge router -- host in the VPC\n",
    "192.168.1.10       BIRD                             linkway edge   10.0.0.10",
);

/// Runs the scenario, prints an error where it fails, and writes the report.
///
/// # Errors
///
/// The report cannot be written. A scenario that fails is an exit status, not an error.
pub fn run(args: &DemoArgs, directory: &Path) -> anyhow::Result<ExitCode> {
    let enter = listen_to_launcher();
    let kernel = match args.kernel {
        KernelChoice::Host => Kernel::Host,
        KernelChoice::Uml => Kernel::Uml,
        KernelChoice::Auto => anyhow::bail!("--inside needs --kernel"),
    };
    let terminal = Terminal::new();
    let mut report = Report { kernel: kernel.name(), ..Report::default() };
    let sandbox = Sandbox { args, kernel, directory, terminal: terminal.clone(), enter };
    let ended = sandbox.run(&mut report);
    report.seconds.total = round(terminal.elapsed().as_secs_f64());
    report.ok = ended.is_ok();
    if let Err(error) = &ended {
        report.error = Some(format!("{error:#}"));
    }
    let text = serde_json::to_vec_pretty(&report).expect("a report is strings and numbers");
    fs::write(directory.join(REPORT), text).context("cannot write the report")?;
    if ended.is_err() {
        return Ok(ExitCode::FAILURE);
    }
    let seconds = report.seconds.total;
    terminal.title(&format!("Every check passed, in {seconds:.0} s. Everything was removed."));
    Ok(ExitCode::SUCCESS)
}

/// Ends this program when the launcher ends, which holds the other end of stdin; forwards each Enter.
fn listen_to_launcher() -> Receiver<()> {
    let (sender, enter) = channel();
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || sender.send(()).is_err() {
                break;
            }
        }
        std::process::exit(1);
    });
    enter
}

struct Sandbox<'a> {
    args: &'a DemoArgs,
    kernel: Kernel,
    directory: &'a Path,
    terminal: Terminal,
    enter: Receiver<()>,
}

impl Sandbox<'_> {
    fn run(&self, report: &mut Report) -> anyhow::Result<()> {
        let private = self.private().inspect_err(|error| self.print_failure(error, &[]))?;
        self.terminal.title("A lender, a recipient, an edge router, and real packets");
        self.terminal.say(TOPOLOGY);
        self.terminal.say(match self.kernel {
            Kernel::Host => "All of them are network namespaces of this machine's kernel.",
            Kernel::Uml => {
                "They are namespaces in User-mode Linux: an ordinary process here, with a kernel \
                 of its own\nthat has VLANs and VRFs. It takes some seconds to start."
            }
        });
        let machine = Machine::start(self.kernel, &private)
            .inspect_err(|error| self.print_failure(error, &[]))?;
        let aws = requirements::aws(self.args.aws.as_deref())?;
        let clients = Clients::new(aws, &private, self.terminal.clone())?;
        let ready = topology::build(machine.runner).and_then(|()| Server::start(&clients));
        let mut server = ready
            .inspect_err(|error| self.print_failure(error, &[("machine", machine.console())]))?;
        let states = States::watch(clients.clone(), self.terminal.clone());
        let mut scenario = Scenario {
            clients: &clients,
            runner: machine.runner,
            server: &mut server,
            directory: &private,
            terminal: &self.terminal,
            states: &states,
            report,
            edge: None,
            router: None,
        };
        let ended = scenario.run().and_then(|lent| {
            self.pause();
            scenario.clean_up(&lent)
        });
        if let Err(error) = &ended {
            let log = |of: &Option<super::runner::Running>| {
                of.as_ref().map(|running| running.log(15)).unwrap_or_default()
            };
            let logs = [
                ("edge", log(&scenario.edge)),
                ("customer's BIRD", log(&scenario.router)),
                ("server", scenario.server.log(6)),
                ("machine", machine.console()),
            ];
            self.print_failure(error, &logs);
            self.pause();
        }
        report.states = states.changes();
        if ended.is_ok() {
            self.terminal.title("The states that were observed, and when");
            self.terminal.say(&states.table());
        }
        ended
    }

    /// Mounts the directory of everything that the scenario writes: a tmpfs that only root can read.
    fn private(&self) -> anyhow::Result<PathBuf> {
        let place = self.directory.join(PRIVATE);
        let options = ["-t", "tmpfs", "-o", "mode=0700", "tmpfs"];
        run_here(&[&["mount"][..], &options, &[&*place.to_string_lossy()]].concat(), "")?;
        if self.kernel == Kernel::Host {
            // `ip netns` keeps names there, which must not appear on this machine.
            run_here(&["mount", "-t", "tmpfs", "tmpfs", "/run"], "")?;
        }
        Ok(place)
    }

    fn print_failure(&self, error: &anyhow::Error, logs: &[(&str, String)]) {
        for (who, log) in logs.iter().filter(|(_, log)| !log.is_empty()) {
            self.terminal.title(&format!("The last lines of the log of: {who}"));
            self.terminal.answer(log);
        }
        self.terminal.bad(&format!("\ndemo: FAILED: {error:#}"));
    }

    /// With `--keep`, prints commands to inspect the demo, and waits for Enter.
    fn pause(&self) {
        if !self.args.keep {
            return;
        }
        let pid = fs::read_to_string(self.directory.join(SANDBOX_PID)).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        let enter = format!("nsenter -t {} -n -m {}", pid.trim(), program.display());
        let private = self.directory.join(PRIVATE);
        self.terminal.title("Everything is left running. As root, in another terminal:");
        self.terminal.say(&format!(
            "{enter} demo --at {EDGE} ip -d link\n\
             {enter} demo --at {EDGE} birdc -s /run/edge/bird.ctl show protocols\n\
             {enter} demo --at {ROUTER} birdc -s /run/router.ctl show route\n\
             {enter} demo --at {CUSTOMER} ping -c 3 {VPC_HOST}\n\
             {enter} demo --at {VPC} ip route\n\
             {enter} admin --credentials {}/data/operator.json edge show par1-a\n\
             Press Enter to go on, Ctrl-C to end.",
            private.display()
        ));
        // Either Enter comes or the launcher ends this program.
        let _ = self.enter.recv();
    }
}
