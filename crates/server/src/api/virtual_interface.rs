//! Virtual interfaces: made, lent, confirmed, changed and deleted by tenants, listed for them and for the operator.

use std::collections::{BTreeSet, HashMap};

use std::sync::atomic::Ordering;

use linkway_domain::Fault;
use linkway_domain::Time;
use linkway_domain::access::{self, Action};
use linkway_domain::account::Account;
use linkway_domain::connection::Connection;
use linkway_domain::decide::Context;
use linkway_domain::fault::ResourceKind;
use linkway_domain::id::{AccountId, ConnectionId, VirtualInterfaceId};
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::net::AddressFamily;
use linkway_domain::record::Record;
use linkway_domain::router_configuration::RouterType;
use linkway_domain::tag::{TaggedResource, Tags};
use linkway_domain::view::View;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface, ConfirmPrivateVirtualInterface, CreatePrivateVirtualInterface,
    DeleteVirtualInterface,
};
use linkway_domain::virtual_interface::moving::AssociateVirtualInterface;
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_domain::virtual_interface::{InterfaceReport, Phase, State, VirtualInterface};
use linkway_wire::convert::{self, Interface, Interfaces};
use linkway_wire::{generated, operator};
use serde::{Serialize, Serializer};

use super::page::{Asked, element_bytes};
use super::{Answered, Api, Call, offer};
use crate::clock;
use crate::records::Failure;

/// An interface with what its answer says besides the record; written as the model's `VirtualInterface`.
pub(super) struct Shown<'a> {
    record: VirtualInterface,
    region: &'a str,
    now: Time,
    /// One of its two sides; `None` for the operator.
    reader: Option<&'a AccountId>,
    tags: Option<Tags>,
    report: Option<InterfaceReport>,
    edge_silent: bool,
}

impl Shown<'_> {
    fn interface(&self) -> Interface<'_> {
        let view = convert::View {
            region: self.region,
            now: self.now,
            reader: self.reader,
            tags: self.tags.as_ref(),
            report: self.report.as_ref(),
            edge_silent: self.edge_silent,
        };
        Interface::new(&self.record, view)
    }

    fn recorded_state(&self) -> State {
        self.record.state(self.now, self.report.as_ref(), self.edge_silent)
    }

    pub(super) fn state(&self) -> Option<generated::VirtualInterfaceState> {
        Some(self.recorded_state().as_str().into())
    }
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.interface().serialize(serializer)
    }
}

