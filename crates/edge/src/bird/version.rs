//! Which BIRD it is, and which words it knows.

use std::fmt;

/// A version of BIRD, as in `2.0.12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second number.
    pub minor: u32,
}

impl Version {
    /// Finds the version in a banner (`BIRD 2.0.12 ready.`) or in what `bird --version` says (`BIRD version 2.0.12`).
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        let word = text.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit()))?;
        let mut numbers = word.split(['.', '-', '+']).map(str::parse);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return None;
        };
        Some(Self { major, minor })
    }

    /// The words that it knows; `None` for a generation that the driver was not made for (BIRD 3 does not bind its
    /// listener to the VRF, BIRD 1 has no VRFs).
    #[must_use]
    pub const fn dialect(self) -> Option<Dialect> {
        match (self.major, self.minor) {
            (2, 0..=16) => Some(Dialect::Classic),
            (2, _) => Some(Dialect::NamedAuthentication),
            _ => None,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What differs between versions of BIRD 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `password` alone means MD5; `authentication` is unknown.
    Classic,
    /// From 2.17 on, with TCP-AO beside MD5, `authentication md5` is to be said.
    NamedAuthentication,
}

impl Dialect {
    /// A letter for the marker: a BIRD of another dialect has loaded another configuration.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Classic => 'c',
            Self::NamedAuthentication => 'n',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_where_bird_says_them() {
        let check = |text: &str, expected: Option<(u32, u32)>| {
            let found = Version::find(text).map(|v| (v.major, v.minor));
            assert_eq!(found, expected, "{text}");
        };
        check("BIRD 2.0.12 ready.", Some((2, 0)));
        check("BIRD version 2.0.12\n", Some((2, 0)));
        check("BIRD version 2.17.6", Some((2, 17)));
        check("BIRD 2.19.2-dirty ready.", Some((2, 19)));
        check("BIRD 2.20 ready.", Some((2, 20)));
        check("BIRD v.git ready.", None);
        check("", None);
    }

    #[test]
    fn dialects_change_at_2_17() {
        let check = |major, minor, expected| {
            assert_eq!(Version { major, minor }.dialect(), expected, "{major}.{minor}");
        };
        check(1, 6, None);
        check(2, 0, Some(Dialect::Classic));
        check(2, 16, Some(Dialect::Classic));
        check(2, 17, Some(Dialect::NamedAuthentication));
        check(2, 19, Some(Dialect::NamedAuthentication));
        check(3, 1, None);
    }
}
