//! Ports of edge routers: the operator adds and lists them.

use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::port::Port;
use linkway_domain::port::decide::CreatePort;
use linkway_domain::record::Record;
use linkway_wire::operator as wire;

use super::page::Asked;
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

    pub(super) async fn list_ports(
        &self,
        _: &Call,
        request: wire::ListPorts,
    ) -> Answered<wire::PortList> {
        let index = match &request.edge_id {
            None => Index::<Port>::everything(),
            Some(id) => Index::<Port>::of_edge(&self.existing_edge(id).await?),
        };
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token) = self.list(&index, asked).await?;
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
