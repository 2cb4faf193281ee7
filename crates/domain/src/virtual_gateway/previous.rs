//! The form that earlier builds stored virtual gateways in.

use serde::{Deserialize, Serialize};

use super::{Gateway, Handoff};
use crate::id::{AccountId, EdgeId, PortName, VirtualGatewayId, VpcId};
use crate::net::{GatewayAsn, NextHop, Prefix};
use crate::time::Time;
use crate::version::Migrated;

/// Version 1: handoffs without a session, the whole of it unencrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the record that it becomes")]
pub struct Gateway1 {
    pub id: VirtualGatewayId,
    pub owner: AccountId,
    pub asn: GatewayAsn,
    pub vpc: VpcId,
    pub cidrs: Vec<Prefix>,
    pub handoffs: Vec<Handoff1>,
    pub created: Time,
}

/// A handoff of version 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the record that it becomes")]
pub struct Handoff1 {
    pub edge: EdgeId,
    pub interface: PortName,
    pub next_hop: NextHop,
}

impl Gateway1 {
    /// The same, without a session on any handoff.
    #[must_use]
    pub fn migrate(self) -> Migrated<Gateway> {
        let Self { id, owner, asn, vpc, cidrs, handoffs, created } = self;
        let handoffs = handoffs.into_iter().map(|Handoff1 { edge, interface, next_hop }| Handoff {
            edge,
            interface,
            next_hop,
            fabric_peer: None,
        });
        let (name, handoffs) = (None, handoffs.collect());
        Gateway { id, name, owner, asn, vpc, cidrs, handoffs, created }.into()
    }
}
