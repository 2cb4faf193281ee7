//! What BIRD shall do, made out of what it was told before. It is kept in parts, a file each: only those are written anew of
//! which something has changed, however much else there is.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use linkway_domain::id::VirtualGatewayId;
use sha2::{Digest as _, Sha256};

use super::render::{self, Surroundings, block, protocol_name};
use super::settings::BirdSettings;
use super::version::Dialect;
use crate::difference::{insert, remove};
use crate::session::{Digest, Gateway, Session, Sessions};

/// How many parts there are at most: fewer have more to be written, more have more to be opened.
const PARTS: u32 = 32;

/// Sessions and what BIRD is told of them.
pub struct Draft {
    /// The sessions.
    pub sessions: Sessions,
    /// By it BIRD's having loaded them is recognised.
    pub digest: Digest,
    parts: BTreeMap<u32, Arc<Part>>,
}

/// Some of the gateways.
#[derive(Clone, Default)]
struct Part {
    blocks: BTreeMap<VirtualGatewayId, Arc<Block>>,
    text: String,
    /// Says what is in it.
    name: Arc<str>,
}

/// What a text is, in short.
type Hash = [u8; 32];

/// A gateway with its sessions and their text, which holds keys.
#[derive(Default)]
struct Block {
    gateway: Option<Arc<Gateway>>,
    sessions: Vec<Arc<Session>>,
    text: String,
    hash: Hash,
}

/// What is not the same of a gateway.
#[derive(Default)]
struct Edit<'a> {
    gateway: Option<Option<&'a Arc<Gateway>>>,
    gone: Vec<&'a Arc<Session>>,
    come: Vec<&'a Arc<Session>>,
}

impl Draft {
    /// Of these sessions, with what is the same in an earlier one of the same surroundings.
    #[must_use]
    pub fn new(sessions: &Sessions, around: Surroundings<'_>, before: Option<&Self>) -> Self {
        let none = Sessions::default();
        let held = before.map_or(&none, |before| &before.sessions);
        let mut parts = before.map(|before| before.parts.clone()).unwrap_or_default();
        let mut by_part: BTreeMap<u32, BTreeMap<&VirtualGatewayId, Edit<'_>>> = BTreeMap::new();
        for (gateway, edit) in edits(held, sessions) {
            by_part.entry(number(gateway)).or_default().insert(gateway, edit);
        }
        for (at, edits) in by_part {
            let old = parts.remove(&at).unwrap_or_default();
            let new = old.edited(&edits, around.settings);
            if !new.blocks.is_empty() {
                parts.insert(at, Arc::new(new));
            }
        }
        let mut hash = Sha256::new();
        hash.update(render::head(around, Dialect::Classic));
        parts.values().for_each(|part| hash.update(&*part.name));
        let digest = Digest(u64::from_be_bytes(first(hash.finalize().into())));
        Self { sessions: sessions.clone(), digest, parts }
    }

    /// Whether it is of these very sessions: equal ones that are others are not, so that the next comparison is by what is
    /// shared.
    #[must_use]
    pub fn is_of(&self, sessions: &Sessions) -> bool {
        let own = &self.sessions;
        own.gateways.is_same(&sessions.gateways) && own.sessions.is_same(&sessions.sessions)
    }

    /// The names of the sessions that are not in both, or not the same.
    #[must_use]
    pub fn changed_since(&self, before: &Self) -> Vec<String> {
        let changes = before.sessions.sessions.differing(&self.sessions.sessions).into_iter();
        let both = changes.flat_map(|(was, is)| was.into_iter().chain(is));
        let names: BTreeSet<String> = both.map(|session| protocol_name(session)).collect();
        names.into_iter().collect()
    }

    /// What comes before the parts.
    #[must_use]
    pub fn head(
        &self,
        around: Surroundings<'_>,
        dialect: Dialect,
        shut: &BTreeSet<String>,
    ) -> String {
        let there = self.shut(shut).map(|(name, _)| name);
        render::title(self.digest, dialect, there) + &render::head(around, dialect)
    }