impl Api {
    pub(super) async fn create_private_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::CreatePrivateVirtualInterfaceRequest,
    ) -> Answered<Shown<'a>> {
        let made = self.run(call, &CreatePrivateVirtualInterface::from(request)).await?;
        Ok(self.show_interface(made, call.account()?).await?)
    }

    pub(super) async fn allocate_private_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::AllocatePrivateVirtualInterfaceRequest,
    ) -> Answered<Shown<'a>> {
        let made = self.run(call, &AllocatePrivateVirtualInterface::from(request)).await?;
        Ok(self.show_interface(made, call.account()?).await?)
    }

    pub(super) async fn confirm_private_virtual_interface(
        &self,
        call: &Call,
        request: generated::ConfirmPrivateVirtualInterfaceRequest,
    ) -> Answered<generated::ConfirmPrivateVirtualInterfaceResponse> {
        let confirmed = self.run(call, &ConfirmPrivateVirtualInterface::from(request)).await?;
        let shown = self.show_interface(confirmed, call.account()?).await?;
        Ok(generated::ConfirmPrivateVirtualInterfaceResponse {
            virtual_interface_state: shown.state(),
        })
    }

    pub(super) async fn update_virtual_interface_attributes<'a>(
        &'a self,
        call: &'a Call,
        request: generated::UpdateVirtualInterfaceAttributesRequest,
    ) -> Answered<Shown<'a>> {
        let mut update = UpdateVirtualInterfaceAttributes::from(request);
        if update.prefix_pool.is_any() {
            update.prefixes_in_use = self.prefixes_in_use(&update.interface).await?;
        }
        let changed = self.run(call, &update).await?;
        Ok(self.show_interface(changed, call.account()?).await?)
    }

    /// How many prefixes the sessions of an interface have, by the last report of its edge that came to this server.
    async fn prefixes_in_use(&self, id: &str) -> Result<PrefixNumbers, Failure> {
        let Ok(id) = VirtualInterfaceId::parse(id) else { return Ok(PrefixNumbers::default()) };
        let Some(Record::VirtualInterface(record)) = self.records.get(&key::interface(&id)).await?
        else {
            return Ok(PrefixNumbers::default());
        };
        let heard = self.feed.heard(&record.edge);
        let reported = heard.as_ref().and_then(|heard| {
            heard.status.interfaces.iter().find(|one| one.virtual_interface_id == id)
        });
        let of = |family| {
            let peer = reported?.peers.iter().find(|peer| peer.address_family == family)?;
            // The limit counts those that are turned away too.
            Some(i64::from(peer.prefixes_accepted) + i64::from(peer.prefixes_rejected))
        };
        Ok(PrefixNumbers { ipv4: of(AddressFamily::Ipv4), ipv6: of(AddressFamily::Ipv6) })
    }

    pub(super) async fn associate_virtual_interface<'a>(
        &'a self,
        call: &'a Call,
        request: generated::AssociateVirtualInterfaceRequest,
    ) -> Answered<Shown<'a>> {
        let moved = self.run(call, &AssociateVirtualInterface::from(request)).await?;
        Ok(self.show_interface(moved, call.account()?).await?)
    }

    pub(super) async fn delete_virtual_interface(
        &self,
        call: &Call,
        request: generated::DeleteVirtualInterfaceRequest,
    ) -> Answered<generated::DeleteVirtualInterfaceResponse> {
        let deleted = self.run(call, &DeleteVirtualInterface::from(request)).await?;
        let shown = self.show_interface(deleted, call.account()?).await?;
        Ok(generated::DeleteVirtualInterfaceResponse { virtual_interface_state: shown.state() })
    }

    /// A list is an index of the caller's own account or connection, so what others own is never touched. An id that the
    /// caller may not know of has an empty answer.
    pub(super) async fn describe_virtual_interfaces<'a>(
        &'a self,
        call: &'a Call,
        request: generated::DescribeVirtualInterfacesRequest,
    ) -> Answered<Interfaces<Shown<'a>>> {
        let account = call.account()?;
        let on: Option<ConnectionId> = match &request.connection_id {
            Some(id) if id.starts_with("dxlag-") => {
                return Err(Fault::not_found(ResourceKind::Lag, id).into());
            }
            Some(id) => Some(self.find::<Connection>(call, id).await?.id),
            None => None,
        };
        let now = clock::now();
        let wanted = |record: &VirtualInterface| {
            let on_it = on.as_ref().is_none_or(|on| record.shown_connection() == on);
            on_it && record.is_visible_to(account) && !record.is_purged(now)
        };
        if let Some(id) = &request.virtual_interface_id {
            let found = self.shown_if_any(call, account, id).await?;
            let found = found.into_iter().filter(|shown| wanted(&shown.record));
            let virtual_interfaces: Vec<_> = found.collect();
            call.showed_nothing.store(virtual_interfaces.is_empty(), Ordering::Relaxed);
            return Ok(Interfaces { virtual_interfaces, next_token: None });
        }
        let index = match &on {
            None => Index::<VirtualInterface>::of_account(account),
            Some(on) => Index::on_connection(on),
        };
        let token = request.next_token.as_deref();
        let asked = Asked::by_tenant(request.max_results, token)?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut virtual_interfaces = Vec::new();
        while let Some(found) = list.next().await? {
            let wanted = found.into_iter().filter(wanted).collect();
            let shown = self.show_interfaces(wanted, Some(account)).await?;
            list.took(shown.iter().map(|shown| element_bytes(shown.tags.as_ref())).sum());
            virtual_interfaces.extend(shown);
        }
        Ok(Interfaces { virtual_interfaces, next_token: list.next_token() })
    }

    /// For both sides: the recipient of a hosted interface is the one who configures the router.
    pub(super) async fn describe_router_configuration(
        &self,
        call: &Call,
        request: generated::DescribeRouterConfigurationRequest,
    ) -> Answered<generated::DescribeRouterConfigurationResponse> {
        let identifier = request.router_type_identifier.as_deref();
        let router = RouterType::parse("routerTypeIdentifier", identifier)?;
        let id = request.virtual_interface_id.unwrap_or_default();
        let found = self.find::<VirtualInterface>(call, &id).await?;
        Ok(convert::router_configuration(&found, router))
    }

    /// Deletes an interface for an owner that does not.
    pub(super) async fn end_interface(
        &self,
        call: &Call,
        request: operator::DeleteInterface,
    ) -> Answered<operator::Interface> {
        let command = DeleteVirtualInterface(request.virtual_interface_id);
        self.show_to_operator(self.run(call, &command).await?).await
    }

    pub(super) async fn list_interfaces(
        &self,
        call: &Call,
        request: operator::ListInterfaces,
    ) -> Answered<operator::InterfaceList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let state = request.state.as_deref().map(parse_state).transpose()?;
        let account = match &request.account_id {
            None => None,
            Some(id) => Some(self.existing_account(id).await?),
        };
        let (mut found, next_token) = match (&request.virtual_interface_id, &account) {
            (Some(id), _) => (vec![self.find::<VirtualInterface>(call, id).await?], None),
            (None, None) => self.list(&Index::<VirtualInterface>::everything(), asked).await?,
            (None, Some(id)) => {
                self.list(&Index::<VirtualInterface>::of_account(id), asked).await?
            }
        };
        found.retain(|record| account.as_ref().is_none_or(|id| record.is_visible_to(id)));
        let mut shown = self.show_interfaces(found, None).await?;
        shown.retain(|shown| state.is_none_or(|state| state == shown.recorded_state()));
        let virtual_interfaces = shown.into_iter().map(to_operator).collect();
        Ok(operator::InterfaceList { virtual_interfaces, next_token })
    }

    /// An interface as the operator sees it.
    pub(super) async fn show_to_operator(
        &self,
        record: VirtualInterface,
    ) -> Answered<operator::Interface> {
        Ok(to_operator(self.show(record, None).await?))
    }

    /// An interface as one of its two sides sees it.
    pub(super) async fn show_interface<'a>(
        &'a self,
        record: VirtualInterface,
        reader: &'a AccountId,
    ) -> Result<Shown<'a>, Failure> {
        self.show(record, Some(reader)).await
    }

    /// The interface of this id with all that its answer says, of one moment; `None` if the caller may not know of it.
    async fn shown_if_any<'a>(
        &'a self,
        call: &Call,
        reader: &'a AccountId,
        id: &str,
    ) -> Result<Option<Shown<'a>>, Failure> {
        let Ok(parsed) = VirtualInterfaceId::parse(id) else { return Ok(None) };
        let resource = TaggedResource::VirtualInterface(parsed.clone());
        let question = |view: &View, context: &Context<'_>| {
            let (record, status) = (key::interface(&parsed), key::interface_status(&parsed));
            view.want([record, status, key::tags(&resource, reader)])?;
            let record = access::find::<VirtualInterface>(view, context, Action::See, id)?.clone();
            let report = view.interface_status(&parsed)?.map(|status| status.report.clone());
            let tags = view.tags(&resource, reader)?.map(|labelled| labelled.tags.clone());
            let Some(lender) = offer::lender(&record, reader, context.now) else {
                return Ok((record, report, tags));
            };
            let reserved = offer::tags(&record, view.account(lender)?);
            let tags = Some(tags.unwrap_or_default().with_reserved(reserved));
            Ok((record, report, tags))
        };
        let (record, report, tags) = match self.records.read(call.principal(), question).await {
            Err(Failure::Fault(Fault::NotFound { .. })) => return Ok(None),
            answer => answer?,
        };
        let (region, now) = (self.records.settings().region.as_str(), clock::now());
        let edge_silent = report.is_some() && self.liveness.is_silent(&record.edge).await?;
        let reader = Some(reader);
        Ok(Some(Shown { record, region, now, reader, tags, report, edge_silent }))
    }

    async fn show<'a>(
        &'a self,
        record: VirtualInterface,
        reader: Option<&'a AccountId>,
    ) -> Result<Shown<'a>, Failure> {
        let mut shown = self.show_interfaces(vec![record], reader).await?;
        Ok(shown.pop().expect("one for each record"))
    }

    /// Status and tags are read after the records. Where an accepted interface has no status, it may have been deleted
    /// meanwhile: it is read again, or it would be shown in a state that it never had.
    async fn show_interfaces<'a>(
        &'a self,
        records: Vec<VirtualInterface>,
        reader: Option<&'a AccountId>,
    ) -> Result<Vec<Shown<'a>>, Failure> {
        let mut keys = Vec::with_capacity(2 * records.len());
        for record in &records {
            keys.extend(has_report(record).then(|| key::interface_status(&record.id)));
            let resource = TaggedResource::VirtualInterface(record.id.clone());
            keys.extend(reader.map(|reader| key::tags(&resource, reader)));
        }
        let mut beside = self.records_at(&keys).await?.into_iter();
        let (region, now) = (self.records.settings().region.as_str(), clock::now());
        let lenders = self.lenders(&records, reader, now).await?;
        let mut shown = Vec::with_capacity(records.len());
        for record in records {
            let report = match has_report(&record).then(|| beside.next().flatten()).flatten() {
                Some(Record::VirtualInterfaceStatus(status)) => Some(status.report),
                Some(_) | None => None,
            };
            let tags = match reader.and_then(|_| beside.next().flatten()) {
                Some(Record::ResourceTags(labelled)) => Some(labelled.tags),
                Some(_) | None => None,
            };
            let is_offer = reader.and_then(|reader| offer::lender(&record, reader, now)).is_some();
            let tags = match is_offer {
                true => {
                    let reserved = offer::tags(&record, lenders.get(&record.lender));
                    Some(tags.unwrap_or_default().with_reserved(reserved))
                }
                false => tags,
            };
            let record = match has_report(&record) && report.is_none() {
                true => self.again(record).await?,
                false => record,
            };
            let edge_silent = report.is_some() && self.liveness.is_silent(&record.edge).await?;
            shown.push(Shown { record, region, now, reader, tags, report, edge_silent });
        }
        Ok(shown)
    }

    /// The accounts that have lent this reader what waits for its answer.
    async fn lenders(
        &self,
        records: &[VirtualInterface],
        reader: Option<&AccountId>,
        now: Time,
    ) -> Result<HashMap<AccountId, Account>, Failure> {
        let Some(reader) = reader else { return Ok(HashMap::new()) };
        let lenders = records.iter().filter_map(|record| offer::lender(record, reader, now));
        let lenders: BTreeSet<&AccountId> = lenders.collect();
        let keys: Vec<_> = lenders.into_iter().map(key::account).collect();
        let found: Vec<Account> = self.records.present(&keys).await?;
        Ok(found.into_iter().map(|account| (account.id.clone(), account)).collect())
    }

    /// The record as it is now, if it is still there.
    async fn again(&self, record: VirtualInterface) -> Result<VirtualInterface, Failure> {
        match self.records.get(&key::interface(&record.id)).await? {
            Some(Record::VirtualInterface(now)) => Ok(now),
            Some(_) | None => Ok(record),
        }
    }
}

/// Whether its edge may have said something of an interface: not before it was accepted, nor once it is being deleted.
fn has_report(record: &VirtualInterface) -> bool {
    record.phase == Phase::Accepted
}

fn parse_state(text: &str) -> Result<State, Fault> {
    State::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let names = State::ALL.map(State::as_str).join(", ");
        let rule = format!("is not a state of a virtual interface: those are {names}");
        Fault::field("state", text, rule)
    })
}

/// An interface for the operator, without its keys.
fn to_operator(shown: Shown<'_>) -> operator::Interface {
    let public = operator::Interface::new(shown.interface().into_generated());
    let Shown { record, report, .. } = shown;
    operator::Interface {
        connection_owner_account: Some(record.lender.to_string()),
        edge_id: Some(record.edge.to_string()),
        interface: Some(record.port.to_string()),
        error: report.and_then(|report| report.error),
        drain: record.options.drain.map(|drain| drain.as_str().to_owned()),
        ..public
    }
}
