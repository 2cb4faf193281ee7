//! Which operation a request asks for: the `X-Amz-Target` header, `<service>.<operation>`.
//!
//! Tenants speak to `OvertureService` (Direct Connect's own name), whose operations come from the
//! model; operators and edges speak to `Linkway`, whose operations are listed here.

use crate::generated::Operation;
use crate::validate::{Validate, quoted};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A request type: says which operation it is for and what comes back.
pub trait Call: Validate + DeserializeOwned + Serialize {
    /// The operation that takes this request.
    const OPERATION: Operation;
    /// The response.
    type Output: Serialize + DeserializeOwned;
}

/// Defines an enum of operations from a list that is sorted by name.
macro_rules! operations {
    ($(#[$meta:meta])* $name:ident { $($operation:ident,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)]
        pub enum $name {
            $($operation,)+
        }

        impl $name {
            /// Every operation, sorted by name.
            pub const ALL: &'static [Self] = &[$(Self::$operation,)+];

            /// The name in the target.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$operation => stringify!($operation),)+
                }
            }

            /// The operation of that name, by binary search; names are case-sensitive.
            pub fn from_name(name: &str) -> Option<Self> {
                let at = Self::ALL.binary_search_by(|operation| operation.name().cmp(name)).ok()?;
                Some(Self::ALL[at])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}
pub(crate) use operations;

operations! {
    /// Every operation of the operator API and of the edge feed, sorted by name.
    LinkwayOperation {
        ApproveConnection,
        Backup,
        CreateAccessKey,
        CreateAccount,
        CreateEdge,
        CreateGateway,
        CreateLocation,
        CreateOperator,
        CreateOperatorKey,
        CreatePort,
        CreateTransitGateway,
        DeleteAccessKey,
        DeleteAccount,
        DeleteBackbone,
        DeleteConnection,
        DeleteEdge,
        DeleteGateway,
        DeleteInterface,
        DeleteLocation,
        DeleteOperator,
        DeleteOperatorKey,
        DeletePort,
        DeletePublicNetwork,
        DeleteTransitGateway,
        DeleteWebhook,
        DescribeAccount,
        DescribeEdge,
        DescribeOperator,
        DisableAccessKey,
        DisableAccount,
        DisableOperator,
        DisableOperatorKey,
        DrainEdge,
        DrainInterface,
        EnableAccessKey,
        EnableAccount,
        EnableOperator,
        EnableOperatorKey,
        ExplainInterface,
        ExplainVirtualInterface,
        GetEdgeConfig,
        GiveUpEdge,
        ListAccessKeys,
        ListAccountEvents,
        ListAccounts,
        ListBackbones,
        ListConnections,
        ListEdges,
        ListEvents,
        ListGateways,
        ListInterfaces,
        ListLocations,
        ListOperators,
        ListPorts,
        ListPublicNetworks,
        ListTransitGateways,
        PutBackbone,
        PutPublicNetwork,
        PutWebhook,
        RejectConnection,
        RenewEpoch,
        ReportEdgeStatus,
        ResetBgpSession,
        ResetEdge,
        RotateAuthKey,
        UpdateAccount,
        UpdateGateway,
        UpdateLocation,
        UpdateTransitGateway,
        VerifyInterface,
    }
}

/// The service in the credential scope of a signed call of a `Linkway` operation.
pub const LINKWAY_SERVICE: &str = "linkway";

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An operation of the Direct Connect API.
    Tenant(Operation),
    /// An operation of the operator API or of the edge feed.
    Linkway(LinkwayOperation),
}

impl Target {
    /// Every operation of both services.
    pub fn all() -> impl Iterator<Item = Self> {
        let tenants = Operation::ALL.iter().copied().map(Self::Tenant);
        tenants.chain(LinkwayOperation::ALL.iter().copied().map(Self::Linkway))
    }
}

/// A target that names no operation. `Display` is a sentence for the caller; it repeats at most 100
/// characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError<'a> {
    /// Not of the form `<service>.<operation>`, or longer than 256 bytes.
    #[error("The X-Amz-Target header must be OvertureService.<operation> or Linkway.<operation>")]
    Malformed,
    /// The service is another one.
    #[error(
        "The X-Amz-Target header names the service {}; here are OvertureService and Linkway",
        quoted(.0)
    )]
    UnknownService(&'a str),
    /// The service has no such operation.
    #[error("{service} has no operation {}", quoted(.name))]
    UnknownOperation {
        /// `OvertureService` or `Linkway`.
        service: &'static str,
        /// What was asked for.
        name: &'a str,
    },
}

impl Target {
    const TENANT: &'static str = "OvertureService";
    const LINKWAY: &'static str = "Linkway";
    const LONGEST: usize = 256;

    /// Reads the value of the `X-Amz-Target` header, without allocation.
    pub fn parse(header: &[u8]) -> Result<Self, TargetError<'_>> {
        if header.len() > Self::LONGEST {
            return Err(TargetError::Malformed);
        }
        let text = std::str::from_utf8(header).map_err(|_| TargetError::Malformed)?;
        let (service, name) = text.split_once('.').ok_or(TargetError::Malformed)?;
        match service {
            Self::TENANT => Operation::from_name(name)
                .map(Self::Tenant)
                .ok_or(TargetError::UnknownOperation { service: Self::TENANT, name }),
            Self::LINKWAY => LinkwayOperation::from_name(name)
                .map(Self::Linkway)
                .ok_or(TargetError::UnknownOperation { service: Self::LINKWAY, name }),
            _ => Err(TargetError::UnknownService(service)),
        }
    }

    /// The part before the dot: `OvertureService` or `Linkway`.
    pub const fn service(self) -> &'static str {
        match self {
            Self::Tenant(_) => Self::TENANT,
            Self::Linkway(_) => Self::LINKWAY,
        }
    }

    /// The service's name in the credential scope of a signature, and before the colon of an IAM action.
    pub const fn signing_name(self) -> &'static str {
        match self {
            Self::Tenant(_) => "directconnect",
            Self::Linkway(_) => LINKWAY_SERVICE,
        }
    }

    /// The operation's name, without the service.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant(operation) => operation.name(),
            Self::Linkway(operation) => operation.name(),
        }
    }
}
