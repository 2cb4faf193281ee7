//! What happens by itself: an offer that nobody answers expires, what has ended is forgotten, also
//! when its moment came while no server ran.

use serde_json::json;

use crate::process::world::{Pair, allocation, connection, simulated_location, text};
use crate::process::{Desk, QUICK, wait_for};

#[test]
fn unanswered_interfaces_expire_and_give_their_vlan_back() {
    let mut desk = Desk::new(&format!("{QUICK}hosted_interface_expiry_seconds = 1.0\n"));
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut lender = pair.lender.client(server.address());
    let mut recipient = pair.recipient.client(server.address());
    let body = |number| allocation(&pair.connection, &pair.recipient.id, "lent", 101, number);
    let allocate = "AllocatePrivateVirtualInterface";
    let first = text(&lender.ok(allocate, &body(1)), "virtualInterfaceId");
    assert_eq!(recipient.interface_state(&first), "confirming");
    wait_for("expired", || (recipient.interface_state(&first) == "expired").then_some(()));
    let confirm = json!({ "virtualInterfaceId": first, "virtualGatewayId": pair.gateway });
    let (_, refusal) = recipient.refused("ConfirmPrivateVirtualInterface", &confirm);
    assert!(refusal.contains("is in state expired"), "{refusal}");
    // The next one on this VLAN waits while the server is down.
    let second = wait_for("the VLAN is free", || {
        let answer = lender.call(allocate, &body(2));
        answer.is_ok().then(|| text(&answer.json(), "virtualInterfaceId"))
    });
    server.kill();
    desk.configure(&format!("{QUICK}hosted_interface_expiry_seconds = 3600\n"));
    let server = desk.start();
    let mut lender = pair.lender.client(server.address());
    wait_for("expired", || (lender.interface_state(&second) == "expired").then_some(()));
    // A window that the operator made longer counts for what is made from now on.
    let third = wait_for("the VLAN is free", || {
        let answer = lender.call(allocate, &body(3));
        answer.is_ok().then(|| text(&answer.json(), "virtualInterfaceId"))
    });
    assert_eq!(lender.interface_state(&third), "confirming");
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

#[test]
fn what_has_ended_is_shown_for_a_while_and_then_forgotten() {
    let desk = Desk::new(&format!("{QUICK}terminal_visibility_seconds = 1.0\n"));
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut lender = pair.lender.client(server.address());
    let mut recipient = pair.recipient.client(server.address());
    let ended = ["rejected", "deleted"].map(|state| {
        let body = allocation(&pair.connection, &pair.recipient.id, state, 101, 1);
        let made = lender.ok("AllocatePrivateVirtualInterface", &body);
        let id = text(&made, "virtualInterfaceId");
        let caller = if state == "rejected" { &mut recipient } else { &mut lender };
        let answer = caller.ok("DeleteVirtualInterface", &json!({ "virtualInterfaceId": id }));
        assert_eq!(answer["virtualInterfaceState"], state);
        (id, state)
    });
    for (id, state) in &ended {
        assert_eq!(lender.interface_state(id), *state);
        assert_eq!(recipient.interface_state(id), *state);
    }
    let spare = connection(&mut lender, "spare");
    lender.ok("DeleteConnection", &json!({ "connectionId": spare }));
    wait_for("deleted", || (lender.connection_state(&spare) == "deleted").then_some(()));
    for (id, _) in &ended {
        wait_for("forgotten", || {
            (lender.interface(id).is_none() && recipient.interface(id).is_none()).then_some(())
        });
        let (_, refusal) =
            lender.refused("DeleteVirtualInterface", &json!({ "virtualInterfaceId": id }));
        assert!(refusal.contains("does not exist"), "{refusal}");
    }
    wait_for("the connection is forgotten", || {
        let answer = lender.call("DescribeConnections", &json!({ "connectionId": spare }));
        (!answer.is_ok()).then_some(())
    });
    let listed = |caller: &mut crate::process::client::Client, operation: &str, member: &str| {
        caller.all(operation, member, json!({})).len()
    };
    // Nothing of it is kept, for the operator neither.
    wait_for("removed", || {
        let left = listed(&mut operator, "ListInterfaces", "virtualInterfaces");
        let connections = listed(&mut operator, "ListConnections", "connections");
        (left == 0 && connections == 1).then_some(())
    });
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}
