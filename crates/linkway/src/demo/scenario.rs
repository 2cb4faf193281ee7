//! The scenario, step by step: who does what, and what must follow.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::clients::{Clients, Server, only, text};
use super::ping::{ContinuousPing, Pings, ping};
use super::report::Report;
use super::router::RouterConfig;
use super::runner::{Runner, Running};
use super::states::{Resource, States};
use super::terminal::Terminal;
use super::topology::{
    CUSTOMER_HOST, EDGE, HANDOFF, NEXT_HOP, PORT, ROUTER, SERVER, VPC_HOST, VPC_PREFIX,
};

const LENDER: &str = "987654321098";
const RECIPIENT: &str = "123456789000";

/// The value of the published command. Only ids differ from the published text.
const ALLOCATION: &str = "virtualInterfaceName=MyPrivateVirtualInterface,vlan=101,asn=65000,\
    authKey=tgyn26example,amazonAddress=172.16.0.1/30,customerAddress=172.16.0.2/30";

/// The edge's state directory, on the machine with the routers.
const EDGE_STATE: &str = "/run/edge";

/// The longest that a step may take, on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The parts that the scenario uses.
pub struct Scenario<'a> {
    /// `linkway admin` and the AWS CLI.
    pub clients: &'a Clients,
    /// Runs programs on the machine with the routers.
    pub runner: Runner,
    /// The server, which the scenario stops.
    pub server: &'a mut Server,
    /// The sandbox's directory.
    pub directory: &'a Path,
    /// Where the steps are printed.
    pub terminal: &'a Terminal,
    /// The observed states.
    pub states: &'a States,
    /// The report, filled in step by step.
    pub report: &'a mut Report,
    /// `linkway edge`, while it runs.
    pub edge: Option<Running>,
    /// The customer's BIRD, while it runs.
    pub router: Option<Running>,
}

