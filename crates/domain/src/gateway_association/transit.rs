//! What holds of the associations of transit gateways beyond what holds of all: their allowed prefixes are announced as they
//! are, so there must be some, and no two transit gateways of a Direct Connect gateway have an address in common ("Allowed
//! prefixes interactions" in the Direct Connect User Guide).

use super::{AssociatedGateway, Association};
use crate::fault::Fault;
use crate::id::{AssociationId, DirectConnectGatewayId};
use crate::key;
use crate::view::{Asked, View};

/// The associations of a Direct Connect gateway that have not ended.
pub(super) fn live_on<'v>(
    view: &'v View,
    gateway: &DirectConnectGatewayId,
) -> Asked<Vec<&'v Association>> {
    let listed = view.first(&key::live_associations_on(gateway))?;
    let ids = listed.entries.iter().filter_map(|(at, _)| AssociationId::parse(at.last()).ok());
    let ids: Vec<AssociationId> = ids.collect();
    view.want(ids.iter().map(key::association))?;
    let mut found = Vec::with_capacity(ids.len());
    for id in &ids {
        found.extend(view.association(id)?);
    }
    Ok(found)
}

/// Refuses allowed prefixes that an association cannot have beside the others of its Direct Connect gateway. `field` is the
/// member that they came from.
///
/// # Errors
///
/// What must be loaded first, or the rule that they break.
pub(crate) fn allowed_fit(view: &View, field: &str, association: &Association) -> Asked<()> {
    match association.associated {
        AssociatedGateway::Virtual(_) => return Ok(()),
        AssociatedGateway::Transit(_) => {}
    }
    if association.allowed.is_empty() {
        let rule = "an association of a transit gateway has one allowed prefix at least".to_owned();
        return Err(Fault::Required { field: field.to_owned(), rule }.into());
    }
    // Whoever changes what is compared here writes the marker, so that of two who do so at once one is decided again.
    view.get(&key::allowed_changed(&association.gateway))?;
    let others = live_on(view, &association.gateway)?.into_iter();
    for other in others.filter(|other| other.id != association.id) {
        let clash = association.allowed.as_slice().iter().find_map(|own| {
            let known = other.allowed.as_slice().iter().find(|known| known.overlaps(*own));
            known.map(|known| (own, known))
        });
        if let Some((own, known)) = clash {
            let rule = format!(
                "overlaps {known} of {}, associated with the same Direct Connect Gateway {}",
                other.associated.as_str(),
                association.gateway
            );
            return Err(Fault::field(field, own, rule).into());
        }
    }
    Ok(())
}
