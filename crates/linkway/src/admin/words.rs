//! The words of `linkway admin`. Only the shape of an argument is judged here; which values are
//! allowed is the server's to say.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use linkway_wire::operator::Handoff;

use super::fabric::FabricPeerWord;
use super::operator::OperatorWord;

/// What to do, on what.
#[derive(Debug, Subcommand)]
pub enum Word {
    /// Accounts: the tenants
    #[command(subcommand, arg_required_else_help = true)]
    Account(AccountWord),
    /// Access keys, which sign calls
    #[command(subcommand, arg_required_else_help = true)]
    AccessKey(AccessKeyWord),
    /// Operators, their roles and keys
    #[command(subcommand, arg_required_else_help = true)]
    Operator(OperatorWord),
    /// Locations: places where ports are
    #[command(subcommand, arg_required_else_help = true)]
    Location(LocationWord),
    /// Edge routers
    #[command(subcommand, arg_required_else_help = true)]
    Edge(EdgeWord),
    /// Ports: interfaces of edge routers that serve connections
    #[command(subcommand, arg_required_else_help = true)]
    Port(PortWord),
    /// Connections of all accounts
    #[command(subcommand, arg_required_else_help = true)]
    Connection(ConnectionWord),
    /// Virtual gateways: the accounts' VPCs as the edges see them
    #[command(subcommand, arg_required_else_help = true)]
    Gateway(GatewayWord),
    /// Virtual interfaces of all accounts
    #[command(subcommand, arg_required_else_help = true)]
    Interface(InterfaceWord),
    /// The epoch, in which configurations for edges are counted
    #[command(subcommand, arg_required_else_help = true)]
    Epoch(EpochWord),
    Events(EventsArgs),
    Backup(BackupArgs),
    Check(CheckArgs),
}

#[derive(Debug, Subcommand)]
pub enum AccountWord {
    /// Make an account
    #[command(after_help = "Example:
  linkway admin account create --id 123456789000 --name 'Example Ltd'")]
    Create {
        /// 12 digits
        #[arg(long, value_name = "ID")]
        id: String,
        /// Name for people
        #[arg(long)]
        name: String,
    },
    /// List all accounts
    #[command(after_help = "Example:\n  linkway admin account list --output json")]
    List,
}

#[derive(Debug, Subcommand)]
pub enum AccessKeyWord {
    /// Make a key pair for an account or an edge; the secret is shown this once
    #[command(
        after_help = "With --aws-profile, the AWS CLI's own files are edited: AWS_CONFIG_FILE or
~/.aws/config, and AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials. Nothing but
the named profile changes. Where it exists already no key is made, unless with
--overwrite: its old keys are gone from the files then.

An edge's key comes beside those that it has. With --output json it is what
`linkway edge --credentials` reads.

Examples:
  linkway admin access-key create --account 123456789000
  linkway admin access-key create --account 123456789000 --aws-profile tenant-a
  aws --profile tenant-a directconnect describe-locations
  linkway admin access-key create --edge par1-edge1 --output json > edge.json"
    )]
    Create {
        /// Account that the key belongs to
        #[arg(long, value_name = "ID", required_unless_present = "edge")]
        account: Option<String>,
        /// Edge that the key belongs to
        #[arg(long, value_name = "ID", conflicts_with_all = ["account", "aws_profile"])]
        edge: Option<String>,
        /// Also write this profile of the AWS CLI: region, endpoint and keys
        #[arg(long, value_name = "NAME", value_parser = profile_name)]
        aws_profile: Option<String>,
        /// Replace the profile if it exists
        #[arg(long, requires = "aws_profile")]
        overwrite: bool,
    },
    /// List access keys, without secrets
    #[command(after_help = "Examples:
  linkway admin access-key list
  linkway admin access-key list --account 123456789000
  linkway admin access-key list --edge par1-edge1")]
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<String>,
        /// Only this edge's
        #[arg(long, value_name = "ID", conflicts_with = "account")]
        edge: Option<String>,
    },
    /// Refuse what a key signs until it is enabled again
    #[command(after_help = "Example:\n  linkway admin access-key disable AKIAIOSFODNN7EXAMPLE")]
    Disable(KeyId),
    /// Let a disabled key sign again
    #[command(after_help = "Example:\n  linkway admin access-key enable AKIAIOSFODNN7EXAMPLE")]
    Enable(KeyId),
    /// Delete an access key for good
    #[command(after_help = "Example:\n  linkway admin access-key delete AKIAIOSFODNN7EXAMPLE")]
    Delete(KeyId),
}

