//! Names that people give: of accounts, locations, connections and interfaces.

use unicode_script::{Script, ScriptExtension, UnicodeScript as _};

use crate::fault::Fault;

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// The letters that Unicode shows as nothing (Default_Ignorable_Code_Point): fillers of Hangul syllables.
pub(crate) const INVISIBLE_LETTERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// Checks a name: 1 to 100 characters, letters and digits of any script or printable ASCII, no space at either end, and no word
/// of several scripts, which would look like another word (UTS 39, "Highly Restrictive", word by word).
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
    if let Some(bad) = text.chars().find(|c| !is_shown(*c)) {
        return Err(Fault::field(
            field,
            text,
            format_args!(
                "must consist of letters, digits and printable ASCII characters; U+{:04X} is none of them",
                u32::from(bad)
            ),
        ));
    }
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    match words.find(|word| !is_of_one_script(word)) {
        None => Ok(text.to_owned()),
        Some(word) => Err(Fault::field(
            field,
            text,
            format_args!("must not have letters of several scripts in one word, as in \"{word}\""),
        )),
    }
}

fn is_shown(character: char) -> bool {
    let is_letter = character.is_alphanumeric() && !INVISIBLE_LETTERS.contains(&character);
    is_letter || (' '..='~').contains(&character)
}

/// Whether all letters of a word are of one script. The scripts of Chinese, Japanese and Korean go together, and with Latin.
fn is_of_one_script(word: &str) -> bool {
    if word.is_ascii() {
        return true;
    }
    let is_east_asian = |character: &char| {
        use Script::{Bopomofo, Han, Hangul, Hiragana, Katakana};
        let scripts = character.script_extension();
        let are_any =
            [Han, Hiragana, Katakana, Bopomofo, Hangul].map(|one| scripts.contains_script(one));
        !scripts.is_common() && !scripts.is_inherited() && are_any.contains(&true)
    };
    let others: String = word.chars().filter(|c| !is_east_asian(c)).collect();
    let scripts = ScriptExtension::for_str(&others);
    match word.chars().any(|c| is_east_asian(&c)) {
        true => scripts.contains_script(Script::Latin),
        false => !scripts.is_empty(),
    }
}
