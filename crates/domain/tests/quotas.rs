//! Quotas: what is counted, what gives it back, who wins the last one, and what a refusal tells.

mod common;

use common::command::{Command, Outcome};
use common::scene::{A, B, C, DAY, R1, R2, Scene, account, plain};
use common::story::{Stage, story};
use common::{World, refused};
use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::access_key::decide::{CreateAccessKey, EnableAccessKey};
use linkway_domain::connection::decide::CreateConnection;
use linkway_domain::id::{ConnectionId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::quota::{Count, Quota, Quotas};
use linkway_domain::record::Record;
use linkway_domain::tag::decide::TagChange;
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface as Allocate, CreatePrivateVirtualInterface as Create,
};
use proptest::prelude::*;

/// A has a connection on which one interface has room; B and C have a gateway each.
struct Narrow {
    scene: Scene,
    line: ConnectionId,
    gateway: VirtualGatewayId,
}

fn narrow(quotas: impl FnOnce(&mut Quotas)) -> Narrow {
    let mut scene = Scene::new();
    quotas(&mut scene.world.settings.quotas);
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(B).id;
    scene.vpc(C);
    Narrow { scene, line, gateway }
}

fn one_interface(quotas: &mut Quotas) {
    quotas.private_and_public_interfaces_per_connection = 1;
}

fn one_offer(quotas: &mut Quotas) {
    quotas.unanswered_offers_per_lender = 1;
}

impl Narrow {
    fn lend(&mut self, vlan: i64) -> Result<VirtualInterfaceId, Fault> {
        self.scene.allocate((A, B), &self.line, plain(vlan)).map(|made| made.id)
    }

    /// The counters, without the kind in front, and nothing that differs from a recount.
    fn counters(&self) -> Vec<String> {
        assert_eq!(self.scene.world.violations(), Vec::<String>::new());
        counters(&self.scene.world)
    }
}

fn counters(world: &World) -> Vec<String> {
    let counts = world.records.iter().filter_map(|(at, (_, record))| match record {
        Record::Count(count) => Some(format!("{} {count}", at.strip_prefix("count/")?)),
        _ => None,
    });
    counts.collect()
}

/// A way in which an interface stops counting.
type Way = fn(&mut Narrow, &VirtualInterfaceId);

const ENDS: [(&str, Way); 5] = [
    ("the recipient declines it", |at, id| {
        at.scene.delete(B, id).expect("B's own");
    }),
    ("the lender withdraws it", |at, id| {
        at.scene.delete(A, id).expect("A's own");
    }),
    ("nobody confirms it in time", |at, _| {
        at.scene.later(8 * DAY).reconcile();
    }),
    ("its owner deletes it and the router lets go of it", |at, id| {
        let gateway = at.gateway.clone();
        at.scene.confirm(B, id, &gateway).expect("is offered");
        at.scene.settle(true, true);
        at.scene.delete(B, id).expect("B's own");
        at.scene.settle(true, true);
    }),
    ("it has ended and is purged", |at, id| {
        at.scene.delete(B, id).expect("B's own");
        at.scene.later(DAY).reconcile();
        assert_eq!(at.scene.world.interface(id), None);
    }),
];

#[test]
fn what_ends_gives_back_its_place_on_the_connection() {
    for (way, end) in ENDS {
        let mut at = narrow(one_interface);
        let before = at.counters();
        let first = at.lend(1).expect("has room");
        let text = format!(
            "connectionId \"{}\" may have 1 private and public Virtual Interfaces: the quota \
             private_and_public_interfaces_per_connection is used up.",
            at.line
        );
        refused(at.lend(2), &text);
        let (line, gateway) = (at.line.clone(), at.scene.vpc(A).id);
        let own = plain(3);
        refused(at.scene.create(A, &line, &gateway, own), &text);
        end(&mut at, &first);
        assert_eq!(at.counters(), before, "{way}");
        at.lend(4).unwrap_or_else(|fault| panic!("{way}: {fault}"));
    }
}