    /// The parts, each with a name that says what is in it; see [`render::render`].
    pub fn parts<'a>(
        &'a self,
        settings: &'a BirdSettings,
        shut: &'a BTreeSet<String>,
        held: bool,
    ) -> impl Iterator<Item = (Arc<str>, Cow<'a, str>)> {
        let special: BTreeSet<u32> =
            self.shut(shut).map(|(_, session)| number(&session.gateway)).collect();
        self.parts.iter().map(move |(at, part)| {
            if !held && !special.contains(at) {
                return (Arc::clone(&part.name), part.text.as_str().into());
            }
            let texts: Vec<String> =
                part.blocks.values().map(|block| block.render(settings, shut, held)).collect();
            (name(texts.iter().map(hash)), texts.concat().into())
        })
    }

    /// Those of the shut sessions that there are, in order of their names.
    fn shut<'a>(
        &'a self,
        shut: &'a BTreeSet<String>,
    ) -> impl Iterator<Item = (String, &'a Session)> {
        shut.iter().filter_map(|name| {
            let id = render::interface_of(name)?;
            let session = self.sessions.sessions.find(&id)?;
            (protocol_name(session) == *name).then(|| (name.clone(), &**session))
        })
    }
}

/// What is not the same, by gateways.
fn edits<'a>(held: &'a Sessions, next: &'a Sessions) -> BTreeMap<&'a VirtualGatewayId, Edit<'a>> {
    let mut edits: BTreeMap<&VirtualGatewayId, Edit<'_>> = BTreeMap::new();
    for (was, is) in held.gateways.differing(&next.gateways) {
        if let Some(one) = was.or(is) {
            edits.entry(&one.id).or_default().gateway = Some(is);
        }
    }
    for (was, is) in held.sessions.differing(&next.sessions) {
        if let Some(was) = was {
            edits.entry(&was.gateway).or_default().gone.push(was);
        }
        if let Some(is) = is {
            edits.entry(&is.gateway).or_default().come.push(is);
        }
    }
    edits
}

impl Part {
    fn edited(
        &self,
        edits: &BTreeMap<&VirtualGatewayId, Edit<'_>>,
        settings: &BirdSettings,
    ) -> Self {
        let mut blocks = self.blocks.clone();
        for (id, edit) in edits {
            let old = blocks.remove(*id).unwrap_or_default();
            let new = old.edited(edit, settings);
            if new.gateway.is_some() || !new.sessions.is_empty() {
                blocks.insert((*id).clone(), Arc::new(new));
            }
        }
        // Only what is new is gone through.
        let name = name(blocks.values().map(|block| block.hash));
        let texts: Vec<&str> = blocks.values().map(|block| block.text.as_str()).collect();
        let text = texts.concat();
        Self { blocks, text, name }
    }
}

impl Block {
    fn edited(&self, edit: &Edit<'_>, settings: &BirdSettings) -> Self {
        let gateway = match edit.gateway {
            Some(gateway) => gateway.cloned(),
            None => self.gateway.clone(),
        };
        let mut sessions = self.sessions.clone();
        edit.gone.iter().for_each(|one| remove(&mut sessions, &one.id, |one| &one.id));
        edit.come.iter().for_each(|one| insert(&mut sessions, one, |one| &one.id));
        let mut new = Self { gateway, sessions, ..Self::default() };
        new.text = new.render(settings, &BTreeSet::new(), false);
        new.hash = hash(&new.text);
        new
    }

    fn render(&self, settings: &BirdSettings, shut: &BTreeSet<String>, held: bool) -> String {
        let text = |gateway: &Arc<Gateway>| block(gateway, &self.sessions, settings, shut, held);
        self.gateway.as_ref().map(text).unwrap_or_default()
    }
}

