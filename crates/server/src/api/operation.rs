//! What the table of operations says of each: [`Row`]. Recording, metrics, authorization, throttling, time limits and the
//! documents ask it; the rows are in [`super::table`].

use std::fmt;
use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::arn::ArnKind;
use linkway_domain::operator::Role;
use linkway_wire::operation::Target;

/// A row of the table of operations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The operation.
    pub target: Target,
    /// Whether it reads or changes, and what the audit log keeps of it.
    pub effect: Effect,
    /// What it is about.
    pub subject: Subject,
    /// The types of resources that a policy may restrict its IAM action to; none: policies say `"Resource": "*"`.
    pub iam_resources: &'static [ArnKind],
    /// Whose access keys may call it.
    pub callers: Callers,
    /// How long it may take; `None`: as the setting `request_timeout_seconds` says.
    pub time_limit: Option<Duration>,
    /// Whether it is built; one that is not answers `UnknownOperationException`.
    pub is_built: bool,
}

impl Row {
    /// The action of IAM policies, as in `directconnect:CreateConnection`.
    #[must_use]
    pub fn action(&self) -> String {
        format!("{}:{}", self.target.signing_name(), self.target.name())
    }

    /// The least role of an operator who may call it; `None` where it is for others.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match (self.callers, self.effect) {
            (Callers::Admin, _) => Some(Role::Admin),
            (Callers::Operator, Effect::Read) => Some(Role::Read),
            (
                Callers::Operator,
                Effect::Change | Effect::Disclosure | Effect::Counted | Effect::NotRecorded(_),
            ) => Some(Role::Operate),
            (Callers::Accounts | Callers::Edges, _) => None,
        }
    }

    /// How its calls are throttled.
    #[must_use]
    pub const fn throttle_class(&self) -> ThrottleClass {
        self.callers.throttle_class()
    }
}

/// Whether an operation changes anything, and where the audit log keeps a successful call of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads: the journal has it.
    Read,
    /// It changes records: the change's own commit has it. Where nothing had to change, the journal has it.
    Change,
    /// It reads what gives everything away: the store has it.
    Disclosure,
    /// It reads secrets, and is called all the time: the store has the first call of each key and address in a day, and how
    /// many there were.
    Counted,
    /// Neither has it, for this reason.
    NotRecorded(&'static str),
}

impl Effect {
    /// Whether a successful call of it is recorded by its own handler, or not at all.
    #[must_use]
    pub const fn is_recorded_by_itself(self) -> bool {
        match self {
            Self::Read => false,
            Self::Change | Self::Disclosure | Self::Counted | Self::NotRecorded(_) => true,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Change => "change",
            Self::Disclosure => "disclosure",
            Self::Counted => "counted",
            Self::NotRecorded(_) => "not recorded",
        })
    }
}

/// Whose access keys an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Accounts.
    Accounts,
    /// Operators: of any role if it reads, else those who may change something.
    Operator,
    /// Operators who may say who the operators are.
    Admin,
    /// Edge routers, each for itself.
    Edges,
}

impl Callers {
    /// Whether a principal is one of them, its role apart.
    #[must_use]
    pub const fn include(self, principal: &Principal) -> bool {
        match (self, principal) {
            (Self::Accounts, Principal::Account(_))
            | (Self::Operator | Self::Admin, Principal::Operator)
            | (Self::Edges, Principal::Edge(_)) => true,
            (
                Self::Accounts | Self::Operator | Self::Admin | Self::Edges,
                Principal::Account(_) | Principal::Operator | Principal::Edge(_),
            ) => false,
        }
    }

    /// How their calls are throttled, whatever they call.
    #[must_use]
    pub const fn throttle_class(self) -> ThrottleClass {
        match self {
            Self::Accounts => ThrottleClass::PerAccount,
            Self::Operator | Self::Admin | Self::Edges => ThrottleClass::Unlimited,
        }
    }
}

impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accounts => "accounts",
            Self::Operator | Self::Admin => "operators",
            Self::Edges => "edges",
        })
    }
}

/// How calls are throttled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThrottleClass {
    /// A call takes a token from the bucket of its access key and one from that of its account.
    PerAccount,
    /// A call takes nothing: one principal's requests cannot crowd out another's.
    Unlimited,
}

impl fmt::Display for ThrottleClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PerAccount => "per key and account",
            Self::Unlimited => "unlimited",
        })
    }
}

/// Defines [`Subject`] with the words for it.
macro_rules! subjects {
    ($($name:ident = $text:literal,)+) => {
        /// What an operation makes, reads, changes or deletes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(missing_docs)]
        pub enum Subject {
            $($name,)+
        }

        impl fmt::Display for Subject {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)+
                })
            }
        }
    };
}

subjects! {
    AccessKey = "access key",
    Account = "account",
    AuditLog = "audit log",
    BgpPeer = "BGP peer",
    Connection = "connection",
    CustomerAgreement = "customer agreement",
    Database = "database",
    DirectConnectGateway = "Direct Connect gateway",
    Edge = "edge router",
    GatewayAssociation = "gateway association",
    Interconnect = "interconnect",
    Lag = "LAG",
    Location = "location",
    Operator = "operator",
    MacSecKey = "MACsec key",
    Port = "port",
    ResiliencyGroup = "resiliency group",
    Tag = "tag",
    TransitGateway = "transit gateway",
    VirtualGateway = "virtual gateway",
    VirtualInterface = "virtual interface",
}
