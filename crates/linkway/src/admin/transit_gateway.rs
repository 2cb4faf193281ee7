//! `linkway admin transit-gateway`: what transit virtual interfaces reach by a Direct Connect gateway.

use clap::{Args, Subcommand};
use linkway_wire::operator::{
    CreateTransitGateway, DeleteTransitGateway, ListTransitGateways, TransitGateway,
    UpdateTransitGateway,
};

use super::Session;
use super::fabric;
use super::failure::Failure;
use super::output::Row;
use super::rows::{handoff, maybe};
use super::tenant_words::HandoffArgs;

#[derive(Debug, Subcommand)]
pub enum TransitGatewayWord {
    /// Make a transit gateway
    #[command(
        after_help = "It has no prefixes of its own: each association with a Direct Connect gateway says
which prefixes are announced. Its AS number must not be that of a Direct Connect
gateway that it is to be associated with, which is 64512 by default.

Examples:
  linkway admin transit-gateway create --account 123456789000 --asn 64520 \\
    --name hub
  linkway admin transit-gateway create --account 123456789000 --asn 64520 \\
    --handoff par1-a:eth9.200:192.0.2.9 par1-b:eth9.200:192.0.2.13 \\
    --fabric-peer 192.0.2.9:65010"
    )]
    Create {
        /// Account that it belongs to
        #[arg(long, value_name = "ID")]
        account: String,
        /// Name for people
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        /// Its autonomous system number
        #[arg(long, default_value_t = 64512, allow_negative_numbers = true)]
        asn: i64,
        #[command(flatten)]
        handoffs: HandoffArgs,
    },
    /// List transit gateways
    #[command(after_help = "Examples:
  linkway admin transit-gateway list
  linkway admin transit-gateway list --account 123456789000")]
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<String>,
    },
    /// Show one transit gateway
    #[command(after_help = "Example:\n  linkway admin transit-gateway show tgw-87654321")]
    Show(TransitGatewayId),
    /// Rename a transit gateway, or move it to other handoffs
    #[command(
        after_help = "The handoffs that are given take the place of all that it has. Edges get them at
once; its associations stay.

Examples:
  linkway admin transit-gateway update tgw-87654321 --name hub
  linkway admin transit-gateway update tgw-87654321 \\
    --handoff par1-a:eth8.200:192.0.2.9
  linkway admin transit-gateway update tgw-87654321 --no-handoffs"
    )]
    Update {
        /// Transit gateway ID
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
    /// Delete a transit gateway that no Direct Connect gateway is associated with
    #[command(after_help = "Example:\n  linkway admin transit-gateway delete tgw-87654321")]
    Delete(TransitGatewayId),
}

#[derive(Debug, Args)]
pub struct TransitGatewayId {
    /// Transit gateway ID
    #[arg(value_name = "ID")]
    pub id: String,
}

impl Session<'_> {
    pub(super) fn transit_gateway(&self, word: TransitGatewayWord) -> Result<(), Failure> {
        match word {
            TransitGatewayWord::Create { account, name, asn, handoffs } => {
                self.one(&CreateTransitGateway {
                    account_id: account,
                    name,
                    amazon_side_asn: asn,
                    handoffs: fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?,
                })
            }
            TransitGatewayWord::List { account } => {
                self.list(ListTransitGateways { account_id: account, ..Default::default() })
            }
            TransitGatewayWord::Show(it) => {
                let transit_gateway_id = Some(it.id);
                self.show(ListTransitGateways { transit_gateway_id, ..Default::default() })
            }
            TransitGatewayWord::Update { id, name, handoffs, no_handoffs } => {
                let is_moved = no_handoffs || !handoffs.handoff.is_empty();
                let handoffs = fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?;
                let handoffs = is_moved.then_some(handoffs);
                self.one(&UpdateTransitGateway { transit_gateway_id: id, name, handoffs })
            }
            TransitGatewayWord::Delete(it) => {
                self.one(&DeleteTransitGateway { transit_gateway_id: it.id })
            }
        }
    }
}

impl Row for TransitGateway {
    const COLUMNS: &'static [&'static str] =
        &["TRANSIT GATEWAY", "NAME", "ACCOUNT", "ASN", "HANDOFFS", "STATE", "ERROR"];
    const NARROW: &'static [&'static str] =
        &["TRANSIT GATEWAY", "NAME", "ACCOUNT", "ASN", "HANDOFFS", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let handoffs: Vec<String> = self.handoffs.iter().map(handoff).collect();
        vec![
            self.transit_gateway_id.clone(),
            maybe(&self.name),
            self.account_id.clone(),
            self.amazon_side_asn.to_string(),
            handoffs.join(" "),
            self.transit_gateway_state.clone(),
            maybe(&self.error),
        ]
    }
}