#[test]
fn a_deleted_interface_counts_until_its_router_lets_go() {
    let mut at = narrow(one_interface);
    let (line, gateway) = (at.line.clone(), at.scene.vpc(A).id);
    let own = at.scene.create(A, &line, &gateway, plain(1)).expect("has room").id;
    at.scene.delete(A, &own).expect("A's own");
    assert!(matches!(at.lend(2), Err(Fault::QuotaExceeded { .. })));
    at.scene.settle(true, true);
    at.lend(2).expect("the router has let go");
}

#[test]
fn an_answer_gives_back_the_offers_and_keeps_the_place() {
    let text = |whose: &str, limit: u32, what: &str| {
        format!("ownerAccount \"{whose}\" may have {limit} {what}")
    };
    for (way, answer) in ENDS {
        let mut at = narrow(one_offer);
        let first = at.lend(1).expect("has room");
        let used_up = text(
            B,
            1,
            "unanswered Virtual Interfaces of one lender: the quota unanswered_offers_per_lender is used up.",
        );
        refused(at.lend(2), &used_up);
        let line = at.line.clone();
        at.scene.allocate((A, C), &line, plain(3)).expect("another recipient");
        answer(&mut at, &first);
        at.lend(4).unwrap_or_else(|fault| panic!("{way}: {fault}"));
        at.counters();
    }
    let mut at = narrow(one_offer);
    let first = at.lend(1).expect("has room");
    let gateway = at.gateway.clone();
    at.scene.confirm(B, &first, &gateway).expect("is offered");
    at.lend(2).expect("the first was answered");
    let expected = [
        format!("connection/{A}/PAR1 1"),
        format!("offer/{B}/{A} 1"),
        format!("offers/{B} 1"),
        format!("vif/{} 2", at.line),
    ];
    assert_eq!(at.counters(), expected);
}

#[test]
fn the_offers_of_all_lenders_have_a_quota_of_their_own() {
    let mut at = narrow(|quotas| quotas.unanswered_offers = 2);
    let of_c = at.scene.line(C, R1, "eth2");
    at.lend(1).expect("has room");
    let second = at.scene.allocate((C, B), &of_c, plain(1)).expect("has room").id;
    let text = format!(
        "ownerAccount \"{B}\" may have 2 unanswered Virtual Interfaces of all lenders: the quota unanswered_offers is used up."
    );
    refused(at.lend(2), &text);
    refused(at.scene.allocate((C, B), &of_c, plain(2)), &text);
    at.scene.delete(B, &second).expect("B's own");
    at.lend(2).expect("one was declined");
}

#[test]
fn connections_at_a_location_are_counted_until_they_end() {
    let mut at = narrow(|quotas| quotas.connections_per_location = 1);
    let order = |scene: &mut Scene, who: &str, location: &str| {
        let (location, bandwidth) = (location.to_owned(), "10Gbps".to_owned());
        let new = CreateConnection {
            location,
            bandwidth,
            name: "a line".to_owned(),
            ..CreateConnection::default()
        };
        match scene.tenant(who, Command::CreateConnection(new)) {
            Ok(Outcome::Connection(made)) => Ok(made.id),
            Ok(other) => panic!("{other:?}"),
            Err(fault) => Err(fault),
        }
    };
    let text = "location \"PAR1\" may have 1 connections of one account: the quota connections_per_location is used up.";
    refused(order(&mut at.scene, A, "PAR1"), text);
    order(&mut at.scene, A, "SIM1").expect("another location");
    let ordered = order(&mut at.scene, B, "PAR1").expect("another account");
    refused(order(&mut at.scene, B, "PAR1"), text);
    at.scene.operate(Command::RejectConnection(ordered.to_string()));
    let ordered = order(&mut at.scene, B, "PAR1").expect("the order was rejected");
    at.scene.tenant(B, Command::DeleteConnection(ordered.to_string())).expect("B's own");
    order(&mut at.scene, B, "PAR1").expect("the order was withdrawn");
    let line = at.line.to_string();
    at.scene.tenant(A, Command::DeleteConnection(line)).expect("A's own");
    refused(order(&mut at.scene, A, "PAR1"), text);
    at.scene.settle(true, true);
    order(&mut at.scene, A, "PAR1").expect("the router has let go");
    at.counters();
}

