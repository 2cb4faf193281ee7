//! Accounts and access keys.

use super::{Context, Decision, Outcome, Writes};
use crate::access_key::{AccessKey, Account, Principal, SecretKey};
use crate::fault::{Fault, shown};
use crate::id::{AccessKeyId, AccountId, EdgeId};
use crate::key;
use crate::record::Record;
use crate::text;
use crate::view::{Asked, View};

/// A new account.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// 12 digits.
    pub id: String,
    /// What people call it.
    pub name: String,
}

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

pub(super) fn create_account(
    view: &View,
    new: &CreateAccount,
    context: &Context<'_>,
) -> Asked<Decision> {
    let id = AccountId::parse(&new.id)?;
    let account = Account { name: text::name("name", &new.name)?, created: context.now, id };
    let at = key::account(&account.id);
    if view.exists(&at)? {
        return Err(Fault::field(
            "accountId",
            &account.id,
            "is taken: there is such an account already",
        )
        .into());
    }
    let mut writes = Writes::default();
    writes.put(at, Record::Account(account.clone()));
    writes.decision(Outcome::Account(account))
}

pub(super) fn create_access_key(
    view: &View,
    new: &CreateAccessKey,
    context: &Context<'_>,
) -> Asked<Decision> {
    let principal = match new {
        CreateAccessKey::Operator => Principal::Operator,
        CreateAccessKey::Account(id) => {
            Principal::Account(existing_account(view, "accountId", id)?)
        }
        CreateAccessKey::Edge(id) => Principal::Edge(real_edge(view, id)?),
    };
    let mut writes = Writes::default();
    let made = issue(view, principal, context, &mut writes)?;
    writes.decision(Outcome::AccessKey(made))
}

/// An account that must be there.
pub(super) fn existing_account(view: &View, field: &str, id: &str) -> Asked<AccountId> {
    let id = AccountId::parse_field(field, id)?;
    if view.account(&id)?.is_none() {
        return Err(Fault::field(field, &id, "is not an account here").into());
    }
    Ok(id)
}

/// An edge that somebody runs: the built-in one calls nobody.
fn real_edge(view: &View, id: &str) -> Asked<EdgeId> {
    let id = EdgeId::parse(id)?;
    let Some(edge) = view.edge(&id)? else {
        return Err(Fault::field("edgeId", &id, "is not an edge here").into());
    };
    if edge.simulated {
        return Err(Fault::field("edgeId", &id, "is simulated: it needs no key").into());
    }
    Ok(id)
}

/// Makes an access key for a principal and writes it.
pub(super) fn issue(
    view: &View,
    principal: Principal,
    context: &Context<'_>,
    writes: &mut Writes,
) -> Asked<AccessKey> {
    let mut draws = context.seed.draws();
    let mut id = AccessKeyId::draw(&mut draws);
    while view.exists(&key::access_key(&id))? {
        id = AccessKeyId::draw(&mut draws);
    }
    let secret = SecretKey::draw(&mut draws);
    let made = AccessKey { id, secret, principal, enabled: true, created: context.now };
    writes.mark(key::access_key_of(&made.principal, &made.id));
    writes.put(key::access_key(&made.id), Record::AccessKey(made.clone()));
    Ok(made)
}

fn existing_key<'a>(view: &'a View, id: &str) -> Asked<&'a AccessKey> {
    let missing = || Fault::client(format!("The access key {} does not exist.", shown(id)));
    let parsed = AccessKeyId::parse(id)?;
    view.access_key(&parsed)?.ok_or_else(|| missing().into())
}

pub(super) fn enable_access_key(view: &View, id: &str, enabled: bool) -> Asked<Decision> {
    let mut access_key = existing_key(view, id)?.clone();
    if access_key.enabled == enabled {
        return Decision::unchanged(Outcome::AccessKey(access_key));
    }
    if access_key.principal == Principal::Operator && !enabled {
        return Err(last_way_in(id).into());
    }
    access_key.enabled = enabled;
    let mut writes = Writes::default();
    writes.put(key::access_key(&access_key.id), Record::AccessKey(access_key.clone()));
    writes.decision(Outcome::AccessKey(access_key))
}

pub(super) fn delete_access_key(view: &View, id: &str, _: &Context<'_>) -> Asked<Decision> {
    let access_key = existing_key(view, id)?.clone();
    if access_key.principal == Principal::Operator {
        return Err(last_way_in(id).into());
    }
    let mut writes = Writes::default();
    writes.delete(key::access_key(&access_key.id));
    writes.delete(key::access_key_of(&access_key.principal, &access_key.id));
    writes.decision(Outcome::AccessKey(access_key))
}

fn last_way_in(id: &str) -> Fault {
    Fault::field(
        "accessKeyId",
        id,
        "is the operator's own key: without it nobody could manage this installation",
    )
}
