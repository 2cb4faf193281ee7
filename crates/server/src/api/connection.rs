//! Connections: ordered and deleted by tenants, given a port or refused by the operator.

use linkway_domain::Fault;
use linkway_domain::connection::decide::{
    ApproveConnection, CreateConnection, DeleteConnection, PortChoice, RejectConnection,
};
use linkway_domain::connection::{Connection, ConnectionPhase, ConnectionState, ConnectionUsage};
use linkway_domain::id::AccountId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::quota::{Count, Quota};
use linkway_domain::record::Record;
use linkway_domain::tag::{TaggedResource, Tags};
use linkway_wire::{convert, generated, operator};

use super::page::{Asked, tagged_bytes};
use super::quota::counted;
use super::{Answered, Api, Call};
use crate::clock;
use crate::records::Failure;

impl Api {
    pub(super) async fn create_connection(
        &self,
        call: &Call,
        request: generated::CreateConnectionRequest,
    ) -> Answered<generated::Connection> {
        let ordered = self.run(call, &CreateConnection::from(request)).await?;
        self.show_connection(&ordered, call.account()?).await
    }

    pub(super) async fn delete_connection(
        &self,
        call: &Call,
        request: generated::DeleteConnectionRequest,
    ) -> Answered<generated::Connection> {
        let deleted = self.run(call, &DeleteConnection::from(request)).await?;
        self.show_connection(&deleted, call.account()?).await
    }

    /// A list is an index of the caller's own account, so what others own is never touched.
    pub(super) async fn describe_connections(
        &self,
        call: &Call,
        request: generated::DescribeConnectionsRequest,
    ) -> Answered<generated::Connections> {
        let account = call.account()?;
        let now = clock::now();
        if let Some(id) = &request.connection_id {
            let found = [self.find::<Connection>(call, id).await?];
            let found = found.into_iter().filter(|record| !record.is_purged(now));
            let found: Vec<Connection> = found.filter(|record| record.owner == *account).collect();
            let connections = Some(self.show_connections(&found, Some(account)).await?);
            return Ok(generated::Connections { connections, next_token: None });
        }
        let index = Index::<Connection>::of_account(account);
        let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
        let mut list = self.tenants_list(call, &index, asked).await?;
        let mut connections = Vec::new();
        while let Some(mut found) = list.next().await? {
            found.retain(|record| record.owner == *account && !record.is_purged(now));
            let shown = self.show_connections(&found, Some(account)).await?;
            list.took(shown.iter().map(|shown| tagged_bytes(shown.tags.as_deref())).sum());
            connections.extend(shown);
        }
        let (connections, next_token) = (Some(connections), list.next_token());
        Ok(generated::Connections { connections, next_token })
    }

    pub(super) async fn list_connections(
        &self,
        call: &Call,
        request: operator::ListConnections,
    ) -> Answered<operator::ConnectionList> {
        let state = request.state.as_deref().map(parse_state).transpose()?;
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (mut found, next_token) = match (&request.connection_id, &request.account_id) {
            (Some(id), _) => (vec![self.find::<Connection>(call, id).await?], None),
            (None, None) => self.list(&Index::<Connection>::everything(), asked).await?,
            (None, Some(id)) => {
                let account = self.existing_account(id).await?;
                self.list(&Index::<Connection>::of_account(&account), asked).await?
            }
        };
        let account = request.account_id.as_deref();
        found.retain(|record| account.is_none_or(|id| record.owner.as_str() == id));
        let mut connections = Vec::with_capacity(found.len());
        for record in &found {
            let silent = self.is_silent(record).await?;
            if state.is_none_or(|state| state == record.state(silent)) {
                connections.push(self.connection_for_operator(record).await?);
            }
        }
        Ok(operator::ConnectionList { connections, next_token })
    }

