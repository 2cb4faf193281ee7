//! A plan's changes in the words of `ip -batch`, `tc -batch` and of a shell: the same state by other means.

use std::fmt::Write as _;

use linkway_domain::net::AddressFamily;
use linkway_edge::fence::{Action, Condition, Direction, Fence, Filter, Protocol, Transport};
use linkway_edge::kernel::{Change, LinkConf, Route, Rule, RuleAction, Selector, Way};
use linkway_edge::mark::Marks;
use linkway_edge::plan::Step;

/// All texts.
#[derive(Default)]
pub struct Plain {
    /// For `ip -batch`.
    pub batch: String,
    /// For `tc -batch`.
    pub filters: String,
    /// For `sh`.
    pub settings: String,
}

/// The texts of a plan.
pub fn plain(steps: &[Step]) -> Plain {
    let mut plain = Plain::default();
    for step in steps {
        plain.add(&step.change);
    }
    plain
}

impl Plain {
    fn add(&mut self, change: &Change) {
        let batch = &mut self.batch;
        let written = match change {
            Change::AddVrf { link, table, group } => {
                writeln!(batch, "link add name {link} group {group} type vrf table {table}")
            }
            Change::AddVlan { link, parent, vlan, master, mtu, group } => writeln!(
                batch,
                "link add link {parent} name {link} mtu {mtu} group {group} master {master} type vlan id {vlan}"
            ),
            Change::DeleteLink { link } => writeln!(batch, "link delete {link}"),
            Change::SetAlias { link, alias } => {
                writeln!(batch, "link set {link} alias \"{alias}\"")
            }
            Change::SetMtu { link, mtu } => writeln!(batch, "link set {link} mtu {mtu}"),
            Change::SetMaster { link, master: Some(master) } => {
                writeln!(batch, "link set {link} master {master}")
            }
            Change::SetMaster { link, master: None } => writeln!(batch, "link set {link} nomaster"),
            Change::SetUp { link } => writeln!(batch, "link set {link} up"),
            Change::AddAddress { link, address } => {
                writeln!(batch, "address add {address} dev {link}")
            }
            Change::DeleteAddress { link, address } => {
                writeln!(batch, "address delete {address} dev {link}")
            }
            Change::AddRoute(route) => writeln!(batch, "route replace {}", words(route)),
            Change::DeleteRoute(route) => writeln!(batch, "route delete {}", words(route)),
            // A batch is of one family.
            Change::AddRule(rule) => writeln!(self.settings, "ip {}", rule_words("add", rule)),
            Change::DeleteRule(rule) => {
                writeln!(self.settings, "ip {}", rule_words("delete", rule))
            }
            Change::SetFence { link, fence: Some(fence) } => {
                self.fence(link, fence);
                Ok(())
            }
            Change::SetFence { fence: None, .. }
            | Change::RestoreRoutes { .. }
            | Change::CheckIpv6Sources(_) => panic!("no first plan of the bench has {change:?}"),
            Change::SetConf { link, conf } => {
                self.settings(link, *conf);
                let batch = &mut self.batch;
                if conf.link_local {
                    Ok(())
                } else {
                    writeln!(batch, "link set {link} addrgenmode none")
                }
            }
        };
        written.unwrap();
    }

    fn fence(&mut self, link: &str, fence: &Fence) {
        writeln!(self.filters, "qdisc add dev {link} clsact").unwrap();
        for filter in fence.filters(&Marks::default()) {
            writeln!(self.filters, "filter add dev {link} {}", filter_words(&filter)).unwrap();
        }
    }

    fn settings(&mut self, link: &str, conf: LinkConf) {
        let four = [
            ("forwarding", u8::from(conf.forwarding)),
            ("rp_filter", conf.rp_filter),
            ("send_redirects", u8::from(conf.send_redirects)),
            ("accept_redirects", u8::from(conf.accept_redirects)),
            ("arp_ignore", conf.arp_ignore),
        ];
        for (name, value) in four {
            writeln!(self.settings, "echo {value} >/proc/sys/net/ipv4/conf/{link}/{name}").unwrap();
        }
        let keep = u8::from(conf.keep_addresses);
        let six = format!("/proc/sys/net/ipv6/conf/{link}");
        writeln!(self.settings, "echo {keep} >{six}/keep_addr_on_down").unwrap();
    }
}

