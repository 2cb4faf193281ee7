//! Tags of connections and interfaces.

use super::{Context, Decision, Outcome, Writes, connection, interface};
use crate::fault::{Fault, shown};
use crate::id::AccountId;
use crate::key;
use crate::record::Record;
use crate::tag::Tags;
use crate::view::{Asked, View};

/// `TagResource` or `UntagResource`.
#[derive(Clone, Debug)]
pub struct TagChange {
    /// The resource's ARN.
    pub arn: String,
    /// What to add; a key's new value takes the place of its old one.
    pub add: Vec<(String, Option<String>)>,
    /// The keys to remove.
    pub remove: Vec<String>,
}

/// What an ARN of this service names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taggable {
    /// `…:dxcon/<id>`
    Connection(String),
    /// `…:dxvif/<id>`
    VirtualInterface(String),
}

impl Taggable {
    /// Reads `arn:<partition>:directconnect:<region>:<account>:<type>/<id>` (direct-connect.md, 2.1) of this region and this
    /// account; an empty account means the caller's (Terraform leaves it empty when told not to ask for it). Another
    /// account's ARN answers like one of a resource that does not exist.
    pub fn parse(field: &str, arn: &str, region: &str, account: &AccountId) -> Result<Self, Fault> {
        let rule = format!(
            "is not an ARN of this service: it must look like arn:aws:directconnect:{region}:{account}:dxcon/dxcon-…"
        );
        let malformed = || Fault::field(field, arn, &rule);
        let missing = || Fault::client(format!("The resource {} does not exist.", shown(arn)));
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
        if in_region != region || !own {
            return Err(missing());
        }
        match kind {
            "dxcon" => Ok(Self::Connection(id.to_owned())),
            "dxvif" => Ok(Self::VirtualInterface(id.to_owned())),
            "dxlag" | "dx-gateway" => Err(missing()),
            _ => Err(malformed()),
        }
    }
}

pub(super) fn change(view: &View, change: &TagChange, context: &Context<'_>) -> Asked<Decision> {
    let account = context.account()?;
    let add = Tags::parse("tags", &change.add)?;
    let changed = |tags: &Tags| tags.without(&change.remove).merged("tags", &add);
    let mut writes = Writes::default();
    match Taggable::parse("resourceArn", &change.arn, &context.settings.region, account)? {
        Taggable::Connection(id) => {
            let mut connection = connection::own(view, &id, context)?.clone();
            if connection.phase.is_terminal() {
                return Err(Fault::no_connection(&id).into());
            }
            connection.tags = changed(&connection.tags)?;
            writes.put(key::connection(&connection.id), Record::Connection(connection.clone()));
            touch(&mut writes, connection.port.as_ref().map(|port| &port.edge));
            writes.decision(Outcome::Connection(connection))
        }
        Taggable::VirtualInterface(id) => {
            let mut interface = interface::visible(view, &id, context)?.clone();
            if interface.phase.is_terminal() {
                return Err(Fault::no_interface(&id).into());
            }
            let tags =
                interface.tags.get(account).map_or_else(|| changed(&Tags::default()), changed)?;
            if tags.is_empty() {
                interface.tags.remove(account);
            } else {
                interface.tags.insert(account.clone(), tags);
            }
            touch(&mut writes, interface.gateway.as_ref().map(|_| &interface.edge));
            writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
            writes.decision(Outcome::VirtualInterface(interface))
        }
    }
}

/// A record that an edge holds must never be newer than the edge's generation: an edge's word that it let go of a deleted
/// one counts only if it is about a generation at least as new as the record (see `report`).
fn touch(writes: &mut Writes, edge: Option<&crate::id::EdgeId>) {
    if let Some(edge) = edge {
        writes.mark(key::edge_generation(edge));
    }
}
