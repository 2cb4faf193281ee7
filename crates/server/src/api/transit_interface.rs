//! Transit virtual interfaces: made, lent and confirmed by tenants.

use linkway_domain::virtual_interface::transit::{
    AllocateTransitVirtualInterface, ConfirmTransitVirtualInterface, CreateTransitVirtualInterface,
};
use linkway_wire::convert::Wrapped;
use linkway_wire::generated;

use super::virtual_interface::Shown;
use super::{Answered, Api, Call};

impl Api {
    pub(super) async fn create_transit_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::CreateTransitVirtualInterfaceRequest,
    ) -> Answered<Wrapped<Shown<'a>>> {
        let made = self.run(call, &CreateTransitVirtualInterface::from(request)).await?;
        Ok(Wrapped { virtual_interface: self.show_interface(made, call.account()?).await? })
    }

    pub(super) async fn allocate_transit_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::AllocateTransitVirtualInterfaceRequest,
    ) -> Answered<Wrapped<Shown<'a>>> {
        let made = self.run(call, &AllocateTransitVirtualInterface::from(request)).await?;
        Ok(Wrapped { virtual_interface: self.show_interface(made, call.account()?).await? })
    }

    pub(super) async fn confirm_transit_virtual_interface(
        &self,
        call: &Call,
        request: generated::ConfirmTransitVirtualInterfaceRequest,
    ) -> Answered<generated::ConfirmTransitVirtualInterfaceResponse> {
        let confirmed = self.run(call, &ConfirmTransitVirtualInterface::from(request)).await?;
        let shown = self.show_interface(confirmed, call.account()?).await?;
        Ok(generated::ConfirmTransitVirtualInterfaceResponse {
            virtual_interface_state: shown.state(),
        })
    }
}