fn words(route: &Route) -> String {
    let Route { table, prefix, metric, protocol, way } = route;
    let place = format!("{prefix} table {table} metric {metric} proto {protocol}");
    match way {
        Way::Via { next_hop, link } => format!("{place} via {next_hop} dev {link} onlink"),
        Way::Unreachable => format!("unreachable {place}"),
        Way::Dev { .. } | Way::Other => panic!("no plan adds another kind of route"),
    }
}

fn rule_words(verb: &str, rule: &Rule) -> String {
    let Rule { family, preference, selector, action, protocol } = rule;
    let family = match family {
        AddressFamily::Ipv4 => "-4",
        AddressFamily::Ipv6 => "-6",
    };
    let selector = match selector {
        Selector::All => String::new(),
        Selector::Mark(bits) => format!("fwmark {bits:#x}/{bits:#x} "),
        Selector::Other => panic!("no plan adds another kind of rule"),
    };
    let action = match action {
        RuleAction::L3mdev => "l3mdev".to_owned(),
        RuleAction::Lookup(table) => format!("lookup {table}"),
        RuleAction::Blackhole => "blackhole".to_owned(),
        RuleAction::Other => panic!("no plan adds another kind of rule"),
    };
    format!("{family} rule {verb} pref {preference} {selector}{action} proto {protocol}")
}

fn filter_words(filter: &Filter) -> String {
    let way = match filter.direction {
        Direction::Ingress => "ingress",
        Direction::Egress => "egress",
    };
    let protocol = match filter.protocol {
        Protocol::All => "all",
        Protocol::Arp => "arp",
        Protocol::Ipv4 => "ip",
        Protocol::Ipv6 => "ipv6",
        Protocol::Vlan => "802.1Q",
    };
    let condition = match &filter.condition {
        Condition::All => "matchall".to_owned(),
        Condition::Mark(bits) => format!("handle {bits:#x}/{bits:#x} fw"),
        Condition::Vlan(vlan) => format!("flower vlan_id {vlan}"),
        Condition::Arp { sender, target } => format!("flower arp_sip {sender} arp_tip {target}"),
        Condition::Ip { source, destination, transport } => {
            let source = source.map(|net| format!(" src_ip {net}")).unwrap_or_default();
            let destination = destination.map(|net| format!(" dst_ip {net}")).unwrap_or_default();
            let transport = match transport {
                None => String::new(),
                Some(Transport::TcpFrom(port)) => format!(" ip_proto tcp src_port {port}"),
                Some(Transport::TcpTo(port)) => format!(" ip_proto tcp dst_port {port}"),
                Some(Transport::UdpTo(port)) => format!(" ip_proto udp dst_port {port}"),
                Some(Transport::Icmp) => " ip_proto icmp".to_owned(),
                Some(Transport::Icmpv6(None)) => " ip_proto icmpv6".to_owned(),
                Some(Transport::Icmpv6(Some(kind))) => format!(" ip_proto icmpv6 type {kind}"),
            };
            format!("flower{source}{destination}{transport}")
        }
    };
    let action = match filter.action {
        Action::Pass => "gact pass".to_owned(),
        Action::Drop => "gact drop".to_owned(),
        Action::Police(rate) => format!(
            "police pkts_rate {} pkts_burst {} conform-exceed drop/pass",
            rate.packets, rate.burst
        ),
        Action::Limit(limit) => format!(
            "police rate {} burst {} conform-exceed drop/continue",
            limit.bits_per_second(),
            limit.bits_per_second() / 32
        ),
        Action::Mark { bits, mask } => format!("skbedit mark {bits:#x}/{mask:#x} pass"),
    };
    format!("{way} protocol {protocol} prio {} {condition} action {action}", filter.priority)
}
