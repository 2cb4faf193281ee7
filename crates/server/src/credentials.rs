//! Who an access key speaks for, and the signing keys derived from its secret: loaded once, kept while nothing changes.
//!
//! Every change of any access key bumps a counter, and an entry counts only if it was loaded after the last bump began.
//! Changes are rare, so throwing all entries away is cheaper than being clever, and nothing stale survives a race.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use linkway_domain::access_key::Principal;
use linkway_domain::id::AccessKeyId;
use linkway_domain::key;
use linkway_domain::operator::Operator;
use linkway_domain::record::Record;
use linkway_domain::time::Time;
use linkway_wire::sigv4::{Claim, SignatureError, SigningKey, verify, verify_unknown};

use crate::audit::record;
use crate::clock;
use crate::operators::CallingOperator;
use crate::records::{Failure, Records};

/// How many derived keys are kept: one for each access key, day, region and service in use.
const MOST_ENTRIES: usize = 65_536;

/// A caller whose signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The access key.
    pub access_key_id: AccessKeyId,
    /// Whom it speaks for.
    pub principal: Principal,
    /// Which operator, if it is one.
    pub operator: Option<CallingOperator>,
}

impl Caller {
    /// Who it is, as the audit trail and texts show it: `account 123456789000`, `operator alice`.
    #[must_use]
    pub fn shown(&self) -> String {
        record::principal(&self.principal, self.operator.as_ref().and_then(CallingOperator::shown))
    }
}

/// Why a caller was not let in.
#[derive(Debug)]
pub enum Refused {
    /// The signature is not good.
    Signature(SignatureError),
    /// The signature is good, the key is disabled or has expired, or its operator is disabled: to the caller this is as if it
    /// were unknown.
    Disabled(Arc<Caller>, SignatureError),
    /// It could not be checked.
    Failure(Failure),
}

struct Entry {
    loaded_at: u64,
    caller: Arc<Caller>,
    key: SigningKey,
    /// From when on it is refused.
    expires: Option<Time>,
}

/// A key that exists.
enum Loaded {
    Enabled(Arc<Entry>),
    Disabled(Arc<Caller>, Box<SigningKey>),
}

/// The cache of verified callers.
pub struct Credentials {
    records: Arc<Records>,
    changes: AtomicU64,
    entries: quick_cache::sync::Cache<String, Arc<Entry>>,
}

impl Credentials {
    /// Empty, over the records.
    #[must_use]
    pub fn new(records: Arc<Records>) -> Self {
        Self {
            records,
            changes: AtomicU64::new(0),
            entries: quick_cache::sync::Cache::new(MOST_ENTRIES),
        }
    }

    /// To be called after a change of any access key was committed and before it is acknowledged.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }

    /// Whether there is a key of this id. A disabled one counts: its use is evidence, for which its signature must be judged.
    pub async fn is_known(&self, id: &str) -> Result<bool, Failure> {
        let Ok(id) = AccessKeyId::parse(id) else { return Ok(false) };
        let found = self.records.get(&key::access_key(&id)).await?;
        Ok(matches!(found, Some(Record::AccessKey(_))))
    }

    /// Who signed this. An unknown, a disabled and a deleted key are one case to the outside.
    ///
    /// # Errors
    ///
    /// The signature's error, or that it could not be checked.
    pub async fn verify(&self, claim: &Claim) -> Result<Arc<Caller>, Refused> {
        let now = self.changes.load(Ordering::SeqCst);
        let cached =
            self.entries.get(claim.signing_key_id()).filter(|entry| entry.loaded_at == now);
        let entry = match cached {
            Some(entry) => entry,
            None => match self.load(claim, now).await.map_err(Refused::Failure)? {
                Some(Loaded::Enabled(entry)) => entry,
                Some(Loaded::Disabled(caller, key)) => {
                    let error = SignatureError::UnknownAccessKey;
                    return Err(match verify(claim, &key) {
                        Ok(()) => Refused::Disabled(caller, error),
                        Err(_) => Refused::Signature(error),
                    });
                }
                None => return Err(Refused::Signature(verify_unknown(claim))),
            },
        };
        verify(claim, &entry.key).map_err(Refused::Signature)?;
        if entry.expires.is_some_and(|at| at <= clock::now()) {
            let caller = Arc::clone(&entry.caller);
            return Err(Refused::Disabled(caller, SignatureError::UnknownAccessKey));
        }
        Ok(Arc::clone(&entry.caller))
    }

    async fn load(&self, claim: &Claim, now: u64) -> Result<Option<Loaded>, Failure> {
        let Ok(id) = AccessKeyId::parse(claim.access_key_id()) else { return Ok(None) };
        let found = self.records.get(&key::access_key(&id)).await?;
        let Some(Record::AccessKey(record)) = found else { return Ok(None) };
        let key = SigningKey::derive(record.secret.reveal(), claim.scope());
        let mut caller =
            Caller { access_key_id: record.id, principal: record.principal, operator: None };
        let (mut enabled, mut expires) = (record.enabled, None);
        if caller.principal == Principal::Operator {
            let found = self.records.get(&key::roster()).await?;
            let Some(Record::Roster(roster)) = found else { return Ok(None) };
            let Some((operator, of_operator)) = roster.of_key(&caller.access_key_id) else {
                return Ok(None);
            };
            let Operator { name, role, .. } = operator;
            caller.operator = Some(CallingOperator { name: name.clone(), role: *role });
            enabled &= operator.enabled;
            expires = of_operator.expires;
        }
        enabled &= self.may_call(&caller.principal).await?;
        if !enabled {
            return Ok(Some(Loaded::Disabled(Arc::new(caller), Box::new(key))));
        }
        let entry = Arc::new(Entry { loaded_at: now, key, caller: Arc::new(caller), expires });
        self.entries.insert(claim.signing_key_id().to_owned(), Arc::clone(&entry));
        Ok(Some(Loaded::Enabled(entry)))
    }

    /// Whether whom a key speaks for may call at all: a disabled account may not.
    async fn may_call(&self, principal: &Principal) -> Result<bool, Failure> {
        match principal {
            Principal::Account(id) => match self.records.get(&key::account(id)).await? {
                Some(Record::Account(account)) => Ok(account.enabled),
                Some(_) | None => Ok(false),
            },
            Principal::Operator | Principal::Edge(_) => Ok(true),
        }
    }
}
