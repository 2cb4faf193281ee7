//! Rate limits and prefix allocations: who sets them, what they may be, and what they use of a connection.

mod common;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, C, R1, Scene, account, plain};
use linkway_domain::Fault;
use linkway_domain::edge::PeerConfig;
use linkway_domain::id::{ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::quota::Quota;
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface as Allocate, CreatePrivateVirtualInterface as Create,
};
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes as Update;

/// A's connection of 10 Gbit/s, and interfaces of A's own on it.
struct Line {
    scene: Scene,
    line: ConnectionId,
    gateway: String,
}

impl Line {
    fn new() -> Self {
        let mut scene = Scene::new();
        let line = scene.line(A, R1, "eth1");
        let gateway = scene.vpc(A).id.to_string();
        Self { scene, line, gateway }
    }

    fn create(
        &mut self,
        vlan: i64,
        limit: Option<&str>,
        pool: (Option<i64>, Option<i64>),
    ) -> Result<VirtualInterfaceId, Fault> {
        let new = NewInterface { rate_limit: limit.map(ToOwned::to_owned), ..plain(vlan) };
        let create = Create {
            connection: self.line.to_string(),
            new,
            gateway: Some(self.gateway.clone()),
            prefix_pool: PrefixNumbers { ipv4: pool.0, ipv6: pool.1 },
            ..Create::default()
        };
        let Outcome::VirtualInterface(made) = self.scene.tenant(A, Command::Create(create))? else {
            panic!("an interface")
        };
        Ok(made.id)
    }

    fn update(&mut self, who: &str, id: &VirtualInterfaceId, update: Update) -> Result<(), Fault> {
        let update = Update { interface: id.to_string(), ..update };
        self.scene.tenant(who, Command::Update(update)).map(|_| ())
    }

    fn peer(&self, id: &VirtualInterfaceId) -> (Option<u64>, PeerConfig) {
        let config = self.scene.world.config(&EdgeId::parse(R1).expect("an id"));
        let found = config.interfaces.iter().find(|one| one.virtual_interface_id == *id);
        let found = found.expect("it is on the router");
        (found.rate_limit.map(|limit| limit.bits_per_second()), found.peers[0].clone())
    }
}

fn limit(text: &str) -> Update {
    Update { rate_limit: Some(text.to_owned()), ..Update::default() }
}

fn pool(ipv4: Option<i64>, ipv6: Option<i64>) -> Update {
    Update { prefix_pool: PrefixNumbers { ipv4, ipv6 }, ..Update::default() }
}

#[test]
fn a_rate_limit_reaches_the_router_and_is_changed_and_removed_there() {
    let mut at = Line::new();
    let id = at.create(1, Some("50Mbps"), (None, None)).expect("is offered");
    assert_eq!(at.peer(&id).0, Some(50_000_000));
    at.update(A, &id, limit("1.2Gbps")).expect("A's own");
    assert_eq!(at.peer(&id).0, Some(1_200_000_000));
    let before = at.peer(&id).1;
    at.update(A, &id, limit("")).expect("A's own");
    assert_eq!(at.peer(&id), (None, before));
    let revision = at.scene.world.revision;
    at.update(A, &id, limit("")).expect("none already");
    assert_eq!(at.scene.world.revision, revision);
}

#[test]
fn a_rate_limit_is_one_of_the_api_that_the_connection_carries() {
    let mut at = Line::new();
    for text in ["51Mbps", "50 Mbps", "fast"] {
        let said = at.create(1, Some(text), (None, None)).expect_err(text).to_string();
        assert!(
            said.starts_with("newPrivateVirtualInterface.rateLimit") && said.contains(text),
            "{said}"
        );
    }
    let said = at.create(1, Some("12Gbps"), (None, None)).expect_err("too much").to_string();
    assert!(said.contains("more than the connection carries"), "{said}");
    let new = NewInterface { rate_limit: Some("12Gbps".to_owned()), ..plain(1) };
    let lend = Allocate { connection: at.line.to_string(), owner: B.to_owned(), new };
    let said = at.scene.tenant(A, Command::Allocate(lend)).expect_err("too much").to_string();
    assert!(said.starts_with("newPrivateVirtualInterfaceAllocation.rateLimit"), "{said}");
    let id = at.create(1, None, (None, None)).expect("no limit");
    let said = at.update(A, &id, limit("20Gbps")).expect_err("too much").to_string();
    assert!(said.starts_with("rateLimit \"20Gbps\""), "{said}");
}

