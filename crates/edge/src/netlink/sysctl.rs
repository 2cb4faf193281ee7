//! The settings that netlink does not carry, or not with all that follows from them: files under /proc/sys/net.
//!
//! They are those of the network namespace of the calling thread, which is the socket's for an agent that never changes it.

use std::fs::{self, File};
use std::io::{self, Write};

use crate::kernel::LinkConf;

const ROOT: &str = "/proc/sys/net";

/// Whether the kernel forwards IPv6; a kernel without IPv6 does not.
pub(super) fn forwards_ipv6() -> bool {
    fs::read_to_string(format!("{ROOT}/ipv6/conf/all/forwarding"))
        .is_ok_and(|text| text.trim() != "0")
}

/// What becomes of a link's IPv6 link-local address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkLocal {
    /// As it is: there is one and is to be, or none.
    Stays,
    /// The kernel makes one.
    TurnOn,
    /// The link is up and has one that is not to be, and no other IPv6 address is to stay.
    Remove,
}

/// The IPv6 part of [`LinkConf::lenient`].
const LENIENT_V6: [&str; 3] = ["accept_ra", "accept_redirects", "proxy_ndp"];

/// Sets what [`super::request::set_conf_v4`] and [`super::request::set_no_link_local`] leave out. The name must have
/// passed [`super::is_link_name`]. An error comes with the setting's name.
///
/// * IPv4 forwarding: by netlink the kernel would only store the number; through the file it also turns off large receive
///   offload on the port and drops cached routes (`devinet_sysctl_forward`).
/// * `keep_addr_on_down`, and what of [`LinkConf::lenient`] is IPv6's: nowhere else.
/// * link-local addresses back on: by netlink the kernel would make none on a link that is up already
///   (`addrconf_sysctl_addr_gen_mode` against `inet6_set_link_af`);
/// * link-local addresses off on a link that has one: the mode keeps the kernel from making another, and without IPv6 for a
///   moment the link loses the one that it has.
pub(super) fn set(
    link: &str,
    conf: LinkConf,
    link_local: LinkLocal,
) -> Result<(), (&'static str, io::Error)> {
    write("ipv4", link, "forwarding", conf.forwarding).map_err(|why| ("forwarding", why))?;
    or_no_ipv6(write("ipv6", link, "keep_addr_on_down", conf.keep_addresses))
        .map_err(|why| ("keep_addr_on_down", why))?;
    for setting in LENIENT_V6.into_iter().filter(|_| !conf.lenient) {
        or_no_ipv6(write("ipv6", link, setting, false)).map_err(|why| (setting, why))?;
    }
    match link_local {
        LinkLocal::Stays => Ok(()),
        LinkLocal::TurnOn => or_no_ipv6(write("ipv6", link, "addr_gen_mode", false))
            .map_err(|why| ("addr_gen_mode", why)),
        LinkLocal::Remove => [true, false]
            .into_iter()
            .try_for_each(|off| or_no_ipv6(write("ipv6", link, "disable_ipv6", off)))
            .map_err(|why| ("disable_ipv6", why)),
    }
}

fn write(family: &str, link: &str, setting: &str, value: bool) -> io::Result<()> {
    let path = format!("{ROOT}/{family}/conf/{link}/{setting}");
    let mut file = File::options().write(true).open(path)?;
    file.write_all(if value { b"1" } else { b"0" })
}

/// A link without IPv6 (the kernel has none, or the link's MTU is below 1280) has no addresses to keep or make.
fn or_no_ipv6(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
