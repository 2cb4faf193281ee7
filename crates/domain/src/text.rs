//! Names that people give: of accounts, locations, connections and interfaces.

use crate::fault::Fault;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// Checks a name: 1 to 100 characters, letters and digits of any script or printable ASCII, no space at either end.
///
/// The published documents say `a-z`, `0-9` and the hyphen; the service itself accepts far more (the published sample has
/// capitals). Control characters, emoji and invisible characters are refused because names reach terminals and files.
pub fn name(field: &str, text: &str) -> Result<String, Fault> {
    let length = text.chars().count();
    if length == 0 || length > LONGEST_NAME {
        return Err(Fault::field(
            field,
            text,
            format_args!("must have 1 to {LONGEST_NAME} characters, not {length}"),
        ));
    }
    if text.starts_with(' ') || text.ends_with(' ') {
        return Err(Fault::field(field, text, "must not begin or end with a space"));
    }
    match text.chars().find(|c| !c.is_alphanumeric() && !(' '..='~').contains(c)) {
        None => Ok(text.to_owned()),
        Some(bad) => Err(Fault::field(
            field,
            text,
            format_args!(
                "must consist of letters, digits and printable ASCII characters; U+{:04X} is none of them",
                u32::from(bad)
            ),
        )),
    }
}
