//! What the invariants judge a call by: which records it changed, whose they are, and whether they may change so.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::association_proposal::Phase as ProposalPhase;
use linkway_domain::bgp_peer::{BgpPeer, PeerPhase};
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::dx_gateway::{
    DirectConnectGateway, Event as DirectEvent, Phase as DirectPhase,
};
use linkway_domain::gateway_association::{Association, Phase as AssociationPhase};
use linkway_domain::id::{AccountId, VirtualInterfaceId};
use linkway_domain::record::Record;
use linkway_domain::virtual_interface::{InterfaceKind, Phase, VirtualInterface};
use proptest::prelude::*;

use super::scene::{ASSOCIATION_EVENTS, CONNECTION_EVENTS, EVENTS, PROPOSAL_EVENTS};
use super::story::Moment;
use super::{World, is_party};

/// What a commit changed: each key with its record before and after.
pub fn changes<'a>(moment: &Moment<'a>) -> Vec<(&'a str, Option<&'a Record>, Option<&'a Record>)> {
    let (before, after) = (&moment.before.records, &moment.after.records);
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let value = |world: &'a BTreeMap<String, (u64, Record)>, key: &str| world.get(key);
    keys.into_iter()
        .map(|key| (key.as_str(), value(before, key), value(after, key)))
        .filter(|(_, old, new)| old != new)
        .map(|(key, old, new)| (key, old.map(|(_, r)| r), new.map(|(_, r)| r)))
        .collect()
}

/// Whether a record is an account's own, or an index or marker, which says nothing by itself.
pub fn belongs(record: &Record, who: &AccountId) -> bool {
    match record {
        Record::Connection(connection) => connection.owner == *who,
        Record::VirtualInterface(interface) => is_party(interface, who),
        // Its key says whose it is.
        Record::VirtualInterfaceStatus(_) | Record::Count(_) | Record::Backbone(_) => true,
        Record::FailoverTest(test) => [&test.owner, &test.lender].contains(&who),
        Record::ResourceTags(tags) => tags.account == *who,
        Record::CustomerAgreement(agreement) => agreement.account == *who,
        Record::Claim(_) | Record::Mark => true,
        Record::Account(account) => account.id == *who,
        Record::DirectConnectGateway(gateway) => gateway.owner == *who,
        Record::Association(association) => association.is_visible_to(who),
        Record::Proposal(proposal) => proposal.is_visible_to(who),
        // A notice says to one account what another did to what both see.
        Record::Notice(notice) => [&notice.owner, &notice.lender].contains(&who),
        Record::AccessKey(_)
        | Record::Webhook(_)
        | Record::WebhookStatus(_)
        | Record::Roster(_)
        | Record::OperatorUse(_)
        | Record::Location(_)
        | Record::Edge(_)
        | Record::EdgeSeen(_)
        | Record::Port(_)
        | Record::PublicNetwork(_)
        | Record::TransitGateway(_)
        | Record::Gateway(_) => false,
    }
}