#[test]
fn access_keys_are_counted_until_they_are_deleted() {
    let mut at = narrow(|quotas| quotas.access_keys_per_account = 1);
    let create = || Command::CreateAccessKey(CreateAccessKey::Account(A.to_owned()));
    let Outcome::AccessKey(first) = at.scene.operate(create()) else { panic!("a key") };
    let id = first.id.to_string();
    let text = format!(
        "accountId \"{A}\" may have 1 access keys: the quota access_keys_per_account is used up."
    );
    refused(at.scene.by(Principal::Operator, create()), &text);
    at.scene.operate(Command::EnableAccessKey(EnableAccessKey { id: id.clone(), enabled: false }));
    refused(at.scene.by(Principal::Operator, create()), &text);
    at.scene.operate(Command::CreateAccessKey(CreateAccessKey::Account(B.to_owned())));
    for _ in 0..3 {
        at.scene.operate(Command::CreateAccessKey(CreateAccessKey::Edge(R1.to_owned())));
    }
    at.scene.operate(Command::DeleteAccessKey(id));
    at.scene.operate(create());
    at.counters();
}

#[test]
fn tags_have_a_quota_when_a_resource_is_made_and_when_it_is_tagged() {
    let mut at = narrow(|quotas| quotas.tags_per_resource = 1);
    let tags = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), None)).collect::<Vec<_>>();
    let (line, new) = (at.line.clone(), NewInterface { tags: tags(&["a", "b"]), ..plain(1) });
    refused(
        at.scene.allocate((A, B), &line, new),
        "newPrivateVirtualInterfaceAllocation.tags would give the resource 2 tags; it may carry 1.",
    );
    let arn = format!("arn:aws:directconnect:eu-west-2:{A}:dxcon/{line}");
    let tag = |key: &str| TagChange { arn: arn.clone(), add: tags(&[key]), remove: Vec::new() };
    at.scene.tenant(A, Command::Tag(tag("a"))).expect("has room");
    at.scene.tenant(A, Command::Tag(tag("a"))).expect("the same tag again");
    refused(
        at.scene.tenant(A, Command::Tag(tag("b"))),
        "tags would give the resource 2 tags; it may carry 1.",
    );
}

/// `bytes` bytes of a tag.
fn bytes_of_tags(bytes: usize) -> Vec<(String, Option<String>)> {
    vec![("k".to_owned(), Some("v".repeat(bytes - 1)))]
}

fn of_bytes(bytes: usize, vlan: i64) -> NewInterface {
    NewInterface { tags: bytes_of_tags(bytes), ..plain(vlan) }
}

fn tagging(who: &str, resource: &str, bytes: usize) -> Command {
    let kind = if resource.starts_with("dxcon-") { "dxcon" } else { "dxvif" };
    let arn = format!("arn:aws:directconnect:eu-west-2:{who}:{kind}/{resource}");
    Command::Tag(TagChange { arn, add: bytes_of_tags(bytes), remove: Vec::new() })
}

