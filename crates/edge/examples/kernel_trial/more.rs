//! Rules, IPv6 sources, routes of addresses, settings.

use std::collections::BTreeSet;
use std::time::Duration;

use linkway_domain::net::AddressFamily;
use linkway_edge::kernel::{Change, LinkConf, Rule, RuleAction, Selector};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Monitor;

use crate::{CONF, Trial, everything, net, output, sh};

impl Trial {
    pub fn rules(&mut self) {
        let ours = |family, preference, selector, action| Rule {
            family,
            preference,
            selector,
            action,
            protocol: Marks::default().route_protocol,
        };
        let mark = Selector::Mark(0x2000_0000);
        let wanted: Vec<Rule> = [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .flat_map(|family| {
                [
                    ours(family, 0, Selector::All, RuleAction::L3mdev),
                    ours(family, 1, mark, RuleAction::Blackhole),
                    ours(family, 2, Selector::All, RuleAction::Lookup(255)),
                ]
            })
            .collect();
        let before = self.look().rules;
        let kernels: Vec<Rule> =
            before.iter().filter(|rule| rule.preference == 0).copied().collect();
        self.check(&format!("the kernel's own {kernels:?}"), kernels.len() == 2);
        for what in ["rules", "rules again"] {
            let adds: Vec<Change> = wanted.iter().copied().map(Change::AddRule).collect();
            self.apply(what, &adds);
            let deletes: Vec<Change> = kernels.iter().copied().map(Change::DeleteRule).collect();
            self.apply("the kernel's own go", &deletes);
            let seen = self.look().rules;
            let four: Vec<&Rule> = seen.iter().filter(|r| r.preference < 3).collect();
            self.check(&format!("they are there {four:?}"), four.into_iter().eq(&wanted));
        }
        for by_hand in [
            "ip rule del pref 0",
            "ip -6 rule del pref 1",
            "ip rule add pref 500 iif port0 lookup main",
            "ip -6 rule add pref 1 from 2001:db8::/32 lookup main",
        ] {
            let mut monitor = Monitor::open(Marks::default()).unwrap();
            let mut kernel = self.look();
            sh(by_hand);
            let heard =
                monitor.wait(Duration::from_secs(5)).unwrap() && !self.kernel.is_unchanged();
            self.check(&format!("heard: {by_hand}"), heard);
            let looked = self.kernel.observe_news(&mut kernel).unwrap();
            let rules = self.look().rules;
            self.check("seen", looked && kernel.rules == rules);
        }
        let odd: Vec<Rule> =
            self.look().rules.into_iter().filter(|r| r.selector == Selector::Other).collect();
        self.check(&format!("others {odd:?}"), odd.len() == 2);
        let mut back: Vec<Change> =
            wanted.iter().chain(&odd).copied().map(Change::DeleteRule).collect();
        back.extend(kernels.iter().copied().map(Change::AddRule));
        self.apply("back", &back);
        self.apply(
            "deleted twice",
            &wanted.iter().copied().map(Change::DeleteRule).collect::<Vec<_>>(),
        );
        let after: BTreeSet<String> = self.look().rules.iter().map(|r| format!("{r:?}")).collect();
        let before = before.iter().map(|r| format!("{r:?}")).collect();
        self.check("as before", after == before);
    }

    pub fn sources(&mut self) {
        for _ in 0..2 {
            self.apply("sources checked", &[Change::CheckIpv6Sources(true)]);
            let seen = self.look().checks_ipv6_sources;
            self.check("seen", seen);
        }
        let text =
            output("(ip6tables -t raw -S PREROUTING; ip6tables-legacy -t raw -S PREROUTING) 2>&1");
        self.check(&format!("once: {text}"), text.matches("rpfilter").count() == 1);
        for _ in 0..2 {
            self.apply("sources not checked", &[Change::CheckIpv6Sources(false)]);
            let seen = self.look().checks_ipv6_sources;
            self.check("not seen", !seen);
        }
    }

    pub fn routes_of_addresses(&mut self) {
        self.look();
        self.apply("an interface", &everything("dxvif-r", 131, "vgw-r", 10, "169.254.0.1/30"));
        let table = Marks::default().first_table + 10;
        let shown =
            || output(&format!("ip route show table {table}; ip -6 route show table {table}"));
        let before = shown();
        let unrouted = self.look().links["dxvif-r"].unrouted.clone();
        self.check(&format!("all have their routes {unrouted:?}\n{before}"), unrouted.is_empty());
        for (by_hand, address) in [
            (format!("ip route del local 169.254.0.1 dev dxvif-r table {table}"), "169.254.0.1/30"),
            (format!("ip route del 169.254.0.0/30 dev dxvif-r table {table}"), "169.254.0.1/30"),
            (
                format!("ip -6 route del local 2001:db8::1 dev dxvif-r table {table}"),
                "2001:db8::1/126",
            ),
            (
                format!("ip -6 route del 2001:db8::/126 dev dxvif-r table {table}"),
                "2001:db8::1/126",
            ),
        ] {
            let mut monitor = Monitor::open(Marks::default()).unwrap();
            let mut kernel = self.look();
            sh(&by_hand);
            let heard =
                monitor.wait(Duration::from_secs(5)).unwrap() && !self.kernel.is_unchanged();
            self.check(&format!("heard: {by_hand}"), heard);
            let looked = self.kernel.observe_news(&mut kernel).unwrap();
            let lost = BTreeSet::from([net(address)]);
            self.check("seen", looked && kernel.links["dxvif-r"].unrouted == lost);
            let (link, address) = ("dxvif-r".to_owned(), net(address));
            let restored = [Change::RestoreRoutes { link, address }];
            self.apply("restored", &restored);
            let looked = self.kernel.observe_news(&mut kernel).unwrap();
            self.check("seen", looked && kernel.links["dxvif-r"].unrouted.is_empty());
        }
        let after = shown();
        let normal =
            |text: &str| text.lines().map(|line| line.trim().to_owned()).collect::<BTreeSet<_>>();
        self.check(
            &format!("as the kernel makes them\n{after}"),
            normal(&after) == normal(&before),
        );
        let address =
            |text: &str| Change::DeleteAddress { link: "dxvif-r".into(), address: net(text) };
        self.apply("addresses go", &[address("169.254.0.1/30"), address("2001:db8::1/126")]);
        let left = shown();
        let ours = left.contains("169.254.") || left.contains("2001:db8:");
        self.check(&format!("their routes too\n{left}"), !ours);
        let delete = |link: &str| Change::DeleteLink { link: link.into() };
        self.apply("removed", &[delete("dxvif-r"), delete("vgw-r")]);
    }

    pub fn settings(&mut self) {
        self.look();
        self.apply("an interface", &everything("dxvif-s", 132, "vgw-s", 11, "169.254.0.1/30"));
        for (family, setting, heard) in [
            ("ipv4", "proxy_arp", true),
            ("ipv4", "arp_accept", false),
            ("ipv4", "accept_local", false),
            ("ipv4", "route_localnet", false),
            ("ipv4", "accept_source_route", false),
            ("ipv4", "rp_filter", true),
            ("ipv6", "accept_ra", false),
            ("ipv6", "accept_redirects", false),
            ("ipv6", "proxy_ndp", true),
        ] {
            let mut monitor = Monitor::open(Marks::default()).unwrap();
            let strict = self.look().links["dxvif-s"].conf == CONF;
            self.check("as set", strict);
            sh(&format!("echo 2 >/proc/sys/net/{family}/conf/dxvif-s/{setting}"));
            let woken = monitor.wait(Duration::from_millis(300)).unwrap();
            self.check(&format!("{setting} is heard: {woken}"), woken || !heard);
            let seen = self.look().links["dxvif-s"].conf;
            self.check(&format!("{setting} is seen"), seen != CONF);
            let conf = |conf: LinkConf| Change::SetConf { link: "dxvif-s".into(), conf };
            self.apply("set back", &[conf(CONF)]);
        }
        let delete = |link: &str| Change::DeleteLink { link: link.into() };
        self.apply("removed", &[delete("dxvif-s"), delete("vgw-s")]);
    }
}
