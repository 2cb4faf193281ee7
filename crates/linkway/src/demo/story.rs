//! The story, step by step: who does what, and what must come of it.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::clients::{Clients, Server, only, text};
use super::hands::{Hands, Running};
use super::ping::{Pinging, Pings, ping};
use super::report::Report;
use super::router::RouterConfig;
use super::states::{States, Thing};
use super::terminal::Terminal;
use super::wiring::{
    CUSTOMER_HOST, EDGE, HANDOFF, NEXT_HOP, PORT, ROUTER, SERVER, VPC_HOST, VPC_PREFIX,
};

const LENDER: &str = "987654321098";
const RECIPIENT: &str = "123456789000";

/// The published command's own value. Only ids differ from the published text: they are this run's.
const ALLOCATION: &str = "virtualInterfaceName=MyPrivateVirtualInterface,vlan=101,asn=65000,\
    authKey=tgyn26example,amazonAddress=172.16.0.1/30,customerAddress=172.16.0.2/30";

/// Where the edge keeps its files, on its own machine.
const EDGE_STATE: &str = "/run/edge";

/// No step takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the story is played with.
pub struct Story<'a> {
    /// The command lines.
    pub clients: &'a Clients,
    /// The machine with the routers.
    pub hands: Hands,
    /// The server, which ends with the story.
    pub server: &'a mut Server,
    /// The stage's directory.
    pub directory: &'a Path,
    /// Who watches.
    pub terminal: &'a Terminal,
    /// What was seen.
    pub states: &'a States,
    /// What comes of it.
    pub report: &'a mut Report,
    /// `linkway edge`, while it runs.
    pub edge: Option<Running>,
    /// The customer's BIRD, while it runs.
    pub router: Option<Running>,
}

