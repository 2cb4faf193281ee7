//! A data directory of an earlier build opens in this one, with everything that was in it.
//!
//! `tests/data/schema-1` was written by the build that introduced schema version 1. A later schema
//! gets a directory of its own beside it; `LINKWAY_MAKE_DATA=schema-N` writes it, once. Since version 3 that is what a killed
//! server leaves, with its log.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use linkway_wire::feed::FORMAT;
use serde_json::{Value, json};

use crate::process::client::{Client, Key};
use crate::process::world::{Pair, allocation, edge, order, port, simulated_location, text};
use crate::process::{Desk, QUICK, REGION, wait_for};

const SCHEMAS: [&str; 6] = ["schema-1", "schema-2", "schema-3", "schema-4", "schema-5", "schema-6"];

fn data(schema: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(schema)
}

/// The names of a directory's files.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("it is there").map(|entry| entry.expect("an entry"));
    entries.map(|entry| entry.file_name().into_string().expect("text")).collect()
}

/// Ten years: what waits for its confirmation still does when this is read.
const PATIENT: &str = "hosted_interface_expiry_seconds = 315360000\n";

#[test]
fn a_directory_of_each_earlier_schema_opens_with_everything_in_it() {
    if let Ok(schema) = std::env::var("LINKWAY_MAKE_DATA") {
        make(&data(&schema));
    }
    for schema in SCHEMAS {
        opens(&data(schema));
    }
}

