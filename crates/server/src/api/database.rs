//! The database as a whole: backups, and the epoch.

use linkway_domain::epoch::RenewEpoch;
use linkway_wire::operator as wire;

use super::{Answered, Api, Call, failure, internal};
use crate::boot;
use crate::http::{Response, respond};
use crate::records::Failure;

impl Api {
    /// A copy of the whole store, put together in a file that is unlinked before it is sent.
    pub(super) async fn backup(&self, call: &Call) -> Answered<Response> {
        let _: wire::Backup = call.protocol.decode(&call.body)?;
        self.record_disclosure(call).await?;
        let path = self.scratch.join(format!("backup-{}", call.request_id));
        let made = match self.records.store().backup_to(&path).await {
            Ok(()) => boot::end_epoch(&path).await,
            Err(error) => Err(error),
        };
        let opened = match made {
            Ok(()) => tokio::fs::File::open(&path).await,
            Err(error) => {
                remove(&path).await;
                return Err(Failure::Store(error).into());
            }
        };
        remove(&path).await;
        let file = opened.map_err(|error| {
            tracing::error!(request_id = failure::request_id(), %error, "the backup cannot be read back");
            internal()
        })?;
        let length = file.metadata().await.map(|metadata| metadata.len()).map_err(|error| {
            tracing::error!(request_id = failure::request_id(), %error, "the backup has no length");
            internal()
        })?;
        Ok(respond::stream("application/octet-stream", file, length))
    }

    pub(super) async fn renew_epoch(
        &self,
        call: &Call,
        _: wire::RenewEpoch,
    ) -> Answered<wire::Epoch> {
        // Somebody else may renew it at the same time; this caller gets one of its own.
        for _ in 0..10 {
            let renew = match self.feed.epoch().await? {
                Some(known) => RenewEpoch::After(known),
                None => RenewEpoch::First { before: None },
            };
            if let Some(epoch) = self.run(call, &renew).await? {
                return Ok(wire::Epoch { epoch: epoch.0 });
            }
        }
        Err(Failure::Contended.into())
    }
}

async fn remove(path: &std::path::Path) {
    if let Err(error) = tokio::fs::remove_file(path).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "a backup's temporary file was left behind");
    }
}
