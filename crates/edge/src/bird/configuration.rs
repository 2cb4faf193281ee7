//! The configuration of BIRD for some sessions, made out of the one before. It is kept in fragments, a file each: only those
//! are written anew in which something has changed, however much else there is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter;
use std::sync::Arc;

use imbl::ordmap::DiffItem;
use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::AddressFamily;
use sha2::{Digest as _, Sha256};

use super::fabric;
use super::names::{protocol_name, session_of};
use super::render::{self, Device, Surroundings, routing_domain};
use super::settings::BirdSettings;
use super::shut::Shut;
use super::version::Dialect;
use crate::session::{Digest, RoutingDomain, Session, SessionId, Sessions};

/// How many fragments there are at most: fewer have more to be written, more have more to be opened.
const FRAGMENTS: u32 = 32;

/// Sessions and what BIRD is told of them.
pub struct Configuration {
    /// The sessions.
    pub sessions: Sessions,
    /// By it BIRD's having loaded them is recognised.
    pub digest: Digest,
    tables: Arc<TablesFragment>,
    fragments: BTreeMap<u32, Arc<Fragment>>,
}

/// The kernel tables.
struct TablesFragment {
    tables: Arc<BTreeSet<u32>>,
    text: String,
    /// A digest of the text, with a suffix.
    name: Arc<str>,
}

/// Some of the routing domains.
#[derive(Clone, Default)]
struct Fragment {
    blocks: BTreeMap<RoutingDomainId, Arc<Block>>,
    text: String,
    /// A digest of the text, with a suffix.
    name: Arc<str>,
}

/// SHA-256 of a text.
type Hash = [u8; 32];

/// A routing domain with its sessions and their text, which holds keys.
#[derive(Default)]
struct Block {
    domain: Option<Arc<RoutingDomain>>,
    sessions: BTreeMap<SessionId, Arc<Session>>,
    text: String,
    hash: Hash,
}

/// What has changed of a routing domain.
#[derive(Default)]
struct Edit<'a> {
    domain: Option<Option<&'a Arc<RoutingDomain>>>,
    removed: Vec<&'a SessionId>,
    added: Vec<&'a Arc<Session>>,
}

/// The whole text; see [`render::routing_domain`] for `shut` and [`render::tables`] for `held`.
#[must_use]
pub fn render(
    sessions: &Sessions,
    around: Surroundings<'_>,
    dialect: Dialect,
    shut: &BTreeMap<String, Shut>,
    held: bool,
) -> String {
    let configuration = Configuration::new(sessions, around, None);
    let fragments = configuration.fragments(around.settings, shut, held);
    let text: String = fragments.map(|(_, text)| text).collect();
    configuration.head(around, dialect, shut, Device::On) + &text
}

/// The digest of a configuration. It says nothing of the dialect, of sessions that are shut and of routes that are held, so
/// that the same sessions always have the same.
#[must_use]
pub fn digest(sessions: &Sessions, around: Surroundings<'_>) -> Digest {
    Configuration::new(sessions, around, None).digest
}

impl Configuration {
    /// Of these sessions, with what is the same in an earlier one of the same surroundings.
    #[must_use]
    pub fn new(sessions: &Sessions, around: Surroundings<'_>, before: Option<&Self>) -> Self {
        let none = Sessions::default();
        let held = before.map_or(&none, |before| &before.sessions);
        let mut fragments = before.map(|before| before.fragments.clone()).unwrap_or_default();
        let mut by_fragment: BTreeMap<u32, BTreeMap<&RoutingDomainId, Edit<'_>>> = BTreeMap::new();
        for (id, edit) in edits(held, sessions) {
            by_fragment.entry(number(id)).or_default().insert(id, edit);
        }
        for (at, edits) in by_fragment {
            let old = fragments.remove(&at).unwrap_or_default();
            let new = old.edited(&edits, around.settings);
            if !new.blocks.is_empty() {
                fragments.insert(at, Arc::new(new));
            }
        }
        let tables = TablesFragment::of(sessions, before.map(|before| &before.tables));
        let mut hash = Sha256::new();
        hash.update(render::head(around, Dialect::Classic));
        hash.update(&*tables.name);
        fragments.values().for_each(|fragment| hash.update(&*fragment.name));
        let digest = Digest(u64::from_be_bytes(first(hash.finalize().into())));
        Self { sessions: sessions.clone(), digest, tables, fragments }
    }

