//! Public virtual interfaces: made, lent and confirmed by tenants, verified by the operator.

use linkway_domain::virtual_interface::public::{
    AllocatePublicVirtualInterface, ConfirmPublicVirtualInterface, CreatePublicVirtualInterface,
    VerifyInterface,
};
use linkway_wire::{generated, operator};

use super::virtual_interface::Shown;
use super::{Answered, Api, Call};

impl Api {
    pub(super) async fn create_public_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::CreatePublicVirtualInterfaceRequest,
    ) -> Answered<Shown<'a>> {
        let made = self.run(call, &CreatePublicVirtualInterface::from(request)).await?;
        Ok(self.show_interface(made, call.account()?).await?)
    }

    pub(super) async fn allocate_public_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::AllocatePublicVirtualInterfaceRequest,
    ) -> Answered<Shown<'a>> {
        let made = self.run(call, &AllocatePublicVirtualInterface::from(request)).await?;
        Ok(self.show_interface(made, call.account()?).await?)
    }

    pub(super) async fn confirm_public_virtual_interface(
        &self,
        call: &Call,
        request: generated::ConfirmPublicVirtualInterfaceRequest,
    ) -> Answered<generated::ConfirmPublicVirtualInterfaceResponse> {
        let confirmed = self.run(call, &ConfirmPublicVirtualInterface::from(request)).await?;
        let shown = self.show_interface(confirmed, call.account()?).await?;
        Ok(generated::ConfirmPublicVirtualInterfaceResponse {
            virtual_interface_state: shown.state(),
        })
    }

    pub(super) async fn verify_interface(
        &self,
        call: &Call,
        request: operator::VerifyInterface,
    ) -> Answered<operator::Interface> {
        let command =
            VerifyInterface { interface: request.virtual_interface_id, accepted: request.accepted };
        self.show_to_operator(self.run(call, &command).await?).await
    }
}
