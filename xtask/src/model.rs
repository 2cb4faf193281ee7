//! The API model as it stands in `model/`: the C2J form of a service (operations and shapes).
//!
//! Traits that are not named here are refused, so that a newer model cannot bring a constraint that
//! the generated types silently lack.

use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The parts of a model that types are generated from; maps are sorted, so the output is stable.
#[derive(Deserialize)]
pub struct Model {
    pub operations: BTreeMap<String, Operation>,
    pub shapes: BTreeMap<String, Shape>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operation {
    pub name: String,
    pub input: Option<Reference>,
    pub output: Reference,
    #[serde(default)]
    pub errors: Vec<Reference>,
    #[serde(rename = "deprecated")]
    _deprecated: Option<bool>,
    #[serde(rename = "http")]
    _http: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    pub shape: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    Structure,
    List,
    String,
    Integer,
    Long,
    Boolean,
    Timestamp,
    Blob,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    #[serde(rename = "type")]
    pub kind: Type,
    #[serde(default)]
    pub members: BTreeMap<String, Reference>,
    #[serde(default)]
    pub required: Vec<String>,
    pub member: Option<Reference>,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub pattern: Option<String>,
    #[serde(default)]
    pub exception: bool,
    #[serde(rename = "deprecated")]
    _deprecated: Option<bool>,
    #[serde(rename = "error")]
    _error: Option<serde_json::Value>,
    #[serde(rename = "box")]
    _box: Option<bool>,
}

impl Model {
    pub fn parse(text: &str) -> Result<Self, String> {
        let model: Self = serde_json::from_str(text).map_err(|e| format!("the API model: {e}"))?;
        model.check_references()?;
        Ok(model)
    }

    /// The shape of that name; `parse` has checked that every reference leads somewhere.
    pub fn shape(&self, name: &str) -> &Shape {
        &self.shapes[name]
    }

    /// Every shape that a request can contain, by name.
    pub fn reachable_from_inputs(&self) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = self
            .operations
            .values()
            .filter_map(|o| o.input.as_ref())
            .map(Reference::name)
            .collect();
        while let Some(name) = open.pop() {
            if found.insert(name) {
                open.extend(self.shape(name).references().map(Reference::name));
            }
        }
        found
    }

    fn check_references(&self) -> Result<(), String> {
        let of_operations = self
            .operations
            .values()
            .flat_map(|o| o.input.iter().chain([&o.output]).chain(&o.errors));
        let of_shapes = self.shapes.values().flat_map(Shape::references);
        match of_operations.chain(of_shapes).find(|r| !self.shapes.contains_key(&r.shape)) {
            Some(lost) => Err(format!("the API model: no shape is named {}", lost.shape)),
            None => Ok(()),
        }
    }
}

impl Reference {
    pub fn name(&self) -> &str {
        &self.shape
    }
}

impl Shape {
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.members.values().chain(&self.member)
    }

    /// Whether the model restricts lengths, numbers or characters.
    pub fn is_limited(&self) -> bool {
        self.min.is_some() || self.max.is_some() || self.pattern.is_some()
    }

    /// What a list holds.
    pub fn element(&self) -> &str {
        self.member.as_ref().map(Reference::name).expect("a list names its member shape")
    }
}