impl Scenario<'_> {
    /// From an empty server to traffic.
    ///
    /// # Errors
    ///
    /// A command fails, or something is not as it must be; the text says what.
    pub fn run(&mut self) -> anyhow::Result<Lent> {
        self.open_location()?;
        let gateway = self.add_tenants()?;
        let connection = self.order()?;
        let made = self.lend(&connection)?;
        let interface = text(&made, "virtualInterfaceId")?;
        self.configure_router(&made)?;
        self.ping_before_accept()?;
        self.accept(&interface, &gateway)?;
        Ok(Lent { connection, interface })
    }

    fn open_location(&mut self) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("1. The operator opens a location with one edge router");
        terminal.say(
            "The router has a port towards customers (eth1) and a handoff towards the VPCs (vpc0).\n\
             It has an access key of its own, with which it asks the server for its configuration.",
        );
        self.clients.admin(&["location", "create", "--code", "PAR1", "--name", "Paris"])?;
        let key =
            self.clients.admin(&["edge", "create", "--id", "par1-a", "--location", "PAR1"])?;
        let port = ["port", "create", "--edge", "par1-a", "--interface", PORT];
        self.clients.admin(&[&port[..], &["--bandwidth", "1Gbps"]].concat())?;
        let credentials = self.directory.join("edge.json");
        write_secret(&credentials, &key.to_string())?;
        let endpoint = format!("http://{SERVER}");
        let (program, file) = (self.clients.program().display(), credentials.display());
        let words = format!(
            "edge --allow-plaintext --endpoint {endpoint} --credentials {file} --state-dir {EDGE_STATE}"
        );
        terminal.command(
            "edge",
            &format!(
                "linkway edge --allow-plaintext --endpoint {endpoint} --credentials edge.json \
                 --state-dir {EDGE_STATE}"
            ),
        );
        let line = format!("ip netns exec {EDGE} {program} {words}");
        // None of these words has a space in it.
        let line: Vec<_> = line.split(' ').collect();
        self.edge = Some(self.runner.start(&line)?);
        Ok(())
    }

    fn add_tenants(&self) -> anyhow::Result<String> {
        let terminal = self.terminal;
        terminal.title("2. The operator adds two tenants");
        terminal.say(
            "Each gets an account, and a key in a profile of the AWS CLI. The recipient's VPC is\n\
             reached through a virtual gateway, whose handoff on the edge is vpc0.",
        );
        for (account, name) in [(LENDER, "lender"), (RECIPIENT, "recipient")] {
            self.clients.admin(&["account", "create", "--id", account, "--name", name])?;
            let key = ["access-key", "create", "--account", account, "--aws-profile", name];
            self.clients.admin(&key)?;
        }
        let handoff = format!("par1-a:{HANDOFF}:{NEXT_HOP}");
        let gateway = ["gateway", "create", "--account", RECIPIENT, "--vpc", "vpc-12345678"];
        let more = ["--cidr", VPC_PREFIX, "--handoff", &handoff];
        let made = self.clients.admin(&[&gateway[..], &more].concat())?;
        text(&made, "virtualGatewayId")
    }

    fn order(&self) -> anyhow::Result<String> {
        self.terminal.title("3. The lender orders a connection, the operator gives it the port");
        let words = ["create-connection", "--location", "PAR1", "--bandwidth", "1Gbps"];
        let more = ["--connection-name", "MyConnection"];
        let made = self.clients.aws("lender", &[&words[..], &more].concat())?;
        self.answered(&made, "connectionState", "requested")?;
        let id = text(&made, "connectionId")?;
        let port = ["--edge", "par1-a", "--interface", PORT];
        self.clients.admin(&[&["connection", "approve", &id][..], &port].concat())?;
        self.terminal.say("It is available once the edge reports that the port has a carrier.");
        self.states.wait(Resource::Connection, "available", TIMEOUT)?;
        Ok(id)
    }

    fn lend(&self, connection: &str) -> anyhow::Result<Value> {
        let terminal = self.terminal;
        terminal.title("4. The lender lends the recipient an interface: the published command");
        let words = ["allocate-private-virtual-interface", "--connection-id", connection];
        let more = ["--owner-account", RECIPIENT];
        let value = ["--new-private-virtual-interface-allocation", ALLOCATION];
        let made = self.clients.aws("lender", &[&words[..], &more, &value].concat())?;
        self.answered(&made, "virtualInterfaceState", "confirming")?;
        self.states.wait(Resource::Interface, "confirming", TIMEOUT)?;
        terminal.say("It waits for the recipient. Nothing of it may be on the router yet:");
        self.must_have_no_links()?;
        Ok(made)
    }

    fn configure_router(&mut self, made: &Value) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("5. The customer's router is configured from the API's answer");
        let config = RouterConfig::parse(&text(made, "customerRouterConfig")?)?;
        terminal.answer(&config.to_string());
        self.runner.run(&["ip", "-n", ROUTER, "-batch", "-"], &config.link_lines())?;
        let file = self.directory.join("router.conf");
        write_secret(&file, &config.bird()?)?;
        let file = file.to_string_lossy();
        let bird = ["bird", "-f", "-c", &file, "-s", "/run/router.ctl"];
        let words = [&["ip", "netns", "exec", ROUTER][..], &bird].concat();
        terminal.command("customer", "bird -f -c router.conf -s /run/router.ctl");
        self.router = Some(self.runner.start(&words)?);
        terminal.say("It tries to connect to the edge every two seconds.");
        Ok(())
    }

    fn ping_before_accept(&mut self) -> anyhow::Result<()> {
        self.terminal.title("6. Not accepted yet: no packet passes");
        let pings = self.ping(5)?;
        self.report.pings.before_accept = Some(pings);
        self.must_be_answered(pings, false)?;
        self.must_have_no_links()
    }

    fn accept(&mut self, interface: &str, gateway: &str) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("7. The recipient accepts, with its gateway: the published command");
        let seen = self.describe(interface)?;
        ensure!(seen["virtualInterfaceState"] == "confirming", "the recipient sees {seen}");
        let pings = ContinuousPing::start(self.runner)?;
        let words = ["confirm-private-virtual-interface", "--virtual-interface-id", interface];
        let more = ["--virtual-gateway-id", gateway];
        let made = self.clients.aws("recipient", &[&words[..], &more].concat())?;
        let answered = Instant::now();
        self.answered(&made, "virtualInterfaceState", "pending")?;
        terminal.say(
            "The edge gets the new configuration. It makes the VRF, the VLAN in it and the BGP session;\n\
             the customer's router, which has the same key, connects.",
        );
        self.wait_for_traffic(pings, answered)?;
        self.states.wait(Resource::Bgp, "up", TIMEOUT)?;
        let peer = self.describe(interface)?["bgpPeers"][0]["bgpStatus"].clone();
        ensure!(peer == "up", "the recipient sees the BGP session {peer}, not up");
        self.ping_after_accept()
    }

    /// Waits for the first ping and for `available`; both are measured from the answer to the acceptance.
    fn wait_for_traffic(&mut self, pings: ContinuousPing, answered: Instant) -> anyhow::Result<()> {
        let since = |at: Instant| round(at.saturating_duration_since(answered).as_secs_f64());
        let first = pings.first_answer(TIMEOUT);
        let first = first.with_context(|| {
            format!("no ping was answered in the {} s after the acceptance", TIMEOUT.as_secs())
        })?;
        self.report.seconds.confirm_to_first_ping = Some(since(first));
        let available = self.states.wait(Resource::Interface, "available", TIMEOUT)?;
        self.report.seconds.confirm_to_available = Some(since(available));
        let seconds = since(first);
        self.terminal.good(&format!("The first ping was answered {seconds:.1} s after that."));
        Ok(())
    }

    fn ping_after_accept(&mut self) -> anyhow::Result<()> {
        self.terminal.title("8. Accepted: traffic flows");
        self.terminal.say("What the edge has made, named after the API's ids:");
        let made = self.made_links()?;
        self.terminal.answer(&made);
        ensure!(made.lines().count() == 2, "a VRF and a VLAN were expected on the edge");
        let pings = self.ping(10)?;
        self.report.pings.after_accept = Some(pings);
        self.must_be_answered(pings, true)
    }

    /// From traffic to an empty server: deletes what [`Self::run`] made, and stops the server.
    ///
    /// # Errors
    ///
    /// As for [`Self::run`].
    pub fn clean_up(&mut self, lent: &Lent) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("9. The recipient deletes the interface: no packet passes");
        let words = ["delete-virtual-interface", "--virtual-interface-id", &lent.interface];
        let made = self.clients.aws("recipient", &words)?;
        self.answered(&made, "virtualInterfaceState", "deleting")?;
        terminal.say("It is deleted once the edge reports that nothing of it is left.");
        self.states.wait(Resource::Interface, "deleted", TIMEOUT)?;
        let pings = self.ping(5)?;
        self.report.pings.after_delete = Some(pings);
        self.must_be_answered(pings, false)?;
        self.must_have_no_links()?;
        terminal.title("10. The lender deletes the connection");
        let words = ["delete-connection", "--connection-id", &lent.connection];
        let made = self.clients.aws("lender", &words)?;
        self.answered(&made, "connectionState", "deleting")?;
        self.states.wait(Resource::Connection, "deleted", TIMEOUT)?;
        self.states.end();
        self.server.stop()?;
        terminal.say("The server is stopped, and its data is checked against every invariant:");
        terminal.command("operator", "linkway admin check data");
        terminal.answer(&self.clients.check()?);
        Ok(())
    }

    /// Shows the state in an answer; fails if it is another.
    fn answered(&self, answer: &Value, name: &str, wanted: &str) -> anyhow::Result<()> {
        let state = text(answer, name)?;
        self.terminal.answer(&format!("{name}: {state}"));
        ensure!(state == wanted, "{name} is {state} in the answer, not {wanted}");
        Ok(())
    }

    /// The interface as the recipient sees it.
    fn describe(&self, interface: &str) -> anyhow::Result<Value> {
        let words = ["describe-virtual-interfaces", "--virtual-interface-id", interface];
        let answer = self.clients.aws("recipient", &words)?;
        let found = only(&answer, "virtualInterfaces")?;
        let state = found["virtualInterfaceState"].as_str().unwrap_or_default();
        let bgp = found["bgpPeers"][0]["bgpStatus"].as_str().unwrap_or_default();
        self.terminal.answer(&format!("{interface}: {state}, BGP {bgp}"));
        Ok(found.clone())
    }

    fn ping(&self, count: u32) -> anyhow::Result<Pings> {
        let line = format!("ping -c {count} {VPC_HOST}");
        self.terminal.command(&format!("customer's host {CUSTOMER_HOST}"), &line);
        let pings = ping(self.runner, count)?;
        self.terminal.answer(&format!("{} sent, {} answered", pings.sent, pings.received));
        Ok(pings)
    }

    /// Fails unless all of them were answered, or none was.
    fn must_be_answered(&self, pings: Pings, all: bool) -> anyhow::Result<()> {
        let Pings { sent, received } = pings;
        if all {
            ensure!(sent > 0 && received == sent, "of {sent} pings only {received} were answered");
            self.terminal.good("Every ping was answered, as expected.");
        } else {
            ensure!(sent > 0 && received == 0, "{received} of {sent} pings were answered");
            self.terminal.good("No ping was answered, as expected.");
        }
        Ok(())
    }

    /// Fails if the edge has a VLAN or a VRF.
    fn must_have_no_links(&self) -> anyhow::Result<()> {
        let made = self.made_links()?;
        ensure!(made.is_empty(), "these are on the edge and must not be: {made}");
        self.terminal.good("The edge has no VLAN and no VRF, as expected.");
        Ok(())
    }

    /// The edge's VRFs, and its VLANs with their addresses, one a line.
    fn made_links(&self) -> anyhow::Result<String> {
        let mut found = String::new();
        for (kind, looks_at, columns) in [("vrf", "link", 2), ("vlan", "address", 3)] {
            let words = ["ip", "-n", EDGE, "-brief", looks_at, "show", "type", kind];
            for line in self.runner.run(&words, "")?.lines().filter(|line| !line.trim().is_empty())
            {
                let words: Vec<_> = line.split_whitespace().take(columns).collect();
                found.push_str(&format!("{kind}: {}\n", words.join(" ")));
            }
        }
        Ok(found)
    }
}

/// The interface that was lent, and its connection.
pub struct Lent {
    connection: String,
    interface: String,
}

/// Writes a file that only its owner may read.
fn write_secret(path: &Path, content: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Rounds seconds to milliseconds.
pub fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