    /// The names of the sessions that are not in both, or not the same.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        let changes = before.sessions.sessions.diff(&self.sessions.sessions);
        let both = changes.flat_map(|change| match change {
            DiffItem::Add(_, is) => [None, Some(is)],
            DiffItem::Update { old: (_, was), new: (_, is) } => [Some(was), Some(is)],
            DiffItem::Remove(_, was) => [Some(was), None],
        });
        let names: BTreeSet<String> =
            both.flatten().map(|session| protocol_name(session)).collect();
        names.into_iter().collect()
    }

    /// The names of the sessions whose limit of prefixes was another one.
    #[must_use]
    pub fn other_limits_than(&self, before: &Self) -> Vec<String> {
        let changes = before.sessions.sessions.diff(&self.sessions.sessions);
        let other = changes.filter_map(|change| match change {
            DiffItem::Update { old: (_, was), new: (_, is) } => {
                (was.prefix_limit != is.prefix_limit).then(|| protocol_name(is))
            }
            DiffItem::Add(..) | DiffItem::Remove(..) => None,
        });
        other.collect()
    }

    /// How many kernel tables there are.
    #[must_use]
    pub fn tables(&self) -> usize {
        self.tables.tables.len()
    }

    /// The names of the sessions' protocols.
    pub fn names(&self) -> impl Iterator<Item = String> {
        self.sessions.sessions.values().map(|session| protocol_name(session))
    }

    /// Whether there is a session whose protocol has this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let session = session_of(name).and_then(|(id, _)| self.sessions.sessions.get(&id));
        session.is_some_and(|session| protocol_name(session) == name)
    }

    /// What comes before the fragments.
    #[must_use]
    pub fn head(
        &self,
        around: Surroundings<'_>,
        dialect: Dialect,
        shut: &BTreeMap<String, Shut>,
        device: Device,
    ) -> String {
        let limited = |(name, _): &(String, _)| shut.get(name) == Some(&Shut::PrefixLimit);
        let there = self.shut(shut).filter(limited).map(|(name, _)| name);
        let size = (self.sessions.sessions.len(), self.tables());
        render::title(self.digest, dialect, there, size, around.settings, device)
            + &render::head(around, dialect)
    }

    /// The fragments, each with a name that is a digest of it; see [`render`].
    pub fn fragments<'a>(
        &'a self,
        settings: &'a BirdSettings,
        shut: &'a BTreeMap<String, Shut>,
        held: bool,
    ) -> impl Iterator<Item = (Arc<str>, Cow<'a, str>)> {
        let mut special: BTreeSet<u32> =
            self.shut(shut).map(|(_, session)| number(&session.routing_domain)).collect();
        special
            .extend(shut.keys().filter_map(|name| fabric::domain_of(name)).map(|id| number(&id)));
        let others = self.fragments.iter().map(move |(at, fragment)| {
            if !special.contains(at) {
                return (Arc::clone(&fragment.name), fragment.text.as_str().into());
            }
            let texts: Vec<String> =
                fragment.blocks.values().map(|block| block.render(settings, shut)).collect();
            (name(texts.iter().map(hash)), texts.concat().into())
        });
        let tables = match held {
            true => self.tables.held(&self.tables_in_use()),
            false => (Arc::clone(&self.tables.name), self.tables.text.as_str().into()),
        };
        iter::once(tables).chain(others)
    }

    /// The kernel tables, by family, that routes may be in.
    fn tables_in_use(&self) -> BTreeSet<(u32, AddressFamily)> {
        let domains = &self.sessions.routing_domains;
        let of_customers = self.sessions.sessions.values().flat_map(|session| {
            let (domain, family) =
                (domains.get(&session.routing_domain), session.addresses.family());
            let own = domain.map(|domain| domain.table);
            let others = domain.into_iter().flat_map(|domain| &domain.associations);
            own.into_iter().chain(others.map(|one| one.table)).map(move |table| (table, family))
        });
        let of_fabric = domains
            .values()
            .flat_map(|domain| domain.fabric.iter().map(|one| (domain.table, one.id.family)));
        of_customers.chain(of_fabric).collect()
    }

    /// Those of the shut sessions that there are, in order of their names.
    fn shut<'a>(
        &'a self,
        shut: &'a BTreeMap<String, Shut>,
    ) -> impl Iterator<Item = (String, &'a Session)> {
        shut.keys().filter_map(|name| {
            let (id, _) = session_of(name)?;
            let session = self.sessions.sessions.get(&id)?;
            (protocol_name(session) == *name).then(|| (name.clone(), &**session))
        })
    }
}