#[derive(Debug, Args)]
pub struct KeyId {
    /// Access key ID
    #[arg(value_name = "ID")]
    pub id: String,
}

#[derive(Debug, Subcommand)]
pub enum LocationWord {
    /// Make a location
    #[command(after_help = "Examples:
  linkway admin location create --code PAR1 --name 'Paris, Example House'
  linkway admin location create --code SIM1 --name 'A laptop' --simulated")]
    Create {
        /// Short code, as clients name the location
        #[arg(long)]
        code: String,
        /// Name for people
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// Served by the built-in simulated edge: for tests, no packets
        #[arg(long)]
        simulated: bool,
    },
    /// List all locations
    #[command(after_help = "Example:\n  linkway admin location list")]
    List,
}

#[derive(Debug, Subcommand)]
pub enum EdgeWord {
    /// Make an edge router and its own access key; the secret is shown this once
    #[command(after_help = "Example:\n  linkway admin edge create --id par1-a --location PAR1")]
    Create {
        /// Your name for the router
        #[arg(long, value_name = "EDGE")]
        id: String,
        /// Code of the location where it stands
        #[arg(long, value_name = "CODE")]
        location: String,
    },
    /// List all edges and when they last reported
    #[command(after_help = "Example:\n  linkway admin edge list")]
    List,
    /// Show one edge: its configuration, its ports and interfaces, sessions and traffic
    #[command(
        after_help = "What the edge itself said last is known to the server that it said it to; ask that
one when there are several. EPOCH and GENERATION are what the edge has and, where that is
another, what it should have.

Example:\n  linkway admin edge show par1-a"
    )]
    Show {
        /// The edge
        #[arg(value_name = "EDGE")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum PortWord {
    /// Offer an interface of an edge to connections
    #[command(after_help = "Example:
  linkway admin port create --edge par1-a --interface eth1 --bandwidth 10Gbps")]
    Create {
        /// The edge
        #[arg(long)]
        edge: String,
        /// Name of the interface on that router
        #[arg(long, value_name = "NAME")]
        interface: String,
        /// Bandwidth, as clients order it
        #[arg(long)]
        bandwidth: String,
        /// Refuse virtual interfaces with an MTU above 1500
        #[arg(long)]
        no_jumbo_frames: bool,
    },
    /// List ports and what they serve
    #[command(after_help = "Example:\n  linkway admin port list --edge par1-a")]
    List {
        /// Only this edge's
        #[arg(long)]
        edge: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum ConnectionWord {
    /// List connections
    #[command(after_help = "Examples:
  linkway admin connection list
  linkway admin connection list --state requested")]
    List {
        /// Only those in this state: requested, available, …
        #[arg(long)]
        state: Option<String>,
    },
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
    Reject {
        /// Connection ID
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum GatewayWord {
    /// Make a virtual gateway
    #[command(after_help = "Examples:
  linkway admin gateway create --account 123456789000 --vpc vpc-12345678 --cidr 10.0.0.0/16
  linkway admin gateway create --account 123456789000 --asn 64513 --vpc vpc-12345678 \\
    --cidr 10.0.0.0/16 2001:db8::/56 \\
    --handoff par1-a:eth9.100:192.0.2.1 par1-b:eth9.100:2001:db8::1
  linkway admin gateway create --account 123456789000 --vpc vpc-12345678 --cidr 10.0.0.0/16 \\
    --handoff par1-a:eth9:192.0.2.1 par1-b:eth9:192.0.2.5 \\
    --fabric-peer 192.0.2.1:65010:/etc/linkway/fabric.key par1-b:eth9:192.0.2.6:65010

An IPv6 ADDRESS is in brackets: [2001:db8::1]:65010.")]
    Create {
        /// Account that the VPC belongs to
        #[arg(long, value_name = "ID")]
        account: String,
        /// Our side's autonomous system number
        #[arg(long, default_value_t = 64512, allow_negative_numbers = true)]
        asn: i64,
        /// The cloud's ID of the VPC
        #[arg(long, value_name = "VPC")]
        vpc: String,
        /// Prefixes of the VPC; may be repeated
        #[arg(long, required = true, num_args = 1.., value_name = "PREFIX")]
        cidr: Vec<String>,
        /// Where an edge hands the VPC's traffic over; may be repeated
        #[arg(long, num_args = 1.., value_name = "EDGE:INTERFACE:NEXTHOP", value_parser = handoff)]
        handoff: Vec<Handoff>,
        /// BGP session with the fabric's router at a handoff: the one whose next hop is ADDRESS, or the one named
        /// before it; the file holds the session's MD5 key; may be repeated
        #[arg(
            long,
            num_args = 1..,
            value_name = "[EDGE:INTERFACE:]ADDRESS:ASN[:KEY-FILE]",
            requires = "handoff"
        )]
        fabric_peer: Vec<FabricPeerWord>,
    },
    /// List all virtual gateways
    #[command(after_help = "Example:\n  linkway admin gateway list")]
    List,
    /// Remove a virtual gateway
    #[command(after_help = "Example:\n  linkway admin gateway delete vgw-87654321")]
    Delete {
        /// Virtual gateway ID
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum InterfaceWord {
    /// List the virtual interfaces of all accounts
    #[command(after_help = "Example:\n  linkway admin interface list --output json")]
    List,
    /// Start the BGP session of an accepted interface anew
    #[command(
        after_help = "A session that was shut because its customer announced too many prefixes stays shut
until it is reset. The interface and its state stay what they are.

Example:\n  linkway admin interface reset dxvif-12345678"
    )]
    Reset {
        /// Virtual interface ID
        #[arg(value_name = "ID")]
        id: String,
    },
}

#[derive(Debug, Subcommand)]
pub enum EpochWord {
    /// Say that this server runs on a copy of another's files
    #[command(
        after_help = "Edges take a configuration for newer by its epoch and its generation. A copy that
`linkway admin backup` made gets a later epoch by itself when it is first served. One
that was made of the data directory's files goes on in the same epoch, and edges may
refuse what it tells them until its epoch is renewed. No traffic is touched by this.

Example:\n  linkway admin epoch renew"
    )]
    Renew,
}

