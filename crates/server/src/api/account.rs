//! Accounts: the operator makes, renames, disables, deletes, lists and describes them.

use linkway_domain::Fault;
use linkway_domain::account::Account;
use linkway_domain::account::decide::{CreateAccount, DeleteAccount, EnableAccount, UpdateAccount};
use linkway_domain::id::AccountId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_wire::operator as wire;

use super::page::{self, Asked};
use super::{Answered, Api, Call};
use crate::clock;

impl Api {
    pub(super) async fn create_account(
        &self,
        call: &Call,
        request: wire::CreateAccount,
    ) -> Answered<wire::Account> {
        let command = CreateAccount { id: request.account_id, name: request.name };
        Ok(account(self.run(call, &command).await?))
    }

    pub(super) async fn update_account(
        &self,
        call: &Call,
        request: wire::UpdateAccount,
    ) -> Answered<wire::Account> {
        let command = UpdateAccount { id: request.account_id, name: request.name };
        Ok(account(self.run(call, &command).await?))
    }

    pub(super) async fn enable_account(
        &self,
        call: &Call,
        request: wire::EnableAccount,
    ) -> Answered<wire::Account> {
        self.set_account_enabled(call, request.account_id, true).await
    }

    pub(super) async fn disable_account(
        &self,
        call: &Call,
        request: wire::DisableAccount,
    ) -> Answered<wire::Account> {
        self.set_account_enabled(call, request.account_id, false).await
    }

    async fn set_account_enabled(
        &self,
        call: &Call,
        id: String,
        enabled: bool,
    ) -> Answered<wire::Account> {
        let changed = self.run(call, &EnableAccount { id, enabled }).await?;
        self.credentials.changed();
        Ok(account(changed))
    }

    pub(super) async fn delete_account(
        &self,
        call: &Call,
        request: wire::DeleteAccount,
    ) -> Answered<wire::DeletedAccount> {
        let deleted = self.run(call, &DeleteAccount(request.account_id)).await?;
        self.credentials.changed();
        Ok(wire::DeletedAccount {
            account_id: deleted.account.id.to_string(),
            name: deleted.account.name,
            access_key_ids: deleted.access_keys.iter().map(ToString::to_string).collect(),
        })
    }

    pub(super) async fn list_accounts(
        &self,
        _: &Call,
        request: wire::ListAccounts,
    ) -> Answered<wire::AccountList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (accounts, next_token) = self.list(&Index::<Account>::everything(), asked).await?;
        Ok(wire::AccountList { accounts: accounts.into_iter().map(account).collect(), next_token })
    }

    pub(super) async fn describe_account(
        &self,
        _: &Call,
        request: wire::DescribeAccount,
    ) -> Answered<wire::AccountDetail> {
        let id = AccountId::parse(&request.account_id)?;
        let found = self.records.present::<Account>(&[key::account(&id)]).await?;
        let Some(found) = found.into_iter().next() else { return Err(missing(&id).into()) };
        Ok(wire::AccountDetail {
            account: account(found),
            quotas: self.quotas_of(&id).await?,
            webhook: self.webhook_of(&id).await?,
        })
    }

    /// An account that a list is asked for.
    pub(super) async fn existing_account(&self, id: &str) -> Answered<AccountId> {
        Ok(self.account_of_list(id).await?.id)
    }

    /// The same, whole.
    pub(super) async fn account_of_list(&self, id: &str) -> Answered<Account> {
        let id = AccountId::parse(id)?;
        let found = self.records.get(&key::account(&id)).await?;
        page::one_of(found).ok_or_else(|| missing(&id).into())
    }
}

fn missing(id: &AccountId) -> Fault {
    Fault::field("accountId", id, "does not exist")
}

fn account(account: Account) -> wire::Account {
    wire::Account {
        account_id: account.id.to_string(),
        name: account.name,
        status: match account.enabled {
            true => wire::AccountStatus::Enabled,
            false => wire::AccountStatus::Disabled,
        },
        created_at: clock::timestamp(account.created),
    }
}
