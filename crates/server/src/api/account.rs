//! Accounts: the operator makes, lists and describes them.

use linkway_domain::Fault;
use linkway_domain::account::Account;
use linkway_domain::account::decide::CreateAccount;
use linkway_domain::id::AccountId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_wire::operator as wire;

use super::page::Asked;
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
        Ok(wire::AccountDetail { account: account(found), quotas: self.quotas_of(&id).await? })
    }

    /// An account that a list is asked for.
    pub(super) async fn existing_account(&self, id: &str) -> Answered<AccountId> {
        let id = AccountId::parse(id)?;
        match self.records.get(&key::account(&id)).await? {
            Some(_) => Ok(id),
            None => Err(missing(&id).into()),
        }
    }
}

fn missing(id: &AccountId) -> Fault {
    Fault::field("accountId", id, "does not exist")
}

fn account(account: Account) -> wire::Account {
    wire::Account {
        account_id: account.id.to_string(),
        name: account.name,
        created_at: clock::timestamp(account.created),
    }
}
