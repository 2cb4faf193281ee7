//! What the operator, and whoever orders, may ask for: exact refusals.

use expect_test::{Expect, expect};
use linkway_domain::access_key::Principal;
use linkway_domain::access_key::decide::{CreateAccessKey, EnableAccessKey};
use linkway_domain::account::decide::CreateAccount;
use linkway_domain::connection::decide::{ApproveConnection, CreateConnection, PortChoice};
use linkway_domain::edge::decide::CreateEdge;
use linkway_domain::location::decide::CreateLocation;
use linkway_domain::port::decide::CreatePort;
use linkway_domain::virtual_gateway::decide::{CreateGateway, FabricPeerText, HandoffText};
use linkway_domain::virtual_interface::Secret;

use crate::common::command::{Command, Outcome};
use crate::common::scene::{A, B, R1, R2, START, Scene, account, approve};

/// One line for each command: taken, or the whole text of its refusal.
fn answers(
    scene: &Scene,
    principal: &Principal,
    commands: impl IntoIterator<Item = Command>,
    expected: Expect,
) {
    let mut lines = String::new();
    for command in commands {
        let answer = scene.clone().by(principal.clone(), command);
        lines.push_str(&answer.map_or_else(|fault| fault.to_string(), |_| "taken".to_owned()));
        lines.push('\n');
    }
    expected.assert_eq(&lines);
}

fn operator(scene: &Scene, commands: impl IntoIterator<Item = Command>, expected: Expect) {
    answers(scene, &Principal::Operator, commands, expected);
}

