//! Locations: places with edge routers.

pub mod decide;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::LocationCode;
use crate::key::{self, Key};
use crate::net::Bandwidth;
use crate::outcome::Outcome;
use crate::stored::Stored;

/// A place with edge routers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Its code, as customers name it.
    pub code: LocationCode,
    /// Its name for people.
    pub name: String,
    /// Whether the built-in simulated edge serves it.
    pub simulated: bool,
    /// The speeds of the ports that were ever put there.
    pub speeds: BTreeSet<Bandwidth>,
}

impl Stored for Location {
    fn key(&self) -> Option<Key> {
        Some(key::location(&self.code))
    }
}

impl Outcome for Location {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.code.as_str().into()]
    }
}
