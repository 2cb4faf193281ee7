//! What somebody wants to know of a session now, asked of BIRD beside the agent's own work: each question has a connection
//! and a short patience of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use linkway_domain::Time;
use linkway_domain::edge::{
    AsPathSegment, BgpRoute, EdgeConfig, HandoffConfig, InterfaceConfig, PeerConfig,
    RouteDirection, RouteTable, RoutingDomainConfig, SegmentKind, SessionSeen,
};
use linkway_domain::id::RoutingDomainId;

use super::control::Control;
use super::log::LocalTime;
use super::render::REFUSED;
use super::{fabric, log, names, parse, routes};
use crate::agent::clock_milliseconds;
use crate::fabric::FabricSessionId;
use crate::session::{DaemonError, SessionId};

/// How long BIRD may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The BIRDs of a state directory, to be asked.
#[derive(Clone, Debug)]
pub struct Questions {
    dir: PathBuf,
}

impl Questions {
    /// Of the BIRDs whose files are there: see [`super::Processes::new`].
    #[must_use]
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// The routes that an interface's sessions exchange, with the paths as their receivers have them.
    ///
    /// # Errors
    /// When BIRD runs and cannot be asked.
    pub fn routes(
        &self,
        config: &EdgeConfig,
        interface: &InterfaceConfig,
    ) -> Result<RouteTable, DaemonError> {
        let domain = &interface.routing_domain_id;
        let domain = config.routing_domains.iter().find(|one| one.routing_domain_id == *domain);
        let asn = domain.map(|domain| domain.amazon_side_asn.number());
        let mut table = RouteTable::default();
        for name in session_names(interface) {
            let Some((mut control, _)) = self.control_of(&name)? else { continue };
            // A name in quotes would be a pattern, which routes are not asked for by.
            let command = format!("show route protocol {name} all");
            let answer = control.show("a session's routes", &command)?;
            let (accepted, more) = routes::routes(answer.lines(), RouteDirection::Accepted);
            table.routes.extend(accepted);
            table.truncated |= more;
            let command = format!("show route export {name} all");
            let answer = control.show("what a session announces", &command)?;
            let (advertised, more) = routes::routes(answer.lines(), RouteDirection::Advertised);
            table.routes.extend(advertised.into_iter().map(|route| sent_by(route, asn)));
            table.truncated |= more;
        }
        Ok(table.bounded())
    }

    /// What the BIRD that has a session says of it, with the prefix limit that it has.
    ///
    /// # Errors
    /// As [`Questions::routes`].
    pub fn session(
        &self,
        interface: &InterfaceConfig,
        peer: &PeerConfig,
        prefix_limit: u32,
    ) -> Result<SessionSeen, DaemonError> {
        let name = session_name(interface, peer);
        let absent = SessionSeen {
            state: None,
            last_error: None,
            last_log: None,
            logged_at: None,
            accepted: 0,
            rejected: 0,
            advertised: 0,
            prefix_limit,
            bfd_up: None,
        };
        let Some((mut control, dir)) = self.control_of(&name)? else { return Ok(absent) };
        let answer = control.show("a session", &format!("show protocols all \"{name}\""))?;
        let Some(protocol) = parse::protocols(answer.lines()).into_iter().next() else {
            return Ok(absent);
        };
        let refused = protocol.description.as_deref().and_then(|d| d.strip_prefix(REFUSED));
        let shut = protocol.description.as_deref().filter(|d| d.starts_with("shut: "));
        let last_error = refused.or(protocol.last_error.as_deref()).or(shut).map(str::to_owned);
        let (last_log, logged_at) = logged(&mut control, &dir, &name)?;
        // Without a BFD protocol there are no sessions, which BIRD answers with an error.
        let bfd = control.ask("its BFD sessions", "show bfd sessions")?;
        let theirs = peer.addresses.customer().addr().to_string();
        let link = interface.virtual_interface_id.as_str();
        Ok(SessionSeen {
            state: Some(parse::session_state(&protocol)),
            bfd_up: bfd_up(bfd.lines(), &theirs, link, last_error.as_deref()),
            last_error,
            last_log,
            logged_at,
            accepted: protocol.imported,
            rejected: protocol.filtered,
            advertised: protocol.exported,
            ..absent
        })
    }