#[test]
fn the_bytes_of_all_tags_of_an_account_have_a_quota() {
    let mut at = narrow(|quotas| quotas.tag_bytes_per_account = 100);
    let text = |who: &str| {
        format!(
            "accountId \"{who}\" may have 100 bytes of tags: the quota tag_bytes_per_account is used up."
        )
    };
    let line = at.line.clone();
    let counter = |at: &Narrow, who: &str| {
        let of = format!("tag-bytes/{who} ");
        at.counters().iter().find_map(|found| found.strip_prefix(&of).map(str::to_owned))
    };
    assert_eq!(counter(&at, A), None);
    // Wherever tags come in.
    at.scene.tenant(A, tagging(A, line.as_str(), 40)).expect("has room");
    let lent = at.scene.allocate((A, B), &line, of_bytes(30, 1)).expect("has room").id;
    assert_eq!(counter(&at, A).as_deref(), Some("70"));
    let gateway = at.scene.vpc(A).id;
    let order = CreateConnection {
        location: "SIM1".to_owned(),
        bandwidth: "10Gbps".to_owned(),
        name: "a line".to_owned(),
        tags: bytes_of_tags(31),
        ..CreateConnection::default()
    };
    refused(at.scene.tenant(A, Command::CreateConnection(order)), &text(A));
    refused(at.scene.allocate((A, B), &line, of_bytes(31, 2)), &text(A));
    refused(at.scene.create(A, &line, &gateway, of_bytes(31, 2)), &text(A));
    refused(at.scene.tenant(A, tagging(A, lent.as_str(), 61)), &text(A));
    // Each account has its own, also on what another lent it.
    at.scene.tenant(B, tagging(B, lent.as_str(), 100)).expect("B has room");
    refused(at.scene.tenant(B, tagging(B, lent.as_str(), 101)), &text(B));
    assert_eq!(counter(&at, B).as_deref(), Some("100"));
    // What takes another's place needs no more than the difference, and less is always taken.
    at.scene.tenant(A, tagging(A, lent.as_str(), 60)).expect("the last ones");
    assert_eq!(counter(&at, A).as_deref(), Some("100"));
    refused(at.scene.tenant(A, tagging(A, line.as_str(), 41)), &text(A));
    at.scene.tenant(A, tagging(A, line.as_str(), 40)).expect("nothing changes");
    at.scene.world.settings.quotas.tag_bytes_per_account = 10;
    at.scene.tenant(A, tagging(A, line.as_str(), 20)).expect("less than before");
    assert_eq!(counter(&at, A).as_deref(), Some("80"));
    at.lend(3).expect("without tags");
}

#[test]
fn tags_that_go_give_back_their_bytes() {
    type Way = fn(&mut Narrow, &VirtualInterfaceId);
    let ways: [(&str, Way); 2] = [
        ("the tag is removed", |at, id| {
            for who in [A, B] {
                let arn = format!("arn:aws:directconnect:eu-west-2:{who}:dxvif/{id}");
                let gone = TagChange { arn, add: Vec::new(), remove: vec!["k".to_owned()] };
                at.scene.tenant(who, Command::Tag(gone)).expect("it is there");
            }
        }),
        ("the resource is purged", |at, id| {
            at.scene.delete(B, id).expect("B's own");
            at.scene.later(DAY).reconcile();
            assert_eq!(at.scene.world.interface(id), None);
        }),
    ];
    for (way, end) in ways {
        let mut at = narrow(|_| {});
        let line = at.line.clone();
        let lent = at.scene.allocate((A, B), &line, of_bytes(50, 1)).expect("has room").id;
        at.scene.tenant(B, tagging(B, lent.as_str(), 20)).expect("has room");
        let bytes = |at: &Narrow| {
            let found = at.counters().into_iter();
            found.filter(|counter| counter.starts_with("tag-bytes/")).collect::<Vec<_>>()
        };
        assert_eq!(bytes(&at), [format!("tag-bytes/{A} 50"), format!("tag-bytes/{B} 20")]);
        end(&mut at, &lent);
        assert_eq!(bytes(&at), [""; 0], "{way}");
    }
}