/// Whether a tenant's call may write at a key: under the interface or connection that it is about.
pub fn may_write(moment: &Moment<'_>, who: &AccountId, key: &str) -> bool {
    let parts: Vec<&str> = key.split('/').collect();
    let visible = |id: &str| {
        let id = VirtualInterfaceId::parse(id).expect("an index's key");
        [moment.before, moment.after]
            .iter()
            .filter_map(|world| world.interface(&id))
            .any(|interface| is_party(interface, who))
    };
    let claimed = || {
        [moment.before, moment.after].iter().any(|world| match world.records.get(key) {
            Some((_, Record::Claim(claim))) => visible(claim.interface.as_str()),
            _ => false,
        })
    };
    let interfaces = |of: &dyn Fn(&VirtualInterface) -> bool| {
        let mut both = [moment.before, moment.after].into_iter().flat_map(World::interfaces);
        both.any(|interface| is_party(interface, who) && of(interface))
    };
    let associates = |id: &str| {
        let worlds = [moment.before, moment.after].into_iter();
        let mut all = worlds.flat_map(World::associations).filter(|it| it.is_visible_to(who));
        all.any(|it| [it.id.as_str(), it.gateway.as_str(), it.associated.as_str()].contains(&id))
    };
    let proposes = |id: &str| {
        let worlds = [moment.before, moment.after].into_iter();
        let mut all = worlds.flat_map(World::proposals).filter(|it| it.is_visible_to(who));
        all.any(|it| [it.id.as_str(), it.associated.as_str()].contains(&id))
    };
    match parts[..] {
        ["connection" | "vif" | "edge-generation", _] => true,
        // Whose they are is told by the records.
        ["dxgw" | "association" | "proposal", _] => true,
        ["dxgw-of", owner, _, _] | ["count", "dxgw", owner] => owner == who.as_str(),
        ["dxgw-vif", _, "live", _, id] | ["dxgw-vif", _, "ended", id] => visible(id),
        ["dxgw-changed", gateway] | ["count", "dxgw-vif" | "dxgw-prefixes", gateway] => {
            interfaces(&|i| {
                let led = i.attachment.as_ref().and_then(|a| a.gateway.direct_connect_gateway());
                led.is_some_and(|led| led.as_str() == gateway)
            })
        }
        ["association-of" | "edge-association", _, id]
        | ["association-on" | "associated", _, _, id]
        | ["dxgw-allowed", id]
        | ["count", "association" | "tgw-association", id] => associates(id),
        ["proposal-of", _, id] | ["proposal-open", _, _, id] | ["count", "proposal", id] => {
            proposes(id)
        }
        // The operator's goes with the gateway that it is of.
        ["backbone", id] | ["handoff", _, _, id] => {
            let worlds = [moment.before, moment.after].into_iter();
            let mut own = worlds.flat_map(World::dx_gateways).filter(|one| one.owner == *who);
            own.any(|one| one.id.as_str() == id)
        }
        // Its own, as it was: what is confirmed is tied to it.
        ["account", id] => id == who.as_str(),
        ["at", _, "connection", _] => true,
        ["connection-of", owner, _] => owner == who.as_str(),
        ["vif-of", account, id] => {
            let id = VirtualInterfaceId::parse(id).expect("an index's key");
            let sees = |i: &VirtualInterface| {
                is_party(i, who) && [i.owner.as_str(), i.lender.as_str()].contains(&account)
            };
            moment.after.interface(&id).is_some_and(sees)
        }
        ["on", _, "live", _] | ["peer", _, _, _] => claimed(),
        ["on", _, "ended", id] | ["attached" | "edge-vif", _, id] => visible(id),
        ["vif-status" | "verifying", id] | ["failover-test-of", _, id, _, _] => visible(id),
        ["failover-test", _] => [moment.before, moment.after].iter().any(|world| {
            let found = world.records.get(key);
            found.is_some_and(|(_, record)| belongs(record, who))
        }),
        ["tags", _, _, account] => account == who.as_str(),
        ["agreement", account, _] => account == who.as_str(),
        [
            "count",
            "vif" | "rate-limiter" | "allocation-ipv4" | "allocation-ipv6" | "prefix-ipv4"
            | "prefix-ipv6",
            connection,
        ] => interfaces(&|i| {
            [i.connection.as_str(), i.shown_connection().as_str()].contains(&connection)
        }),
        ["count", "connection", account, _] | ["count", "tag-bytes", account] => {
            account == who.as_str()
        }
        ["count", "offer", recipient, lender] => {
            interfaces(&|i| (i.owner.as_str(), i.lender.as_str()) == (recipient, lender))
        }
        ["count", "offers", recipient] => interfaces(&|i| i.owner.as_str() == recipient),
        ["notice", _, _, event] => {
            let id = event.split('.').next().unwrap_or_default();
            !id.starts_with("dxvif") || visible(id)
        }
        ["due", _, id] => !id.starts_with("dxvif") || visible(id),
        _ => false,
    }
}

