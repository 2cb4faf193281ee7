//! Private virtual interfaces: created for oneself, lent to another account, confirmed, deleted; and what transit ones have in
//! common with them.

use super::attach::{Chosen, attach, free_subnet};
use super::new::{Built, NewInterface, build, check};
use super::options::{self, PrefixNumbers};
use super::{Event, InterfaceKind, Phase, VirtualInterface};
use crate::access::{self, Action};
use crate::account;
use crate::connection::decide as connection;
use crate::decide::{Changes, Command, Context, Decision};
use crate::failover_test::{self, TestStatus};
use crate::fault::{Fault, ResourceKind};
use crate::id::{AccountId, ConnectionId, VirtualInterfaceId};
use crate::key;
use crate::net::{AddressFamily, Vlan};
use crate::quota::{self, Counter};
use crate::view::{Asked, View};

/// `CreatePrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct CreatePrivateVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The interface.
    pub new: NewInterface,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// The caller's Direct Connect gateway, in place of it.
    pub direct_connect_gateway: Option<String>,
    /// SiteLink, which needs a Direct Connect gateway.
    pub site_link: bool,
    /// How many prefixes its sessions take.
    pub prefix_pool: PrefixNumbers,
}

/// `AllocatePrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct AllocatePrivateVirtualInterface {
    /// The caller's connection.
    pub connection: String,
    /// The recipient.
    pub owner: String,
    /// The interface.
    pub new: NewInterface,
}

/// `ConfirmPrivateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct ConfirmPrivateVirtualInterface {
    /// The interface.
    pub interface: String,
    /// The caller's gateway.
    pub gateway: Option<String>,
    /// The caller's Direct Connect gateway, in place of it.
    pub direct_connect_gateway: Option<String>,
}

/// `DeleteVirtualInterface`, by the interface's id.
#[derive(Clone, Debug)]
pub struct DeleteVirtualInterface(pub String);

/// All that the usual case asks for, loaded in one go, and before anything else is looked at twice. Once something was loaded,
/// what is still missing is asked for where it is needed.
fn want_for_allocation(
    view: &View,
    new: &AllocatePrivateVirtualInterface,
    context: &Context<'_>,
) -> Asked<()> {
    if view.reads().next().is_some() {
        return Ok(());
    }
    let connection = ConnectionId::parse(&new.connection);
    let owner = AccountId::parse(&new.owner);
    let vlan = Vlan::parse("vlan", new.new.vlan.unwrap_or_default());
    let (Ok(connection), Ok(owner), Ok(vlan)) = (connection, owner, vlan) else { return Ok(()) };
    view.want([
        key::connection(&connection),
        key::account(&owner),
        key::live_vlan(&connection, vlan),
        Counter::Interfaces(&connection).key(),
        Counter::OffersOf { recipient: &owner, lender: context.account()? }.key(),
        Counter::Offers(&owner).key(),
        key::interface(&VirtualInterfaceId::draw(&mut context.seed.draws(), context.now)),
    ])
}

impl Command for AllocatePrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        want_for_allocation(view, self, context)?;
        let offer = Offer {
            parent: "newPrivateVirtualInterfaceAllocation",
            kind: InterfaceKind::Private,
            connection: &self.connection,
            owner: &self.owner,
            new: &self.new,
        };
        offer.decide(view, context)
    }
}

/// What a request has of an interface that is to be lent.
pub(super) struct Offer<'a> {
    pub parent: &'static str,
    pub kind: InterfaceKind,
    pub connection: &'a str,
    pub owner: &'a str,
    pub new: &'a NewInterface,
}

impl Offer<'_> {
    pub(super) fn decide(
        &self,
        view: &View,
        context: &Context<'_>,
    ) -> Asked<Decision<VirtualInterface>> {
        let Self { parent, kind, connection, new, .. } = *self;
        let checked = check(parent, new, context)?;
        options::mtu_fits(parent, new.mtu, kind)?;
        let owner = AccountId::parse_field("ownerAccount", self.owner)?;
        let made = build(view, parent, kind, new, checked, connection, context)?;
        lend(view, made, owner, context)
    }
}

