//! Who the operators are, and which keys they have.

use std::borrow::Cow;
use std::time::Duration;

use super::{Operator, OperatorKey, Role, Roster};
use crate::access_key::decide::issue;
use crate::access_key::{AccessKey, Principal};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::id::{AccessKeyId, OperatorName};
use crate::key;
use crate::outcome::Outcome;
use crate::time::Time;
use crate::view::{Asked, View};

/// Most operators.
const MOST_OPERATORS: usize = 100;
/// Most keys of one operator.
const MOST_KEYS: usize = 10;
/// Shortest and longest life of a key that expires.
const LIFE: (Duration, Duration) =
    (Duration::from_secs(60), Duration::from_secs(10 * 365 * 24 * 3600));

/// A new operator, without keys.
#[derive(Clone, Debug)]
pub struct CreateOperator {
    /// What the audit trail will call it.
    pub name: String,
    /// `read`, `operate` or `admin`.
    pub role: String,
}

/// Enables or disables an operator with all of its keys.
#[derive(Clone, Debug)]
pub struct EnableOperator {
    /// The operator.
    pub name: String,
    /// Whether its keys are accepted.
    pub enabled: bool,
}

/// Deletes an operator with all of its keys, by its name.
#[derive(Clone, Debug)]
pub struct DeleteOperator(pub String);

/// A new key beside those that an operator has, so that one can be replaced while it is in use.
#[derive(Clone, Debug)]
pub struct CreateOperatorKey {
    /// The operator.
    pub name: String,
    /// How long it is good for; `None`: until it is disabled or deleted.
    pub expires_in: Option<Duration>,
}

/// Enables or disables a key of an operator.
#[derive(Clone, Debug)]
pub struct EnableOperatorKey {
    /// The key's id.
    pub id: String,
    /// Whether it is accepted.
    pub enabled: bool,
}

/// Deletes a key of an operator, by its id.
#[derive(Clone, Debug)]
pub struct DeleteOperatorKey(pub String);

/// The first operator of a store that has none: it gets the keys that the store has for operators, or a new one.
#[derive(Clone, Debug)]
pub struct FirstOperator {
    /// The keys.
    pub keys: Vec<AccessKeyId>,
}

/// A new key for the first operator, who is enabled and an admin again: for whoever has the data directory and no key.
#[derive(Clone, Copy, Debug)]
pub struct RescueOperator;

/// Takes down when keys were used.
#[derive(Clone, Debug)]
pub struct RecordOperatorUse(pub Vec<(AccessKeyId, Time)>);

/// An operator and one of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOfOperator {
    /// The operator.
    pub operator: Operator,
    /// The key.
    pub key: AccessKey,
    /// From when on it is refused.
    pub expires: Option<Time>,
}

impl Outcome for KeyOfOperator {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.operator.name.as_str().into(), self.key.id.as_str().into()]
    }
}

impl Command for CreateOperator {
    type Outcome = Operator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Operator>> {
        let name = OperatorName::parse(&self.name)?;
        let role: Role = self.role.parse()?;
        let mut roster = roster(view)?;
        if roster.find(name.as_str()).is_some() {
            let rule = "is taken: there is such an operator already";
            return Err(Fault::field("operatorName", name, rule).into());
        }
        if roster.operators.len() >= MOST_OPERATORS {
            let text = format!("There are {MOST_OPERATORS} operators; there may be no more.");
            return Err(Fault::client(text).into());
        }
        let made = Operator { name, role, enabled: true, created: context.now, keys: Vec::new() };
        roster.operators.push(made.clone());
        roster.operators.sort_by(|one, other| one.name.cmp(&other.name));
        let mut changes = Changes::new(view);
        changes.put(roster)?;
        changes.decision(made)
    }
}

