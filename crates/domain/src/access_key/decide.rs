//! The operator makes, disables and deletes access keys.

use super::{AccessKey, Principal, SecretKey};
use crate::account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, shown};
use crate::id::{AccessKeyId, EdgeId};
use crate::key;
use crate::view::{Asked, View};

/// A new access key.
#[derive(Clone, Debug)]
pub enum CreateAccessKey {
    /// For an account, by its id.
    Account(String),
    /// For an edge, by its id, beside those that it has: so it can be replaced while the edge goes on.
    Edge(String),
    /// For the operator: made once, at the first start.
    Operator,
}

/// Enables or disables an access key.
#[derive(Clone, Debug)]
pub struct EnableAccessKey {
    /// The key's id.
    pub id: String,
    /// Whether requests that it signs are accepted.
    pub enabled: bool,
}

/// Deletes an access key, by its id.
#[derive(Clone, Debug)]
pub struct DeleteAccessKey(pub String);

impl Command for CreateAccessKey {
    type Outcome = AccessKey;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<AccessKey>> {
        let principal = match self {
            Self::Operator => Principal::Operator,
            Self::Account(id) => {
                Principal::Account(account::decide::existing(view, "accountId", id)?)
            }
            Self::Edge(id) => Principal::Edge(real_edge(view, id)?),
        };
        let mut changes = Changes::new(view);
        let made = issue(view, principal, context, &mut changes)?;
        changes.decision(made)
    }
}

impl Command for EnableAccessKey {
    type Outcome = AccessKey;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<AccessKey>> {
        let mut access_key = existing(view, &self.id)?.clone();
        if access_key.enabled == self.enabled {
            return Decision::unchanged(access_key);
        }
        if access_key.principal == Principal::Operator && !self.enabled {
            return Err(last_way_in(&self.id).into());
        }
        access_key.enabled = self.enabled;
        let mut changes = Changes::new(view);
        changes.put(access_key.clone())?;
        changes.decision(access_key)
    }
}

impl Command for DeleteAccessKey {
    type Outcome = AccessKey;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<AccessKey>> {
        let access_key = existing(view, &self.0)?.clone();
        if access_key.principal == Principal::Operator {
            return Err(last_way_in(&self.0).into());
        }
        let mut changes = Changes::new(view);
        changes.delete(key::access_key(&access_key.id))?;
        changes.decision(access_key)
    }
}

/// An edge that somebody runs: the built-in one calls nobody.
fn real_edge(view: &View, id: &str) -> Asked<EdgeId> {
    let id = EdgeId::parse(id)?;
    let Some(edge) = view.edge(&id)? else {
        return Err(Fault::field("edgeId", &id, "does not exist").into());
    };
    if edge.simulated {
        return Err(Fault::field("edgeId", &id, "is simulated: it needs no key").into());
    }
    Ok(id)
}

/// Makes an access key for a principal and writes it.
pub(crate) fn issue(
    view: &View,
    principal: Principal,
    context: &Context<'_>,
    changes: &mut Changes<'_>,
) -> Asked<AccessKey> {
    let mut draws = context.seed.draws();
    let mut id = AccessKeyId::draw(&mut draws);
    while view.exists(&key::access_key(&id))? {
        id = AccessKeyId::draw(&mut draws);
    }
    let secret = SecretKey::draw(&mut draws);
    let made = AccessKey { id, secret, principal, enabled: true, created: context.now };
    changes.put(made.clone())?;
    Ok(made)
}

fn existing<'a>(view: &'a View, id: &str) -> Asked<&'a AccessKey> {
    let missing = || Fault::client(format!("The access key {} does not exist.", shown(id)));
    let parsed = AccessKeyId::parse(id)?;
    view.access_key(&parsed)?.ok_or_else(|| missing().into())
}

fn last_way_in(id: &str) -> Fault {
    Fault::field(
        "accessKeyId",
        id,
        "is an operator's own key: DisableOperatorKey and DeleteOperatorKey are for those",
    )
}
