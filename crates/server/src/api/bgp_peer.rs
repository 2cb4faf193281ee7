//! BGP peers of virtual interfaces.

use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer, ResetBgpSessions};
use linkway_domain::bgp_peer::rotation::RotateAuthKey;
use linkway_domain::virtual_interface::Secret;
use linkway_wire::convert::Wrapped;
use linkway_wire::{generated, operator};

use super::virtual_interface::Shown;
use super::{Answered, Api, Call};
use crate::clock;

impl Api {
    pub(super) async fn create_bgp_peer<'a>(
        &'a self,
        call: &'a Call,
        request: generated::CreateBGPPeerRequest,
    ) -> Answered<Wrapped<Shown<'a>>> {
        let changed = self.run(call, &CreateBgpPeer::from(request)).await?;
        Ok(Wrapped { virtual_interface: self.show_interface(changed, call.account()?).await? })
    }

    pub(super) async fn delete_bgp_peer<'a>(
        &'a self,
        call: &'a Call,
        request: generated::DeleteBGPPeerRequest,
    ) -> Answered<Wrapped<Shown<'a>>> {
        let changed = self.run(call, &DeleteBgpPeer::from(request)).await?;
        Ok(Wrapped { virtual_interface: self.show_interface(changed, call.account()?).await? })
    }

    pub(super) async fn rotate_auth_key(
        &self,
        call: &Call,
        request: operator::RotateAuthKey,
    ) -> Answered<operator::RotatedAuthKey> {
        let command = RotateAuthKey {
            interface: request.virtual_interface_id,
            peer: request.bgp_peer_id,
            auth_key: request.auth_key.map(|key| Secret(key.into_exposed())),
            window_seconds: request.window_seconds,
        };
        let rotated = self.run(call, &command).await?;
        Ok(operator::RotatedAuthKey {
            virtual_interface_id: rotated.interface.to_string(),
            bgp_peer_id: rotated.peer.to_string(),
            until: rotated.until.map(clock::timestamp),
        })
    }

    pub(super) async fn reset_bgp_session(
        &self,
        call: &Call,
        request: operator::ResetBgpSession,
    ) -> Answered<operator::Interface> {
        let reset = self.run(call, &ResetBgpSessions(request.virtual_interface_id)).await?;
        self.show_to_operator(reset).await
    }
}
