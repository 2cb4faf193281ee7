//! What is asked of the kernel about routing rules, as bytes (`ip rule`; linux/fib_rules.h). Pure.

use linkway_domain::net::AddressFamily;
use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::rule::{RuleAction as Act, RuleAttribute, RuleMessage};

use super::reply::rtm;
use super::request::{Family, Request, message, raw};
use crate::kernel::{Rule, RuleAction, Selector};

impl From<AddressFamily> for Family {
    fn from(family: AddressFamily) -> Self {
        match family {
            AddressFamily::Ipv4 => Self::V4,
            AddressFamily::Ipv6 => Self::V6,
        }
    }
}

/// The rules of a family.
pub(super) fn dump_rules(family: Family) -> Request {
    let mut dump = RuleMessage::default();
    dump.header.family = family.number();
    message(RouteNetlinkMessage::GetRule(dump), NLM_F_DUMP)
}

/// Adds a rule behind those of its preference, even where there is one already. `None` where [`Rule`] does not say which it is.
pub(super) fn add_rule(rule: &Rule) -> Option<Request> {
    let mut request = RuleMessage::default();
    request.header.family = Family::from(rule.family).number();
    // 0 has to be said: the kernel takes one before the first rule's otherwise (`fib_default_rule_pref`).
    request.attributes = vec![
        RuleAttribute::Priority(rule.preference),
        RuleAttribute::Protocol(RouteProtocol::from(rule.protocol)),
    ];
    match rule.selector {
        Selector::All => (),
        Selector::Mark(bits) => {
            request.attributes.extend([RuleAttribute::FwMark(bits), RuleAttribute::FwMask(bits)]);
        }
        Selector::Other => return None,
    }
    request.header.action = match rule.action {
        RuleAction::L3mdev => {
            request.attributes.push(RuleAttribute::L3MDev(true));
            Act::ToTable
        }
        RuleAction::Lookup(table) => {
            request.attributes.push(RuleAttribute::Table(table));
            Act::ToTable
        }
        RuleAction::Blackhole => Act::Blackhole,
        RuleAction::Other => return None,
    };
    Some(message(RouteNetlinkMessage::NewRule(request), NLM_F_ACK | NLM_F_CREATE))
}

/// Removes the first rule that has everything that this one has, as the kernel has told of it.
pub(super) fn delete_rule(body: &[u8]) -> Request {
    raw(rtm::DELRULE, NLM_F_ACK, body)
}
