//! Orders at a real location: the operator gives each a port, or refuses it.

use serde_json::json;

use crate::process::world::{Account, edge, order, port};
use crate::process::{Desk, Ended, QUICK};

#[test]
fn an_order_waits_for_the_operator_who_gives_it_a_port_or_refuses_it() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    edge(&mut operator, "PAR1", "par1-a");
    edge(&mut operator, "LON1", "lon1-a");
    let account = Account::create(&mut operator, "123456789000");
    let mut tenant = account.client(server.address());
    let ids: Vec<_> =
        (0..5).map(|number| order(&mut tenant, "PAR1", &format!("order {number}"))).collect();
    let admin = |words: &[&str]| -> Ended { desk.admin(words.iter().chain(&["--output", "json"])) };
    let approve =
        |id: &str, more: &[&str]| admin(&[&["connection", "approve", id][..], more].concat());
    let refused = |ended: Ended, says: &str| {
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(says), "no {says} in {}", ended.stderr);
    };
    assert!(ids.iter().all(|id| tenant.connection_state(id) == "requested"));
    refused(approve(&ids[0], &[]), "There is no free port of 1Gbps at location PAR1");
    port(&mut operator, "par1-a", "eth1", "1Gbps");
    port(&mut operator, "par1-a", "eth2", "10Gbps");
    port(&mut operator, "par1-a", "eth3", "1Gbps");
    port(&mut operator, "lon1-a", "eth1", "1Gbps");
    let on = |edge, interface| ["--edge", edge, "--interface", interface];
    refused(
        approve(&ids[0], &on("par1-a", "eth2")),
        "is a port of 10Gbps, the connection has 1Gbps",
    );
    refused(approve(&ids[0], &on("lon1-a", "eth1")), "is at LON1, the connection is at PAR1");
    refused(approve(&ids[0], &on("par1-a", "eth9")), "is not a port of edge par1-a");
    refused(approve("dxcon-00000000", &[]), "Could not find Connection with ID dxcon-00000000");
    // Named, then any that is free, then none is left.
    let first = approve(&ids[0], &on("par1-a", "eth3")).json();
    assert_eq!((&first["edgeId"], &first["interface"]), (&json!("par1-a"), &json!("eth3")));
    assert_eq!(first["connectionState"], "pending");
    refused(
        approve(&ids[1], &on("par1-a", "eth3")),
        &format!("of edge par1-a is taken by connection {}", ids[0]),
    );
    assert_eq!(approve(&ids[1], &[]).json()["interface"], "eth1");
    refused(approve(&ids[2], &[]), "There is no free port of 1Gbps at location PAR1");
    refused(approve(&ids[0], &[]), "is in state pending; only a connection in state requested");
    // Refused by the operator; nothing can be done with it any more.
    let rejected = admin(&["connection", "reject", &ids[3]]).json();
    assert_eq!(rejected["connectionState"], "rejected");
    refused(approve(&ids[3], &[]), "is in state rejected");
    refused(admin(&["connection", "reject", &ids[0]]), "is in state pending");
    // An order that its owner takes back frees nothing, because it had nothing.
    let deleted = tenant.ok("DeleteConnection", &json!({ "connectionId": ids[4] }));
    assert_eq!(deleted["connectionState"], "deleted");
    let states: Vec<_> = ids.iter().map(|id| tenant.connection_state(id)).collect();
    assert_eq!(states, ["pending", "pending", "requested", "rejected", "deleted"]);
    let requested = admin(&["connection", "list", "--state", "requested"]).json();
    assert_eq!(requested.as_array().map(Vec::len), Some(1), "{requested}");
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

/// Many approvals at once: each port has one connection, whoever was first.
#[test]
fn approvals_at_the_same_time_never_share_a_port() {
    const ORDERS: usize = 8;
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    edge(&mut operator, "PAR1", "par1-a");
    for number in 0..ORDERS - 2 {
        port(&mut operator, "par1-a", &format!("eth{number}"), "1Gbps");
    }
    let account = Account::create(&mut operator, "123456789000");
    let mut tenant = account.client(server.address());
    let ids: Vec<_> = (0..ORDERS).map(|_| order(&mut tenant, "PAR1", "order")).collect();
    let mut given: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = ids
            .iter()
            .map(|id| {
                let mut operator = desk.operator(&server);
                scope.spawn(move || {
                    let body = json!({ "connectionId": id });
                    let answer = operator.call("ApproveConnection", &body);
                    answer.is_ok().then(|| answer.json()["interface"].to_string())
                })
            })
            .collect();
        running.into_iter().filter_map(|thread| thread.join().expect("no panic")).collect()
    });
    given.sort();
    given.dedup();
    assert_eq!(given.len(), ORDERS - 2, "{given:?}");
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}
