//! BGP peers of virtual interfaces.

use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer, ResetBgpSessions};
use linkway_wire::convert::Wrapped;
use linkway_wire::{generated, operator};

use super::virtual_interface::Shown;
use super::{Answered, Api, Call};

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

    pub(super) async fn reset_bgp_session(
        &self,
        call: &Call,
        request: operator::ResetBgpSession,
    ) -> Answered<operator::Interface> {
        let reset = self.run(call, &ResetBgpSessions(request.virtual_interface_id)).await?;
        self.show_to_operator(reset).await
    }
}
