//! The operator opens locations.

use std::collections::BTreeSet;

use super::Location;
use crate::decide::{Changes, Command, Context, Decision};
use crate::edge::Edge;
use crate::fault::Fault;
use crate::id::{EdgeId, LocationCode};
use crate::key;
use crate::net::Bandwidth;
use crate::text;
use crate::view::{Asked, View};

/// A new location.
#[derive(Clone, Debug)]
pub struct CreateLocation {
    /// Its code.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Whether the built-in edge serves it.
    pub simulated: bool,
}

impl Command for CreateLocation {
    type Outcome = Location;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Location>> {
        let code = LocationCode::parse(&self.code)?;
        let name = text::name("locationName", &self.name)?;
        if view.exists(&key::location(&code))? {
            let rule = "is taken: there is such a location already";
            return Err(Fault::field("locationCode", &code, rule).into());
        }
        let speeds =
            if self.simulated { Bandwidth::ALL.into_iter().collect() } else { BTreeSet::new() };
        let location = Location { code, name, simulated: self.simulated, speeds };
        let mut changes = Changes::new(view);
        if self.simulated {
            let id = EdgeId::simulated(&location.code);
            if view.exists(&key::edge(&id))? {
                let rule = "would need an edge whose name is taken";
                return Err(Fault::field("locationCode", &location.code, rule).into());
            }
            let location = location.code.clone();
            changes.put(Edge { id, location, simulated: true, created: context.now })?;
        }
        changes.put(location.clone())?;
        changes.decision(location)
    }
}
