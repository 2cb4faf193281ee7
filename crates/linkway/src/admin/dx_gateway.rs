//! `linkway admin dx-gateway`: what the operator adds to the accounts' Direct Connect gateways.

use clap::{Args, Subcommand};
use linkway_wire::operator::{Backbone, DeleteBackbone, ListBackbones, PutBackbone};

use super::Session;
use super::fabric;
use super::failure::Failure;
use super::output::Row;
use super::rows::{handoff, maybe};
use super::tenant_words::HandoffArgs;

#[derive(Debug, Subcommand)]
pub enum DxGatewayWord {
    /// The backbone, over which SiteLink reaches the customers of other edges
    #[command(subcommand, arg_required_else_help = true)]
    Backbone(BackboneWord),
}

#[derive(Debug, Subcommand)]
pub enum BackboneWord {
    /// Say where the edges of a Direct Connect gateway reach one another
    #[command(
        override_usage = "linkway admin dx-gateway backbone set [OPTIONS] <ID>\n           --handoff <EDGE:INTERFACE:NEXTHOP>... --fabric-peer <ADDRESS:ASN>...",
        after_help = "The handoffs that are given take the place of all that it has; virtual interfaces and
their BGP sessions stay. Each edge has one handoff at most for each address family, and
each handoff a BGP session with its next hop: another edge of the gateway, whose ASN is
the gateway's, or a router of yours. An edge uses its handoff while a virtual interface
of the gateway there has SiteLink.

Examples:
  linkway admin dx-gateway backbone set 01234567-89ab-4cde-8f01-23456789abcd \\
    --handoff par1-a:eth8.300:198.51.100.2 lon1-a:eth8.300:198.51.100.1 \\
    --fabric-peer 198.51.100.2:64600 198.51.100.1:64600
  linkway admin dx-gateway backbone set 01234567-89ab-4cde-8f01-23456789abcd \\
    --handoff par1-a:eth8.300:198.51.100.2 \\
    --fabric-peer 198.51.100.2:65020:/root/backbone.key"
    )]
    Set {
        #[command(flatten)]
        gateway: DxGatewayId,
        #[command(flatten)]
        handoffs: HandoffArgs,
    },
    /// List the backbones of all Direct Connect gateways
    #[command(after_help = "Example:\n  linkway admin dx-gateway backbone list")]
    List,
    /// Show the backbone of a Direct Connect gateway
    #[command(
        after_help = "Example:\n  linkway admin dx-gateway backbone show 01234567-89ab-4cde-8f01-23456789abcd"
    )]
    Show(DxGatewayId),
    /// Take the backbone of a Direct Connect gateway away; SiteLink stays within each edge
    #[command(
        after_help = "Example:\n  linkway admin dx-gateway backbone delete 01234567-89ab-4cde-8f01-23456789abcd"
    )]
    Delete(DxGatewayId),
}

#[derive(Debug, Args)]
pub struct DxGatewayId {
    /// Direct Connect gateway ID
    #[arg(value_name = "ID")]
    pub id: String,
}

impl Session<'_> {
    pub(super) fn dx_gateway(&self, word: DxGatewayWord) -> Result<(), Failure> {
        let DxGatewayWord::Backbone(word) = word;
        match word {
            BackboneWord::Set { gateway, handoffs } => self.one(&PutBackbone {
                direct_connect_gateway_id: gateway.id,
                handoffs: fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?,
            }),
            BackboneWord::List => self.list(ListBackbones::default()),
            BackboneWord::Show(it) => self.show(ListBackbones {
                direct_connect_gateway_id: Some(it.id),
                ..Default::default()
            }),
            BackboneWord::Delete(it) => {
                self.one(&DeleteBackbone { direct_connect_gateway_id: it.id })
            }
        }
    }
}

impl Row for Backbone {
    const COLUMNS: &'static [&'static str] = &["DIRECT CONNECT GATEWAY", "HANDOFFS", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let handoffs: Vec<String> = self.handoffs.iter().map(handoff).collect();
        vec![self.direct_connect_gateway_id.clone(), handoffs.join(" "), maybe(&self.error)]
    }
}