    pub(super) async fn approve_connection(
        &self,
        call: &Call,
        request: operator::ApproveConnection,
    ) -> Answered<operator::Connection> {
        // Two approvals at once may choose the same free port; the later one then chooses again.
        for _ in 0..10 {
            let port = self.choose_port(call, &request).await?;
            let connection = request.connection_id.clone();
            let command = ApproveConnection { connection, port };
            match self.run(call, &command).await {
                Ok(approved) => return self.connection_for_operator(&approved).await,
                Err(error)
                    if request.interface.is_some() || !self.was_taken(&command.port).await? =>
                {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Err(Failure::Contended.into())
    }

    pub(super) async fn reject_connection(
        &self,
        call: &Call,
        request: operator::RejectConnection,
    ) -> Answered<operator::Connection> {
        let rejected = self.run(call, &RejectConnection(request.connection_id)).await?;
        self.connection_for_operator(&rejected).await
    }

    /// Deletes a connection for an owner that does not.
    pub(super) async fn end_connection(
        &self,
        call: &Call,
        request: operator::DeleteConnection,
    ) -> Answered<operator::Connection> {
        let deleted = self.run(call, &DeleteConnection(request.connection_id)).await?;
        self.connection_for_operator(&deleted).await
    }

    async fn was_taken(&self, choice: &PortChoice) -> Answered<bool> {
        let PortChoice::Named { edge, interface } = choice else { return Ok(false) };
        let (Ok(edge), Ok(name)) = (edge.parse(), interface.parse()) else { return Ok(false) };
        let found = self.records.get(&key::port(&edge, &name)).await?;
        Ok(matches!(found, Some(Record::Port(port)) if port.connection.is_some()))
    }

    /// The port that a request names, or a free one of the connection's location and speed.
    async fn choose_port(
        &self,
        call: &Call,
        request: &operator::ApproveConnection,
    ) -> Answered<PortChoice> {
        if let Some(named) = named_port(request)? {
            return Ok(named);
        }
        let connection: Connection = self.find(call, &request.connection_id).await?;
        let location = self.records.get(&key::location(&connection.location)).await?;
        if matches!(&location, Some(Record::Location(location)) if location.simulated) {
            return Ok(PortChoice::Simulated);
        }
        let free = key::free_ports(&connection.location, connection.bandwidth);
        let (keys, _) = self.records.keys(&free, None, 1).await?;
        let first = keys.first().and_then(|key| key.strip_prefix(free.as_str())?.split_once('/'));
        if let Some((edge, interface)) = first {
            let (edge, interface) = (edge.to_owned(), interface.to_owned());
            return Ok(PortChoice::Named { edge, interface });
        }
        if connection.phase != ConnectionPhase::Requested {
            // Let the rule that the connection breaks speak, not the lack of a port.
            return Ok(PortChoice::Simulated);
        }
        let text = format!(
            "There is no free port of {} at location {}: add one with port create, or name another with edgeId \
             and interface.",
            connection.bandwidth, connection.location
        );
        Err(Fault::client(text).into())
    }

    /// A connection as its owner sees it.
    async fn show_connection(
        &self,
        record: &Connection,
        reader: &AccountId,
    ) -> Answered<generated::Connection> {
        let mut shown = self.show_connections(std::slice::from_ref(record), Some(reader)).await?;
        Ok(shown.pop().expect("one for each record"))
    }

    /// Connections as their owner, or the operator, sees them.
    async fn show_connections(
        &self,
        records: &[Connection],
        reader: Option<&AccountId>,
    ) -> Answered<Vec<generated::Connection>> {
        let resource = |record: &Connection| TaggedResource::Connection(record.id.clone());
        let labelled = |record| reader.map(|reader| key::tags(&resource(record), reader));
        let keys: Vec<_> = records.iter().filter_map(labelled).collect();
        let mut tags = self.records_at(&keys).await?.into_iter();
        let mut usages = self.usages(records).await?.into_iter();
        let rate_limiters = self.records.settings().quotas.limit(Quota::RateLimitersPerConnection);
        let mut shown = Vec::with_capacity(records.len());
        for record in records {
            let tags: Option<Tags> = match tags.next().flatten() {
                Some(Record::ResourceTags(labelled)) => Some(labelled.tags),
                Some(_) | None => None,
            };
            let view = convert::View {
                region: &self.records.settings().region,
                now: clock::now(),
                reader,
                tags: tags.as_ref(),
                report: None,
                edge_silent: self.is_silent(record).await?,
            };
            let usage = usages.next().expect("one for each record");
            shown.push(convert::connection(record, usage, rate_limiters, view));
        }
        Ok(shown)
    }

    /// What the interfaces of connections use of them.
    async fn usages(&self, records: &[Connection]) -> Answered<Vec<ConnectionUsage>> {
        let counters = records.iter().flat_map(|record| ConnectionUsage::counters(&record.id));
        let keys: Vec<_> = counters.map(|counter| counter.key()).collect();
        let found = self.records_at(&keys).await?;
        let counts: Vec<Count> =
            found.into_iter().map(|found| counted(found).unwrap_or_default()).collect();
        let (each, _) = counts.as_chunks::<{ ConnectionUsage::COUNTERS }>();
        Ok(each.iter().map(|counts| ConnectionUsage::of(*counts)).collect())
    }

    /// A connection as the operator sees it, with its port and without its owner's tags.
    async fn connection_for_operator(&self, record: &Connection) -> Answered<operator::Connection> {
        let mut shown = self.show_connections(std::slice::from_ref(record), None).await?;
        Ok(operator::Connection {
            connection: shown.pop().expect("one for each record"),
            edge_id: record.port.as_ref().map(|port| port.edge.to_string()),
            interface: record.port.as_ref().map(|port| port.name.to_string()),
        })
    }

    /// Whether the edge router that has a connection's port has been silent for too long.
    async fn is_silent(&self, record: &Connection) -> Result<bool, Failure> {
        match &record.port {
            Some(port) => self.liveness.is_silent(&port.edge).await,
            None => Ok(false),
        }
    }
}

/// The port that an approval names.
fn named_port(request: &operator::ApproveConnection) -> Result<Option<PortChoice>, Fault> {
    let rule = |other: &str| format!("is given without {other}: give both or none");
    match (&request.edge_id, &request.interface) {
        (Some(edge), Some(interface)) => {
            let (edge, interface) = (edge.clone(), interface.clone());
            Ok(Some(PortChoice::Named { edge, interface }))
        }
        (None, None) => Ok(None),
        (Some(edge), None) => Err(Fault::field("edgeId", edge, rule("interface"))),
        (None, Some(interface)) => Err(Fault::field("interface", interface, rule("edgeId"))),
    }
}

fn parse_state(text: &str) -> Result<ConnectionState, Fault> {
    ConnectionState::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| {
        let names = ConnectionState::ALL.map(ConnectionState::as_str).join(", ");
        let rule = format!("is not a state of a connection: those are {names}");
        Fault::field("state", text, rule)
    })
}

/// Whether a connection's port has a carrier, as far as its state tells; `None` where it does not.
pub(super) const fn carrier(record: &Connection) -> Option<bool> {
    match record.phase {
        ConnectionPhase::Up => Some(true),
        ConnectionPhase::Down => Some(false),
        ConnectionPhase::Requested
        | ConnectionPhase::Pending
        | ConnectionPhase::Deleting
        | ConnectionPhase::Deleted
        | ConnectionPhase::Rejected => None,
    }
}
