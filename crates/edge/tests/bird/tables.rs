//! Kernel tables before and while routing domains have them.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use linkway_edge::bird::{BirdSettings, Processes};
use linkway_edge::mark::TableRange;
use linkway_edge::session::{Daemon as _, Sessions};

use crate::bird_common::{addresses, routing_domain, session, way};
use crate::customer::{Customer, plug_domain, plug_session, run, wait};
use crate::restarts::settled;
use crate::scenes::{assert_undisturbed, own_routes, routes, up_since};
use crate::stage::{DIR, Stage};

/// The names and states of the kernel protocols.
fn kernel_protocols(stage: &Stage) -> Vec<String> {
    let text = stage.ours("show protocols \"kernel?_*\"");
    let words = |line: &str| line.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    text.lines().filter(|line| line.starts_with("kernel")).map(words).collect()
}

/// How often one was made, started, restarted or removed, as BIRD's log says.
fn kernel_protocol_changes() -> String {
    run(&format!("grep -c ' protocol kernel' {DIR}/bird.log || true"))
}

/// A routing domain takes a table that BIRD looks after already, and leaves it: no kernel protocol starts or ends.
pub fn spare(stage: &mut Stage) {
    let tables = TableRange { first: 1001, count: 100 };
    let settings = BirdSettings { tables, ..BirdSettings::default() };
    let mut birds = Processes::new(settings, Path::new(DIR));
    birds.apply(&stage.sessions).unwrap();
    let before = kernel_protocols(stage);
    assert_eq!(before.len(), 2 * 64, "both families of 64 tables");
    let changes = kernel_protocol_changes();
    let sessions_before = up_since(stage);

    let mut domain = routing_domain(7, &[]);
    domain.announced = vec![way("10.7.0.0/16", "192.0.2.1", "fabric7")];
    let new = session(7, &domain, addresses("169.254.0.1/30", "169.254.0.2/30"), "a-new-key");
    plug_domain(&domain, 7);
    plug_session(&new);
    let customer = Customer::new(&new, &domain, "a-new-key");
    customer.announce(&own_routes(7));
    let mut all = stage.sessions.clone();
    all.put_routing_domain(domain.into());
    all.put_session(new.into());
    birds.apply(&all).unwrap();
    wait("its route", || routes(7).len(), |n| *n == 1);
    assert_eq!(
        (kernel_protocols(stage), kernel_protocol_changes()),
        (before.clone(), changes.clone())
    );
    birds.apply(&stage.sessions).unwrap();
    wait("its route to go", || routes(7).len(), |n| *n == 0);
    assert_eq!(
        (kernel_protocols(stage), kernel_protocol_changes()),
        (before.clone(), changes.clone())
    );
    assert_undisturbed(stage, &sessions_before);
    customer.ask("down");
    run("ip link delete dxvif-f0000007; ip link delete fabric7; ip link delete vgw-00000007; \
         ip netns delete c-dxvif-f0000007");
    stage.apply();
    stage.wait_all_up();
}

/// A BIRD that was configured by an earlier version gives way to another one, which takes over the routes.
pub fn earlier_version(stage: &mut Stage) {
    let before = settled(stage);
    let mut file = OpenOptions::new().append(true).open(format!("{DIR}/bird.conf")).unwrap();
    let earlier = "ipv4 table vgw_00000009_v4;\n\
                   protocol kernel vgw_00000009_kernel4 { kernel table 1099; ipv4 { table vgw_00000009_v4; }; }\n";
    file.write_all(earlier.as_bytes()).unwrap();
    assert!(stage.ours("configure").contains("econfigur"));
    let old = stage.pid();
    stage.renew(|_| ());
    stage.apply();
    assert_ne!(stage.pid(), old);
    assert_eq!((routes(1), routes(2)), before);
    stage.wait_all_up();
    assert_eq!(settled(stage), before);
    let new = stage.pid();
    stage.apply();
    assert_eq!(stage.pid(), new, "once");
}

/// A BIRD of many tables is started without its device protocol, which is enabled whatever becomes of the agent.
pub fn many(stage: &mut Stage) {
    let few = stage.sessions.clone();
    stage.sessions = Sessions { tables: Arc::new((1001..1101).collect()), ..few.clone() };
    let before = settled(stage);
    stage.kill();
    stage.apply();
    assert_eq!((routes(1), routes(2)), before);
    stage.wait_all_up();
    assert_eq!(settled(stage), before);
    assert_eq!(kernel_protocols(stage).len(), 200);
    // As an agent leaves it that dies between the start and the end of the wait.
    let device = |stage: &Stage| stage.ours("show protocols device1");
    stage.ours("disable device1");
    assert!(device(stage).contains("down"));
    stage.renew(|_| ());
    stage.bird.read().unwrap();
    assert!(device(stage).contains("up"));
    stage.wait_all_up();
    // The first one, of which nobody waits for anything.
    stage.ours("down");
    wait("BIRD to end", || Path::new(DIR).join("bird.ctl").exists(), |is| !is);
    stage.apply();
    stage.wait_all_up();
    assert!(device(stage).contains("up"));
    let pid = stage.pid();
    stage.sessions = few;
    stage.apply();
    stage.wait_all_up();
    assert_eq!(stage.pid(), pid);
    assert!(device(stage).contains("up"));
}
