//! Allowed prefixes (`allowedPrefixesToDirectConnectGateway`): what the customers of a Direct Connect gateway may reach through
//! an association.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::net::Prefix;

/// The most prefixes of an association ("Direct Connect quotas" in the Direct Connect User Guide).
pub const MOST: usize = 200;

/// The allowed prefixes of an association, ascending, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Prefix>")]
pub struct AllowedPrefixes(Vec<Prefix>);

impl From<Vec<Prefix>> for AllowedPrefixes {
    fn from(mut prefixes: Vec<Prefix>) -> Self {
        prefixes.sort_unstable();
        prefixes.dedup();
        Self(prefixes)
    }
}

/// A request's changes of allowed prefixes, unchecked: texts like `10.0.0.0/16`.
#[derive(Clone, Debug, Default)]
pub struct PrefixChange {
    /// To be allowed.
    pub add: Vec<String>,
    /// To be allowed no more; what is not allowed anyway is no error.
    pub remove: Vec<String>,
}

/// The members of requests.
pub(crate) const ADD: &str = "addAllowedPrefixesToDirectConnectGateway";
const REMOVE: &str = "removeAllowedPrefixesToDirectConnectGateway";

impl AllowedPrefixes {
    /// Checks a request's list; `field` is the member's name.
    ///
    /// # Errors
    ///
    /// A client fault that names the member: there are more than [`MOST`], or one is no prefix.
    pub fn parse(field: &str, texts: &[String]) -> Result<Self, Fault> {
        if texts.len() > MOST {
            return Err(too_many(field, texts.len()));
        }
        let parse = |(index, text): (usize, &String)| {
            Prefix::parse(&format!("{field}[{index}].cidr"), text)
        };
        let prefixes: Vec<Prefix> =
            texts.iter().enumerate().map(parse).collect::<Result<_, _>>()?;
        Ok(prefixes.into())
    }

    /// The prefixes, ascending.
    #[must_use]
    pub fn as_slice(&self) -> &[Prefix] {
        &self.0
    }

    /// Whether nothing is allowed.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These of a VPC's prefixes that an allowed one equals or covers: what is announced and reached ("Allowed prefixes
    /// interactions" in the Direct Connect User Guide).
    #[must_use]
    pub fn filter(&self, cidrs: &[Prefix]) -> Vec<Prefix> {
        let covered =
            |cidr: &&Prefix| self.0.iter().any(|allowed| allowed.net().contains(&cidr.net()));
        cidrs.iter().filter(covered).copied().collect()
    }
}

impl PrefixChange {
    /// What is allowed after the change.
    ///
    /// # Errors
    ///
    /// A client fault that names the member: see [`AllowedPrefixes::parse`]; a prefix is both added and removed; or there would
    /// be more than [`MOST`].
    pub fn apply(&self, known: &AllowedPrefixes) -> Result<AllowedPrefixes, Fault> {
        let add = AllowedPrefixes::parse(ADD, &self.add)?;
        let remove = AllowedPrefixes::parse(REMOVE, &self.remove)?;
        if let Some(both) = add.0.iter().find(|prefix| remove.0.contains(prefix)) {
            return Err(Fault::field(ADD, both, format_args!("is in {REMOVE} too")));
        }
        let left = known.0.iter().filter(|prefix| !remove.0.contains(prefix)).copied();
        let changed = AllowedPrefixes::from(left.chain(add.0).collect::<Vec<_>>());
        if changed.0.len() > MOST {
            return Err(too_many(ADD, changed.0.len()));
        }
        Ok(changed)
    }
}

fn too_many(field: &str, count: usize) -> Fault {
    Fault::client(format!(
        "{field} would give the association {count} allowed prefixes; it may have {MOST}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(texts: &[&str]) -> AllowedPrefixes {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        AllowedPrefixes::parse("prefixes", &texts).expect("prefixes")
    }

    #[test]
    fn a_prefix_of_the_vpc_is_reached_if_an_allowed_one_equals_or_covers_it() {
        let vpc = allowed(&["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56"]).0;
        let check = |prefixes: &[&str], expected: &[&str]| {
            assert_eq!(allowed(prefixes).filter(&vpc), allowed(expected).0, "{prefixes:?}");
        };
        check(&[], &[]);
        check(&["10.0.0.0/16"], &["10.0.0.0/16"]);
        check(&["10.0.0.0/15"], &["10.0.0.0/16", "10.1.0.0/16"]);
        check(&["10.0.0.0/8", "2001:db8::/32"], &["10.0.0.0/16", "10.1.0.0/16", "2001:db8::/56"]);
        // A part of the VPC's prefix covers nothing.
        check(&["10.0.0.0/24", "10.1.128.0/17", "2001:db8::/64"], &[]);
        check(&["192.168.0.0/16"], &[]);
    }

    #[test]
    fn prefixes_are_added_and_removed_as_a_set() {
        let known = allowed(&["10.0.0.0/16", "10.1.0.0/16"]);
        let check = |add: &[&str], remove: &[&str], expected: Result<&[&str], &str>| {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
            let change = PrefixChange { add: texts(add), remove: texts(remove) };
            let applied = change.apply(&known).map_err(|fault| fault.to_string());
            assert_eq!(applied, expected.map(allowed).map_err(str::to_owned));
        };
        check(&[], &[], Ok(&["10.0.0.0/16", "10.1.0.0/16"]));
        check(
            &["10.1.0.0/16", "10.2.0.0/16"],
            &["10.0.0.0/16"],
            Ok(&["10.1.0.0/16", "10.2.0.0/16"]),
        );
        check(&[], &["10.9.0.0/16"], Ok(&["10.0.0.0/16", "10.1.0.0/16"]));
        check(&[], &["10.0.0.0/16", "10.1.0.0/16"], Ok(&[]));
        check(
            &["10.3.0.0/16"],
            &["10.3.0.0/16"],
            Err(
                "addAllowedPrefixesToDirectConnectGateway \"10.3.0.0/16\" is in removeAllowedPrefixesToDirectConnectGateway too.",
            ),
        );
        check(
            &["10.3.0.0/16", "ten"],
            &[],
            Err(
                "addAllowedPrefixesToDirectConnectGateway[1].cidr \"ten\" is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56.",
            ),
        );
    }

    #[test]
    fn there_are_200_at_most() {
        let texts = |count: u32| (0..count).map(|n| format!("10.{n}.0.0/16")).collect();
        let change = |count| PrefixChange { add: texts(count), remove: Vec::new() };
        assert!(change(200).apply(&AllowedPrefixes::default()).is_ok());
        let refused = change(200).apply(&allowed(&["192.168.0.0/16"])).expect_err("too many");
        assert_eq!(
            refused.to_string(),
            "addAllowedPrefixesToDirectConnectGateway would give the association 201 allowed prefixes; it may have 200."
        );
        assert!(change(201).apply(&AllowedPrefixes::default()).is_err());
    }
}