    /// Whether what is reached over a handoff is announced to the customers of a routing domain, as far as its session with the fabric decides; `None`: it has none, or it
    /// cannot be asked.
    #[must_use]
    pub fn is_reachable(
        &self,
        domain: &RoutingDomainConfig,
        handoff: &HandoffConfig,
        to: &RoutingDomainId,
    ) -> Option<bool> {
        let family = handoff.fabric_peer.as_ref()?.address.family();
        let routing_domain = domain.routing_domain_id.clone();
        let name = fabric::announced_name(&FabricSessionId { routing_domain, family }, to);
        let (mut control, _) = self.control_of(&name).ok()??;
        let command = format!("show protocols \"{name}\"");
        let answer = control.show("what a handoff reaches", &command).ok()?;
        let protocols = parse::protocols(answer.lines());
        Some(protocols.first()?.state == "up")
    }

    /// A connection to the BIRD that has this protocol, and the BIRD's directory; `None`: none has it.
    fn control_of(&self, name: &str) -> Result<Option<(Control, PathBuf)>, DaemonError> {
        for dir in self.dirs() {
            let socket = dir.join("bird.ctl");
            let Some(mut control) = Control::connect_within(&socket, PATIENCE)? else { continue };
            let answer = control.show("a session", &format!("show protocols \"{name}\""))?;
            if answer.lines().any(|line| line.split_whitespace().next() == Some(name)) {
                return Ok(Some((control, dir)));
            }
        }
        Ok(None)
    }

    fn dirs(&self) -> impl Iterator<Item = PathBuf> {
        let others = (2..1000).map(|number| self.dir.join(format!("bird-{number}")));
        let others = others.take_while(|dir| dir.is_dir());
        std::iter::once(self.dir.clone()).chain(others)
    }
}

/// What the log last has of a session's errors, and when that was.
fn logged(
    control: &mut Control,
    dir: &Path,
    name: &str,
) -> Result<(Option<String>, Option<Time>), DaemonError> {
    let path = dir.join("bird.log");
    let fault = |why| DaemonError::Io { doing: format!("read {}", path.display()), why };
    let Some(entry) = log::last_error(&log::tail(&path).map_err(fault)?, name) else {
        return Ok((None, None));
    };
    let status = control.show("its time", "show status")?;
    let local = status.lines().find_map(|line| line.strip_prefix("Current server time is "));
    let now = Time::from_millis(clock_milliseconds());
    let at = local.and_then(LocalTime::parse).and_then(|local| entry.local.unix(local, now));
    Ok((Some(entry.text), at))
}

/// Whether BFD has this neighbor up. A session that was never up is that of a router that does not use BFD.
fn bfd_up<'a>(
    sessions: impl IntoIterator<Item = &'a str>,
    theirs: &str,
    link: &str,
    last_error: Option<&str>,
) -> Option<bool> {
    let state = sessions.into_iter().find_map(|line| {
        let mut words = line.split_whitespace();
        let is_it = words.next() == Some(theirs) && words.next() == Some(link);
        is_it.then(|| words.next()).flatten()
    })?;
    let has_failed = last_error.is_some_and(|error| error.contains("BFD"));
    (state == "Up").then_some(true).or(has_failed.then_some(false))
}

/// The names of an interface's sessions.
fn session_names(interface: &InterfaceConfig) -> impl Iterator<Item = String> {
    interface.peers.iter().map(|peer| session_name(interface, peer))
}

fn session_name(interface: &InterfaceConfig, peer: &PeerConfig) -> String {
    let interface = interface.virtual_interface_id.clone();
    let id = SessionId { interface, family: peer.addresses.family() };
    names::name_of(&id, peer.session_resets)
}

/// A route as it is sent: our AS number comes first (RFC 4271, section 5.1.2), which BIRD adds when it writes the message.
fn sent_by(mut route: BgpRoute, asn: Option<u32>) -> BgpRoute {
    let Some(asn) = asn else { return route };
    match route.as_path.first_mut() {
        Some(AsPathSegment { kind: SegmentKind::Seq, path }) => path.insert(0, asn),
        Some(AsPathSegment { kind: SegmentKind::Set, .. }) | None => {
            route.as_path.insert(0, AsPathSegment { kind: SegmentKind::Seq, path: vec![asn] });
        }
    }
    route
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfd_has_failed_only_where_it_was_up() {
        let table = [
            "all_bfd:",
            "IP address                Interface  State      Since         Interval  Timeout",
            "169.254.0.2               dxvif-f0000001 Up         11:20:31.123    0.300    0.900",
            "169.254.0.2               dxvif-f0000002 Down       11:20:31.123    1.000    0.000",
        ];
        let check = |link: &str, error: Option<&str>, expected| {
            assert_eq!(bfd_up(table, "169.254.0.2", link, error), expected, "{link}");
        };
        check("dxvif-f0000001", None, Some(true));
        check("dxvif-f0000002", None, None);
        check("dxvif-f0000002", Some("BFD session down"), Some(false));
        check("dxvif-f0000003", Some("BFD session down"), None);
    }
}
