//! Amazon resource names of this service: `arn:<partition>:directconnect:<region>:<account>:<kind>/<id>` (Service
//! Authorization Reference, "Actions, resources, and condition keys for AWS Direct Connect").

use std::fmt;

use crate::fault::{Fault, ResourceKind};
use crate::id::AccountId;

/// The kinds of resources that have an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArnKind {
    /// `dxcon`
    Connection,
    /// `dxlag`
    Lag,
    /// `dxvif`
    VirtualInterface,
    /// `dx-gateway`, which belongs to no region.
    DirectConnectGateway,
}

impl ArnKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::Connection, Self::Lag, Self::VirtualInterface, Self::DirectConnectGateway];

    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "dxcon",
            Self::Lag => "dxlag",
            Self::VirtualInterface => "dxvif",
            Self::DirectConnectGateway => "dx-gateway",
        }
    }

    /// Whether an ARN of this kind names a region.
    #[must_use]
    pub const fn is_regional(self) -> bool {
        match self {
            Self::Connection | Self::Lag | Self::VirtualInterface => true,
            Self::DirectConnectGateway => false,
        }
    }
}

/// A resource of one account, by its ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arn {
    /// What it names.
    pub kind: ArnKind,
    /// The region, for those kinds that have one.
    pub region: Option<String>,
    /// Whose it is.
    pub account: AccountId,
    /// The resource's id, unchecked.
    pub id: String,
}

impl Arn {
    /// The ARN of a resource in a region.
    #[must_use]
    pub fn new(kind: ArnKind, region: &str, account: &AccountId, id: impl fmt::Display) -> Self {
        Self {
            kind,
            region: kind.is_regional().then(|| region.to_owned()),
            account: account.clone(),
            id: id.to_string(),
        }
    }

    /// Reads a caller's ARN of this region and its own account; an empty account means the caller's (Terraform leaves it
    /// empty when told not to ask for it).
    ///
    /// # Errors
    ///
    /// If it is no ARN of this service, or one of another region or account: those are answered like one of a resource
    /// that does not exist.
    pub fn parse(field: &str, arn: &str, region: &str, account: &AccountId) -> Result<Self, Fault> {
        let rule = format!(
            "is not an ARN of this service: it must look like arn:aws:directconnect:{region}:{account}:dxcon/dxcon-…"
        );
        let malformed = || Fault::field(field, arn, &rule);
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [scheme, _partition, service, in_region, of_account, resource] = parts[..] else {
            return Err(malformed());
        };
        let Some((kind, id)) = resource.split_once('/') else { return Err(malformed()) };
        let own = of_account.is_empty() || of_account == account.as_str();
        let account_like = own || AccountId::parse(of_account).is_ok();
        if scheme != "arn" || service != "directconnect" || !account_like {
            return Err(malformed());
        }
        let Some(kind) = ArnKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
            return Err(malformed());
        };
        let of_kind = Self::new(kind, region, account, id);
        if in_region != of_kind.region.as_deref().unwrap_or_default() || !own {
            return Err(Fault::not_found(ResourceKind::Arn, arn));
        }
        Ok(of_kind)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = self.region.as_deref().unwrap_or_default();
        let Self { kind, account, id, .. } = self;
        write!(f, "arn:aws:directconnect:{region}:{account}:{}/{id}", kind.as_str())
    }
}
