//! A customer: a namespace with a BIRD for each session, at the other end of a link that is in a routing domain's VRF.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use linkway_edge::bird::names::protocol_name;
use linkway_edge::session::{RoutingDomain, Session};

/// Runs a command that has to succeed; what it says.
pub fn run(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("sh");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}{text}");
    text
}

/// Waits for something; what it was when it held.
pub fn wait<T: std::fmt::Debug>(
    what: &str,
    mut look: impl FnMut() -> T,
    holds: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let seen = look();
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "waiting for {what}, there is {seen:#?}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// Makes a routing domain's VRF, with a handoff `fabricN` towards nowhere in it.
pub fn plug_domain(domain: &RoutingDomain, n: u32) {
    let (id, table) = (&domain.id, domain.table);
    run(&format!(
        "ip link add {id} type vrf table {table} && ip link set {id} up && \
         ip link add fabric{n} type veth peer name cloud{n} && \
         ip link set fabric{n} master {id} && ip link set fabric{n} up && ip link set cloud{n} up && \
         ip addr add 192.0.2.2/24 dev fabric{n}"
    ));
}

/// Makes a session's link, if the interface has none: ours with the interface's name, in the VRF; the customer's end in its
/// namespace. Gives it the session's addresses.
pub fn plug_session(session: &Session) {
    let (id, vrf) = (&session.id.interface, &session.routing_domain);
    let (ours, theirs) = (session.addresses.amazon(), session.addresses.customer());
    run(&format!(
        "ip netns add c-{id} 2>/dev/null; ip -n c-{id} link set lo up && \
         {{ ip link show {id} >/dev/null 2>&1 || ip link add {id} type veth peer name eth0 netns c-{id}; }} && \
         ip link set {id} master {vrf} && ip link set {id} up && ip -n c-{id} link set eth0 up && \
         ip addr add {ours} dev {id} $(case {ours} in *:*) echo nodad;; esac) && \
         ip -n c-{id} addr add {theirs} dev eth0 $(case {theirs} in *:*) echo nodad;; esac)"
    ));
}

/// A customer's router.
pub struct Customer {
    session: Session,
    our_asn: u32,
    /// The session's key.
    pub key: String,
    dir: PathBuf,
    /// More words for the BGP protocol.
    pub words: &'static str,
    /// More protocols.
    pub protocols: &'static str,
}

impl Customer {
    /// The router of a session, which has this key.
    pub fn new(session: &Session, domain: &RoutingDomain, key: &str) -> Self {
        let dir = PathBuf::from(format!("/run/{}", protocol_name(session)));
        fs::create_dir_all(&dir).expect("a directory");
        let (session, key) = (session.clone(), key.to_owned());
        Self { session, our_asn: domain.asn, key, dir, words: "", protocols: "" }
    }

    /// Starts the router, or makes it announce these from now on; each may have attributes after it.
    pub fn announce(&self, routes: &[String]) {
        let peer = &self.session.addresses;
        let family = peer.family().as_str();
        let routes: String = routes
            .iter()
            .map(|r| match r.split_once(' ') {
                None => format!("route {r} unreachable;\n"),
                Some((net, attributes)) => format!("route {net} unreachable {{ {attributes} }};\n"),
            })
            .collect();
        let text = format!(
            "log \"{dir}/log\" all; router id 10.254.0.1; protocol device {{ }} {protocols}\n\
             protocol static own {{ {family};\n{routes} }}\n\
             protocol bgp dx {{ local {ours} as {asn}; neighbor {theirs} as {their_asn}; password \"{key}\";\n\
             graceful restart on; connect delay time 1; connect retry time 2; error wait time 1, 4; {words}\n\
             {family} {{ import all; export where source = RTS_STATIC; }}; }}\n",
            dir = self.dir.display(),
            protocols = self.protocols,
            words = self.words,
            ours = peer.customer().addr(),
            theirs = peer.amazon().addr(),
            asn = self.session.asn,
            their_asn = self.our_asn,
            key = self.key,
        );
        fs::write(self.dir.join("conf"), text).expect("the configuration");
        let (dir, id) = (self.dir.display(), &self.session.id.interface);
        if self.dir.join("ctl").exists() {
            self.ask("configure");
        } else {
            run(&format!("ip netns exec c-{id} bird -c {dir}/conf -s {dir}/ctl -P {dir}/pid"));
        }
    }

    /// Asks the router.
    pub fn ask(&self, command: &str) -> String {
        run(&format!("birdc -s {}/ctl '{command}' </dev/null || true", self.dir.display()))
    }

    /// The prefixes that the router has learned.
    pub fn learned(&self) -> Vec<String> {
        let text = self.ask("show route protocol dx");
        text.lines()
            .filter(|l| l.contains('/'))
            .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
            .collect()
    }

    /// Since when the session is up, in milliseconds of the router's day; `None` while it is not.
    pub fn up_since(&self) -> Option<i64> {
        let text = self.ask("show protocols dx");
        let line = text.lines().find(|l| l.contains("Established"))?;
        let time = line.split_whitespace().nth(4)?.replace('.', ":");
        let mut parts = time.split(':').map(|part| part.parse::<i64>().expect("a number"));
        let mut next = || parts.next().expect("hours, minutes, seconds, milliseconds");
        Some(((next() * 60 + next()) * 60 + next()) * 1000 + next())
    }
}