/// What is not the same, by routing domains.
fn edits<'a>(held: &'a Sessions, next: &'a Sessions) -> BTreeMap<&'a RoutingDomainId, Edit<'a>> {
    let mut edits: BTreeMap<&RoutingDomainId, Edit<'_>> = BTreeMap::new();
    for change in held.routing_domains.diff(&next.routing_domains) {
        let (id, is) = match change {
            DiffItem::Add(id, is) | DiffItem::Update { new: (id, is), .. } => (id, Some(is)),
            DiffItem::Remove(id, _) => (id, None),
        };
        edits.entry(id).or_default().domain = Some(is);
    }
    let mut remove = |id, was: &'a Arc<Session>| {
        edits.entry(&was.routing_domain).or_default().removed.push(id);
    };
    let mut added = Vec::new();
    for change in held.sessions.diff(&next.sessions) {
        match change {
            DiffItem::Add(_, is) => added.push(is),
            DiffItem::Update { old: (id, was), new: (_, is) } => {
                remove(id, was);
                added.push(is);
            }
            DiffItem::Remove(id, was) => remove(id, was),
        }
    }
    for is in added {
        edits.entry(&is.routing_domain).or_default().added.push(is);
    }
    edits
}

impl TablesFragment {
    fn of(sessions: &Sessions, before: Option<&Arc<Self>>) -> Arc<Self> {
        let tables = match sessions.tables.is_empty() {
            true => Arc::new(sessions.routing_domains.values().map(|one| one.table).collect()),
            false => Arc::clone(&sessions.tables),
        };
        let same =
            before.filter(|before| Arc::ptr_eq(&before.tables, &tables) || before.tables == tables);
        same.cloned().unwrap_or_else(|| {
            let text = render::tables(&tables, None);
            let name = name(iter::once(hash(&text)));
            Arc::new(Self { tables, text, name })
        })
    }

    fn held(&self, in_use: &BTreeSet<(u32, AddressFamily)>) -> (Arc<str>, Cow<'static, str>) {
        let text = render::tables(&self.tables, Some(in_use));
        (name(iter::once(hash(&text))), text.into())
    }
}

impl Fragment {
    fn edited(
        &self,
        edits: &BTreeMap<&RoutingDomainId, Edit<'_>>,
        settings: &BirdSettings,
    ) -> Self {
        let mut blocks = self.blocks.clone();
        for (id, edit) in edits {
            let old = blocks.remove(*id).unwrap_or_default();
            let new = old.edited(edit, settings);
            if new.domain.is_some() || !new.sessions.is_empty() {
                blocks.insert((*id).clone(), Arc::new(new));
            }
        }
        let name = name(blocks.values().map(|block| block.hash));
        let texts: Vec<&str> = blocks.values().map(|block| block.text.as_str()).collect();
        let text = texts.concat();
        Self { blocks, text, name }
    }
}

impl Block {
    fn edited(&self, edit: &Edit<'_>, settings: &BirdSettings) -> Self {
        let domain = match edit.domain {
            Some(domain) => domain.cloned(),
            None => self.domain.clone(),
        };
        let mut sessions = self.sessions.clone();
        sessions.retain(|id, _| !edit.removed.contains(&id));
        sessions.extend(edit.added.iter().map(|one| (one.id.clone(), Arc::clone(one))));
        let mut new = Self { domain, sessions, ..Self::default() };
        new.text = new.render(settings, &BTreeMap::new());
        new.hash = hash(&new.text);
        new
    }

    fn render(&self, settings: &BirdSettings, shut: &BTreeMap<String, Shut>) -> String {
        let own: Vec<Arc<Session>> = self.sessions.values().cloned().collect();
        let text = |domain: &Arc<RoutingDomain>| routing_domain(domain, &own, settings, shut);
        self.domain.as_ref().map(text).unwrap_or_default()
    }
}

/// Which fragment a routing domain is in.
fn number(id: &RoutingDomainId) -> u32 {
    let bytes = id.as_str().bytes();
    bytes.fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % FRAGMENTS
}

