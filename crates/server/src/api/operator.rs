//! Operators and their keys.

use std::time::Duration;

use linkway_domain::access_key::AccessKey;
use linkway_domain::fault::Fault;
use linkway_domain::key;
use linkway_domain::operator::decide::{
    CreateOperator, CreateOperatorKey, DeleteOperator, DeleteOperatorKey, EnableOperator,
    EnableOperatorKey, KeyOfOperator,
};
use linkway_domain::operator::{Operator, OperatorUse, Roster};
use linkway_domain::record::Record;
use linkway_domain::time::Time;
use linkway_wire::operator as wire;
use linkway_wire::value::Secret;

use super::{Answered, Api, Call, page};
use crate::clock;
use crate::records::Failure;

impl Api {
    pub(super) async fn create_operator(
        &self,
        call: &Call,
        request: wire::CreateOperator,
    ) -> Answered<wire::Operator> {
        let command = CreateOperator { name: request.operator_name, role: request.role };
        Ok(shown(&self.run(call, &command).await?))
    }

    pub(super) async fn list_operators(
        &self,
        _: &Call,
        request: wire::ListOperators,
    ) -> Answered<wire::OperatorList> {
        let limit = page::operators_limit(request.max_results)?;
        let roster = self.roster().await?;
        let after = request.next_token.as_deref().unwrap_or_default();
        let mut left = roster.operators.iter().filter(|operator| operator.name.as_str() > after);
        let operators: Vec<_> = left.by_ref().take(limit).map(shown).collect();
        let last = operators.last().map(|operator| operator.operator_name.clone());
        Ok(wire::OperatorList { next_token: left.next().and(last), operators })
    }

    pub(super) async fn describe_operator(
        &self,
        _: &Call,
        request: wire::DescribeOperator,
    ) -> Answered<wire::OperatorDetail> {
        let roster = self.roster().await?;
        let name = &request.operator_name;
        let missing = || Fault::field("operatorName", name, "does not exist");
        let operator = roster.find(name).ok_or_else(missing)?;
        let keys: Vec<_> = operator.keys.iter().map(|k| key::access_key(&k.id)).collect();
        let (keys, used) = (self.records_at(&keys).await?, self.operator_use().await?);
        let access_keys = operator.keys.iter().zip(keys).filter_map(|(of_operator, record)| {
            let key = AccessKey::try_from(record?).ok()?;
            let used = used.of(&key.id);
            let expires = of_operator.expires;
            Some(shown_key(&KeyOfOperator { operator: operator.clone(), key, expires }, used))
        });
        let access_keys = access_keys.collect();
        Ok(wire::OperatorDetail { operator: shown(operator), access_keys })
    }

    pub(super) async fn enable_operator(
        &self,
        call: &Call,
        request: wire::EnableOperator,
    ) -> Answered<wire::Operator> {
        self.set_operator(call, request.operator_name, true).await
    }

    pub(super) async fn disable_operator(
        &self,
        call: &Call,
        request: wire::DisableOperator,
    ) -> Answered<wire::Operator> {
        self.set_operator(call, request.operator_name, false).await
    }

    async fn set_operator(
        &self,
        call: &Call,
        name: String,
        enabled: bool,
    ) -> Answered<wire::Operator> {
        let changed = self.run(call, &EnableOperator { name, enabled }).await?;
        self.credentials.changed();
        Ok(shown(&changed))
    }

    pub(super) async fn delete_operator(
        &self,
        call: &Call,
        request: wire::DeleteOperator,
    ) -> Answered<wire::Nothing> {
        self.run(call, &DeleteOperator(request.operator_name)).await?;
        self.credentials.changed();
        Ok(wire::Nothing {})
    }

    pub(super) async fn create_operator_key(
        &self,
        call: &Call,
        request: wire::CreateOperatorKey,
    ) -> Answered<wire::NewOperatorKey> {
        let command = CreateOperatorKey {
            name: request.operator_name,
            expires_in: request.expires_in_seconds.map(Duration::from_secs),
        };
        let made = self.run(call, &command).await?;
        let AccessKey { id, secret, created, .. } = &made.key;
        Ok(wire::NewOperatorKey {
            access_key_id: id.to_string(),
            secret_access_key: Secret::from(secret.reveal()),
            operator_name: made.operator.name.to_string(),
            created_at: clock::timestamp(*created),
            expires_at: made.expires.map(clock::timestamp),
        })
    }

    pub(super) async fn enable_operator_key(
        &self,
        call: &Call,
        request: wire::EnableOperatorKey,
    ) -> Answered<wire::OperatorKey> {
        self.set_operator_key(call, request.access_key_id, true).await
    }

    pub(super) async fn disable_operator_key(
        &self,
        call: &Call,
        request: wire::DisableOperatorKey,
    ) -> Answered<wire::OperatorKey> {
        self.set_operator_key(call, request.access_key_id, false).await
    }

    async fn set_operator_key(
        &self,
        call: &Call,
        id: String,
        enabled: bool,
    ) -> Answered<wire::OperatorKey> {
        let changed = self.run(call, &EnableOperatorKey { id, enabled }).await?;
        self.credentials.changed();
        let used = self.operator_use().await?.of(&changed.key.id);
        Ok(shown_key(&changed, used))
    }

    pub(super) async fn delete_operator_key(
        &self,
        call: &Call,
        request: wire::DeleteOperatorKey,
    ) -> Answered<wire::Nothing> {
        self.run(call, &DeleteOperatorKey(request.access_key_id)).await?;
        self.credentials.changed();
        Ok(wire::Nothing {})
    }

    async fn roster(&self) -> Result<Roster, Failure> {
        match self.records.get(&key::roster()).await? {
            Some(Record::Roster(roster)) => Ok(roster),
            Some(_) | None => Ok(Roster::default()),
        }
    }

    async fn operator_use(&self) -> Result<OperatorUse, Failure> {
        match self.records.get(&key::operator_use()).await? {
            Some(Record::OperatorUse(used)) => Ok(used),
            Some(_) | None => Ok(OperatorUse::default()),
        }
    }
}

fn status(enabled: bool) -> wire::AccessKeyStatus {
    if enabled { wire::AccessKeyStatus::Enabled } else { wire::AccessKeyStatus::Disabled }
}

fn shown(operator: &Operator) -> wire::Operator {
    wire::Operator {
        operator_name: operator.name.to_string(),
        role: operator.role.to_string(),
        status: status(operator.enabled),
        keys: operator.keys.len() as u64,
        created_at: clock::timestamp(operator.created),
    }
}

fn shown_key(found: &KeyOfOperator, used: Option<Time>) -> wire::OperatorKey {
    wire::OperatorKey {
        access_key_id: found.key.id.to_string(),
        operator_name: found.operator.name.to_string(),
        status: status(found.key.enabled),
        created_at: clock::timestamp(found.key.created),
        expires_at: found.expires.map(clock::timestamp),
        last_used_at: used.map(clock::timestamp),
    }
}
