//! The operator opens, renames and closes locations.

use std::collections::BTreeSet;

use super::Location;
use crate::decide::{Changes, Command, Context, Decision};
use crate::edge::{self, Edge};
use crate::fault::Fault;
use crate::id::{EdgeId, LocationCode};
use crate::in_use::{self, Uses};
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

/// Renames a location.
#[derive(Clone, Debug)]
pub struct UpdateLocation {
    /// Its code.
    pub code: String,
    /// Its name for people from then on.
    pub name: String,
}

/// Deletes a location at which nothing is any more, by its code; the edge of a simulated one goes with it.
#[derive(Clone, Debug)]
pub struct DeleteLocation(pub String);

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

impl Command for UpdateLocation {
    type Outcome = Location;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Location>> {
        let known = existing(view, &self.code)?;
        let name = text::name("locationName", &self.name)?;
        if name == known.name {
            return Decision::unchanged(known);
        }
        let location = Location { name, ..known };
        let mut changes = Changes::new(view);
        changes.put(location.clone())?;
        changes.decision(location)
    }
}

impl Command for DeleteLocation {
    type Outcome = Location;

    /// A connection that has ended names a location in words only: it does not hold the location.
    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Location>> {
        let location = existing(view, &self.0)?;
        let code = &location.code;
        let mut uses = vec![
            Uses { noun: "edge", range: key::edges_at(code) },
            Uses { noun: "connection", range: key::connections_at(code) },
        ];
        let mut changes = Changes::new(view);
        if location.simulated {
            let edge = EdgeId::simulated(code);
            uses.extend(edge::decide::uses(&edge));
            in_use::refuse(view, ("locationCode", code), &uses)?;
            edge::decide::delete(&edge, &mut changes)?;
        } else {
            in_use::refuse(view, ("locationCode", code), &uses)?;
        }
        changes.delete(key::location(code))?;
        changes.decision(location)
    }
}

fn existing(view: &View, code: &str) -> Asked<Location> {
    let code = LocationCode::parse(code)?;
    match view.location(&code)? {
        Some(location) => Ok(location.clone()),
        None => Err(Fault::field("locationCode", &code, "does not exist").into()),
    }
}