/// The secret of a record, if it has one.
pub fn secret(record: &Record) -> Option<String> {
    match record {
        Record::AccessKey(key) => Some(key.secret.reveal().to_owned()),
        Record::VirtualInterface(interface) => {
            Some(interface.first_peer().auth_key.reveal().to_owned())
        }
        Record::Gateway(gateway) => {
            let mut peers = gateway.handoffs.iter().filter_map(|one| one.fabric_peer.as_ref());
            peers.find_map(|peer| Some(peer.auth_key.as_ref()?.reveal().to_owned()))
        }
        Record::TransitGateway(gateway) => {
            let mut peers = gateway.handoffs.iter().filter_map(|one| one.fabric_peer.as_ref());
            peers.find_map(|peer| Some(peer.auth_key.as_ref()?.reveal().to_owned()))
        }
        Record::Backbone(backbone) => {
            let mut peers = backbone.handoffs.iter().filter_map(|one| one.fabric_peer.as_ref());
            peers.find_map(|peer| Some(peer.auth_key.as_ref()?.reveal().to_owned()))
        }
        Record::Webhook(webhook) => Some(webhook.secret.reveal().to_owned()),
        _ => None,
    }
}

/// Whether a record came, went or changed as the table of its resource allows.
pub fn moves(
    key: &str,
    before: Option<&Record>,
    after: Option<&Record>,
) -> Result<(), TestCaseError> {
    match (before, after) {
        (None, Some(Record::Connection(c))) => {
            prop_assert_eq!(c.phase, ConnectionPhase::Requested, "{}", key);
        }
        (Some(Record::Connection(c)), None) => prop_assert!(c.phase.is_terminal(), "{key} went"),
        (Some(Record::Connection(old)), Some(Record::Connection(new))) => {
            let along = CONNECTION_EVENTS.iter().any(|e| old.phase.after(*e) == Some(new.phase));
            prop_assert!(old.phase == new.phase || along, "{key}: {old:?} -> {new:?}");
            prop_assert_eq!(&old.owner, &new.owner);
            prop_assert_eq!((&old.location, old.bandwidth), (&new.location, new.bandwidth));
            prop_assert!(old.port.is_none() || old.port == new.port, "{key} changed its port");
        }
        (None, Some(Record::VirtualInterface(i))) => {
            let hosted = i.owner != i.lender;
            let first = match (hosted, i.kind) {
                (true, _) => Phase::Confirming,
                (false, InterfaceKind::Public) => Phase::Verifying,
                (false, InterfaceKind::Private | InterfaceKind::Transit) => Phase::Accepted,
            };
            prop_assert_eq!(i.phase, first, "{}", key);
        }
        (Some(Record::VirtualInterface(i)), None) => {
            prop_assert!(i.phase.is_terminal(), "{key} went")
        }
        (Some(Record::VirtualInterface(old)), Some(Record::VirtualInterface(new))) => {
            let along = EVENTS.iter().any(|e| old.phase.after(*e) == Some(new.phase));
            prop_assert!(old.phase == new.phase || along, "{key}: {old:?} -> {new:?}");
            prop_assert_eq!(fixed(old), fixed(new));
            if arrives(old, new)? {
                return Ok(());
            }
            prop_assert_eq!(place(old), place(new));
            peers_move(old, new)?;
            prop_assert!(
                old.attachment.is_none() || old.attachment == new.attachment,
                "{key} changed its gateway"
            );
        }
        (None, Some(Record::DirectConnectGateway(g))) => {
            prop_assert_eq!(g.phase, DirectPhase::Available, "{}", key);
        }
        (Some(Record::DirectConnectGateway(g)), None) => {
            prop_assert!(g.phase.is_terminal(), "{key} went")
        }
        (Some(Record::DirectConnectGateway(old)), Some(Record::DirectConnectGateway(new))) => {
            let along = old.phase.after(DirectEvent::Delete) == Some(new.phase);
            prop_assert!(old.phase == new.phase || along, "{key}: {old:?} -> {new:?}");
            let fixed = |g: &DirectConnectGateway| {
                (g.owner.clone(), g.asn, g.routing_domain.clone(), g.created)
            };
            prop_assert_eq!(fixed(old), fixed(new));
        }
        (None, Some(Record::Association(a))) => {
            prop_assert_eq!(a.phase, AssociationPhase::Associated, "{}", key);
        }
        (Some(Record::Association(a)), None) => prop_assert!(a.phase.is_terminal(), "{key} went"),
        (Some(Record::Association(old)), Some(Record::Association(new))) => {
            let along = ASSOCIATION_EVENTS.iter().any(|e| old.phase.after(*e) == Some(new.phase));
            prop_assert!(old.phase == new.phase || along, "{key}: {old:?} -> {new:?}");
            let fixed = |a: &Association| {
                (a.gateway.clone(), a.associated.clone(), a.cidrs.clone(), a.created)
            };
            prop_assert_eq!(fixed(old), fixed(new));
            prop_assert!(old.allowed == new.allowed || new.phase.is_live());
        }
        (None, Some(Record::Proposal(p))) => {
            prop_assert_eq!(p.phase, ProposalPhase::Requested, "{}", key);
        }
        (Some(Record::Proposal(p)), None) => {
            prop_assert_ne!(p.phase, ProposalPhase::Requested, "{} went", key);
        }
        (Some(Record::Proposal(old)), Some(Record::Proposal(new))) => {
            let along = PROPOSAL_EVENTS.iter().any(|e| old.phase.after(*e) == Some(new.phase));
            prop_assert!(along, "{key}: {old:?} -> {new:?}");
            prop_assert_eq!(&old.requested, &new.requested);
        }
        _ => {}
    }
    Ok(())
}