#[test]
fn accounts_locations_edges_and_ports() {
    let account = |id: &str, name: &str| {
        Command::CreateAccount(CreateAccount { id: id.to_owned(), name: name.to_owned() })
    };
    let location = |code: &str, name: &str, simulated| {
        let (code, name) = (code.to_owned(), name.to_owned());
        Command::CreateLocation(CreateLocation { code, name, simulated })
    };
    let edge = |id: &str, location: &str| {
        Command::CreateEdge(CreateEdge { id: id.to_owned(), location: location.to_owned() })
    };
    let port = |edge: &str, interface: &str, bandwidth: &str| {
        let [edge, interface, bandwidth] = [edge, interface, bandwidth].map(str::to_owned);
        Command::CreatePort(CreatePort { edge, interface, bandwidth, jumbo: false })
    };
    let commands = [
        account("123456789012", "New"),
        account("1", "New"),
        account("123456789012", " "),
        account(A, "Again"),
        location("LON1", "London", false),
        location("SIM2", "Pretended", true),
        location("LON 1", "London", false),
        location("LON1", "", false),
        location("PAR1", "Paris", true),
        edge("new", "PAR1"),
        edge("new/1", "PAR1"),
        edge("simulated-PAR1", "PAR1"),
        edge("new", "LON1"),
        edge("new", "SIM1"),
        edge(R1, "PAR1"),
        port(R1, "eth9", "400Gbps"),
        port(R1, "eth9", "9Gbps"),
        port(R1, "eth 9", "1Gbps"),
        port("nowhere", "eth9", "1Gbps"),
        port("simulated-SIM1", "eth9", "1Gbps"),
        port(R1, "eth1", "1Gbps"),
    ];
    operator(
        &Scene::new(),
        commands,
        expect![[r#"
        taken
        accountId "1" is not an account id: it must have exactly 12 digits.
        name " " must not begin or end with a space.
        accountId "111111111111" is taken: there is such an account already.
        taken
        taken
        locationCode "LON 1" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        locationName "" must have 1 to 100 characters, not 0.
        locationCode "PAR1" is taken: there is such a location already.
        taken
        edgeId "new/1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "simulated-PAR1" must not begin with simulated-, which names built-in edges.
        locationCode "LON1" does not exist.
        locationCode "SIM1" is simulated: the built-in edge serves it.
        edgeId "par1-r1" is taken: there is such an edge already.
        taken
        bandwidth "9Gbps" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
        interface "eth 9" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "nowhere" does not exist.
        edgeId "simulated-SIM1" is simulated: its ports come and go with connections.
        interface "eth1" is taken: edge par1-r1 has such a port already.
    "#]],
    );
}

#[test]
fn a_new_port_adds_its_speed_to_the_location() {
    let mut scene = Scene::new();
    let speeds = |scene: &Scene, code: &str| {
        let records = scene.world.records.get(&format!("location/{code}"));
        let Some((_, linkway_domain::record::Record::Location(location))) = records else {
            panic!("no location {code}")
        };
        location.speeds.iter().map(|speed| speed.port_speed()).collect::<Vec<_>>()
    };
    assert_eq!(speeds(&scene, "PAR1"), ["10G"]);
    assert_eq!(speeds(&scene, "SIM1"), ["1G", "10G", "100G", "400G"]);
    scene.operate(Command::CreatePort(CreatePort {
        edge: R1.to_owned(),
        interface: "eth9".to_owned(),
        bandwidth: "1Gbps".to_owned(),
        jumbo: false,
    }));
    assert_eq!(speeds(&scene, "PAR1"), ["1G", "10G"]);
}

#[test]
fn orders() {
    let order = || CreateConnection {
        location: "PAR1".to_owned(),
        bandwidth: "10Gbps".to_owned(),
        name: "line".to_owned(),
        ..CreateConnection::default()
    };
    let text = |text: &str| Some(text.to_owned());
    let commands = [
        order(),
        CreateConnection {
            provider_name: text("Equinix"),
            billing_mode: text("PayAsYouGo"),
            ..order()
        },
        CreateConnection { bandwidth: "50Mbps".to_owned(), ..order() },
        CreateConnection { name: String::new(), ..order() },
        CreateConnection { provider_name: text(""), ..order() },
        CreateConnection { location: "LON1".to_owned(), ..order() },
        CreateConnection { location: "PAR/1".to_owned(), ..order() },
        CreateConnection { lag: text("dxlag-ffffffff"), ..order() },
        CreateConnection { macsec: true, ..order() },
        CreateConnection { billing_mode: text("Prepaid"), ..order() },
        CreateConnection { tags: vec![("aws:x".to_owned(), None)], ..order() },
    ];
    let commands = || commands.iter().cloned().map(Command::CreateConnection);
    let scene = Scene::new();
    answers(
        &scene,
        &Principal::Account(account(A)),
        commands(),
        expect![[r#"
        taken
        taken
        bandwidth "50Mbps" must be one of 1Gbps, 10Gbps, 100Gbps, 400Gbps.
        connectionName "" must have 1 to 100 characters, not 0.
        providerName "" must have 1 to 100 characters, not 0.
        location "LON1" does not exist; DescribeLocations lists the locations.
        location "PAR/1" is not a location code: it must have 1 to 32 letters, digits or hyphens and begin with a letter or digit.
        Could not find Lag with ID dxlag-ffffffff
        requestMACSec "true" is not offered: no port here does MACsec.
        billingMode "Prepaid" is not offered: only PayAsYouGo is.
        tags[0].key "aws:x" must not begin with aws:, which is reserved.
    "#]],
    );
    let fault = scene.clone().by(Principal::Operator, Command::CreateConnection(order()));
    assert_eq!(
        fault.expect_err("owns nothing").to_string(),
        "The operator has no resources of its own; use an account's access key."
    );
}

#[test]
fn approvals_and_rejections() {
    let mut scene = Scene::new();
    let (ordered, pretended) = (scene.order(A, "PAR1").id, scene.order(A, "SIM1").id);
    let taken = scene.line(A, R1, "eth1");
    let small = match scene.tenant(
        A,
        Command::CreateConnection(CreateConnection {
            location: "PAR1".to_owned(),
            bandwidth: "1Gbps".to_owned(),
            name: "line".to_owned(),
            ..CreateConnection::default()
        }),
    ) {
        Ok(Outcome::Connection(connection)) => connection.id,
        other => panic!("{other:?}"),
    };
    let simulated = |id: &str| {
        let connection = id.to_owned();
        Command::ApproveConnection(ApproveConnection { connection, port: PortChoice::Simulated })
    };
    let names = [
        (&ordered, "<ordered>"),
        (&pretended, "<pretended>"),
        (&taken, "<taken>"),
        (&small, "<small>"),
    ];
    let commands = [
        approve(&ordered, R2, "eth4"),
        approve(&ordered, R1, "eth1"),
        approve(&ordered, R1, "eth9"),
        approve(&ordered, "nowhere", "eth1"),
        approve(&ordered, R1, "eth/1"),
        approve(&ordered, "r 1", "eth1"),
        approve(&small, R1, "eth2"),
        approve(&pretended, R1, "eth2"),
        approve(&taken, R1, "eth2"),
        simulated(pretended.as_str()),
        simulated(ordered.as_str()),
        simulated("dxcon-00000000"),
        simulated("nonsense"),
        Command::RejectConnection(ordered.to_string()),
        Command::RejectConnection(taken.to_string()),
        Command::RejectConnection("dxcon-00000000".to_owned()),
    ];
    let mut lines = String::new();
    for command in commands {
        let answer = scene.clone().by(Principal::Operator, command);
        let line = answer.map_or_else(|fault| fault.to_string(), |_| "taken".to_owned());
        let named = names.iter().fold(line, |line, (id, name)| line.replace(id.as_str(), name));
        lines.push_str(&(named + "\n"));
    }
    expect![[r#"
        taken
        interface "eth1" of edge par1-r1 is taken by connection <taken>.
        interface "eth9" is not a port of edge par1-r1.
        interface "eth1" is not a port of edge nowhere.
        interface "eth/1" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "r 1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        interface "eth2" is a port of 10Gbps, the connection has 1Gbps.
        edgeId "par1-r1" is at PAR1, the connection is at SIM1.
        connectionId "<taken>" is in state available; only a connection in state requested can be approved.
        taken
        location "PAR1" is not simulated: name a port, or add one to an edge there.
        Could not find Connection with ID dxcon-00000000
        Could not find Connection with ID nonsense
        taken
        connectionId "<taken>" is in state available; only a connection in state requested can be rejected.
        Could not find Connection with ID dxcon-00000000
    "#]].assert_eq(&lines);
}

#[test]
fn gateways() {
    let plain = || CreateGateway {
        name: None,
        account: A.to_owned(),
        asn: None,
        vpc: "vpc-1".to_owned(),
        cidrs: vec!["10.0.0.0/16".to_owned()],
        handoffs: vec![],
    };
    let cidrs = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let handoff = |edge: &str, interface: &str, next_hop: &str| {
        let [edge, interface, next_hop] = [edge, interface, next_hop].map(str::to_owned);
        vec![HandoffText { edge, interface, next_hop, fabric_peer: None }]
    };
    let many: Vec<String> = (0..=100).map(|n| format!("10.{n}.0.0/16")).collect();
    let commands = [
        plain(),
        CreateGateway {
            asn: Some(4_200_000_000),
            handoffs: handoff(R1, "up0", "10.9.0.1"),
            ..plain()
        },
        CreateGateway { cidrs: many[..100].to_vec(), ..plain() },
        CreateGateway { cidrs: many.clone(), ..plain() },
        CreateGateway { asn: Some(7224), ..plain() },
        CreateGateway { account: "999999999999".to_owned(), ..plain() },
        CreateGateway { account: "9".to_owned(), ..plain() },
        CreateGateway { vpc: "net-1".to_owned(), ..plain() },
        CreateGateway { cidrs: vec![], ..plain() },
        CreateGateway { cidrs: cidrs(&["10.0.0.0/16", "2001:db8::1/56"]), ..plain() },
        CreateGateway { cidrs: cidrs(&["10.0.0.0/16", "10.0.9.0/24"]), ..plain() },
        CreateGateway { handoffs: handoff("nowhere", "up0", "10.9.0.1"), ..plain() },
        CreateGateway { handoffs: handoff(R1, "up/0", "10.9.0.1"), ..plain() },
        CreateGateway { handoffs: handoff(R1, "up0", "router"), ..plain() },
        CreateGateway { handoffs: handoff(R1, "eth1", "10.9.0.1"), ..plain() },
    ];
    operator(
        &Scene::new(),
        commands.map(Command::CreateGateway),
        expect![[r#"
        taken
        taken
        taken
        cidrs has 101 members; at most 100 are allowed.
        amazonSideAsn "7224" must be a private AS number: 64512 to 65534 or 4200000000 to 4294967294 (RFC 6996).
        accountId "999999999999" does not exist.
        accountId "9" is not an account id: it must have exactly 12 digits.
        vpcId "net-1" is not a VPC id: it must be vpc- followed by 1 to 32 letters, digits or hyphens.
        cidrs is required: give at least one prefix of the VPC.
        cidrs[1] "2001:db8::1/56" has host bits set; the prefix is 2001:db8::/56.
        cidrs[1] "10.0.9.0/24" overlaps 10.0.0.0/16 of the same gateway.
        handoffs[0].edgeId "nowhere" does not exist.
        handoffs[0].interface "up/0" is not an interface name: it must have 1 to 15 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        handoffs[0].nextHop "router" is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host.
        handoffs[0].interface "eth1" is a customer port of edge par1-r1; a handoff leads to the cloud's fabric.
    "#]],
    );
    let delete = ["vgw-00000000", "nonsense"].map(|id| Command::DeleteGateway(id.to_owned()));
    operator(
        &Scene::new(),
        delete,
        expect![[r#"
        The VirtualGateway vgw-00000000 does not exist.
        The VirtualGateway nonsense does not exist.
    "#]],
    );
}

#[test]
fn an_interface_leads_to_one_gateway_s_fabric_and_is_no_customer_port() {
    let handoff = |interface: &str, next_hop: &str| HandoffText {
        edge: "par1-r1".to_owned(),
        interface: interface.to_owned(),
        next_hop: next_hop.to_owned(),
        fabric_peer: None,
    };
    let create = |account: &str, handoffs: Vec<HandoffText>| {
        Command::CreateGateway(CreateGateway {
            name: None,
            account: account.to_owned(),
            asn: None,
            vpc: "vpc-1".to_owned(),
            cidrs: vec!["10.0.0.0/16".to_owned()],
            handoffs,
        })
    };
    let mut scene = Scene::new();
    // One gateway may have both families on one interface.
    let both = vec![handoff("up9", "10.9.0.1"), handoff("up9", "2001:db8::1")];
    scene.operate(create(A, both));
    let port = CreatePort {
        edge: "par1-r1".to_owned(),
        interface: "up9".to_owned(),
        bandwidth: "1Gbps".to_owned(),
        jumbo: true,
    };
    operator(
        &scene,
        [
            create(A, vec![handoff("up9", "10.9.0.2")]),
            create(B, vec![handoff("up9", "10.9.0.2")]),
            Command::CreatePort(port),
            create(B, vec![handoff("up8", "10.9.0.2")]),
        ],
        expect![[r#"
        handoffs[0].interface "up9" of edge par1-r1 is the handoff of another gateway.
        handoffs[0].interface "up9" of edge par1-r1 is the handoff of another gateway.
        interface "up9" of edge par1-r1 is the handoff of a gateway to the cloud's fabric.
        taken
    "#]],
    );
}

#[test]
fn the_largest_gateway_is_still_one_transaction() {
    let mut scene = Scene::new();
    let mut handoffs = Vec::new();
    for number in 0..=40 {
        let edge = format!("fabric-{number}");
        let new = CreateEdge { id: edge.clone(), location: "PAR1".to_owned() };
        scene.operate(Command::CreateEdge(new));
        let (interface, next_hop) = ("up0".to_owned(), "10.0.0.1".to_owned());
        handoffs.push(HandoffText { edge, interface, next_hop, fabric_peer: None });
    }
    let create = |handoffs: &[HandoffText]| {
        Command::CreateGateway(CreateGateway {
            name: None,
            account: A.to_owned(),
            asn: None,
            vpc: "vpc-1".to_owned(),
            cidrs: (0..100).map(|n| format!("10.{n}.0.0/16")).collect(),
            handoffs: handoffs.to_vec(),
        })
    };
    // Whatever `run` commits it has checked against what a transaction may hold.
    operator(
        &scene,
        [create(&handoffs[..40]), create(&handoffs)],
        expect![[r#"
        taken
        handoffs has 41 members; at most 40 are allowed.
    "#]],
    );
}

#[test]
fn access_keys() {
    let mut scene = Scene::new();
    let made = |scene: &mut Scene, new: CreateAccessKey| match scene
        .operate(Command::CreateAccessKey(new))
    {
        Outcome::AccessKey(made) => made,
        other => panic!("{other:?}"),
    };
    let own = made(&mut scene, CreateAccessKey::Operator);
    let tenants = made(&mut scene, CreateAccessKey::Account(A.to_owned()));
    assert_eq!((tenants.enabled, tenants.created), (true, START));
    assert_eq!(tenants.secret.reveal().len(), 40);
    assert_ne!(tenants.secret.reveal(), own.secret.reveal());
    let edges = made(&mut scene, CreateAccessKey::Edge(R1.to_owned()));
    assert_eq!(edges.principal, Principal::Edge(R1.parse().expect("an edge id")));
    let another = made(&mut scene, CreateAccessKey::Edge(R1.to_owned()));
    assert_ne!((&edges.id, &edges.secret), (&another.id, &another.secret), "one beside the other");
    let edge = |id: &str| Command::CreateAccessKey(CreateAccessKey::Edge(id.to_owned()));
    let enable = |id: &str, enabled| {
        Command::EnableAccessKey(EnableAccessKey { id: id.to_owned(), enabled })
    };
    let delete = |id: &str| Command::DeleteAccessKey(id.to_owned());
    let commands = [
        enable(tenants.id.as_str(), false),
        enable(tenants.id.as_str(), true),
        delete(tenants.id.as_str()),
        enable("LKWY0000000000000000", false),
        delete("LKWY0000000000000000"),
        delete("nonsense"),
        Command::CreateAccessKey(CreateAccessKey::Account("999999999999".to_owned())),
        enable(edges.id.as_str(), false),
        enable(edges.id.as_str(), true),
        delete(edges.id.as_str()),
        edge("nowhere"),
        edge("r 1"),
        edge("simulated-SIM1"),
    ];
    operator(
        &scene,
        commands,
        expect![[r#"
        taken
        taken
        taken
        The access key LKWY0000000000000000 does not exist.
        The access key LKWY0000000000000000 does not exist.
        accessKeyId "nonsense" is not an access key id: it must have 20 characters of A-Z and 0-9.
        accountId "999999999999" does not exist.
        taken
        taken
        taken
        edgeId "nowhere" does not exist.
        edgeId "r 1" is not an edge id: it must have 1 to 63 letters, digits, hyphens, dots or underscores and begin with a letter or digit.
        edgeId "simulated-SIM1" is simulated: it needs no key.
    "#]],
    );
    for command in [enable(own.id.as_str(), false), delete(own.id.as_str())] {
        let fault = scene.by(Principal::Operator, command).expect_err("the last way in");
        assert_eq!(
            fault.to_string(),
            format!(
                "accessKeyId \"{}\" is an operator's own key: DisableOperatorKey and DeleteOperatorKey are for those.",
                own.id
            )
        );
    }
}

#[test]
fn a_handoff_may_have_a_session_with_the_fabric() {
    let handoff = |edge: &str, interface: &str, next_hop: &str, peer: (&str, i64, Option<&str>)| {
        let [edge, interface, next_hop] = [edge, interface, next_hop].map(str::to_owned);
        let (address, asn, key) = peer;
        let auth_key = key.map(|key| Secret(key.to_owned()));
        let fabric_peer = Some(FabricPeerText { address: address.to_owned(), asn, auth_key });
        HandoffText { edge, interface, next_hop, fabric_peer }
    };
    let one = |peer: (&str, i64, Option<&str>)| vec![handoff(R1, "up0", "10.9.0.1", peer)];
    let key = Some("fjord-Secret-1");
    let same_family = [
        handoff(R1, "up0", "10.9.0.1", ("10.9.0.1", 65_010, None)),
        handoff(R1, "up1", "10.9.1.1", ("10.9.1.1", 65_010, None)),
    ];
    let both_families = [
        handoff(R1, "up0", "10.9.0.1", ("10.9.0.1", 65_010, key)),
        handoff(R1, "up0", "2001:db8::1", ("2001:db8::2", 65_010, None)),
    ];
    let tried = [
        one(("10.9.0.1", 65_010, key)),
        // Beside the next hop; an internal session.
        one(("10.9.0.2", 64_512, None)),
        both_families.to_vec(),
        one(("router", 65_010, key)),
        one(("224.0.0.5", 65_010, key)),
        one(("2001:db8::1", 65_010, key)),
        vec![handoff(R1, "up0", "fe80::1", ("fe80::1", 65_010, key))],
        one(("10.9.0.1", 0, key)),
        one(("10.9.0.1", 23_456, key)),
        one(("10.9.0.1", 4_294_967_295, key)),
        one(("10.9.0.1", 65_010, Some("fjord"))),
        one(("10.9.0.1", 65_010, Some("fjord Secret"))),
        one(("10.9.0.1", 65_010, Some("fjord\"Secret"))),
        same_family.to_vec(),
    ];
    let commands = tried.map(|handoffs| {
        Command::CreateGateway(CreateGateway {
            name: None,
            account: A.to_owned(),
            asn: None,
            vpc: "vpc-1".to_owned(),
            cidrs: vec!["10.0.0.0/16".to_owned()],
            handoffs,
        })
    });
    operator(
        &Scene::new(),
        commands,
        expect![[r#"
        taken
        taken
        taken
        handoffs[0].fabricPeer.address "router" is not the address of a fabric peer: it must be a unicast IPv4 or IPv6 address of another host, and no link-local one where it is IPv6.
        handoffs[0].fabricPeer.address "224.0.0.5" is not the address of a fabric peer: it must be a unicast IPv4 or IPv6 address of another host, and no link-local one where it is IPv6.
        handoffs[0].fabricPeer.address "2001:db8::1" is not an IPv4 address, as the next hop of its handoff is.
        handoffs[0].fabricPeer.address "fe80::1" is not the address of a fabric peer: it must be a unicast IPv4 or IPv6 address of another host, and no link-local one where it is IPv6.
        handoffs[0].fabricPeer.asn "0" must be from 1 to 4294967294.
        handoffs[0].fabricPeer.asn "23456" must not be AS_TRANS, which stands for a 4-byte number (RFC 6793).
        handoffs[0].fabricPeer.asn "4294967295" must be from 1 to 4294967294 and is reserved (RFC 7300).
        handoffs[0].fabricPeer.authKey (not shown) must have 6 to 80 characters, not 5.
        handoffs[0].fabricPeer.authKey (not shown) must consist of printable ASCII characters without spaces.
        handoffs[0].fabricPeer.authKey (not shown) must not contain a double quote.
        handoffs[1].fabricPeer.address "10.9.1.1" is on a handoff that does not count: of edge par1-r1 and this address family, handoffs[0] comes first.
    "#]],
    );
}