fn opens(old: &Path) {
    let desk = Desk::new(QUICK);
    fs::DirBuilder::new().mode(0o700).create(desk.data()).expect("made");
    for name in names(old).iter().filter(|name| name.starts_with("linkway.")) {
        fs::copy(old.join(name), desk.file(name)).expect("copied");
    }
    use std::os::unix::fs::PermissionsExt as _;
    // A checkout does not keep who may read a file.
    fs::set_permissions(desk.file("linkway.key"), fs::Permissions::from_mode(0o600)).expect("set");
    let known: Value =
        serde_json::from_slice(&fs::read(old.join("known.json")).expect("there")).expect("JSON");
    assert_eq!(desk.check(), [""; 0]);
    let server = desk.start();
    let address = server.address();
    let operator = Key::of(&known["operator"]);
    assert!(desk.operator_key().secret == operator.secret, "the operator's key has changed");
    let events = desk.operator(&server).ok("ListEvents", &json!({ "maxResults": 100 }));
    let events = events["events"].as_array().expect("a list");
    let lent = events.iter().filter(|e| e["operation"] == "AllocatePrivateVirtualInterface");
    let lent = lent.map(|e| {
        assert!(e["time"].is_string() && e["requestId"].is_string(), "{e}");
        assert_eq!(e["principal"], format!("account {}", text(e, "accountId")), "{e}");
        assert_eq!(
            (&e["sourceAddress"], &e["outcome"]),
            (&json!("127.0.0.1"), &json!("ok")),
            "{e}"
        );
        let new = &e["parameters"]["newPrivateVirtualInterfaceAllocation"];
        (new["vlan"].as_i64(), e["resources"][0].as_str().expect("an id").to_owned())
    });
    // Of one millisecond any may be the first.
    let lent: BTreeMap<_, _> = lent.collect();
    let ids = |vlans: [i64; 2]| vlans.map(|vlan| lent[&Some(vlan)].clone());
    assert_eq!(lent.len(), 3, "{lent:?}");
    assert_eq!(
        ids([101, 102]),
        ["accepted", "waiting"].map(|which| text(&known[which], "virtualInterfaceId"))
    );
    let [mut lender, mut recipient] =
        ["lender", "recipient"].map(|who| Client::tenant(address, &Key::of(&known[who])));
    let [accepted, waiting] =
        ["accepted", "waiting"].map(|which| text(&known[which], "virtualInterfaceId"));
    for (id, which) in [(&accepted, "accepted"), (&waiting, "waiting")] {
        let shown = recipient.interface(id).expect("there");
        for member in ["authKey", "vlan", "amazonAddress", "customerAddress", "asn", "connectionId"]
        {
            assert_eq!(shown[member], known[which][member], "{member} of {which}");
        }
    }
    assert_eq!(lender.interface(&accepted).expect("there")["tags"], known["tags"]);
    wait_for("available", || (recipient.interface_state(&accepted) == "available").then_some(()));
    // It goes on from there.
    let confirm = json!({ "virtualInterfaceId": waiting, "virtualGatewayId": known["gateway"] });
    recipient.ok("ConfirmPrivateVirtualInterface", &confirm);
    wait_for("available", || (recipient.interface_state(&waiting) == "available").then_some(()));
    let delete = json!({ "virtualInterfaceId": accepted });
    lender.ok("DeleteVirtualInterface", &delete);
    wait_for("deleted", || (recipient.interface_state(&accepted) == "deleted").then_some(()));
    let mut edge = Client::linkway(address, &Key::of(&known["edge"]));
    let config = edge.ok("GetEdgeConfig", &json!({ "format": FORMAT }));
    assert_eq!(config["config"]["ports"][0]["interface"], "eth1", "{config}");
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

/// Writes a directory with one of everything, and beside it what a test must know of it. The keys
/// in it are good for nothing else.
fn make(into: &Path) {
    let desk = Desk::new(&format!("{QUICK}{PATIENT}"));
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, address, 1);
    let (mut lender, mut recipient) = (pair.lender.client(address), pair.recipient.client(address));
    let [accepted, waiting, rejected] = [101, 102, 103].map(|vlan| {
        let body = allocation(&pair.connection, &pair.recipient.id, "lent", vlan, vlan);
        lender.ok("AllocatePrivateVirtualInterface", &body)
    });
    let id = |made: &Value| text(made, "virtualInterfaceId");
    let confirm = json!({ "virtualInterfaceId": id(&accepted), "virtualGatewayId": pair.gateway });
    recipient.ok("ConfirmPrivateVirtualInterface", &confirm);
    recipient.ok("DeleteVirtualInterface", &json!({ "virtualInterfaceId": id(&rejected) }));
    let tags = json!([{ "key": "team", "value": "net" }]);
    let arn = format!("arn:aws:directconnect:{REGION}:{}:dxvif/{}", pair.lender.id, id(&accepted));
    lender.ok("TagResource", &json!({ "resourceArn": arn, "tags": tags }));
    let edge_key = edge(&mut operator, "PAR1", "par1-a");
    port(&mut operator, "par1-a", "eth1", "1Gbps");
    port(&mut operator, "par1-a", "eth2", "10Gbps");
    let ordered = order(&mut lender, "PAR1", "real");
    operator.ok("ApproveConnection", &json!({ "connectionId": ordered }));
    wait_for("available", || (lender.interface_state(&id(&accepted)) == "available").then_some(()));
    // So that its log is part of what is kept.
    server.kill();
    let key = |key: &Key| json!({ "accessKeyId": key.id, "secretAccessKey": key.secret });
    let known = json!({
        "operator": key(&desk.operator_key()), "lender": key(&pair.lender.key),
        "recipient": key(&pair.recipient.key), "edge": key(&edge_key),
        "gateway": pair.gateway, "tags": tags, "accepted": accepted, "waiting": waiting,
    });
    fs::create_dir(into).expect("there is no such directory yet");
    let is_part = |name: &&String| {
        let rest = name.strip_prefix("linkway.");
        rest.is_some_and(|rest| rest == "db" || rest == "key" || rest.starts_with("db-log-0"))
    };
    for name in names(desk.data()).iter().filter(is_part) {
        fs::copy(desk.file(name), into.join(name)).expect("copied");
    }
    fs::write(into.join("known.json"), format!("{known:#}\n")).expect("written");
}