/// Lends an interface that was built for its connection's owner.
pub(super) fn lend(
    view: &View,
    mut made: Built,
    owner: AccountId,
    context: &Context<'_>,
) -> Asked<Decision<VirtualInterface>> {
    let interface = &mut made.interface;
    if owner == interface.lender {
        let text = "Cannot allocate VirtualInterface for the connection owner.";
        return Err(Fault::client(text).into());
    }
    interface.owner = owner;
    interface.phase = Phase::Confirming;
    interface.expires = Some(context.now.plus(context.settings.confirmation_window));
    made.has_room(view, context)?;
    // Whatever else can be wrong comes first: nobody learns whether an account exists from a request that is refused anyway.
    account::decide::existing(view, "ownerAccount", made.interface.owner.as_str())?;
    quota::room(view, context, made.interface.uses_of_offers())?;
    made.decision(view, context)
}

impl Command for CreatePrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let own = Own {
            parent: "newPrivateVirtualInterface",
            connection: &self.connection,
            new: &self.new,
            chosen: Chosen {
                kind: InterfaceKind::Private,
                gateway: self.gateway.as_deref(),
                direct: self.direct_connect_gateway.as_deref(),
            },
            site_link: self.site_link,
            prefix_pool: self.prefix_pool,
        };
        own.decide(view, context)
    }
}

/// What a request has of an interface of the caller's own.
pub(super) struct Own<'a> {
    pub parent: &'static str,
    pub connection: &'a str,
    pub new: &'a NewInterface,
    pub chosen: Chosen<'a>,
    pub site_link: bool,
    pub prefix_pool: PrefixNumbers,
}

impl Own<'_> {
    pub(super) fn decide(
        &self,
        view: &View,
        context: &Context<'_>,
    ) -> Asked<Decision<VirtualInterface>> {
        let Self { parent, connection, new, .. } = *self;
        let kind = self.chosen.kind;
        let checked = check(parent, new, context)?;
        options::mtu_fits(parent, new.mtu, kind)?;
        let prefix_pool = self.prefix_pool.parse(parent, kind)?;
        let assigned = checked.addresses.is_none() && checked.family == AddressFamily::Ipv4;
        let mut made = build(view, parent, kind, new, checked, connection, context)?;
        let attachment = self.chosen.find(view, &format!("{parent}."), context)?;
        let interface = &mut made.interface;
        if assigned {
            interface.peers[0].addresses = free_subnet(view, &attachment, interface)?;
        }
        attach(view, parent, interface, attachment)?;
        if self.site_link {
            options::can_have_site_link(parent, interface)?;
        }
        interface.options.site_link = self.site_link;
        interface.options.prefix_pool = prefix_pool;
        quota::room(view, context, interface.use_of_dx_gateway())?;
        interface.dx_prefixes_have_room(view, None)?;
        made.has_room(view, context)?;
        made.decision(view, context)
    }
}

impl Command for ConfirmPrivateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let chosen = Chosen {
            kind: InterfaceKind::Private,
            gateway: self.gateway.as_deref(),
            direct: self.direct_connect_gateway.as_deref(),
        };
        confirm(view, context, &self.interface, &chosen)
    }
}

/// Confirms an interface, which then leads to the gateway of the recipient's choice.
pub(super) fn confirm(
    view: &View,
    context: &Context<'_>,
    id: &str,
    chosen: &Chosen<'_>,
) -> Asked<Decision<VirtualInterface>> {
    let mut interface = confirmed(view, context, id, chosen.kind, Event::Confirm)?;
    let attachment = chosen.find(view, "", context)?;
    attach(view, "", &mut interface, attachment)?;
    quota::room(view, context, interface.use_of_dx_gateway())?;
    interface.dx_prefixes_have_room(view, None)?;
    let mut changes = Changes::new(view);
    changes.put(interface.clone())?;
    changes.decision(interface)
}