/// Which part a gateway is in.
fn number(id: &VirtualGatewayId) -> u32 {
    let bytes = id.as_str().bytes();
    bytes.fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % PARTS
}

fn hash(text: impl AsRef<[u8]>) -> Hash {
    Sha256::digest(text).into()
}

/// The name of a part whose blocks are these.
fn name(blocks: impl Iterator<Item = Hash>) -> Arc<str> {
    let mut all = Sha256::new();
    blocks.for_each(|hash| all.update(hash));
    format!("{:032x}.conf", u128::from_be_bytes(first(all.finalize().into()))).into()
}

fn first<const N: usize>(hash: Hash) -> [u8; N] {
    *hash.first_chunk().expect("SHA-256 has 32 bytes")
}

/// The text holds keys.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Draft").field(&self.digest).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use linkway_domain::net::{AuthKey, PeerAddresses};
    use proptest::prelude::*;

    use super::*;

    /// Gateways by number with some property, and sessions with their gateways and another.
    fn sessions() -> impl Strategy<Value = Sessions> {
        let gateways = prop::collection::btree_map(0..5_u32, 0..2_u32, 0..5);
        let sessions = prop::collection::btree_map(0..9_u32, (0..5_u32, 0..2_u32), 0..9);
        (gateways, sessions).prop_map(|(gateways, sessions)| {
            let id = |n: u32| VirtualGatewayId::parse(&format!("vgw-0000000{n}")).unwrap();
            let gateway = |(n, asn)| {
                let (announced, cidrs) = (Vec::new(), Vec::new());
                Arc::new(Gateway { id: id(n), table: n, asn, announced, cidrs })
            };
            let session = |(n, (gateway, resets)): (u32, (u32, u32))| {
                Arc::new(Session {
                    id: format!("dxvif-f000000{n}").parse().unwrap(),
                    gateway: id(gateway),
                    addresses: PeerAddresses::link_local(n.into()),
                    asn: 65_000,
                    auth_key: AuthKey::parse("authKey", "fjord-Secret-1").unwrap(),
                    resets,
                })
            };
            Sessions {
                gateways: gateways.into_iter().map(gateway).collect(),
                sessions: sessions.into_iter().map(session).collect(),
            }
        })
    }

    /// What comes before the parts, and the parts with their names.
    type Whole = (String, Vec<(String, String)>);

    fn whole(draft: &Draft, around: Surroundings<'_>, shut: &BTreeSet<String>) -> Whole {
        let parts = draft.parts(around.settings, shut, false);
        let parts = parts.map(|(name, text)| (name.to_string(), text.into_owned())).collect();
        (draft.head(around, Dialect::Classic, shut), parts)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// What BIRD is told does not depend on what it was told before.
        #[test]
        fn a_draft_is_the_same_whatever_was_before(
            steps in prop::collection::vec(sessions(), 1..6), shut in 0..9_u32
        ) {
            let settings = BirdSettings::default();
            let around = Surroundings { settings: &settings, log: Path::new("/run/bird.log") };
            let shut = [format!("dxvif_f000000{shut}")].into();
            let mut last: Option<Draft> = None;
            let mut seen: BTreeMap<String, String> = BTreeMap::new();
            for sessions in steps {
                let next = Draft::new(&sessions, around, last.as_ref());
                let anew = Draft::new(&sessions, around, None);
                prop_assert_eq!(next.digest, anew.digest);
                for shut in [&BTreeSet::new(), &shut] {
                    let (head, parts) = whole(&next, around, shut);
                    prop_assert_eq!(&(head, parts.clone()), &whole(&anew, around, shut));
                    for (name, text) in parts {
                        let same = seen.entry(name).or_insert_with(|| text.clone());
                        prop_assert_eq!(&*same, &text, "a name says what is in the part");
                    }
                }
                prop_assert!(next.changed_since(&anew).is_empty());
                last = Some(next);
            }
        }
    }
}
