//! The words of `linkway admin`. Only the shape of an argument is judged here; which values are
//! allowed is the server's to say.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use super::dx_gateway::DxGatewayWord;
use super::operator::OperatorWord;
use super::public_network::PublicNetworkWord;
use super::store::StoreWord;
use super::tenant_words::{ConnectionWord, Draining, GatewayWord, InterfaceWord};
use super::transit_gateway::TransitGatewayWord;
use super::webhook::WebhookWord;

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
    /// Transit gateways: what transit virtual interfaces reach
    #[command(subcommand, arg_required_else_help = true)]
    TransitGateway(TransitGatewayWord),
    /// The operator's part of Direct Connect gateways
    #[command(subcommand, arg_required_else_help = true)]
    DxGateway(DxGatewayWord),
    /// Public networks: what public virtual interfaces reach from the edges
    #[command(subcommand, arg_required_else_help = true)]
    PublicNetwork(PublicNetworkWord),
    /// Virtual interfaces of all accounts
    #[command(subcommand, arg_required_else_help = true)]
    Interface(InterfaceWord),
    /// The epoch, in which configurations for edges are counted
    #[command(subcommand, arg_required_else_help = true)]
    Epoch(EpochWord),
    /// Webhooks, which send accounts their events
    #[command(subcommand, arg_required_else_help = true)]
    Webhook(WebhookWord),
    Events(EventsArgs),
    Backup(BackupArgs),
    Check(CheckArgs),
    /// The store of a data directory; works offline, needs no credentials
    #[command(subcommand, arg_required_else_help = true)]
    Store(StoreWord),
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
    /// Rename an account
    #[command(after_help = "Example:
  linkway admin account update 123456789000 --name 'Example plc'")]
    Update {
        /// Account ID
        #[arg(value_name = "ID")]
        id: String,
        /// Its name for people from then on
        #[arg(long)]
        name: String,
    },
    /// Refuse what an account's access keys sign until it is enabled again
    #[command(
        after_help = "What the account has goes on: its virtual interfaces keep passing packets. End them
with `connection delete` and `interface delete` where that is meant.

Example:
  linkway admin account disable 123456789000"
    )]
    Disable(AccountId),
    /// Let a disabled account's access keys sign again
    #[command(after_help = "Example:\n  linkway admin account enable 123456789000")]
    Enable(AccountId),
    /// Delete an account that has nothing any more; its access keys go with it
    #[command(
        after_help = "It must have no connection, virtual interface or virtual gateway. What has ended
counts until it is purged, some minutes later. The ID may be given out again.

Example:
  linkway admin account delete 123456789000"
    )]
    Delete(AccountId),
    /// Show one account, with what it uses of its quotas
    #[command(after_help = "Example:\n  linkway admin account show 123456789000")]
    Show {
        /// 12 digits
        #[arg(value_name = "ID")]
        id: String,
    },
    /// List all accounts
    #[command(after_help = "Example:\n  linkway admin account list --output json")]
    List,
}

#[derive(Debug, Args)]
pub struct AccountId {
    /// Account ID
    #[arg(value_name = "ID")]
    pub id: String,
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
    /// Show one access key, without its secret
    #[command(after_help = "Example:\n  linkway admin access-key show AKIAIOSFODNN7EXAMPLE")]
    Show(KeyId),
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
    /// Show one location
    #[command(after_help = "Example:\n  linkway admin location show PAR1")]
    Show(LocationCode),
    /// Rename a location
    #[command(after_help = "Example:
  linkway admin location update PAR1 --name 'Paris, Example House'")]
    Update {
        /// The location
        #[arg(value_name = "CODE")]
        code: String,
        /// Its name for people from then on
        #[arg(long, value_name = "TEXT")]
        name: String,
    },
    /// Delete a location that has no edges and no connections
    #[command(after_help = "The built-in edge of a simulated location goes with it.

Example:
  linkway admin location delete PAR1")]
    Delete(LocationCode),
}

#[derive(Debug, Args)]
pub struct LocationCode {
    /// The location
    #[arg(value_name = "CODE")]
    pub code: String,
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
    Show(EdgeId),
    /// Hear an edge again whose reports are refused as older than its last one
    #[command(
        after_help = "The number of its last report is forgotten. If somebody else got hold of the edge's
access key and reported in its name, replace that key first.

Example:
  linkway admin edge reset par1-a"
    )]
    Reset(EdgeId),
    /// Take every virtual interface of an edge out of use before maintenance, or back into it
    #[command(
        after_help = "As interface drain, for every accepted interface of the edge. One that is
accepted later is not drained.

Examples:
  linkway admin edge drain par1-a
  linkway admin edge drain par1-a --undo"
    )]
    Drain {
        /// The edge
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        how: Draining,
    },
    /// Give up an edge that is off for good: what is being deleted on it ends
    #[command(
        after_help = "Interfaces, BGP peers and connections stay `deleting` until their edge reports that they
are gone. This says it in the place of an edge that burned: make sure that it is off and
stays off. May be repeated when more is deleted. What is accepted is kept: an edge that
comes back gets its configuration as ever.

Example:
  linkway admin edge give-up par1-a"
    )]
    GiveUp {
        /// The edge
        #[arg(value_name = "EDGE")]
        id: String,
        /// Even if the edge was heard lately
        #[arg(long)]
        force: bool,
    },
    /// Delete an edge that has no ports and no handoffs; its access keys go with it
    #[command(after_help = "Example:\n  linkway admin edge delete par1-a")]
    Delete(EdgeId),
}

#[derive(Debug, Args)]
pub struct EdgeId {
    /// The edge
    #[arg(value_name = "EDGE")]
    pub id: String,
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
    /// Show one port
    #[command(after_help = "Example:
  linkway admin port show --edge par1-a --interface eth1")]
    Show(PortName),
    /// Take back a port that no connection has
    #[command(after_help = "Example:
  linkway admin port delete --edge par1-a --interface eth1")]
    Delete(PortName),
}

#[derive(Debug, Args)]
pub struct PortName {
    /// The edge
    #[arg(long)]
    pub edge: String,
    /// Name of the interface on that router
    #[arg(long, value_name = "NAME")]
    pub interface: String,
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
#[command(
    after_help = "With --account, the account's own event feed is merged in: what was offered to it, accepted
or declined, is about to expire, went up or down or was deleted by others. These are
kept for 30 days, the last 1000 of each account.

With --follow, --output json prints one object a line, otherwise an array.

Examples:
  linkway admin events --last 20
  linkway admin events --since 1h --account 123456789000
  linkway admin events --all --output json
  linkway admin events --follow --output json | jq -r .operation"
)]
pub struct EventsArgs {
    /// Wait for what happens next, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// All reads and refused calls too, not only changes and evidence
    #[arg(long)]
    pub all: bool,
    /// Only the last so many events
    #[arg(long, value_name = "N", conflicts_with_all = ["follow", "count"])]
    pub last: Option<usize>,
    /// Only events of this time and later: 90s, 30m, 12h, 7d ago, or an RFC 3339 time
    #[arg(long, value_name = "TIME", value_parser = super::events::since)]
    pub since: Option<jiff::Timestamp>,
    /// Only what this account has called, and what happened to what it has
    #[arg(long, value_name = "ID")]
    pub account: Option<String>,
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