#[test]
fn a_connection_has_ten_rate_limiters() {
    let mut at = Line::new();
    let ids: Vec<_> =
        (1..=10).map(|vlan| at.create(vlan, Some("50Mbps"), (None, None)).expect("room")).collect();
    let is_full = |fault: Fault| {
        assert!(
            matches!(
                fault,
                Fault::QuotaExceeded { quota: Quota::RateLimitersPerConnection, limit: 10, .. }
            ),
            "{fault}"
        );
    };
    is_full(at.create(11, Some("50Mbps"), (None, None)).expect_err("the eleventh"));
    let other = at.create(11, None, (None, None)).expect("without a limit");
    is_full(at.update(A, &other, limit("100Mbps")).expect_err("the eleventh"));
    at.update(A, &ids[0], limit("100Mbps")).expect("it has one");
    at.update(A, &ids[0], limit("")).expect("gives it back");
    at.update(A, &other, limit("100Mbps")).expect("there is one left");
    at.scene.delete(A, &ids[1]).expect("A's own");
    at.scene.settle(true, true);
    at.create(12, Some("50Mbps"), (None, None)).expect("there is one left");
    assert_eq!(at.scene.world.violations(), [""; 0]);
}

#[test]
fn an_allocation_is_the_limit_of_its_familys_session() {
    let mut at = Line::new();
    let id = at.create(1, None, (Some(300), None)).expect("there is room");
    assert_eq!(at.peer(&id).1.prefix_limit, Some(300));
    let interface = at.scene.world.interface(&id).expect("is there");
    let shown = [4, 6].map(|version| {
        let family = if version == 4 { "ipv4" } else { "ipv6" };
        let family = linkway_domain::net::AddressFamily::parse("f", Some(family)).expect("one");
        interface.allocated_prefixes(family)
    });
    assert_eq!(shown, [Some(300), Some(100)]);
    at.update(A, &id, pool(Some(1_000), Some(0))).expect("there is room");
    assert_eq!(at.peer(&id).1.prefix_limit, Some(1_000));
    for (ipv4, ipv6, part) in [
        (Some(1_001), None, "prefixPoolAllocatedCountIpv4 \"1001\" must be from 0 to 1000"),
        (None, Some(-1), "prefixPoolAllocatedCountIpv6 \"-1\" must be from 0 to 1000"),
        (Some(70_000), None, "prefixPoolAllocatedCountIpv4 \"70000\" must be from 0 to 1000"),
    ] {
        let said = at.update(A, &id, pool(ipv4, ipv6)).expect_err("out of range").to_string();
        assert!(said.starts_with(part), "{said}");
    }
    let in_use = PrefixNumbers { ipv4: Some(120), ipv6: None };
    let fewer = Update { prefixes_in_use: in_use, ..pool(Some(119), None) };
    let text = "prefixPoolAllocatedCountIpv4 \"119\" is fewer than the 120 prefixes that the customer's router announces.";
    refused(
        at.scene.tenant(A, Command::Update(Update { interface: id.to_string(), ..fewer })),
        text,
    );
    let same = Update { prefixes_in_use: in_use, ..pool(Some(120), None) };
    at.update(A, &id, same).expect("as many as there are");
}

