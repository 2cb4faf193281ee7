//! A plan's changes in the words of `ip -batch` and of a shell: the same state by other means.

use std::fmt::Write as _;

use linkway_edge::kernel::{Change, LinkConf, Route, Way};
use linkway_edge::plan::Step;

/// Both texts.
#[derive(Default)]
pub struct Plain {
    /// For `ip -batch`.
    pub batch: String,
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
        Way::Other => panic!("no plan adds another kind of route"),
    }
}