/// The audit trail: who did what, on what, and how it ended; oldest first
#[derive(Debug, Args)]
#[command(after_help = "With --follow, --output json prints one object a line, otherwise an array.

Examples:
  linkway admin events
  linkway admin events --all --output json
  linkway admin events --follow --output json | jq -r .operation")]
pub struct EventsArgs {
    /// Wait for what happens next, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// All reads and refused calls too, not only changes and evidence
    #[arg(long)]
    pub all: bool,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    pub count: Option<u64>,
}

/// Copy the database, consistently, while the server serves
#[derive(Debug, Args)]
#[command(
    after_help = "The copy is encrypted where it holds secrets: without the key file of the data
directory, which is not part of it, it cannot be used. Keep that file too, elsewhere.

Example:
  linkway admin backup /backup/linkway-$(date +%F).db"
)]
pub struct BackupArgs {
    /// File to write (0600)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,
}

/// Verify every invariant of a data directory; works offline, needs no credentials
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("directory").required(true).args(["dir", "data_dir"]),
    after_help = "Exit codes: 0 nothing is broken, 1 something is, 2 wrong usage, 3 the directory cannot be checked:
it or a file in it is missing, unreadable, or in use by a server.

Example:
  linkway admin check /var/lib/linkway"
)]
pub struct CheckArgs {
    /// Data directory of the server
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The same, as `linkway serve` takes it
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
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

fn profile_name(text: &str) -> Result<String, String> {
    // Brackets, quotes, spaces and comment signs would end or change the name in the AWS CLI's
    // files.
    let is_plain = |c: char| c.is_alphanumeric() || "_-.@+:/=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a profile's name is letters, digits and _ - . @ + : / = , only".to_owned())
    }
}
