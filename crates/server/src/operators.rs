//! Operators as the server finds and remembers them: the first one, the key in `operator.json`, when keys were last used, and
//! the way back in for whoever has the data directory and no key.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use linkway_domain::access_key::{AccessKey, Principal};
use linkway_domain::id::{AccessKeyId, OperatorName};
use linkway_domain::key;
use linkway_domain::operator::decide::{FirstOperator, RecordOperatorUse, RescueOperator};
use linkway_domain::operator::{Operator, OperatorKey, Role, Roster};
use linkway_domain::record::Record;
use linkway_domain::settings::Settings;
use linkway_domain::time::Time;
use linkway_wire::operator::OperatorFile;
use linkway_wire::value::Secret;
use tokio_util::sync::CancellationToken;

use crate::audit::record::{self, Change, Entry};
use crate::boot::{self, BootError, DataDir, Endpoints};
use crate::clock;
use crate::records::{Failure, Records};

/// How often the use of keys is written.
const WRITTEN: Duration = Duration::from_secs(60);
/// To what it is rounded down.
const MINUTE: u64 = 60_000;

/// An operator who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingOperator {
    /// Its name.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
}

impl CallingOperator {
    /// Its name as the audit trail adds it; the first operator is just `operator`.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        (self.name != OperatorName::first()).then(|| self.name.as_str())
    }
}

/// All operators. A store that has none gets the first one, with the keys that operators have there.
///
/// # Errors
///
/// If the store fails, or a key cannot be read: then the key file is another's.
pub async fn roster(records: &Records) -> Result<Roster, BootError> {
    let range = key::access_keys_of(&Principal::Operator);
    let (keys, _) = records.keys(&range, None, 1000).await?;
    let ids = keys.iter().filter_map(|key| key.rsplit('/').next()?.parse().ok());
    let first = FirstOperator { keys: ids.collect() };
    for id in &first.keys {
        records.get(&key::access_key(id)).await.map_err(BootError::Unreadable)?;
    }
    records.run(&Principal::Operator, &first, None).await?;
    match records.get(&key::roster()).await? {
        Some(Record::Roster(roster)) => Ok(roster),
        Some(_) | None => Err(Failure::Refused("the operators are missing".to_owned()).into()),
    }
}

