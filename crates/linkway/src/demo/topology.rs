//! The namespaces, links and addresses of the demo.
//!
//! ```text
//! server --mgmt-- [edge: eth1 port, vpc0 handoff] == 802.1Q == [router] -- lan -- [customer]
//!                           |
//!                         [vpc]
//! ```

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Kernel;
use super::runner::Runner;

/// The edge router's namespace, in which `linkway edge` runs.
pub const EDGE: &str = "edge";
/// The customer's router's namespace.
pub const ROUTER: &str = "router";
/// The namespace of the customer's host behind it.
pub const CUSTOMER: &str = "customer";
/// The namespace of the host in the recipient's VPC.
pub const VPC: &str = "vpc";

/// The sandbox's address on the link to the runner (a range for tests, RFC 2544).
pub const SANDBOX_ADDRESS: &str = "198.18.0.1";
/// Where the runner listens.
pub const RUNNER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(198, 18, 0, 2)), 7224);
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

/// The `ip` commands for the sandbox's side: its end of the link to the runner and of the management network.
pub fn sandbox_lines(kernel: Kernel) -> String {
    let links = match kernel {
        // User-mode Linux opens the other ends of these as its vec0 and vec1.
        Kernel::Uml => format!(
            "tuntap add runner mode tap\n\
             tuntap add mgmt mode tap\n\
             address add {SANDBOX_ADDRESS}/30 dev runner\n\
             link set runner up\n"
        ),
        Kernel::Host => format!(
            "link add mgmt type veth peer name vec1\n\
             address add {}/32 dev lo\n",
            RUNNER.ip()
        ),
    };
    format!("link set lo up\n{links}address add {SERVER_ADDRESS}/30 dev mgmt\nlink set mgmt up\n")
}

/// Makes the namespaces on the machine, with the links between them. Everything of a tenant is left to
/// `linkway edge`.
///
/// # Errors
///
/// An `ip` command fails.
pub fn build(runner: Runner) -> anyhow::Result<()> {
    for namespace in [EDGE, ROUTER, CUSTOMER, VPC] {
        runner.run(&["ip", "netns", "add", namespace], "")?;
        runner.run(&["ip", "-n", namespace, "link", "set", "lo", "up"], "")?;
    }
    // The edge's agent turns on forwarding itself, for its own links and for the handoff.
    for (namespace, switch) in [(EDGE, 0), (ROUTER, 1)] {
        let forward = format!("echo {switch} > /proc/sys/net/ipv4/ip_forward");
        runner.run(&["ip", "netns", "exec", namespace, "sh", "-c", &forward], "")?;
    }
    let links = format!(
        "link set vec1 netns {EDGE} name mgmt0\n\
         link add {PORT} netns {EDGE} type veth peer name eth0 netns {ROUTER}\n\
         link add {HANDOFF} netns {EDGE} type veth peer name eth0 netns {VPC}\n\
         link add lan0 netns {ROUTER} type veth peer name eth0 netns {CUSTOMER}\n"
    );
    runner.run(&["ip", "-batch", "-"], &links)?;
    for (namespace, lines) in [(EDGE, edge_lines()), (VPC, vpc_lines())] {
        runner.run(&["ip", "-n", namespace, "-batch", "-"], &lines)?;
    }
    let router = "link set eth0 up\naddress add 192.168.1.1/24 dev lan0\nlink set lan0 up\n";
    runner.run(&["ip", "-n", ROUTER, "-batch", "-"], router)?;
    let customer = format!(
        "address add {CUSTOMER_HOST}/24 dev eth0\nlink set eth0 up\n\
         route add default via 192.168.1.1\n"
    );
    runner.run(&["ip", "-n", CUSTOMER, "-batch", "-"], &customer)?;
    Ok(())
}

/// As docs/edge.md describes: the router's own addresses are looked up after the VRFs' rule.
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
