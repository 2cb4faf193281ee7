//! Verifies public interfaces by the RPKI, as a file says it that a relying party rewrites from time to time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use linkway_domain::access_key::Principal;
use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::key;
use linkway_domain::rpki::{VerifyByRpki, Vrps};
use tokio_util::sync::CancellationToken;

use crate::records::{Failure, Records};

/// How often is looked for a new file, and for interfaces that wait.
const PAUSE: Duration = Duration::from_secs(5);

/// How many interfaces are read at a time.
const BATCH: usize = 200;

/// A file by what tells it from the one before.
type Stamp = (Option<SystemTime>, u64);

/// Runs until the server closes.
pub async fn run(records: Arc<Records>, path: PathBuf, closing: CancellationToken) {
    let mut known: Option<Stamp> = None;
    let mut payloads = Arc::new(Vrps::default());
    let work = async {
        loop {
            let stamp = stamp(&path).await;
            if stamp != known || known.is_none() {
                match read(&path).await {
                    Ok(new) => payloads = Arc::new(new),
                    // What was read before goes on to count.
                    Err(error) if stamp != known => {
                        tracing::warn!(path = %path.display(), %error, "rpki_file cannot be used");
                    }
                    Err(_) => {}
                }
                known = stamp;
            }
            if let Err(error) = round(&records, &payloads).await {
                tracing::warn!(%error, "public interfaces could not be verified");
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

async fn stamp(path: &Path) -> Option<Stamp> {
    let file = tokio::fs::metadata(path).await.ok()?;
    Some((file.modified().ok(), file.len()))
}

async fn read(path: &Path) -> Result<Vrps, String> {
    let bytes = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
    let parsed = tokio::task::spawn_blocking(move || linkway_wire::rpki::parse(&bytes)).await;
    parsed.map_err(|error| error.to_string())?
}

/// Verifies all that waits and that the payloads speak for.
async fn round(records: &Records, payloads: &Arc<Vrps>) -> Result<(), Failure> {
    let (range, mut after) = (key::all_verifying(), None);
    loop {
        let (entries, more) = records.keys(&range, after.as_deref(), BATCH).await?;
        for entry in &entries {
            let id = entry.rsplit('/').next().unwrap_or_default();
            let Ok(interface) = VirtualInterfaceId::parse(id) else { continue };
            let command = VerifyByRpki { interface, payloads: Arc::clone(payloads) };
            records.run(&Principal::Operator, &command, None).await?;
        }
        match entries.last() {
            Some(last) if more => after = Some(last.clone()),
            Some(_) | None => return Ok(()),
        }
    }
}