/// An offer to the caller after its confirmation, which does not lead anywhere yet.
pub(super) fn confirmed(
    view: &View,
    context: &Context<'_>,
    id: &str,
    kind: InterfaceKind,
    event: Event,
) -> Asked<VirtualInterface> {
    let found = access::find::<VirtualInterface>(view, context, Action::Confirm, id)?;
    let mut interface = found.clone();
    let phase = interface.phase.after(event);
    let Some(phase) = phase.filter(|_| !interface.is_overdue(context.now)) else {
        let rule = "only one in state confirming can be confirmed";
        return Err(wrong_state(view, &interface, context, rule)?.into());
    };
    is_of(&interface, kind)?;
    interface.expires = None;
    interface.phase = phase;
    Ok(interface)
}

/// Refuses an interface that is of another kind than the operation.
///
/// # Errors
///
/// A client fault that names the operation to use.
fn is_of(interface: &VirtualInterface, kind: InterfaceKind) -> Result<(), Fault> {
    if interface.kind == kind {
        return Ok(());
    }
    let operation = match interface.kind {
        InterfaceKind::Private => "ConfirmPrivateVirtualInterface",
        InterfaceKind::Public => "ConfirmPublicVirtualInterface",
        InterfaceKind::Transit => "ConfirmTransitVirtualInterface",
    };
    let rule =
        format!("is a {} Virtual Interface, which {operation} confirms", interface.kind.as_str());
    Err(Fault::field("virtualInterfaceId", &interface.id, rule))
}

/// The refusal of something that an interface's state does not allow.
pub(crate) fn wrong_state(
    view: &View,
    interface: &VirtualInterface,
    context: &Context<'_>,
    rule: &str,
) -> Asked<Fault> {
    let report = view.interface_status(&interface.id)?.map(|status| &status.report);
    Ok(Fault::IncorrectState {
        field: "virtualInterfaceId",
        id: interface.id.to_string(),
        state: interface.state(context.now, report, false).as_str(),
        rule: rule.to_owned(),
    })
}

impl Command for DeleteVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let found = access::find::<VirtualInterface>(view, context, Action::Delete, &self.0)?;
        let interface = found.clone();
        // The operator deletes for an owner that does not.
        let by_owner = context.principal.account().is_none_or(|who| interface.owner == *who);
        let event = match interface.is_overdue(context.now) {
            true => Event::Expire,
            false if by_owner => Event::DeleteByOwner,
            false => Event::DeleteByLender,
        };
        if interface.phase == Phase::Deleting {
            return Decision::unchanged(interface);
        }
        match interface.phase.after(event) {
            Some(phase) => interface.finish(view, phase, context),
            None => Err(Fault::not_found(ResourceKind::VirtualInterface, &self.0).into()),
        }
    }
}

impl VirtualInterface {
    /// The decision that takes it to `Deleting` or to an end.
    pub(crate) fn finish(
        self,
        view: &View,
        phase: Phase,
        context: &Context<'_>,
    ) -> Asked<Decision<Self>> {
        let mut changes = Changes::new(view);
        let ended = self.end(view, &mut changes, phase, context)?;
        changes.decision(ended)
    }

    /// Takes it to `Deleting` or to an end.
    pub(crate) fn end(
        mut self,
        view: &View,
        changes: &mut Changes<'_>,
        phase: Phase,
        context: &Context<'_>,
    ) -> Asked<Self> {
        if self.phase == Phase::Accepted {
            changes.delete(key::interface_status(&self.id))?;
        }
        // It was in no configuration already. Only one of a later version says that it is gone.
        if self.phase == Phase::Moving {
            changes.mark(key::edge_generation(&self.edge));
        }
        self.moving = None;
        failover_test::conclude(view, changes, &mut self, (TestStatus::Failed, context.now))?;
        self.expires = None;
        self.phase = phase;
        self.ended = phase.is_terminal().then(|| connection::ended_now(context));
        changes.put(self.clone())?;
        Ok(self)
    }
}
