//! A link in the kernel's answer, out of bytes. Pure.

use linkway_domain::edge::Traffic;

use super::record::{KindRecord, LinkRecord};
use super::reply::{Parsed, array, attributes, i32_at, text, u8_at, u32_at};
use super::request::devconf;
use crate::kernel::LinkConf;

/// `IFLA_…` (linux/if_link.h).
mod ifla {
    pub(super) const IFNAME: u16 = 3;
    pub(super) const MTU: u16 = 4;
    pub(super) const LINK: u16 = 5;
    pub(super) const MASTER: u16 = 10;
    pub(super) const LINKINFO: u16 = 18;
    pub(super) const IFALIAS: u16 = 20;
    pub(super) const STATS64: u16 = 23;
    pub(super) const AF_SPEC: u16 = 26;
    pub(super) const GROUP: u16 = 27;
    pub(super) const LINK_NETNSID: u16 = 37;
}

/// A link; `None` where it is another family's view of one.
pub(super) fn link(body: &[u8]) -> Parsed<Option<LinkRecord>> {
    const HEADER: usize = 16;
    const IFF_UP: u32 = 1;
    const IFF_LOWER_UP: u32 = 1 << 16;
    if u8_at(body, 0)? != 0 {
        return Ok(None);
    }
    let flags = u32_at(body, 8)?;
    let mut link = LinkRecord {
        index: u32_at(body, 4)?,
        up: flags & IFF_UP != 0,
        carrier: flags & IFF_UP != 0 && flags & IFF_LOWER_UP != 0,
        ..LinkRecord::default()
    };
    let mut elsewhere = false;
    for attribute in attributes(body.get(HEADER..).unwrap_or_default()) {
        let (kind, value) = attribute?;
        match kind {
            ifla::IFNAME => link.name = text(value),
            ifla::MTU => link.mtu = u32_at(value, 0)?,
            ifla::LINK => link.parent = Some(u32_at(value, 0)?),
            ifla::MASTER => link.master = Some(u32_at(value, 0)?).filter(|index| *index != 0),
            ifla::LINKINFO => link.kind = link_kind(value)?,
            ifla::IFALIAS => link.alias = text(value),
            ifla::STATS64 => link.traffic = traffic(value)?,
            ifla::AF_SPEC => af_spec(value, &mut link.conf)?,
            ifla::GROUP => link.group = u32_at(value, 0)?,
            // The parent's index is one of another namespace.
            ifla::LINK_NETNSID => elsewhere = true,
            _ => (),
        }
    }
    link.parent = link.parent.filter(|index| *index != 0 && !elsewhere);
    Ok(Some(link))
}

/// `IFLA_LINKINFO`. The kind precedes the data.
fn link_kind(value: &[u8]) -> Parsed<KindRecord> {
    const KIND: u16 = 1;
    const DATA: u16 = 2;
    let mut name = String::new();
    let mut kind = KindRecord::Other;
    for attribute in attributes(value) {
        match attribute? {
            (KIND, value) => name = text(value),
            (DATA, value) if name == "vlan" => kind = vlan(value)?,
            (DATA, value) if name == "vrf" => kind = vrf(value)?,
            _ => (),
        }
    }
    Ok(kind)
}

fn vlan(value: &[u8]) -> Parsed<KindRecord> {
    const ID: u16 = 1;
    const PROTOCOL: u16 = 5;
    const DOT1Q: u16 = 0x8100;
    let (mut id, mut protocol) = (0, DOT1Q);
    for attribute in attributes(value) {
        match attribute? {
            (ID, value) => id = u16::from_ne_bytes(array(value, 0)?),
            (PROTOCOL, value) => protocol = u16::from_be_bytes(array(value, 0)?),
            _ => (),
        }
    }
    // 802.1ad is another sort of link.
    Ok(if protocol == DOT1Q { KindRecord::Vlan { vlan: id } } else { KindRecord::Other })
}

fn vrf(value: &[u8]) -> Parsed<KindRecord> {
    const TABLE: u16 = 1;
    for attribute in attributes(value) {
        if let (TABLE, value) = attribute? {
            return Ok(KindRecord::Vrf { table: u32_at(value, 0)? });
        }
    }
    Ok(KindRecord::Other)
}

/// `struct rtnl_link_stats64`. Frames that found no room in the port's ring are counted apart from its errors.
fn traffic(value: &[u8]) -> Parsed<Traffic> {
    let at = |word: usize| array(value, word * 8).map(u64::from_ne_bytes);
    let errors = [4, 5, 6, 7, 15].map(at);
    let mut sum = 0u64;
    for count in errors {
        sum = sum.saturating_add(count?);
    }
    Ok(Traffic {
        packets_in: at(0)?,
        packets_out: at(1)?,
        bytes_in: at(2)?,
        bytes_out: at(3)?,
        errors: sum,
    })
}

/// `IFLA_AF_SPEC`: a nest of each family.
fn af_spec(value: &[u8], conf: &mut LinkConf) -> Parsed<()> {
    const AF_INET: u16 = 2;
    const AF_INET6: u16 = 10;
    for family in attributes(value) {
        match family? {
            (AF_INET, value) => inet(value, conf)?,
            (AF_INET6, value) => inet6(value, conf)?,
            _ => (),
        }
    }
    Ok(())
}

fn inet(value: &[u8], conf: &mut LinkConf) -> Parsed<()> {
    const CONF: u16 = 1;
    for attribute in attributes(value) {
        if let (CONF, words) = attribute? {
            let at = |setting: u16| u32_at(words, (usize::from(setting) - 1) * 4);
            conf.forwarding = at(devconf::FORWARDING)? != 0;
            conf.accept_redirects = at(devconf::ACCEPT_REDIRECTS)? != 0;
            conf.send_redirects = at(devconf::SEND_REDIRECTS)? != 0;
            conf.rp_filter = small(at(devconf::RP_FILTER)?);
            conf.arp_ignore = small(at(devconf::ARP_IGNORE)?);
            for setting in devconf::LENIENT_V4 {
                conf.lenient |= at(setting)? != 0;
            }
        }
    }
    Ok(())
}

fn inet6(value: &[u8], conf: &mut LinkConf) -> Parsed<()> {
    const CONF: u16 = 2;
    const ADDR_GEN_MODE: u16 = 8;
    const NONE: u8 = 1;
    for attribute in attributes(value) {
        match attribute? {
            (CONF, words) => {
                let at = usize::from(devconf::KEEP_ADDR_ON_DOWN) * 4;
                // Below 0 is "not even when told to", which keeps none either; shorter before Linux 4.6, which had no VRF.
                conf.keep_addresses = i32_at(words, at)? > 0;
                for setting in devconf::LENIENT_V6 {
                    conf.lenient |= i32_at(words, usize::from(setting) * 4)? > 0;
                }
            }
            (ADDR_GEN_MODE, mode) => conf.link_local = u8_at(mode, 0)? != NONE,
            _ => (),
        }
    }
    Ok(())
}

/// A setting that is a small number; anything larger is not one that we would set.
fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
