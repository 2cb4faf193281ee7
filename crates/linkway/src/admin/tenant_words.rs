//! The words about what tenants have: connections, virtual gateways, virtual interfaces.

use clap::{Args, Subcommand};
use linkway_wire::operator::Handoff;

use super::fabric::FabricPeerWord;

#[derive(Debug, Args)]
pub struct ConnectionId {
    /// Connection ID
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct GatewayId {
    /// Virtual gateway ID
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct InterfaceId {
    /// Virtual interface ID
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Args)]
pub struct Draining {
    /// Seconds that both sides have to choose other ways [default: 60]
    #[arg(long, value_name = "SECONDS", conflicts_with = "undo")]
    pub wait: Option<i64>,
    /// Back into use
    #[arg(long)]
    pub undo: bool,
}

#[derive(Debug, Subcommand)]
pub enum ConnectionWord {
    /// List connections
    #[command(after_help = "Examples:
  linkway admin connection list
  linkway admin connection list --state requested
  linkway admin connection list --account 123456789000")]
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Only those in this state: requested, available, …
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one connection
    #[command(after_help = "Example:\n  linkway admin connection show dxcon-12345678")]
    Show(ConnectionId),
    /// Give a requested connection its port
    #[command(after_help = "Without --edge and --interface the server chooses a free port.

Examples:
  linkway admin connection approve dxcon-12345678
  linkway admin connection approve dxcon-12345678 --edge par1-a --interface eth1")]
    Approve {
        /// Connection ID
        #[arg(value_name = "ID")]
        id: String,
        /// On this edge
        #[arg(long, requires = "interface")]
        edge: Option<String>,
        /// On this port of the edge
        #[arg(long, value_name = "NAME", requires = "edge")]
        interface: Option<String>,
    },
    /// Refuse a requested connection
    #[command(after_help = "Example:\n  linkway admin connection reject dxcon-12345678")]
    Reject(ConnectionId),
    /// Delete a connection as its owner would, for one that has left
    #[command(after_help = "Its virtual interfaces must be deleted first.

Example:
  linkway admin connection delete dxcon-12345678")]
    Delete(ConnectionId),
}

#[derive(Debug, Subcommand)]
pub enum GatewayWord {
    /// Make a virtual gateway
    #[command(
        // clap breaks no usage line.
        override_usage = "linkway admin gateway create [OPTIONS] --account <ID> --vpc <VPC>\n           --cidr <PREFIX>...",
        after_help = "Examples:
  linkway admin gateway create --account 123456789000 --vpc vpc-12345678 \\
    --cidr 10.0.0.0/16 --name office
  linkway admin gateway create --account 123456789000 --vpc vpc-12345678 \\
    --asn 64513 --cidr 10.0.0.0/16 2001:db8::/56 \\
    --handoff par1-a:eth9.100:192.0.2.1 par1-b:eth9.100:2001:db8::1
  linkway admin gateway create --account 123456789000 --vpc vpc-12345678 \\
    --cidr 10.0.0.0/16 \\
    --handoff par1-a:eth9:192.0.2.1 par1-b:eth9:192.0.2.5 \\
    --fabric-peer 192.0.2.1:65010:/etc/linkway/fabric.key \\
      par1-b:eth9:192.0.2.6:65010

An IPv6 ADDRESS is in brackets: [2001:db8::1]:65010."
    )]
    Create {
        /// Account that the VPC belongs to
        #[arg(long, value_name = "ID")]
        account: String,
        /// Name for people
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Our side's autonomous system number
        #[arg(long, default_value_t = 64512, allow_negative_numbers = true)]
        asn: i64,
        /// The cloud's ID of the VPC
        #[arg(long, value_name = "VPC")]
        vpc: String,
        /// Prefixes of the VPC; may be repeated
        #[arg(long, required = true, num_args = 1.., value_name = "PREFIX")]
        cidr: Vec<String>,
        #[command(flatten)]
        handoffs: HandoffArgs,
    },
    /// List virtual gateways
    #[command(after_help = "Examples:
  linkway admin gateway list
  linkway admin gateway list --account 123456789000")]
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// Show one virtual gateway
    #[command(after_help = "Example:\n  linkway admin gateway show vgw-87654321")]
    Show(GatewayId),
    /// Rename a virtual gateway, or move it to other handoffs
    #[command(
        after_help = "The handoffs that are given take the place of all that it has. Edges get them at
once; the interfaces that lead to the gateway, and their BGP sessions, stay.

