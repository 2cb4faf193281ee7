//! The cables and addresses: who is connected with whom.
//!
//! ```text
//! server --mgmt-- [edge: eth1 port, vpc0 handoff] == 802.1Q == [router] -- lan -- [customer]
//!                           |
//!                         [vpc]
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Kernel;
use super::hands::Hands;

/// The edge router; where it is `linkway edge` runs.
pub const EDGE: &str = "edge";
/// The customer's router.
pub const ROUTER: &str = "router";
/// The customer's host behind it.
pub const CUSTOMER: &str = "customer";
/// The host in the recipient's VPC.
pub const VPC: &str = "vpc";

/// The stage's end of the wire to the hands (RFC 2544: for tests, in nobody's network).
pub const STAGE_ADDRESS: &str = "198.18.0.1";
/// The hands.
pub const HANDS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2)), 7224);
/// Where the server listens, on the edge's management network.
pub const SERVER: &str = "198.51.100.1:8580";
/// The server's address alone.
pub const SERVER_ADDRESS: &str = "198.51.100.1";

/// The edge's port towards the customer.
pub const PORT: &str = "eth1";
/// The edge's interface towards the VPC.
pub const HANDOFF: &str = "vpc0";
/// The VPC's end of the handoff: the next hop for its prefixes.
pub const NEXT_HOP: &str = "192.0.2.2";
/// The VPC's prefix.
pub const VPC_PREFIX: &str = "10.0.0.0/16";
/// The host in the VPC.
pub const VPC_HOST: &str = "10.0.0.10";
/// The customer's network.
pub const CUSTOMER_PREFIX: &str = "192.168.1.0/24";
/// The customer's host.
pub const CUSTOMER_HOST: &str = "192.168.1.10";

/// The stage's own side: its end of the wire to the hands, and of the management network.
pub fn stage_lines(kernel: Kernel) -> String {
    let wires = match kernel {
        // User-mode Linux opens the other ends of these as its vec0 and vec1.
        Kernel::Uml => format!(
            "tuntap add hands mode tap\n\
             tuntap add mgmt mode tap\n\
             address add {STAGE_ADDRESS}/30 dev hands\n\
             link set hands up\n"
        ),
        Kernel::Host => format!(
            "link add mgmt type veth peer name vec1\n\
             address add {}/32 dev lo\n",
            HANDS.ip()
        ),
    };
    format!("link set lo up\n{wires}address add {SERVER_ADDRESS}/30 dev mgmt\nlink set mgmt up\n")
}

/// Makes the places on the machine, with the cables between them. The edge has nothing of a tenant
/// yet: that is for `linkway edge` to make.
pub fn build(hands: Hands) -> anyhow::Result<()> {
    for place in [EDGE, ROUTER, CUSTOMER, VPC] {
        hands.run(&["ip", "netns", "add", place], "")?;
        hands.run(&["ip", "-n", place, "link", "set", "lo", "up"], "")?;
    }
    // The edge's agent turns on forwarding itself, for what it makes and for the handoff.
    for (place, switch) in [(EDGE, 0), (ROUTER, 1)] {
        let forward = format!("echo {switch} > /proc/sys/net/ipv4/ip_forward");
        hands.run(&["ip", "netns", "exec", place, "sh", "-c", &forward], "")?;
    }
    let cables = format!(
        "link set vec1 netns {EDGE} name mgmt0\n\
         link add {PORT} netns {EDGE} type veth peer name eth0 netns {ROUTER}\n\
         link add {HANDOFF} netns {EDGE} type veth peer name eth0 netns {VPC}\n\
         link add lan0 netns {ROUTER} type veth peer name eth0 netns {CUSTOMER}\n"
    );
    hands.run(&["ip", "-batch", "-"], &cables)?;
    for (place, lines) in [(EDGE, edge_lines()), (VPC, vpc_lines())] {
        hands.run(&["ip", "-n", place, "-batch", "-"], &lines)?;
    }
    let router = "link set eth0 up\naddress add 192.168.1.1/24 dev lan0\nlink set lan0 up\n";
    hands.run(&["ip", "-n", ROUTER, "-batch", "-"], router)?;
    let customer = format!(
        "address add {CUSTOMER_HOST}/24 dev eth0\nlink set eth0 up\n\
         route add default via 192.168.1.1\n"
    );
    hands.run(&["ip", "-n", CUSTOMER, "-batch", "-"], &customer)?;
    Ok(())
}

/// As docs/edge.md has it: the router's own addresses are looked up after the VRFs' rule.
fn edge_lines() -> String {
    format!(
        "address add 198.51.100.2/30 dev mgmt0\nlink set mgmt0 up\n\
         link set {PORT} up\n\
         address add 192.0.2.1/30 dev {HANDOFF}\nlink set {HANDOFF} up\n\
         rule add priority 32765 table local\nrule delete priority 0\n"
    )
}

fn vpc_lines() -> String {
    format!(
        "address add {NEXT_HOP}/30 dev eth0\nlink set eth0 up\n\
         address add {VPC_HOST}/32 dev lo\n\
         route add default via 192.0.2.1\n"
    )
}
