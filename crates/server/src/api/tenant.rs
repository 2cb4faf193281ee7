//! The tenants' operations: those that change something. Each is decode, decide, commit, encode.

use linkway_domain::decide::{Command, Outcome};
use linkway_domain::id::AccountId;
use linkway_domain::virtual_interface::VirtualInterface;
use linkway_wire::convert;
use linkway_wire::error::{Code, WireError};
use linkway_wire::generated as wire;
use linkway_wire::generated::Operation;
use linkway_wire::json;
use linkway_wire::operation::Call as WireCall;

use super::{Answered, Api, Call};

impl Api {
    /// Answers a tenant's operation.
    pub(super) async fn tenant(&self, operation: Operation, call: &Call) -> Answered {
        match operation {
            Operation::CreateConnection => self.change::<wire::CreateConnectionRequest>(call).await,
            Operation::DeleteConnection => self.change::<wire::DeleteConnectionRequest>(call).await,
            Operation::CreatePrivateVirtualInterface => {
                self.change::<wire::CreatePrivateVirtualInterfaceRequest>(call).await
            }
            Operation::AllocatePrivateVirtualInterface => {
                self.change::<wire::AllocatePrivateVirtualInterfaceRequest>(call).await
            }
            Operation::ConfirmPrivateVirtualInterface => {
                self.change::<wire::ConfirmPrivateVirtualInterfaceRequest>(call).await
            }
            Operation::DeleteVirtualInterface => {
                self.change::<wire::DeleteVirtualInterfaceRequest>(call).await
            }
            Operation::TagResource => self.change::<wire::TagResourceRequest>(call).await,
            Operation::UntagResource => self.change::<wire::UntagResourceRequest>(call).await,
            Operation::DescribeConnections => self.describe_connections(call, request(call)?).await,
            Operation::DescribeLocations => self.describe_locations(request(call)?).await,
            Operation::DescribeTags => self.describe_tags(call, request(call)?).await,
            Operation::DescribeVirtualGateways => {
                self.describe_virtual_gateways(call, request(call)?).await
            }
            Operation::DescribeVirtualInterfaces => {
                self.describe_virtual_interfaces(call, request(call)?).await
            }
            // The list of what is not built yet: docs/not-built.md, which a test compares with this function.
            other => Err(not_built(other)),
        }
    }

    async fn change<R: WireCall + Into<Command>>(&self, call: &Call) -> Answered {
        let command: Command = request::<R>(call)?.into();
        let outcome = self.run(call, &command).await?;
        self.encode(R::OPERATION, outcome, call).await
    }

    /// What an operation says of its outcome.
    async fn encode(&self, operation: Operation, outcome: Outcome, call: &Call) -> Answered {
        match outcome {
            Outcome::Connection(connection) if operation_shows(operation) => {
                self.show_connection(&connection, call).await.map(|shown| json::encode(&shown))
            }
            Outcome::VirtualInterface(interface) => {
                self.encode_interface(operation, &interface, call).await
            }
            Outcome::Connection(_) | Outcome::Done => {
                Ok(json::encode(&wire::TagResourceResponse::default()))
            }
            Outcome::Account(_)
            | Outcome::AccessKey(_)
            | Outcome::Location(_)
            | Outcome::Edge(..)
            | Outcome::Port(_)
            | Outcome::Gateway(_)
            | Outcome::Epoch(_) => unreachable!("tenants' commands have tenants' outcomes"),
        }
    }

    async fn encode_interface(
        &self,
        operation: Operation,
        interface: &VirtualInterface,
        call: &Call,
    ) -> Answered {
        let shown = self.show_interface(interface, call.account()).await?;
        let state = || Some(shown.state());
        Ok(match operation {
            Operation::ConfirmPrivateVirtualInterface => {
                json::encode(&wire::ConfirmPrivateVirtualInterfaceResponse {
                    virtual_interface_state: state(),
                })
            }
            Operation::DeleteVirtualInterface => {
                json::encode(&wire::DeleteVirtualInterfaceResponse {
                    virtual_interface_state: state(),
                })
            }
            other if operation_shows(other) => json::encode(&shown),
            _ => json::encode(&wire::TagResourceResponse::default()),
        })
    }

    /// A connection as its owner sees it.
    pub(super) async fn show_connection(
        &self,
        record: &linkway_domain::connection::Connection,
        call: &Call,
    ) -> Result<wire::Connection, WireError> {
        let silent = match &record.port {
            Some(port) => self.liveness.is_silent(&port.edge).await?,
            None => false,
        };
        Ok(convert::connection(record, self.view(call.account(), silent)))
    }

    /// An interface as one of its two sides, or the operator, sees it.
    pub(super) async fn show_interface<'a>(
        &'a self,
        record: &'a VirtualInterface,
        reader: Option<&'a AccountId>,
    ) -> Result<convert::Interface<'a>, WireError> {
        let silent = match &record.reported {
            Some(_) => self.liveness.is_silent(&record.edge).await?,
            None => false,
        };
        Ok(convert::Interface::new(record, self.view(reader, silent)))
    }
}

/// Whether an operation answers with the whole resource.
fn operation_shows(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateConnection
            | Operation::DeleteConnection
            | Operation::CreatePrivateVirtualInterface
            | Operation::AllocatePrivateVirtualInterface
    )
}

/// The request of a call: decoded, and checked against the model's own constraints.
pub(super) fn request<R: WireCall>(call: &Call) -> Result<R, WireError> {
    let request: R = json::decode(&call.body)?;
    request.validate()?;
    Ok(request)
}

fn not_built(operation: Operation) -> WireError {
    WireError::new(
        Code::UnknownOperationException,
        format!("The operation {operation} is part of Direct Connect but is not built here yet."),
    )
}