/// Whatever is counted: two decide at once on the last one, in either order; the first commit wins, and the other is refused.
#[test]
fn of_two_who_race_for_the_last_one_exactly_one_wins() {
    let mut at = narrow(|_| {});
    let own = [at.line.to_string(), at.scene.line(A, R1, "eth2").to_string()];
    let of_a = at.scene.vpc(A).id.to_string();
    at.scene.world.settings.quotas = Quotas::each(1);
    at.scene.world.settings.quotas.interfaces_per_connection = 2;
    let lines = [at.line.clone(), at.scene.line(C, R2, "eth1")].map(|line| line.to_string());
    let lend = |line: &str, vlan| {
        Command::Allocate(Allocate {
            connection: line.to_owned(),
            owner: B.to_owned(),
            new: plain(vlan),
        })
    };
    let limited = |line: &str, vlan| {
        let new = NewInterface { rate_limit: Some("50Mbps".to_owned()), ..plain(vlan) };
        let gateway = Some(of_a.clone());
        Command::Create(Create { connection: line.to_owned(), new, gateway, ..Create::default() })
    };
    let key = || Command::CreateAccessKey(CreateAccessKey::Account(B.to_owned()));
    let order = || {
        let new = CreateConnection {
            location: "SIM1".to_owned(),
            bandwidth: "10Gbps".to_owned(),
            name: "a line".to_owned(),
            ..CreateConnection::default()
        };
        Command::CreateConnection(new)
    };
    let tenant = |who: &str| Principal::Account(account(who));
    let races = [
        (
            Quota::PrivateAndPublicInterfacesPerConnection,
            (A, lend(&lines[0], 1)),
            (A, lend(&lines[0], 2)),
        ),
        (Quota::RateLimitersPerConnection, (A, limited(&lines[0], 1)), (A, limited(&lines[0], 2))),
        (Quota::UnansweredOffers, (A, lend(&lines[0], 1)), (C, lend(&lines[1], 1))),
        (Quota::ConnectionsPerLocation, (B, order()), (B, order())),
        (Quota::AccessKeysPerAccount, ("", key()), ("", key())),
        (Quota::TagBytesPerAccount, (A, tagging(A, &own[0], 1)), (A, tagging(A, &own[1], 1))),
    ];
    for (quota, one, other) in races {
        // A rate limit is of an interface, of which there is room for two then.
        let interfaces = if quota == Quota::RateLimitersPerConnection { 2 } else { 1 };
        let quotas = &mut at.scene.world.settings.quotas;
        quotas.private_and_public_interfaces_per_connection = interfaces;
        let call = |scene: &mut Scene, (who, command): &(&str, Command)| {
            let principal = if who.is_empty() { Principal::Operator } else { tenant(who) };
            scene.call(principal, command.clone())
        };
        let (one, other) = (call(&mut at.scene, &one), call(&mut at.scene, &other));
        for (first, second) in [(&one, &other), (&other, &one)] {
            let mut world = at.scene.world.clone();
            let decided =
                [first, second].map(|call| world.decide(call).expect("there is one left"));
            world.commit(&decided[0]).expect("the first commit wins");
            world.commit(&decided[1]).expect_err("the second is a conflict");
            let fault = world.decide(second).expect_err("there is none left");
            assert!(
                matches!(&fault, Fault::QuotaExceeded { quota: refused, .. } if *refused == quota),
                "{quota:?}: {fault}"
            );
            assert_eq!(world.violations(), Vec::<String>::new());
        }
    }
}

/// A quota that was lowered takes nothing away; it refuses until there is room again.
#[test]
fn a_lowered_quota_refuses_new_ones_only() {
    let mut at = narrow(|_| {});
    let lent = [1, 2, 3].map(|vlan| at.lend(vlan).expect("has room"));
    one_interface(&mut at.scene.world.settings.quotas);
    assert!(matches!(at.lend(4), Err(Fault::QuotaExceeded { limit: 1, .. })));
    let gateway = at.gateway.clone();
    at.scene.confirm(B, &lent[0], &gateway).expect("is there already");
    for id in &lent[1..] {
        at.scene.delete(B, id).expect("B's own");
        assert!(matches!(at.lend(4), Err(Fault::QuotaExceeded { limit: 1, .. })));
    }
    at.counters();
}

#[test]
fn the_check_recounts_and_names_the_difference() {
    let mut at = narrow(|_| {});
    at.lend(1).expect("has room");
    let line = format!("count/vif/{}", at.line);
    let offers = format!("count/offers/{B}");
    let wrong = Record::Count(Count { total: 3, transit: 1 });
    at.scene.world.records.insert(line.clone(), (9, wrong));
    at.scene.world.records.remove(&offers);
    let nothing = Record::Count(Count { total: 2, transit: 0 });
    at.scene.world.records.insert(format!("count/key/{C}"), (9, nothing));
    assert_eq!(
        at.scene.world.violations(),
        [
            format!("count/key/{C}: says 2, a recount gives 0"),
            format!("{line}: says 3 (1 of them transit), a recount gives 1"),
            format!("{offers}: says 0, a recount gives 1"),
        ]
    );
}

