//! The stage: process 1 of namespaces of its own, in which everything happens.
//!
//! When it ends, the kernel ends all that it started and forgets its network and its files.

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
use super::states::States;
use super::story::{Story, round};
use super::terminal::Terminal;
use super::wiring::{CUSTOMER, EDGE, ROUTER, VPC, VPC_HOST};
use super::{DemoArgs, Kernel, KernelChoice, need, wiring};

/// In the directory that rim and stage share: where the stage's own files are, in memory.
pub const PRIVATE: &str = "private";
/// The report.
pub const REPORT: &str = "report.json";
/// The number of a process that is in the stage's network.
pub const ANCHOR: &str = "pid";

const SCENE: &str = concat!(
    "customer's host -- customer's router == VLAN 101 == edge router -- host in the VPC\n",
    "192.168.1.10       BIRD                             linkway edge   10.0.0.10",
);

/// Plays the story. What went wrong is told here; the exit status says that something did.
pub fn run(args: &DemoArgs, directory: &Path) -> anyhow::Result<ExitCode> {
    let enter = listen_to_rim();
    let kernel = match args.kernel {
        KernelChoice::Host => Kernel::Host,
        KernelChoice::Uml => Kernel::Uml,
        KernelChoice::Auto => anyhow::bail!("--inside needs --kernel"),
    };
    let terminal = Terminal::new();
    let mut report = Report { kernel: kernel.name(), ..Report::default() };
    let stage = Stage { args, kernel, directory, terminal: terminal.clone(), enter };
    let ended = stage.play(&mut report);
    report.seconds.total = round(terminal.elapsed().as_secs_f64());
    report.ok = ended.is_ok();
    if let Err(error) = &ended {
        report.error = Some(format!("{error:#}"));
    }
    let text = serde_json::to_vec_pretty(&report).expect("a report is texts and numbers");
    fs::write(directory.join(REPORT), text).context("cannot write the report")?;
    if ended.is_err() {
        return Ok(ExitCode::FAILURE);
    }
    let seconds = report.seconds.total;
    terminal.title(&format!("Everything was as it must be. {seconds:.0} s. All is gone again."));
    Ok(ExitCode::SUCCESS)
}

/// Ends this program with the rim, which holds the other end of stdin; passes on each Enter.
fn listen_to_rim() -> Receiver<()> {
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

struct Stage<'a> {
    args: &'a DemoArgs,
    kernel: Kernel,
    directory: &'a Path,
    terminal: Terminal,
    enter: Receiver<()>,
}

impl Stage<'_> {
    fn play(&self, report: &mut Report) -> anyhow::Result<()> {
        let private = self.private().inspect_err(|error| self.tell(error, &[]))?;
        self.terminal.title("A lender, a recipient, an edge router, and real packets");
        self.terminal.say(SCENE);
        self.terminal.say(match self.kernel {
            Kernel::Host => "All of them are network namespaces of this machine's kernel.",
            Kernel::Uml => {
                "They are namespaces in User-mode Linux: an ordinary process here, with a kernel \
                 of its own\nthat has VLANs and VRFs. It takes some seconds to start."
            }
        });
        let machine =
            Machine::start(self.kernel, &private).inspect_err(|error| self.tell(error, &[]))?;
        let aws = need::aws(self.args.aws.as_deref())?;
        let clients = Clients::new(aws, &private, self.terminal.clone())?;
        let ready = wiring::build(machine.hands).and_then(|()| Server::start(&clients));
        let mut server =
            ready.inspect_err(|error| self.tell(error, &[("machine", machine.console())]))?;
        let states = States::watch(clients.clone(), self.terminal.clone());
        let mut story = Story {
            clients: &clients,
            hands: machine.hands,
            server: &mut server,
            directory: &private,
            terminal: &self.terminal,
            states: &states,
            report,
            edge: None,
            router: None,
        };
        let ended = story.play().and_then(|lent| {
            self.pause();
            story.give_back(&lent)
        });
        if let Err(error) = &ended {
            let log = |of: &Option<super::hands::Running>| {
                of.as_ref().map(|running| running.log(15)).unwrap_or_default()
            };
            let logs = [
                ("edge", log(&story.edge)),
                ("customer's BIRD", log(&story.router)),
                ("server", story.server.log(6)),
                ("machine", machine.console()),
            ];
            self.tell(error, &logs);
            self.pause();
        }
        report.states = states.seen();
        if ended.is_ok() {
            self.terminal.title("What was seen, and when");
            self.terminal.say(&states.table());
        }
        ended
    }

    /// The directory of everything that the story writes: in memory, and nobody else's to see.
    fn private(&self) -> anyhow::Result<PathBuf> {
        let place = self.directory.join(PRIVATE);
        let options = ["-t", "tmpfs", "-o", "mode=0700", "tmpfs"];
        run_here(&[&["mount"][..], &options, &[&*place.to_string_lossy()]].concat(), "")?;
        if self.kernel == Kernel::Host {
            // `ip netns` keeps names there, and they are not this machine's.
            run_here(&["mount", "-t", "tmpfs", "tmpfs", "/run"], "")?;
        }
        Ok(place)
    }

    fn tell(&self, error: &anyhow::Error, logs: &[(&str, String)]) {
        for (who, log) in logs.iter().filter(|(_, log)| !log.is_empty()) {
            self.terminal.title(&format!("The last words of: {who}"));
            self.terminal.answer(log);
        }
        self.terminal.bad(&format!("\ndemo: FAILED: {error:#}"));
    }

    /// With `--keep`, tells how to look around and waits for Enter.
    fn pause(&self) {
        if !self.args.keep {
            return;
        }
        let anchor = fs::read_to_string(self.directory.join(ANCHOR)).unwrap_or_default();
        let program = std::env::current_exe().unwrap_or_default();
        let enter = format!("nsenter -t {} -n -m {}", anchor.trim(), program.display());
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
        // It comes, or this program ends.
        let _ = self.enter.recv();
    }
}