fn hash(text: impl AsRef<[u8]>) -> Hash {
    Sha256::digest(text).into()
}

/// The name of a fragment whose blocks are these.
fn name(blocks: impl Iterator<Item = Hash>) -> Arc<str> {
    let mut all = Sha256::new();
    blocks.for_each(|hash| all.update(hash));
    format!("{:032x}.conf", u128::from_be_bytes(first(all.finalize().into()))).into()
}

fn first<const N: usize>(hash: Hash) -> [u8; N] {
    *hash.first_chunk().expect("SHA-256 has 32 bytes")
}

/// The text holds keys.
impl fmt::Debug for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Configuration").field(&self.digest).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use linkway_domain::net::{AuthKey, PeerAddresses};
    use proptest::prelude::*;

    use super::*;

    /// Routing domains by number with some property, and sessions by number and family with their domains and another.
    fn sessions() -> impl Strategy<Value = Sessions> {
        let domains = prop::collection::btree_map(0..5_u32, 0..2_u32, 0..5);
        let sessions =
            prop::collection::btree_map((0..6_u32, any::<bool>()), (0..5_u32, 0..2_u32), 0..9);
        (domains, sessions).prop_map(|(domains, sessions)| {
            let id = |n: u32| RoutingDomainId::parse(&format!("vgw-0000000{n}")).unwrap();
            let domain = |(n, asn)| {
                Arc::new(RoutingDomain {
                    id: id(n),
                    table: n,
                    asn,
                    announced: Vec::new(),
                    cidrs: Vec::new(),
                    reserved: Vec::new(),
                    fabric: Vec::new(),
                    associations: Vec::new(),
                })
            };
            let session = |((n, six), (domain, resets)): ((u32, bool), (u32, u32))| {
                let addresses = match six {
                    true => PeerAddresses::unique_local(n.into()),
                    false => PeerAddresses::link_local(n.into()),
                };
                Arc::new(Session {
                    id: SessionId {
                        interface: format!("dxvif-f000000{n}").parse().unwrap(),
                        family: addresses.family(),
                    },
                    routing_domain: id(domain),
                    addresses,
                    asn: 65_000,
                    auth_key: AuthKey::parse("authKey", "fjord-Secret-1").unwrap(),
                    resets,
                    prefix_limit: None,
                    new_key: None,
                    shut_until: None,
                    drain: None,
                    site_link: false,
                    public: None,
                })
            };
            Sessions::new(domains.into_iter().map(domain), sessions.into_iter().map(session))
        })
    }

    /// What comes before the fragments, and the fragments with their names.
    type Whole = (String, Vec<(String, String)>);

    fn whole(
        configuration: &Configuration,
        around: Surroundings<'_>,
        shut: &BTreeMap<String, Shut>,
    ) -> Whole {
        let fragments = configuration.fragments(around.settings, shut, false);
        let fragments =
            fragments.map(|(name, text)| (name.to_string(), text.into_owned())).collect();
        (configuration.head(around, Dialect::Classic, shut, Device::On), fragments)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What BIRD is told does not depend on what it was told before.
        #[test]
        fn a_configuration_is_the_same_whatever_was_before(
            steps in prop::collection::vec(sessions(), 1..6), shut in 0..6_u32, six in any::<bool>()
        ) {
            let settings = BirdSettings::default();
            let around = Surroundings { settings: &settings, log: Path::new("/run/bird.log") };
            let shut = format!("dxvif_f000000{shut}{}", if six { "_v6" } else { "" });
            let shut = [(shut, Shut::PrefixLimit)].into();
            let mut last: Option<Configuration> = None;
            let mut seen: BTreeMap<String, String> = BTreeMap::new();
            for sessions in steps {
                let next = Configuration::new(&sessions, around, last.as_ref());
                let anew = Configuration::new(&sessions, around, None);
                prop_assert_eq!(next.digest, anew.digest);
                for shut in [&BTreeMap::new(), &shut] {
                    let (head, fragments) = whole(&next, around, shut);
                    prop_assert_eq!(&(head, fragments.clone()), &whole(&anew, around, shut));
                    for (name, text) in fragments {
                        let same = seen.entry(name).or_insert_with(|| text.clone());
                        prop_assert_eq!(&*same, &text, "a name is a digest of the fragment");
                    }
                }
                prop_assert!(next.changed_since(&anew).is_empty());
                last = Some(next);
            }
        }
    }
}