/// A counter that is too low must not stand in the way of a deletion.
#[test]
fn a_counter_that_is_too_low_lets_things_end() {
    let mut at = narrow(|_| {});
    let lent = at.lend(1).expect("has room");
    at.scene.world.records.retain(|at, _| !at.starts_with("count/"));
    at.scene.delete(B, &lent).expect("B's own");
}

/// Allocations that are refused whoever the recipient is.
fn refused_anyway(line: &ConnectionId) -> Vec<Allocate> {
    let good = || Allocate { connection: line.to_string(), owner: B.to_owned(), new: plain(9) };
    let with = |change: fn(&mut NewInterface)| {
        let mut bad = good();
        change(&mut bad.new);
        bad
    };
    vec![
        with(|new| new.vlan = Some(101)),
        with(|new| new.vlan = Some(0)),
        with(|new| new.name.clear()),
        with(|new| new.asn = Some(0)),
        with(|new| new.mtu = Some(9000)),
        with(|new| new.rate_limit = Some("51Mbps".to_owned())),
        with(|new| new.address_family = Some("ipx".to_owned())),
        with(|new| new.amazon_address = Some("nowhere".to_owned())),
        with(|new| new.tags = vec![("aws:x".to_owned(), None)]),
        with(|new| new.tags = (0..60).map(|n| (format!("k{n}"), None)).collect()),
        Allocate { connection: "dxcon-ffffffff".to_owned(), ..good() },
        Allocate { connection: "dxlag-ffffffff".to_owned(), ..good() },
        Allocate { connection: String::new(), ..good() },
    ]
}

#[test]
fn a_request_that_is_refused_anyway_does_not_tell_whether_an_account_exists() {
    const NOBODY: &str = "999999999999";
    let mut scene = Scene::new();
    // A port that carries no jumbo frames.
    let line = scene.line(A, R1, "eth4");
    scene.allocate((A, C), &line, plain(101)).expect("is free");
    let mut full = scene.clone();
    full.world.settings.quotas.interfaces_per_connection = 1;
    let pending = scene.order(A, "PAR1").id;
    let of_another = scene.line(C, R2, "eth1");
    let mut requests = refused_anyway(&line);
    for connection in [&pending, &of_another] {
        let (connection, owner) = (connection.to_string(), B.to_owned());
        requests.push(Allocate { connection, owner, new: plain(9) });
    }
    let good = Allocate { connection: line.to_string(), owner: B.to_owned(), new: plain(9) };
    let cases = requests.into_iter().map(|new| (&scene, new)).chain([(&full, good)]);
    for (scene, request) in cases {
        let answers = [B, NOBODY].map(|owner| {
            let request = Allocate { owner: owner.to_owned(), ..request.clone() };
            scene.clone().tenant(A, Command::Allocate(request)).expect_err("is refused anyway")
        });
        assert_eq!(answers[0], answers[1], "{request:?}");
    }
}

proptest! {
    /// In every order of calls, losses of races, deadlines and reports.
    #[test]
    fn no_story_gets_more_than_the_quotas(story in story(), limit in 1..4_u32) {
        let mut stage = Stage::new();
        // Some of the tags of a story fit.
        let tag_bytes_per_account = 3 * limit;
        stage.scene.world.settings.quotas =
            Quotas { tag_bytes_per_account, ..Quotas::each(limit) };
        for step in &story {
            stage.play(step, &mut |_| Ok::<_, TestCaseError>(()))?;
            let world = &stage.scene.world;
            prop_assert_eq!(world.violations(), Vec::<String>::new());
            for (at, (_, record)) in &world.records {
                let Record::Count(count) = record else { continue };
                // The scene itself orders two connections of A, which has two Direct Connect gateways.
                let most = match at.split('/').nth(1) {
                    Some("connection" | "dxgw") => limit.max(2),
                    Some("tag-bytes") => tag_bytes_per_account,
                    // The pool of a connection of 10 Gbit/s.
                    Some("prefix-ipv4" | "prefix-ipv6") => 5_000,
                    // What the interfaces of a Direct Connect gateway take together.
                    Some("dxgw-prefixes") => 10_000,
                    Some(_) | None => limit,
                };
                prop_assert!((1..=most).contains(&count.total), "{}: {}", at, count);
            }
        }
    }
}