/// What never changes of an interface.
fn fixed(i: &VirtualInterface) -> impl PartialEq + std::fmt::Debug {
    ((i.owner.clone(), i.lender.clone()), (i.vlan, i.kind), i.created)
}

/// Where an interface is.
fn place(i: &VirtualInterface) -> impl PartialEq + std::fmt::Debug {
    (i.connection.clone(), i.edge.clone(), i.port.clone())
}

/// Whether an interface is where it was to be moved to, and was not before.
fn arrives(old: &VirtualInterface, new: &VirtualInterface) -> Result<bool, TestCaseError> {
    let Some(moving) = old.moving.as_ref().filter(|_| new.phase == Phase::Accepted) else {
        return Ok(false);
    };
    let there = (moving.connection.clone(), moving.edge.clone(), moving.port.clone());
    prop_assert_eq!(there, (new.connection.clone(), new.edge.clone(), new.port.clone()));
    prop_assert_eq!(&moving.peers, &new.peers);
    Ok(true)
}

/// Peers come at the end, go only after they were being deleted, and are otherwise what they were, but for their resets and for new keys
/// that waited.
fn peers_move(old: &VirtualInterface, new: &VirtualInterface) -> Result<(), TestCaseError> {
    let same = |a: &BgpPeer, b: &BgpPeer| {
        let waited = a.rotation.as_ref().is_some_and(|rotation| rotation.key == b.auth_key);
        (a.asn, a.addresses) == (b.asn, b.addresses) && (a.auth_key == b.auth_key || waited)
    };
    prop_assert!(new.peers.iter().any(BgpPeer::is_live), "no peer is left: {new:?}");
    for peer in &old.peers {
        match new.peers.iter().find(|other| other.id == peer.id) {
            None => prop_assert!(!peer.is_live(), "{} went", peer.id),
            Some(other) => {
                prop_assert!(same(peer, other), "{peer:?} -> {other:?}");
                let back = peer.phase == PeerPhase::Deleting && other.phase != PeerPhase::Deleting;
                prop_assert!(!back, "{} came back", peer.id);
            }
        }
    }
    Ok(())
}
