//! The router that is measured, and its configuration.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};

use linkway_domain::edge::EdgeConfig;
use linkway_wire::feed::ConfigText;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// How many interfaces a port has. It has no more than 4,094 VLANs, and one more interface than is measured must not need one more port.
const OF_A_PORT: usize = 3_000;

/// The port of an interface.
fn port(n: usize) -> String {
    format!("eth{}", n / OF_A_PORT + 1)
}

/// Handoffs, and the ports that so many interfaces need, as an operator has them before Linkway comes: a handoff for each routing
/// domain, all with the same address. Those before the first are there. Without a carrier on the ports BIRD does not try to
/// reach routers that are not there.
pub fn operators_links(handoffs: Range<usize>, carrier: bool) {
    let far = if carrier { "up" } else { "down" };
    let mut batch = "link set lo up\n".to_owned();
    let ports = |handoffs: usize| handoffs.div_ceil(OF_A_PORT);
    for n in ports(handoffs.start) + 1..=ports(handoffs.end) {
        batch.push_str(&format!(
            "link add eth{n} type veth peer name far{n}\nlink set far{n} {far}\nlink set eth{n} up\n"
        ));
    }
    for n in handoffs {
        batch.push_str(&format!(
            "link add h{n} type dummy\naddress add 192.0.2.1/30 dev h{n}\nlink set h{n} up\n"
        ));
    }
    fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
    // When a link goes up or down the kernel looks at every IPv6 route of every table: thousands of handoffs with link-local
    // addresses would make each link of the agent's take as long as all of the rest.
    let default = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
    fs::write(default, "1").unwrap();
    feed("ip", &["-batch", "-"], &batch);
    fs::write(default, "0").unwrap();
}

/// Runs a program to its end with this on its stdin.
pub fn feed(program: &str, words: &[&str], text: &str) {
    let mut child = Command::new(program)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{program} {words:?}");
}

/// A configuration of so many interfaces, each in a routing domain of its own, the same addresses everywhere.
/// Ids and keys look as the server draws them: nothing about them compresses.
pub fn config(interfaces: usize, generation: u64) -> ConfigText {
    let mut numbers: Vec<usize> = (0..interfaces).collect();
    numbers.sort_by_key(|n| id("dxvif-f", *n, 7));
    let list: Vec<Value> = numbers.iter().map(|n| interface(*n)).collect();
    numbers.sort_by_key(|n| id("vgw-", *n, 8));
    let domains: Vec<Value> = numbers.iter().map(|n| routing_domain(*n)).collect();
    let ports: Vec<Value> = (0..interfaces.max(1))
        .step_by(OF_A_PORT)
        .map(|n| json!({ "interface": port(n), "connectionId": id("dxcon-f", n, 7) }))
        .collect();
    let config: EdgeConfig = serde_json::from_value(json!({
        "edgeId": "edge-1",
        "epoch": 1,
        "generation": generation,
        "ports": ports,
        "routingDomains": domains,
        "interfaces": list,
    }))
    .unwrap();
    ConfigText::render(config)
}

fn interface(n: usize) -> Value {
    json!({
        "virtualInterfaceId": id("dxvif-f", n, 7),
        "kind": "private",
        "interface": port(n),
        "vlan": n % OF_A_PORT + 1,
        "mtu": 1500,
        "routingDomainId": id("vgw-", n, 8),
        "peers": [{
            "bgpPeerId": id("dxpeer-f", n, 7),
            "addresses": { "amazon": "169.254.0.1/30", "customer": "169.254.0.2/30" },
            "asn": 65000,
            "authKey": id("", n, 24),
        }],
    })
}

fn routing_domain(n: usize) -> Value {
    json!({
        "routingDomainId": id("vgw-", n, 8),
        "amazonSideAsn": 64512,
        "cidrs": ["10.20.0.0/16"],
        "handoffs": [{ "interface": format!("h{n}"), "nextHop": "192.0.2.2" }],
    })
}

fn id(prefix: &str, n: usize, digits: usize) -> String {
    let hash = Sha256::digest(format!("{prefix}{n}"));
    let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{prefix}{}", &text[..digits])
}

/// The directory, made anew.
pub fn fresh(dir: &Path) {
    let _ = fs::remove_dir_all(dir);
    fs::create_dir_all(dir).unwrap();
}