impl Command for EnableOperator {
    type Outcome = Operator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Operator>> {
        let mut roster = roster(view)?;
        let operator = existing_mut(&mut roster, &self.name)?;
        if operator.enabled == self.enabled {
            return Decision::unchanged(operator.clone());
        }
        operator.enabled = self.enabled;
        let changed = operator.clone();
        let refused = || last_admin("operatorName", &self.name);
        if !self.enabled && !has_way_in(view, context, &roster, None)? {
            return Err(refused().into());
        }
        let mut changes = Changes::new(view);
        changes.put(roster)?;
        changes.decision(changed)
    }
}

impl Command for DeleteOperator {
    type Outcome = Operator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Operator>> {
        let mut roster = roster(view)?;
        let operator = existing_mut(&mut roster, &self.0)?.clone();
        roster.operators.retain(|other| other.name != operator.name);
        if !has_way_in(view, context, &roster, None)? {
            return Err(last_admin("operatorName", &self.0).into());
        }
        view.want(operator.keys.iter().map(|key| key::access_key(&key.id)))?;
        let mut changes = Changes::new(view);
        for key in &operator.keys {
            changes.delete(key::access_key(&key.id))?;
        }
        changes.put(roster)?;
        changes.decision(operator)
    }
}

impl Command for CreateOperatorKey {
    type Outcome = KeyOfOperator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<KeyOfOperator>> {
        let expires = self.expires_in.map(|life| expiry(context.now, life)).transpose()?;
        let mut roster = roster(view)?;
        let operator = existing_mut(&mut roster, &self.name)?;
        if operator.keys.len() >= MOST_KEYS {
            let rule = format!("has {MOST_KEYS} keys; delete one before it gets another");
            return Err(Fault::field("operatorName", &self.name, rule).into());
        }
        new_key(view, context, roster, &self.name, expires)
    }
}

impl Command for EnableOperatorKey {
    type Outcome = KeyOfOperator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<KeyOfOperator>> {
        let roster = roster(view)?;
        let mut found = existing_key(view, &roster, &self.id)?;
        if found.key.enabled == self.enabled {
            return Decision::unchanged(found);
        }
        if !self.enabled && !has_way_in(view, context, &roster, Some(&found.key.id))? {
            return Err(last_admin("accessKeyId", &self.id).into());
        }
        found.key.enabled = self.enabled;
        let mut changes = Changes::new(view);
        changes.put(found.key.clone())?;
        changes.decision(found)
    }
}

impl Command for DeleteOperatorKey {
    type Outcome = KeyOfOperator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<KeyOfOperator>> {
        let mut roster = roster(view)?;
        let found = existing_key(view, &roster, &self.0)?;
        if !has_way_in(view, context, &roster, Some(&found.key.id))? {
            return Err(last_admin("accessKeyId", &self.0).into());
        }
        for operator in &mut roster.operators {
            operator.keys.retain(|key| key.id != found.key.id);
        }
        let mut changes = Changes::new(view);
        changes.delete(key::access_key(&found.key.id))?;
        changes.put(roster)?;
        changes.decision(found)
    }
}

impl Command for FirstOperator {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        if view.roster()?.is_some() {
            return Decision::unchanged(());
        }
        let keys = self.keys.iter().map(|id| OperatorKey { id: id.clone(), expires: None });
        let roster = Roster { operators: vec![first(context.now, keys.collect())] };
        if self.keys.is_empty() {
            let name = OperatorName::first();
            return Ok(new_key(view, context, roster, name.as_str(), None)?.map(drop));
        }
        let mut changes = Changes::new(view);
        changes.put(roster)?;
        changes.decision(())
    }
}

impl Command for RescueOperator {
    type Outcome = KeyOfOperator;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<KeyOfOperator>> {
        let mut roster = view.roster()?.cloned().unwrap_or_default();
        let name = OperatorName::first();
        match existing_mut(&mut roster, name.as_str()) {
            Ok(operator) => (operator.enabled, operator.role) = (true, Role::Admin),
            Err(_) => roster.operators.push(first(context.now, Vec::new())),
        }
        roster.operators.sort_by(|one, other| one.name.cmp(&other.name));
        new_key(view, context, roster, name.as_str(), None)
    }
}

