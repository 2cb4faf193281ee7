//! `linkway admin public-network`: what public interfaces reach from an edge.

use clap::Subcommand;
use linkway_wire::operator::{
    DeletePublicNetwork, ListPublicNetworks, PublicNetwork, PutPublicNetwork,
};

use super::Session;
use super::fabric;
use super::failure::Failure;
use super::output::Row;
use super::rows::{handoff, maybe};
use super::tenant_words::HandoffArgs;
use super::words::EdgeId;

#[derive(Debug, Subcommand)]
pub enum PublicNetworkWord {
    /// Say what public virtual interfaces reach from an edge
    #[command(
        override_usage = "linkway admin public-network set [OPTIONS] --edge <EDGE>\n           --prefix <PREFIX>...",
        after_help = "Takes the place of what was said before; public virtual interfaces and their BGP
sessions stay. The prefixes are announced to customers while they can be reached.

Examples:
  linkway admin public-network set --edge par1-a --prefix 203.0.113.0/24 \\
    --handoff par1-a:eth8:192.0.2.1
  linkway admin public-network set --edge par1-a --prefix 203.0.113.0/24 \\
    --handoff par1-a:eth8:192.0.2.1 --fabric-peer 192.0.2.1:65010"
    )]
    Set {
        /// Edge ID
        #[arg(long, value_name = "EDGE")]
        edge: String,
        /// Your public prefixes; may be repeated
        #[arg(long, required = true, num_args = 1.., value_name = "PREFIX")]
        prefix: Vec<String>,
        #[command(flatten)]
        handoffs: HandoffArgs,
    },
    /// List the public networks of all edges
    #[command(after_help = "Example:\n  linkway admin public-network list")]
    List,
    /// Show the public network of an edge
    #[command(after_help = "Example:\n  linkway admin public-network show par1-a")]
    Show(EdgeId),
    /// Take the public network of an edge away; public interfaces reach nothing then
    #[command(after_help = "Example:\n  linkway admin public-network delete par1-a")]
    Delete(EdgeId),
}

impl Session<'_> {
    pub(super) fn public_network(&self, word: PublicNetworkWord) -> Result<(), Failure> {
        match word {
            PublicNetworkWord::Set { edge, prefix, handoffs } => self.one(&PutPublicNetwork {
                edge_id: edge,
                prefixes: prefix,
                handoffs: fabric::handoffs(handoffs.handoff, handoffs.fabric_peer)?,
            }),
            PublicNetworkWord::List => self.list(ListPublicNetworks::default()),
            PublicNetworkWord::Show(it) => {
                self.show(ListPublicNetworks { edge_id: Some(it.id), ..Default::default() })
            }
            PublicNetworkWord::Delete(it) => self.one(&DeletePublicNetwork { edge_id: it.id }),
        }
    }
}

impl Row for PublicNetwork {
    const COLUMNS: &'static [&'static str] = &["EDGE", "PREFIXES", "HANDOFFS", "ERROR"];
    fn cells(&self) -> Vec<String> {
        let handoffs: Vec<String> = self.handoffs.iter().map(handoff).collect();
        vec![self.edge_id.clone(), self.prefixes.join(" "), handoffs.join(" "), maybe(&self.error)]
    }
}
