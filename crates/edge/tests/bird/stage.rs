//! The machine that the scenes play on.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_domain::net::{AddressFamily, PeerAddresses};
use linkway_edge::bird::{Bird, BirdSettings};
use linkway_edge::session::{Daemon as _, RoutingDomain, Session, SessionId, Sessions};

use crate::bird_common::{addresses, routing_domain, session, way};
use crate::customer::{Customer, plug_domain, plug_session, run, wait};
use crate::machine;
use crate::scenes::own_routes;

/// Our BIRD's directory.
pub const DIR: &str = "/run/edge";

/// Two routing domains with the same customers' addresses, and the routers.
pub struct Stage {
    /// The driver.
    pub bird: Bird,
    /// What it shall do.
    pub sessions: Sessions,
    /// The customers' routers, by the session's number.
    pub customers: BTreeMap<u32, Customer>,
}

impl Stage {
    /// The links and the routers; our BIRD is not running yet.
    pub fn new() -> Self {
        let mut one = routing_domain(1, &["10.1.0.0/16", "2001:db8:1::/56"]);
        one.announced = vec![
            way("10.1.0.0/16", "192.0.2.1", "fabric1"),
            way("2001:db8:1::/56", "2001:db8::1", "fabric1"),
        ];
        let mut two = routing_domain(2, &["10.2.0.0/16"]);
        two.announced = vec![way("10.2.0.0/16", "192.0.2.1", "fabric2")];
        let first = addresses("169.254.0.1/30", "169.254.0.2/30");
        let other = addresses("172.16.0.0/31", "172.16.0.1/31");
        let sessions = vec![
            session(1, &one, first, "key-of-one"),
            session(2, &two, first, "!#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
            session(3, &one, PeerAddresses::unique_local(3), "key-of-three"),
            session(4, &one, other, "key-of-four"),
        ];
        plug_domain(&one, 1);
        plug_domain(&two, 2);
        let mut stage = Self {
            bird: Bird::new(settings(), Path::new(DIR)),
            sessions: Sessions::new([one, two].map(Arc::new), []),
            customers: BTreeMap::new(),
        };
        for session in sessions {
            stage.add(session);
        }
        stage
    }

    /// Another driver for the same BIRD, with other settings.
    pub fn renew(&mut self, change: impl Fn(&mut BirdSettings)) {
        let mut settings = settings();
        change(&mut settings);
        self.bird = Bird::new(settings, Path::new(DIR));
    }

    /// A session with its link and its customer's router.
    pub fn add(&mut self, session: Session) {
        plug_session(&session);
        let domain = self.domain(&session).clone();
        let customer = Customer::new(&session, &domain, session.auth_key.reveal());
        let n = number(&session.id);
        customer.announce(&own_routes(n));
        self.customers.insert(n, customer);
        self.sessions.put_session(session.into());
    }

    /// The routing domain of a session.
    pub fn domain(&self, session: &Session) -> &RoutingDomain {
        self.sessions.routing_domains.get(&session.routing_domain).expect("it is there")
    }

    /// The session of that number.
    pub fn session(&self, n: u32) -> &Session {
        self.sessions.sessions.get(&id(n)).expect("it is there")
    }

    /// Applies, and looks that it is loaded.
    pub fn apply(&mut self) {
        self.bird.apply(&self.sessions).unwrap();
        let loaded = self.bird.read().unwrap().loaded;
        assert_eq!(loaded, Some(self.bird.digest(&self.sessions)));
    }

    /// What is said of a session.
    pub fn peer(&mut self, n: u32) -> Option<PeerStatus> {
        self.peer_of(&id(n))
    }

    /// The same by its id.
    pub fn peer_of(&mut self, id: &SessionId) -> Option<PeerStatus> {
        self.bird.read().unwrap().peers.get(id).cloned()
    }

    /// Waits until a session is in this state.
    pub fn wait_state(&mut self, n: u32, state: SessionState) -> PeerStatus {
        let is = |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.state == state);
        wait(&format!("session {n} to be {state:?}"), || self.peer(n), is).expect("it is there")
    }

    /// Every session up, with its customer's route, and the VPC's prefixes at the customer.
    pub fn wait_all_up(&mut self) {
        let numbers: Vec<u32> = self.customers.keys().copied().collect();
        for n in numbers {
            let up = |p: &Option<PeerStatus>| {
                p.as_ref().is_some_and(|p| {
                    p.state == SessionState::Established
                        && (p.prefixes_accepted, p.prefixes_advertised) == (1, 1)
                })
            };
            wait(&format!("session {n} to be up with its routes"), || self.peer(n), up);
        }
    }

    /// The number of our BIRD.
    pub fn pid(&self) -> String {
        fs::read_to_string(format!("{DIR}/bird.pid")).unwrap().trim().to_owned()
    }

    /// SIGKILL.
    pub fn kill(&self) {
        let pid = self.pid();
        run(&format!("kill -KILL {pid}"));
        wait(
            "BIRD to end",
            || Path::new(&format!("/proc/{pid}/exe")).read_link().is_ok(),
            |is| !is,
        );
    }

    /// Asks our BIRD.
    pub fn ours(&self, command: &str) -> String {
        run(&format!("birdc -s {DIR}/bird.ctl '{command}' </dev/null || true"))
    }

    /// What helps to understand a failure.
    pub fn details(&self) -> String {
        let shell = format!("tail -n 30 {DIR}/bird.log; ip -br link | head -40");
        let kernels =
            run("for f in -4 -6; do for n in 1001 1002; do ip $f route show table $n; done; done");
        let [protocols, details, routes] =
            ["show protocols", "show protocols all \"kernel?_*\"", "show route table all"]
                .map(|command| self.ours(command));
        format!("{protocols}\n{details}\n{routes}\n{kernels}\n{}", run(&shell))
    }

    /// Ends every BIRD.
    pub fn end(&self) {
        run("for f in /run/*/pid /run/edge/bird.pid; do kill $(cat $f) || true; done");
    }
}

/// The numbers of the BIRDs that were started with our socket.
pub fn with_our_socket() -> Vec<String> {
    let socket = format!("-s\0{DIR}/bird.ctl\0");
    let is_one = |pid: &String| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words);
        let program = words.split('\0').next().unwrap_or_default();
        program.ends_with("bird") && words.contains(&socket)
    };
    let all = fs::read_dir("/proc").expect("/proc");
    let names =
        all.map(|entry| entry.expect("a process").file_name().to_string_lossy().into_owned());
    names.filter(is_one).collect()
}

pub fn number(id: &SessionId) -> u32 {
    id.interface.as_str().trim_start_matches("dxvif-f").parse().expect("the tests' own names")
}

/// The session of that number; the third is IPv6.
pub fn id(n: u32) -> SessionId {
    let interface = format!("dxvif-f{n:07}").parse().expect("an id");
    SessionId { interface, family: if n == 3 { AddressFamily::Ipv6 } else { AddressFamily::Ipv4 } }
}

fn settings() -> BirdSettings {
    let mut settings = BirdSettings::default();
    if let Ok(program) = std::env::var(machine::PROGRAM) {
        settings.program = program.into();
    }
    settings
}
