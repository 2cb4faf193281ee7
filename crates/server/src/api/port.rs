//! Ports of edge routers: the operator adds, lists and takes them away.

use linkway_domain::Fault;
use linkway_domain::id::PortName;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::port::Port;
use linkway_domain::port::decide::{CreatePort, DeletePort};
use linkway_domain::record::Record;
use linkway_wire::operator as wire;

use super::page::{Asked, one_of};
use super::{Answered, Api, Call, connection};
use crate::records::Failure;

impl Api {
    pub(super) async fn create_port(
        &self,
        call: &Call,
        request: wire::CreatePort,
    ) -> Answered<wire::Port> {
        let command = CreatePort {
            edge: request.edge_id,
            interface: request.interface,
            bandwidth: request.bandwidth,
            jumbo: request.jumbo_frame_capable,
        };
        Ok(port(self.run(call, &command).await?, None))
    }

    pub(super) async fn delete_port(
        &self,
        call: &Call,
        request: wire::DeletePort,
    ) -> Answered<wire::Port> {
        let command = DeletePort { edge: request.edge_id, interface: request.interface };
        Ok(port(self.run(call, &command).await?, None))
    }

    pub(super) async fn list_ports(
        &self,
        _: &Call,
        request: wire::ListPorts,
    ) -> Answered<wire::PortList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token) = match (&request.edge_id, &request.interface) {
            (None, None) => self.list(&Index::<Port>::everything(), asked).await?,
            (Some(id), None) => {
                self.list(&Index::<Port>::of_edge(&self.existing_edge(id).await?), asked).await?
            }
            (Some(id), Some(interface)) => {
                let (edge, name) = (self.existing_edge(id).await?, PortName::parse(interface)?);
                let found = self.records.get(&key::port(&edge, &name)).await?;
                let rule = format!("is not a port of edge {edge}");
                let missing = || Fault::field("interface", &name, rule);
                (vec![one_of(found).ok_or_else(missing)?], None)
            }
            (None, Some(interface)) => {
                let rule = "is given without edgeId: give both or none";
                return Err(Fault::field("interface", interface, rule).into());
            }
        };
        let mut ports = Vec::with_capacity(found.len());
        for found in found {
            let carrier = self.carrier(&found).await?;
            ports.push(port(found, carrier));
        }
        Ok(wire::PortList { ports, next_token })
    }

    /// Whether a port has a carrier, as far as its connection's state tells.
    async fn carrier(&self, port: &Port) -> Result<Option<bool>, Failure> {
        let Some(id) = &port.connection else { return Ok(None) };
        let found = self.records.get(&key::connection(id)).await?;
        let Some(Record::Connection(connection)) = found else { return Ok(None) };
        Ok(connection::carrier(&connection))
    }
}

fn port(port: Port, carrier: Option<bool>) -> wire::Port {
    wire::Port {
        edge_id: port.edge.to_string(),
        interface: port.name.to_string(),
        location_code: port.location.to_string(),
        bandwidth: port.bandwidth.to_string(),
        jumbo_frame_capable: port.jumbo,
        connection_id: port.connection.map(|id| id.to_string()),
        carrier,
    }
}