#[test]
fn the_pool_of_a_connection_is_shared_by_its_interfaces() {
    let mut at = Line::new();
    let ids: Vec<_> = (1..=4)
        .map(|vlan| at.create(vlan, None, (Some(1_000), None)).expect("there is room"))
        .collect();
    // One without a number takes 100.
    at.create(5, None, (None, None)).expect("always has room");
    let text = format!(
        "prefixPoolAllocatedCountIpv4 \"1000\" is more than is left: of the 5000 prefixes of connection {} 900 can be allocated.",
        at.line
    );
    assert_eq!(at.create(6, None, (Some(1_000), None)).map_err(|f| f.to_string()), Err(text));
    let last = at.create(6, None, (Some(900), Some(1_000))).expect("what is left");
    at.update(A, &last, pool(Some(900), None)).expect("the same");
    at.update(A, &last, pool(Some(901), None)).expect_err("one too many");
    at.update(A, &ids[0], pool(Some(999), None)).expect("fewer");
    at.update(A, &last, pool(Some(901), None)).expect("what was given back");
    at.scene.delete(A, &ids[1]).expect("A's own");
    at.scene.settle(true, true);
    at.create(7, None, (Some(1_000), None)).expect("what was given back");
    assert_eq!(at.scene.world.violations(), [""; 0]);
}

#[test]
fn the_interfaces_of_a_direct_connect_gateway_take_ten_thousand_prefixes_together() {
    let mut at = Line::new();
    let gateway = at.scene.direct(A).id.to_string();
    let other = at.scene.line(A, R1, "eth2");
    let line = at.line.clone();
    let create = |at: &mut Line, on: &ConnectionId, vlan, pool: Option<i64>| {
        let create = Create {
            connection: on.to_string(),
            new: plain(vlan),
            direct_connect_gateway: Some(gateway.clone()),
            prefix_pool: PrefixNumbers { ipv4: pool, ipv6: pool },
            ..Create::default()
        };
        at.scene.tenant(A, Command::Create(create))
    };
    for vlan in 1..=4 {
        create(&mut at, &line, vlan, Some(1_000)).expect("there is room");
    }
    let fifth = match create(&mut at, &line, 5, Some(950)) {
        Ok(Outcome::VirtualInterface(fifth)) => fifth.id,
        other => panic!("{other:?}"),
    };
    // One without a number takes 200, of which 100 are left.
    let text = "The Virtual Interface takes 200 prefixes of both address families, which is more than is left: of the 10000 prefixes that a Direct Connect Gateway has for its interfaces 100 can be allocated.";
    refused(create(&mut at, &other, 1, None), text);
    at.update(A, &fifth, pool(Some(1_000), Some(1_000))).expect("exactly what is left");
    at.update(A, &fifth, pool(Some(900), Some(900))).expect("fewer");
    create(&mut at, &other, 1, None).expect("what was given back");
    let text = at.update(A, &fifth, pool(Some(901), None)).expect_err("one too many").to_string();
    assert!(text.contains("1800 can be allocated"), "{text}");
    assert_eq!(at.scene.world.violations(), [""; 0]);
}

/// A recipient must not exhaust what the lender owns.
#[test]
fn what_an_interface_takes_of_its_connection_is_the_lenders_to_change() {
    let mut at = Line::new();
    let gateway = at.scene.vpc(B).id;
    let new = NewInterface { rate_limit: Some("50Mbps".to_owned()), ..plain(1) };
    let line = at.line.clone();
    let id = at.scene.allocate((A, B), &line, new).expect("is free").id;
    at.scene.confirm(B, &id, &gateway).expect("B's own");
    for update in [limit(""), limit("1Gbps"), pool(Some(1_000), None), pool(None, Some(500))] {
        let said = at.update(B, &id, update.clone()).expect_err("A's").to_string();
        let text =
            format!("\"{id}\" is not yours to change: the owner of its connection is account {A}.");
        assert!(said.ends_with(&text), "{said}");
        let said = at.update(C, &id, update.clone()).expect_err("a stranger").to_string();
        assert_eq!(said, format!("Virtual Interface {id} does not exist."));
        at.update(A, &id, update).expect("A's connection");
    }
    let named = Update { name: Some("x".to_owned()), ..limit("1Gbps") };
    let said = at.update(A, &id, named).expect_err("the name is B's").to_string();
    assert!(said.contains("its owner is account"), "{said}");
    assert_eq!(at.scene.world.interface(&id).expect("is there").owner, account(B));
}
