//! What operators do about operators in random stories.

use std::time::Duration;

use linkway_domain::Time;
use linkway_domain::key;
use linkway_domain::operator::decide::{
    CreateOperator, CreateOperatorKey, EnableOperator, EnableOperatorKey,
};
use linkway_domain::operator::{Role, Roster};
use linkway_domain::record::Record;

use super::World;
use super::act::{Act, What, pick};
use super::command::Command;

/// The first is the one that every store has.
const NAMES: [&str; 3] = ["operator", "alice", "bob"];
/// A minute, so that clocks pass it.
const SHORT: Duration = Duration::from_secs(60);

/// A call about one of a few operators, or one of the keys that there are.
pub fn command(world: &World, act: &Act) -> Command {
    let name = NAMES[usize::from(act.other) % NAMES.len()].to_owned();
    let roster = roster(world);
    let keys: Vec<_> = roster.operators.iter().flat_map(|operator| &operator.keys).collect();
    let id = pick(&keys, act.thing).map_or_else(String::new, |key| key.id.to_string());
    let enabled = act.detail.is_multiple_of(2);
    match act.what {
        What::EnableOperator => Command::EnableOperator(EnableOperator { name, enabled }),
        What::DeleteOperator => Command::DeleteOperator(name),
        What::NewOperatorKey => {
            let expires_in = enabled.then_some(SHORT);
            Command::CreateOperatorKey(CreateOperatorKey { name, expires_in })
        }
        What::EnableOperatorKey => Command::EnableOperatorKey(EnableOperatorKey { id, enabled }),
        What::DeleteOperatorKey => Command::DeleteOperatorKey(id),
        _ => {
            let role = Role::ALL[usize::from(act.detail) % Role::ALL.len()].to_string();
            Command::CreateOperator(CreateOperator { name, role })
        }
    }
}

/// Whether an enabled admin has an enabled key that has not expired.
pub fn has_way_in(world: &World, now: Time) -> bool {
    let roster = roster(world);
    let admins = roster.operators.iter().filter(|one| one.enabled && one.role == Role::Admin);
    let keys = admins.flat_map(|admin| &admin.keys);
    let mut good = keys.filter(|key| key.expires.is_none_or(|expires| now < expires));
    good.any(|key| match world.records.get(key::access_key(&key.id).as_str()) {
        Some((_, Record::AccessKey(key))) => key.enabled,
        _ => false,
    })
}

fn roster(world: &World) -> Roster {
    match world.records.get(key::roster().as_str()) {
        Some((_, Record::Roster(roster))) => roster.clone(),
        _ => Roster::default(),
    }
}