Examples:
  linkway admin gateway update vgw-87654321 --name office
  linkway admin gateway update vgw-87654321 \\
    --handoff par1-a:eth8:192.0.2.1 par1-b:eth9:192.0.2.5
  linkway admin gateway update vgw-87654321 --no-handoffs"
    )]
    Update {
        /// Virtual gateway ID
        #[arg(value_name = "ID")]
        id: String,
        /// Its name for people from then on
        #[arg(long, value_name = "TEXT", required_unless_present_any = ["handoff", "no_handoffs"])]
        name: Option<String>,
        #[command(flatten)]
        handoffs: HandoffArgs,
        /// Take all its handoffs away
        #[arg(long, conflicts_with = "handoff")]
        no_handoffs: bool,
    },
    /// Remove a virtual gateway
    #[command(after_help = "Example:\n  linkway admin gateway delete vgw-87654321")]
    Delete(GatewayId),
}

#[derive(Debug, Args)]
pub struct HandoffArgs {
    /// Where an edge hands the VPC's traffic over; may be repeated
    #[arg(long, num_args = 1.., value_name = "EDGE:INTERFACE:NEXTHOP", value_parser = handoff)]
    pub handoff: Vec<Handoff>,
    /// BGP session with the fabric's router at a handoff: the one whose next hop is ADDRESS, or the one named
    /// before it; the file holds the session's MD5 key; may be repeated
    #[arg(
        long,
        num_args = 1..,
        value_name = "[EDGE:INTERFACE:]ADDRESS:ASN[:KEY-FILE]",
        requires = "handoff"
    )]
    pub fabric_peer: Vec<FabricPeerWord>,
}

#[derive(Debug, Subcommand)]
pub enum InterfaceWord {
    /// List the virtual interfaces of all accounts
    #[command(after_help = "Examples:
  linkway admin interface list --output json
  linkway admin interface list --account 123456789000 --state down")]
    List {
        /// Only those that this account owns or has lent
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Only those in this state: available, down, …
        #[arg(long)]
        state: Option<String>,
    },
    /// Show one virtual interface
    #[command(after_help = "Example:\n  linkway admin interface show dxvif-12345678")]
    Show(InterfaceId),
    /// Say why a virtual interface is not up: what was seen, and what to do
    #[command(
        after_help = "Looks at the interface on its router for some seconds: carrier, VLAN, ARP, TCP,
the BGP key, BGP's errors. The first check that has failed is the reason.

Examples:
  linkway admin interface why dxvif-12345678
  linkway admin interface why dxvif-12345678 --output json"
    )]
    Why(InterfaceId),
    /// Take a virtual interface out of use before maintenance, or back into it
    #[command(
        after_help = "Both sides are asked to prefer other ways (RFC 8326), after the wait nothing is
announced any more, then the sessions are shut. Who has another interface loses
nothing. Undone, everything is as before.

Examples:
  linkway admin interface drain dxvif-12345678
  linkway admin interface drain dxvif-12345678 --wait 300
  linkway admin interface drain dxvif-12345678 --undo"
    )]
    Drain {
        /// Virtual interface ID
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        how: Draining,
    },
    /// Start the BGP session of an accepted interface anew
    #[command(
        after_help = "A session that was shut because its customer announced too many prefixes stays
shut until it is reset. The interface and its state stay what they are.

Example:\n  linkway admin interface reset dxvif-12345678"
    )]
    Reset(InterfaceId),
    /// Say that a public interface's prefixes are the customer's, or are not
    #[command(
        after_help = "A public virtual interface in state verifying, and one with a new BGP peer, waits for
this word, or for an RPKI file (rpki_file in the server's configuration).

Examples:
  linkway admin interface list --state verifying
  linkway admin interface verify dxvif-12345678
  linkway admin interface verify dxvif-12345678 --reject"
    )]
    Verify {
        /// Virtual interface ID
        #[arg(value_name = "ID")]
        id: String,
        /// They are not: reject the interface, or take its new peer away
        #[arg(long)]
        reject: bool,
    },
    /// Delete a virtual interface as its owner would, for one that has left
    #[command(after_help = "Example:\n  linkway admin interface delete dxvif-12345678")]
    Delete(InterfaceId),
}

fn handoff(text: &str) -> Result<Handoff, String> {
    // The next hop comes last because an IPv6 address holds colons itself.
    let mut parts = text.splitn(3, ':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(edge_id), Some(interface), Some(next_hop))
            if ![&edge_id, &interface, &next_hop].iter().any(|part| part.is_empty()) =>
        {
            Ok(Handoff { edge_id, interface, next_hop, fabric_peer: None })
        }
        _ => Err("not of the form EDGE:INTERFACE:NEXTHOP".to_owned()),
    }
}
