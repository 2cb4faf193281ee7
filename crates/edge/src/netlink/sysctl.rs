//! The settings that netlink does not carry, or not with all that follows from them: files under /proc/sys/net.
//!
//! They are those of the network namespace of the calling thread, which is the socket's for an agent that never changes it.

use std::fs::{self, File};
use std::io::{self, Write};

use crate::kernel::LinkConf;
use crate::waiting::waiting;

const ROOT: &str = "/proc/sys/net";

/// Whether the kernel forwards IPv6; a kernel without IPv6 does not.
pub(super) fn forwards_ipv6() -> bool {
    waiting(|| fs::read_to_string(format!("{ROOT}/ipv6/conf/all/forwarding")))
        .is_ok_and(|text| text.trim() != "0")
}

/// Sets what [`super::request::set_conf_v4`] and [`super::request::set_no_link_local`] leave out. The name must have
/// passed [`super::is_link_name`]. An error comes with the setting's name.
///
/// * IPv4 forwarding: by netlink the kernel would only store the number; through the file it also turns off large receive
///   offload on the port and drops cached routes (`devinet_sysctl_forward`).
/// * `keep_addr_on_down`: nowhere else.
/// * link-local addresses back on: by netlink the kernel would make none on a link that is up already
///   (`addrconf_sysctl_addr_gen_mode` against `inet6_set_link_af`).
pub(super) fn set(
    link: &str,
    conf: LinkConf,
    turn_link_local_on: bool,
) -> Result<(), (&'static str, io::Error)> {
    write("ipv4", link, "forwarding", conf.forwarding).map_err(|why| ("forwarding", why))?;
    or_no_ipv6(write("ipv6", link, "keep_addr_on_down", conf.keep_addresses))
        .map_err(|why| ("keep_addr_on_down", why))?;
    if turn_link_local_on {
        or_no_ipv6(write("ipv6", link, "addr_gen_mode", false))
            .map_err(|why| ("addr_gen_mode", why))?;
    }
    Ok(())
}

fn write(family: &str, link: &str, setting: &str, value: bool) -> io::Result<()> {
    let path = format!("{ROOT}/{family}/conf/{link}/{setting}");
    waiting(|| {
        let mut file = File::options().write(true).open(path)?;
        file.write_all(if value { b"1" } else { b"0" })
    })
}

/// A link without IPv6 (the kernel has none, or the link's MTU is below 1280) has no addresses to keep or make.
fn or_no_ipv6(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
