//! Filters and what breaks them.

use std::sync::Arc;
use std::time::Duration;

use linkway_domain::net::PeerAddresses;
use linkway_edge::fence::{DomainFence, Fence};
use linkway_edge::kernel::{Change, Link};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Monitor;

use crate::{Trial, everything, ip, net, output, sh};

const LINK: &str = "dxvif-f";

fn set(link: &str, fence: Option<&Arc<Fence>>) -> Change {
    Change::SetFence { link: link.into(), fence: fence.cloned() }
}

fn customer(inner: &[&str]) -> Arc<Fence> {
    let peers = vec![PeerAddresses::link_local(0), PeerAddresses::unique_local(0)];
    let domain = DomainFence {
        inner: inner.iter().map(|text| net(text)).collect(),
        own: vec![ip("192.0.2.1"), ip("fd00:2::1")],
        links: vec![net("169.254.0.0/30"), net("fd6c:696e:6b77::/125")],
        next_hops: Vec::new(),
        transit: Vec::new(),
    };
    let domain = Arc::new(domain);
    Arc::new(Fence::Customer { peers, limit: None, domain, site_link: false, sources: None })
}

impl Trial {
    pub fn fences(&mut self) {
        self.look();
        let mut changes = everything(LINK, 130, "vgw-f", 9, "169.254.0.1/30");
        let domain = ["10.20.0.0/16", "192.0.2.0/24", "fd00:2::/64"];
        let fence = customer(&domain);
        changes.push(set(LINK, Some(&fence)));
        changes.push(set("port0", Some(&Arc::new(Fence::Port))));
        changes.push(set("handoff0", Some(&Arc::new(Fence::Handoff { own: Vec::new() }))));
        for what in ["fences", "fences again"] {
            self.apply(what, &changes);
            self.is(LINK, Some(&fence));
            self.is("port0", Some(&Arc::new(Fence::Port)));
            self.is("handoff0", Some(&Arc::new(Fence::Handoff { own: Vec::new() })));
        }
        println!("{}", output(&format!("tc filter show dev {LINK} ingress")));
        println!("{}", output(&format!("tc filter show dev {LINK} egress")));
        let text = output(&format!("tc filter show dev {LINK} ingress"));
        self.check("a burst in packets", text.contains("pkts_rate 50 pkts_burst 50"));
        let other = customer(&["10.19.0.0/16", "10.20.0.0/16", "fd00:2::/64"]);
        self.apply("another prefix before, one away", &[set(LINK, Some(&other))]);
        self.is(LINK, Some(&other));
        self.apply("and back", &[set(LINK, Some(&fence))]);
        self.is(LINK, Some(&fence));
        self.broken(&fence);
        self.drops();
        self.apply("none", &[set(LINK, None), set("port0", None), set("never-was", None)]);
        self.is(LINK, None);
        self.is("port0", None);
        let left = output(&format!("tc qdisc show dev {LINK}; tc qdisc show dev port0"));
        self.check("no clsact is left", !left.contains("clsact"));
        let delete = |link: &str| Change::DeleteLink { link: link.into() };
        self.apply("removed", &[set("handoff0", None), delete(LINK), delete("vgw-f")]);
    }

    fn link(&mut self, name: &str) -> Link {
        self.look().links[name].clone()
    }

    fn is(&mut self, link: &str, fence: Option<&Arc<Fence>>) {
        let seen = self.link(link).fence;
        let wanted = fence.map(|fence| fence.digest(&Marks::default()));
        self.check(&format!("{link} has its fence"), seen == wanted);
    }

    /// By hand, one thing after the other: each is heard, seen and mended.
    fn broken(&mut self, fence: &Arc<Fence>) {
        for by_hand in [
            "tc filter del dev dxvif-f ingress prio 20",
            "tc filter del dev dxvif-f ingress protocol ip prio 5 handle 1 flower",
            "tc filter del dev dxvif-f egress",
            "tc qdisc del dev dxvif-f clsact",
            "tc qdisc del dev dxvif-f clsact; tc qdisc add dev dxvif-f ingress",
            "tc filter add dev dxvif-f ingress protocol ip prio 1000 flower dst_ip 10.0.0.1 action pass",
            "tc filter add dev dxvif-f ingress protocol ip prio 4 flower dst_ip 10.0.0.1 action pass",
            "tc filter add dev dxvif-f ingress chain 7 protocol ip prio 4 matchall action pass",
            "tc filter replace dev dxvif-f ingress protocol ip prio 4 handle 1 flower dst_ip 169.254.0.0/30 action pass",
            "tc filter del dev dxvif-f ingress prio 6; tc filter add dev dxvif-f ingress protocol all prio 6 matchall action pass",
            "tc filter del dev dxvif-f ingress prio 2; tc filter add dev dxvif-f ingress protocol arp prio 2 flower arp_sip 10.0.0.1/32 action pass",
        ] {
            let mut monitor = Monitor::open(Marks::default()).unwrap();
            while monitor.wait(Duration::from_millis(100)).unwrap() {}
            let mut kernel = self.look();
            let quiet = self.kernel.is_unchanged();
            self.check("quiet before", quiet);
            sh(by_hand);
            let heard =
                monitor.wait(Duration::from_secs(5)).unwrap() && !self.kernel.is_unchanged();
            self.check(&format!("heard: {by_hand}"), heard);
            let looked = self.kernel.observe_news(&mut kernel).unwrap();
            let wanted = Some(fence.digest(&Marks::default()));
            self.check("looked at and seen", looked && kernel.links[LINK].fence != wanted);
            self.apply("mended", &[set(LINK, Some(fence))]);
            let touched = self.kernel.observe_news(&mut kernel).unwrap();
            self.check("mended is seen", touched && kernel.links[LINK].fence == wanted);
            let woken = monitor.wait(Duration::from_millis(300)).unwrap();
            let quiet = !woken && self.kernel.is_unchanged();
            self.check("what the driver does is no news", quiet);
            self.is(LINK, Some(fence));
        }
    }

    /// Packets of the other end of the cable.
    fn drops(&mut self) {
        sh(
            "ip link add link far0 name far130 type vlan id 130 && ip link set far0 up && ip link set far130 up && \
            ip addr add 169.254.0.6/30 dev far130 && ping -c 3 -i 0.2 -W 1 169.254.0.5 || true",
        );
        let drops = self.link(LINK).drops;
        self.check(
            &format!("ARP of another is dropped and counted {drops:?}"),
            drops.neighbour > 0,
        );
        sh("ip link del far130");
    }
}
