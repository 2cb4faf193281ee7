//! Which peer subnets meet: in one gateway's VRF on one router, and nowhere else.

mod common;

use std::collections::BTreeSet;

use common::refused;
use common::scene::{A, B, C, R1, R2, Scene, addressed, plain};
use linkway_domain::quota::Quotas;

#[test]
fn peer_subnets_of_one_gateway_on_one_router_do_not_overlap() {
    let mut scene = Scene::new();
    let (first, second) = (scene.line(A, R1, "eth1"), scene.line(A, R1, "eth2"));
    let elsewhere = scene.line(A, R2, "eth1");
    let (gateway, other_gateway) = (scene.vpc(A).id, scene.vpc(A).id);
    let of_c = scene.vpc(C).id;
    let wide = || addressed(7, "172.16.0.1/30", "172.16.0.2/30");
    let holder = scene.create(A, &first, &gateway, wide()).expect("the first").id;
    for (amazon, customer) in [
        ("172.16.0.1/30", "172.16.0.2/30"),
        ("172.16.0.2/30", "172.16.0.1/30"),
        ("172.16.0.0/31", "172.16.0.1/31"),
        ("172.16.0.3/31", "172.16.0.2/31"),
    ] {
        let overlap = |field: &str| {
            format!(
                "{field} \"{customer}\" overlaps the peer subnet of Virtual Interface {holder} of the same gateway \
                 {gateway} on the same router."
            )
        };
        let refusal = scene.create(A, &second, &gateway, addressed(7, amazon, customer));
        refused(refusal, &overlap("newPrivateVirtualInterface.customerAddress"));
    }
    scene
        .create(A, &second, &gateway, addressed(8, "172.16.0.4/31", "172.16.0.5/31"))
        .expect("next");
    scene.create(A, &second, &other_gateway, wide()).expect("another gateway is another VRF");
    scene.create(A, &elsewhere, &gateway, wide()).expect("another router");

    let lent = scene.allocate((A, C), &second, addressed(9, "172.16.0.1/30", "172.16.0.2/30"));
    let lent = lent.expect("nothing is decided before the confirmation").id;
    let first_of_c = scene.line(C, R1, "eth3");
    let own = scene.create(C, &first_of_c, &of_c, wide()).expect("C's first").id;
    refused(
        scene.confirm(C, &lent, &of_c),
        &format!(
            "customerAddress \"172.16.0.2/30\" overlaps the peer subnet of Virtual Interface {own} of the same \
             gateway {of_c} on the same router."
        ),
    );
    scene.delete(C, &own).expect("C's own");
    scene.settle(true, true);
    scene.confirm(C, &lent, &of_c).expect("the router has let go of the other");
}

#[test]
fn the_services_own_addresses_differ_for_all_4094_vlans_of_a_connection() {
    let mut scene = Scene::new();
    scene.world.settings.quotas = Quotas::each(4094);
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(A).id;
    let mut subnets = BTreeSet::new();
    for vlan in 1..=4094 {
        let made = if vlan % 2 == 0 {
            scene.create(A, &line, &gateway, plain(vlan))
        } else {
            scene.allocate((A, B), &line, plain(vlan))
        };
        let addresses = made.expect("the VLAN is free").first_peer().addresses;
        assert_eq!(addresses.amazon().trunc(), addresses.customer().trunc());
        assert!(subnets.insert(addresses.amazon().trunc()), "VLAN {vlan}: {addresses:?} again");
    }
}

#[test]
fn the_services_own_addresses_avoid_what_the_gateway_has() {
    let mut scene = Scene::new();
    let (line, other) = (scene.line(A, R1, "eth1"), scene.line(A, R1, "eth2"));
    let gateway = scene.vpc(A).id;
    let first = scene.create(A, &line, &gateway, plain(9)).expect("the VLAN is free");
    // The same connection and VLAN again give the same subnet, unless the gateway has it already.
    let mut occupied = scene.clone();
    occupied.delete(A, &first.id).expect("A's own");
    occupied.settle(true, true);
    let mut same = occupied.clone();
    let again = same.create(A, &line, &gateway, plain(9)).expect("the VLAN is free");
    assert_eq!(again.first_peer().addresses, first.first_peer().addresses);
    let (ours, theirs) =
        (first.first_peer().addresses.amazon(), first.first_peer().addresses.customer());
    let custom = addressed(9, &ours.to_string(), &theirs.to_string());
    occupied.create(A, &other, &gateway, custom).expect("on another line");
    let moved = occupied.create(A, &line, &gateway, plain(9)).expect("another subnet is free");
    assert_ne!(moved.first_peer().addresses, first.first_peer().addresses);
}
