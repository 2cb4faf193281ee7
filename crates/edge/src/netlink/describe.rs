//! What a change is, in an operator's words for errors, and which links it names.

use linkway_domain::net::AddressFamily;

use super::record::{Index, KindRecord, LinkRecord};
use crate::kernel::{Change, LinkConf, Route, Rule, RuleAction, Selector, Way};

/// The change in words, with the port where there is one.
pub(super) fn change(change: &Change, index: &Index) -> String {
    let at =
        |link: &str| port_of(link, index).map_or(String::new(), |port| format!("port {port}: "));
    match change {
        Change::AddVrf { link, table, .. } => format!("VRF {link} with table {table}"),
        Change::AddVlan { link, parent, vlan, master, mtu, .. } => {
            format!("port {parent}: VLAN {vlan} for {link} in {master}, MTU {mtu}")
        }
        Change::DeleteLink { link } => format!("{}removing {link}", at(link)),
        Change::SetAlias { link, alias } => format!("{}alias {alias:?} for {link}", at(link)),
        Change::SetMtu { link, mtu } => format!("{}MTU {mtu} for {link}", at(link)),
        Change::SetMaster { link, master: Some(master) } => {
            format!("{}putting {link} into VRF {master}", at(link))
        }
        Change::SetMaster { link, master: None } => {
            format!("{}taking {link} out of its VRF", at(link))
        }
        Change::SetConf { link, conf } => {
            format!("{}settings of {link} ({})", at(link), settings(*conf))
        }
        Change::SetUp { link } => format!("{}setting {link} up", at(link)),
        Change::AddAddress { link, address } => format!("{}address {address} on {link}", at(link)),
        Change::DeleteAddress { link, address } => {
            format!("{}removing address {address} from {link}", at(link))
        }
        Change::RestoreRoutes { link, address } => {
            format!("{}routes of address {address} on {link}", at(link))
        }
        Change::SetFence { link, fence: Some(_) } => format!("{}filters of {link}", at(link)),
        Change::SetFence { link, fence: None } => {
            format!("{}removing the filters of {link}", at(link))
        }
        Change::AddRule(rule) => format!("rule {}", rule_words(rule)),
        Change::DeleteRule(rule) => format!("removing rule {}", rule_words(rule)),
        Change::CheckIpv6Sources(true) => "checking the sources of IPv6 packets".to_owned(),
        Change::CheckIpv6Sources(false) => {
            "ending the check of the sources of IPv6 packets".to_owned()
        }
        Change::AddRoute(route) => format!("route {}", route_words(route)),
        Change::DeleteRoute(route) => format!("removing route {}", route_words(route)),
    }
}

/// What a link is.
pub(super) fn link(record: &LinkRecord, index: &Index) -> String {
    let name = |number: Option<u32>| {
        number.and_then(|number| index.links.name_of(number)).unwrap_or("another namespace's link")
    };
    let master = record.master.map_or("in no VRF".to_owned(), |m| format!("in {}", name(Some(m))));
    let kind = match record.kind {
        KindRecord::Vlan { vlan } => format!("VLAN {vlan} on {}", name(record.parent)),
        KindRecord::Vrf { table } => format!("a VRF with table {table}"),
        KindRecord::Other => "no VLAN and no VRF".to_owned(),
    };
    format!("{kind}, {master}, MTU {}, group {}", record.mtu, record.group)
}

/// What we know of why the kernel refused: it says nothing of the port's own MTU.
pub(super) fn hint(change: &Change, index: &Index) -> Option<String> {
    let (parent, mtu) = match change {
        Change::AddVlan { parent, mtu, .. } => (parent.as_str(), *mtu),
        Change::SetMtu { link, mtu } => (port_of(link, index)?, *mtu),
        _ => return None,
    };
    let port = index.links.get(parent)?;
    (port.mtu < mtu).then(|| format!("{parent} itself has MTU {}", port.mtu))
}

fn port_of<'a>(link: &str, index: &'a Index) -> Option<&'a str> {
    let record = index.links.get(link)?;
    match record.kind {
        KindRecord::Vlan { .. } => index.links.name_of(record.parent?),
        // A veth's other end is no port of it.
        KindRecord::Vrf { .. } | KindRecord::Other => None,
    }
}

fn settings(conf: LinkConf) -> String {
    let on = |value: bool| u8::from(value);
    format!(
        "forwarding {}, rp_filter {}, send_redirects {}, accept_redirects {}, arp_ignore {}, link-local addresses {}, \
         keep_addr_on_down {}{}",
        on(conf.forwarding),
        conf.rp_filter,
        on(conf.send_redirects),
        on(conf.accept_redirects),
        conf.arp_ignore,
        on(conf.link_local),
        on(conf.keep_addresses),
        if conf.lenient { "" } else { ", proxy_arp, accept_ra and their like 0" }
    )
}

/// As ip-rule(8) words it.
fn rule_words(rule: &Rule) -> String {
    let Rule { family, preference, selector, action, protocol } = *rule;
    let family = match family {
        AddressFamily::Ipv4 => "-4",
        AddressFamily::Ipv6 => "-6",
    };
    let selector = match selector {
        Selector::All => String::new(),
        Selector::Mark(bits) => format!(" fwmark {bits:#x}/{bits:#x}"),
        Selector::Other => " of some packets".to_owned(),
    };
    let action = match action {
        RuleAction::L3mdev => "l3mdev".to_owned(),
        RuleAction::Lookup(table) => format!("lookup {table}"),
        RuleAction::Blackhole => "blackhole".to_owned(),
        RuleAction::Other => "with another action".to_owned(),
    };
    format!("{family} pref {preference}{selector} {action} proto {protocol}")
}

fn route_words(route: &Route) -> String {
    let Route { table, prefix, metric, way, .. } = route;
    let way = match way {
        Way::Via { next_hop, link } => format!(" via {next_hop} on {link}"),
        Way::Dev { link } => format!(" on {link}"),
        Way::Unreachable => " unreachable".to_owned(),
        Way::Other => String::new(),
    };
    format!("{prefix}{way} in table {table}, metric {metric}")
}

/// The names of links in a change.
pub(super) fn names(change: &Change) -> Vec<&str> {
    match change {
        Change::AddVlan { link, parent, master, .. } => vec![link, parent, master],
        Change::SetMaster { link, master: Some(master) } => vec![link, master],
        Change::AddVrf { link, .. }
        | Change::DeleteLink { link }
        | Change::SetAlias { link, .. }
        | Change::SetMtu { link, .. }
        | Change::SetMaster { link, master: None }
        | Change::SetConf { link, .. }
        | Change::SetUp { link }
        | Change::AddAddress { link, .. }
        | Change::DeleteAddress { link, .. }
        | Change::RestoreRoutes { link, .. }
        | Change::SetFence { link, .. } => vec![link],
        Change::AddRoute(route) | Change::DeleteRoute(route) => {
            route.way.link().into_iter().collect()
        }
        Change::AddRule(_) | Change::DeleteRule(_) | Change::CheckIpv6Sources(_) => vec![],
    }
}
