//! Access keys: the operator makes, lists, disables and deletes them.

use linkway_domain::Fault;
use linkway_domain::access_key::decide::{CreateAccessKey, DeleteAccessKey, EnableAccessKey};
use linkway_domain::access_key::{AccessKey, Principal};
use linkway_domain::fault::ResourceKind;
use linkway_domain::id::AccessKeyId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use super::page::{Asked, one_of};
use super::{Answered, Api, Call};
use crate::clock;

impl Api {
    pub(super) async fn create_access_key(
        &self,
        call: &Call,
        request: wire::CreateAccessKey,
    ) -> Answered<wire::NewAccessKey> {
        let command = match (request.account_id, request.edge_id) {
            (Some(id), None) => CreateAccessKey::Account(id),
            (None, Some(id)) => CreateAccessKey::Edge(id),
            (None, None) => return Err(whose("is required").into()),
            (Some(_), Some(_)) => return Err(whose("may be given, not both").into()),
        };
        Ok(new_access_key(self.run(call, &command).await?))
    }

    pub(super) async fn enable_access_key(
        &self,
        call: &Call,
        request: wire::EnableAccessKey,
    ) -> Answered<wire::AccessKey> {
        let command = EnableAccessKey { id: request.access_key_id, enabled: true };
        self.set_enabled(call, &command).await
    }

    pub(super) async fn disable_access_key(
        &self,
        call: &Call,
        request: wire::DisableAccessKey,
    ) -> Answered<wire::AccessKey> {
        let command = EnableAccessKey { id: request.access_key_id, enabled: false };
        self.set_enabled(call, &command).await
    }

    async fn set_enabled(
        &self,
        call: &Call,
        command: &EnableAccessKey,
    ) -> Answered<wire::AccessKey> {
        let changed = self.run(call, command).await?;
        self.credentials.changed();
        Ok(access_key(changed))
    }

    pub(super) async fn delete_access_key(
        &self,
        call: &Call,
        request: wire::DeleteAccessKey,
    ) -> Answered<wire::Nothing> {
        self.run(call, &DeleteAccessKey(request.access_key_id)).await?;
        self.credentials.changed();
        Ok(wire::Nothing {})
    }

    pub(super) async fn list_access_keys(
        &self,
        _: &Call,
        request: wire::ListAccessKeys,
    ) -> Answered<wire::AccessKeyList> {
        if let Some(id) = &request.access_key_id {
            let parsed = AccessKeyId::parse(id)?;
            let found = self.records.get(&key::access_key(&parsed)).await?;
            let missing = || Fault::not_found(ResourceKind::AccessKey, id);
            let access_keys = vec![access_key(one_of(found).ok_or_else(missing)?)];
            return Ok(wire::AccessKeyList { access_keys, next_token: None });
        }
        let index = match (&request.account_id, &request.edge_id) {
            (None, None) => Index::<AccessKey>::everything(),
            (Some(id), None) => Index::of(&Principal::Account(self.existing_account(id).await?)),
            (None, Some(id)) => Index::of(&Principal::Edge(self.existing_edge(id).await?)),
            (Some(_), Some(_)) => return Err(whose("may be given, not both").into()),
        };
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (access_keys, next_token) = self.list(&index, asked).await?;
        let access_keys = access_keys.into_iter().map(access_key).collect();
        Ok(wire::AccessKeyList { access_keys, next_token })
    }
}

/// What is wrong with the members that say whose keys are meant.
fn whose(rule: &str) -> Fault {
    Fault::client(format!("accountId or edgeId {rule}."))
}

fn status(enabled: bool) -> wire::AccessKeyStatus {
    if enabled { wire::AccessKeyStatus::Enabled } else { wire::AccessKeyStatus::Disabled }
}

/// The kind of key, the account of an account's and the edge of an edge's.
fn parties(principal: &Principal) -> (wire::AccessKeyKind, Option<String>, Option<String>) {
    match principal {
        Principal::Account(id) => (wire::AccessKeyKind::Account, Some(id.to_string()), None),
        Principal::Operator => (wire::AccessKeyKind::Operator, None, None),
        Principal::Edge(id) => (wire::AccessKeyKind::Edge, None, Some(id.to_string())),
    }
}

/// With its secret: for the one answer that has it.
fn new_access_key(made: AccessKey) -> wire::NewAccessKey {
    let (_, account_id, edge_id) = parties(&made.principal);
    wire::NewAccessKey {
        access_key_id: made.id.to_string(),
        secret_access_key: Secret::from(made.secret.reveal()),
        account_id,
        edge_id,
        status: status(made.enabled),
        created_at: clock::timestamp(made.created),
    }
}

fn access_key(access_key: AccessKey) -> wire::AccessKey {
    let (kind, account_id, edge_id) = parties(&access_key.principal);
    wire::AccessKey {
        access_key_id: access_key.id.to_string(),
        kind,
        account_id,
        edge_id,
        status: status(access_key.enabled),
        created_at: clock::timestamp(access_key.created),
    }
}