/// The key of the first operator that works, the oldest if there are several. `None` if there is none, or it is not an admin.
///
/// # Errors
///
/// As [`roster`].
pub async fn first_key(records: &Records) -> Result<Option<AccessKey>, BootError> {
    let roster = roster(records).await?;
    let first = roster.find(OperatorName::first().as_str());
    let Some(operator) = first.filter(|operator| operator.role == Role::Admin) else {
        return Ok(None);
    };
    for key in &operator.keys {
        if let Some(key) = working(records, operator, key).await? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// A key, if calls that it signs are accepted.
async fn working(
    records: &Records,
    operator: &Operator,
    key: &OperatorKey,
) -> Result<Option<AccessKey>, BootError> {
    if !operator.enabled || key.has_expired(clock::now()) {
        return Ok(None);
    }
    match records.get(&key::access_key(&key.id)).await.map_err(BootError::Unreadable)? {
        Some(Record::AccessKey(found)) if found.enabled => Ok(Some(found)),
        Some(_) | None => Ok(None),
    }
}

/// Brings `operator.json` up to date: the address may have changed. It keeps its key while that works, whosever it is;
/// otherwise it gets the first operator's. A key that was disabled or deleted does not come back: without another one the file
/// stays as it is.
///
/// # Errors
///
/// If the file cannot be written, or as [`roster`].
pub async fn write_file(
    dir: &DataDir,
    records: &Records,
    endpoints: &Endpoints,
    region: &str,
) -> Result<(), BootError> {
    let roster = roster(records).await?;
    let there = read_file(dir);
    let kept = match &there {
        Some(file) => key_of_file(records, &roster, file).await?,
        None => None,
    };
    let key = match kept {
        Some(key) => Some(key),
        None => first_key(records).await?,
    };
    match key {
        Some(key) => boot::replace_operator_file(dir, &file(&key, endpoints, region)),
        None => {
            tracing::warn!(
                "the first operator has no key that works: operator.json is not written. \
                 `linkway admin operator rescue DIR` makes one, with the server stopped"
            );
            Ok(())
        }
    }
}

/// What `operator.json` says, if it is there and can be read.
fn read_file(dir: &DataDir) -> Option<OperatorFile> {
    serde_json::from_slice(&std::fs::read(dir.operator_file()).ok()?).ok()
}

async fn key_of_file(
    records: &Records,
    roster: &Roster,
    file: &OperatorFile,
) -> Result<Option<AccessKey>, BootError> {
    let Ok(id) = AccessKeyId::parse(&file.access_key_id) else { return Ok(None) };
    let Some((operator, key)) = roster.of_key(&id) else { return Ok(None) };
    let found = working(records, operator, key).await?;
    Ok(found.filter(|key| key.secret.reveal() == file.secret_access_key.expose()))
}

fn file(key: &AccessKey, endpoints: &Endpoints, region: &str) -> OperatorFile {
    OperatorFile {
        endpoint: endpoints.public.clone(),
        admin_endpoint: Some(endpoints.admin.clone()),
        region: region.to_owned(),
        access_key_id: key.id.to_string(),
        secret_access_key: Secret::from(key.secret.reveal()),
    }
}

/// What a rescue made.
#[derive(Clone, Debug)]
pub struct Rescued {
    /// The new key.
    pub access_key_id: String,
    /// The operator.
    pub operator_name: String,
    /// The file that has the key with its secret.
    pub file: PathBuf,
}

/// Makes a new key for the first operator, who is enabled and an admin again, and writes `operator.json`. The server must be
/// stopped: the store's lock is taken. The audit trail has it.
///
/// # Errors
///
/// If the directory cannot be used, is in use, or is another user's.
pub async fn rescue(path: &Path) -> Result<Rescued, BootError> {
    boot::same_owner(path, "operator rescue")?;
    let dir = DataDir::new(path);
    let (store, sealer) = boot::open_existing(&dir)?;
    let records = Records::new(Arc::new(store), sealer, Settings::default());
    roster(&records).await?;
    let request_id = crate::http::RequestId::random();
    let audit = |time: Time, resources: &[Cow<'_, str>]| {
        let change = Change::offline("RescueOperator", resources.to_vec());
        (key::audit(time, request_id.as_str()), record::encode(&Entry::from(change)))
    };
    let made = records.run(&Principal::Operator, &RescueOperator, Some(&audit)).await;
    let made = made?.outcome;
    // The next start of the server writes the addresses that it listens on.
    let mut written = read_file(&dir).unwrap_or_else(|| OperatorFile {
        endpoint: "http://127.0.0.1:8580".to_owned(),
        admin_endpoint: None,
        region: Settings::default().region,
        access_key_id: String::new(),
        secret_access_key: Secret::from(""),
    });
    written.access_key_id = made.key.id.to_string();
    written.secret_access_key = Secret::from(made.key.secret.reveal());
    boot::replace_operator_file(&dir, &written)?;
    drop(records);
    Ok(Rescued {
        access_key_id: made.key.id.to_string(),
        operator_name: made.operator.name.to_string(),
        file: dir.operator_file(),
    })
}

/// When operators' keys were used, until it is written.
#[derive(Debug, Default)]
pub struct KeyUse {
    used: Mutex<HashMap<AccessKeyId, Time>>,
}

impl KeyUse {
    /// Remembers that a key signed a call. Never waits.
    pub fn note(&self, id: &AccessKeyId, now: Time) {
        let minute = Time::from_millis(now.millis() / MINUTE * MINUTE);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        match used.get_mut(id) {
            Some(at) => *at = minute,
            None => {
                used.insert(id.clone(), minute);
            }
        }
    }

    /// Writes what is remembered, until the server closes.
    pub async fn run(self: Arc<Self>, records: Arc<Records>, closing: CancellationToken) {
        while closing.run_until_cancelled(tokio::time::sleep(WRITTEN)).await.is_some() {
            self.write(&records).await;
        }
        self.write(&records).await;
    }

    /// Writes what is remembered: one commit, or none if nothing is new.
    pub async fn write(&self, records: &Records) {
        let used = std::mem::take(&mut *self.used.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return;
        }
        let command = RecordOperatorUse(used.into_iter().collect());
        if let Err(error) = records.run(&Principal::Operator, &command, None).await {
            tracing::warn!(%error, "when operators' keys were used could not be written");
        }
    }
}
