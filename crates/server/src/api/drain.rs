//! Interfaces taken out of use, and back into it.

use std::borrow::Cow;

use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::index::Index;
use linkway_domain::virtual_interface::drain::DrainInterface;
use linkway_domain::virtual_interface::{Phase, VirtualInterface};
use linkway_wire::operator as wire;

use super::{Answered, Api, Call, audit};
use crate::clock;

impl Api {
    pub(super) async fn drain_interface(
        &self,
        call: &Call,
        request: wire::DrainInterface,
    ) -> Answered<wire::Interface> {
        let wire::DrainInterface { virtual_interface_id: interface, wait_seconds: wait, undo } =
            request;
        let drained = self.run(call, &DrainInterface { interface, wait, undo }).await?;
        self.show_to_operator(drained).await
    }

    /// Each interface is decided and committed on its own; what a failure leaves undone the next call does.
    pub(super) async fn drain_edge(
        &self,
        call: &Call,
        request: wire::DrainEdge,
    ) -> Answered<wire::DrainedEdge> {
        let edge = self.existing_edge(&request.edge_id).await?;
        let (wait, undo) = (request.wait_seconds, request.undo);
        let interfaces = self.records.all(&Index::<VirtualInterface>::of_edge(&edge)).await?;
        let accepted = interfaces.into_iter().filter(|it| it.phase == Phase::Accepted);
        let mut drained: Vec<VirtualInterfaceId> = Vec::new();
        for (nth, interface) in accepted.enumerate() {
            let audit =
                |time, resources: &[Cow<'_, str>]| audit::of_part(call, nth, time, resources);
            let command = DrainInterface { interface: interface.id.to_string(), wait, undo };
            let decided = self.records.run(call.principal(), &command, Some(&audit)).await?;
            drained.extend(decided.changed.then_some(decided.outcome.id));
        }
        if drained.is_empty() {
            let resources = vec![edge.to_string()];
            self.trail.record(&audit::event(call, clock::now(), resources, None));
        }
        Ok(wire::DrainedEdge {
            edge_id: edge.to_string(),
            virtual_interface_ids: drained.iter().map(ToString::to_string).collect(),
        })
    }
}