impl Command for RecordOperatorUse {
    type Outcome = ();

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<()>> {
        view.want([key::roster(), key::operator_use()])?;
        let roster = roster(view)?;
        let before = view.operator_use()?.cloned().unwrap_or_default();
        let mut after = before.clone();
        for (id, at) in &self.0 {
            match after.keys.iter_mut().find(|(known, _)| known == id) {
                Some((_, last)) => *last = (*last).max(*at),
                None => after.keys.push((id.clone(), *at)),
            }
        }
        // Keys that were deleted are nobody's.
        after.keys.retain(|(id, _)| roster.of_key(id).is_some());
        if after == before {
            return Decision::unchanged(());
        }
        let mut changes = Changes::new(view);
        changes.put(after)?;
        changes.decision(())
    }
}

fn first(now: Time, keys: Vec<OperatorKey>) -> Operator {
    Operator { name: OperatorName::first(), role: Role::Admin, enabled: true, created: now, keys }
}

fn roster(view: &View) -> Asked<Roster> {
    Ok(view.roster()?.cloned().unwrap_or_default())
}

fn existing_mut<'r>(roster: &'r mut Roster, name: &str) -> Result<&'r mut Operator, Fault> {
    let found = roster.operators.iter_mut().find(|operator| operator.name.as_str() == name);
    found.ok_or_else(|| Fault::field("operatorName", name, "does not exist"))
}

fn existing_key(view: &View, roster: &Roster, id: &str) -> Asked<KeyOfOperator> {
    let missing = || Fault::not_found(ResourceKind::AccessKey, id);
    let id = AccessKeyId::parse(id)?;
    let (operator, of_operator) = roster.of_key(&id).ok_or_else(missing)?;
    let key = view.access_key(&id)?.ok_or_else(missing)?.clone();
    Ok(KeyOfOperator { operator: operator.clone(), key, expires: of_operator.expires })
}

/// Makes a key, and writes it with the roster that it is in.
fn new_key(
    view: &View,
    context: &Context<'_>,
    mut roster: Roster,
    name: &str,
    expires: Option<Time>,
) -> Asked<Decision<KeyOfOperator>> {
    let mut changes = Changes::new(view);
    let made = issue(view, Principal::Operator, context, &mut changes)?;
    let operator = existing_mut(&mut roster, name)?;
    operator.keys.push(OperatorKey { id: made.id.clone(), expires });
    let outcome = KeyOfOperator { operator: operator.clone(), key: made, expires };
    changes.put(roster)?;
    changes.decision(outcome)
}

fn expiry(now: Time, life: Duration) -> Result<Time, Fault> {
    let (shortest, longest) = LIFE;
    if life < shortest || life > longest {
        let rule = format!("must be {} to {}", shortest.as_secs(), longest.as_secs());
        return Err(Fault::field("expiresInSeconds", life.as_secs(), rule));
    }
    Ok(now.plus(life))
}

/// Whether, without one key, an enabled admin is left who has a key that works.
fn has_way_in(
    view: &View,
    context: &Context<'_>,
    roster: &Roster,
    without: Option<&AccessKeyId>,
) -> Asked<bool> {
    let admins = roster.operators.iter().filter(|o| o.enabled && o.role == Role::Admin);
    let keys = admins.flat_map(|operator| &operator.keys);
    let keys: Vec<&OperatorKey> =
        keys.filter(|key| Some(&key.id) != without && !key.has_expired(context.now)).collect();
    view.want(keys.iter().map(|key| key::access_key(&key.id)))?;
    for key in keys {
        if view.access_key(&key.id)?.is_some_and(|key| key.enabled) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn last_admin(field: &str, value: &str) -> Fault {
    let rule = "is the last way in of an admin: without it nobody could manage this installation";
    Fault::field(field, value, rule)
}