impl Story<'_> {
    /// From an empty server to traffic. What it made is what `give_back` takes.
    pub fn play(&mut self) -> anyhow::Result<Lent> {
        self.open_location()?;
        let gateway = self.admit_tenants()?;
        let connection = self.order()?;
        let made = self.lend(&connection)?;
        let interface = text(&made, "virtualInterfaceId")?;
        self.configure_router(&made)?;
        self.ping_in_vain()?;
        self.accept(&interface, &gateway)?;
        Ok(Lent { connection, interface })
    }

    fn open_location(&mut self) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("1. The operator opens a location with one edge router");
        terminal.say(
            "The router has a port towards customers (eth1) and a handoff towards the VPCs (vpc0).\n\
             It gets an access key of its own, and from now on asks the server what to do.",
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
        let words =
            format!("edge --endpoint {endpoint} --credentials {file} --state-dir {EDGE_STATE}");
        terminal.command(
            "edge",
            &format!(
                "linkway edge --endpoint {endpoint} --credentials edge.json --state-dir {EDGE_STATE}"
            ),
        );
        let line = format!("ip netns exec {EDGE} {program} {words}");
        // None of these words has a space in it.
        let line: Vec<_> = line.split(' ').collect();
        self.edge = Some(self.hands.start(&line)?);
        Ok(())
    }

    fn admit_tenants(&self) -> anyhow::Result<String> {
        let terminal = self.terminal;
        terminal.title("2. The operator admits two tenants");
        terminal.say(
            "Each gets an account, and a key in a profile of the AWS CLI. The recipient's VPC is\n\
             reached through a virtual gateway, which the edge hands over to at vpc0.",
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
        self.terminal.say("It is available once the edge reports that the port has a signal.");
        self.states.wait(Thing::Connection, "available", PATIENCE)?;
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
        self.states.wait(Thing::Interface, "confirming", PATIENCE)?;
        terminal.say("It waits for the recipient. Nothing of it may be on the router yet:");
        self.must_be_bare()?;
        Ok(made)
    }

    fn configure_router(&mut self, made: &Value) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("5. The customer's router is configured, from the answer alone");
        let config = RouterConfig::parse(&text(made, "customerRouterConfig")?)?;
        terminal.answer(&config.to_string());
        self.hands.run(&["ip", "-n", ROUTER, "-batch", "-"], &config.link_lines())?;
        let file = self.directory.join("router.conf");
        write_secret(&file, &config.bird()?)?;
        let file = file.to_string_lossy();
        let bird = ["bird", "-f", "-c", &file, "-s", "/run/router.ctl"];
        let words = [&["ip", "netns", "exec", ROUTER][..], &bird].concat();
        terminal.command("customer", "bird -f -c router.conf -s /run/router.ctl");
        self.router = Some(self.hands.start(&words)?);
        terminal.say("From now on it tries to reach the other side, every two seconds.");
        Ok(())
    }

    fn ping_in_vain(&mut self) -> anyhow::Result<()> {
        self.terminal.title("6. Not accepted yet: nothing passes");
        let pings = self.ping(5)?;
        self.report.pings.before_accept = Some(pings);
        self.must_pass(pings, false)?;
        self.must_be_bare()
    }

    fn accept(&mut self, interface: &str, gateway: &str) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("7. The recipient accepts, with its gateway: the published command");
        let seen = self.describe(interface)?;
        ensure!(seen["virtualInterfaceState"] == "confirming", "the recipient sees {seen}");
        let pinging = Pinging::start(self.hands)?;
        let words = ["confirm-private-virtual-interface", "--virtual-interface-id", interface];
        let more = ["--virtual-gateway-id", gateway];
        let made = self.clients.aws("recipient", &[&words[..], &more].concat())?;
        let answered = Instant::now();
        self.answered(&made, "virtualInterfaceState", "pending")?;
        terminal.say(
            "Now the edge is told. It makes the VRF, the VLAN in it and the BGP session; the\n\
             customer's router, which has the same key, gets through.",
        );
        self.wait_for_traffic(pinging, answered)?;
        self.states.wait(Thing::Bgp, "up", PATIENCE)?;
        let peer = self.describe(interface)?["bgpPeers"][0]["bgpStatus"].clone();
        ensure!(peer == "up", "the recipient sees the BGP session {peer}, not up");
        self.ping_through()
    }

    /// From the acceptance, which was answered at that moment, to `available`.
    fn wait_for_traffic(&mut self, pinging: Pinging, answered: Instant) -> anyhow::Result<()> {
        let since = |at: Instant| round(at.saturating_duration_since(answered).as_secs_f64());
        let first = pinging.first_answer(PATIENCE);
        let first = first.with_context(|| {
            format!("no ping was answered in the {} s after the acceptance", PATIENCE.as_secs())
        })?;
        self.report.seconds.confirm_to_first_ping = Some(since(first));
        let available = self.states.wait(Thing::Interface, "available", PATIENCE)?;
        self.report.seconds.confirm_to_available = Some(since(available));
        let seconds = since(first);
        self.terminal.good(&format!("The first ping was answered {seconds:.1} s after that."));
        Ok(())
    }

    fn ping_through(&mut self) -> anyhow::Result<()> {
        self.terminal.title("8. Accepted: traffic flows");
        self.terminal.say("What the edge has made, named after the API's ids:");
        let made = self.made_links()?;
        self.terminal.answer(&made);
        ensure!(made.lines().count() == 2, "a VRF and a VLAN were expected on the edge");
        let pings = self.ping(10)?;
        self.report.pings.after_accept = Some(pings);
        self.must_pass(pings, true)
    }

    /// From traffic to an empty server.
    pub fn give_back(&mut self, lent: &Lent) -> anyhow::Result<()> {
        let terminal = self.terminal;
        terminal.title("9. The recipient gives the interface back: nothing passes any more");
        let words = ["delete-virtual-interface", "--virtual-interface-id", &lent.interface];
        let made = self.clients.aws("recipient", &words)?;
        self.answered(&made, "virtualInterfaceState", "deleting")?;
        terminal.say("It is deleted once the edge reports that nothing of it is left.");
        self.states.wait(Thing::Interface, "deleted", PATIENCE)?;
        let pings = self.ping(5)?;
        self.report.pings.after_delete = Some(pings);
        self.must_pass(pings, false)?;
        self.must_be_bare()?;
        terminal.title("10. The lender gives the connection back");
        let words = ["delete-connection", "--connection-id", &lent.connection];
        let made = self.clients.aws("lender", &words)?;
        self.answered(&made, "connectionState", "deleting")?;
        self.states.wait(Thing::Connection, "deleted", PATIENCE)?;
        self.states.end();
        self.server.stop()?;
        terminal.say("The server ends, and its data is checked against every invariant:");
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
        let pings = ping(self.hands, count)?;
        self.terminal.answer(&format!("{} sent, {} answered", pings.sent, pings.received));
        Ok(pings)
    }

    /// Fails unless all of them were answered, or none was.
    fn must_pass(&self, pings: Pings, shall: bool) -> anyhow::Result<()> {
        let Pings { sent, received } = pings;
        if shall {
            ensure!(sent > 0 && received == sent, "of {sent} pings only {received} were answered");
            self.terminal.good("Every ping was answered, as it must be.");
        } else {
            ensure!(sent > 0 && received == 0, "{received} of {sent} pings were answered");
            self.terminal.good("No ping was answered, as it must be.");
        }
        Ok(())
    }

    /// Fails if the edge has a VLAN or a VRF.
    fn must_be_bare(&self) -> anyhow::Result<()> {
        let made = self.made_links()?;
        ensure!(made.is_empty(), "these are on the edge and must not be: {made}");
        self.terminal.good("The edge has no VLAN and no VRF, as it must be.");
        Ok(())
    }

    /// The edge's VRFs, and its VLANs with their addresses, one a line.
    fn made_links(&self) -> anyhow::Result<String> {
        let mut found = String::new();
        for (kind, looks_at, columns) in [("vrf", "link", 2), ("vlan", "address", 3)] {
            let words = ["ip", "-n", EDGE, "-brief", looks_at, "show", "type", kind];
            for line in self.hands.run(&words, "")?.lines().filter(|line| !line.trim().is_empty()) {
                let words: Vec<_> = line.split_whitespace().take(columns).collect();
                found.push_str(&format!("{kind}: {}\n", words.join(" ")));
            }
        }
        Ok(found)
    }
}

/// What the lender has lent, and on what.
pub struct Lent {
    connection: String,
    interface: String,
}

/// Only its owner may read it.
fn write_secret(path: &Path, content: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// To milliseconds.
pub fn round(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}
