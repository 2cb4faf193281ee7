//! Keys as they lie in the tables: short, and in the same order.
//!
//! The tree of records is written a page at a time, and most of its rows are indexes and claims, which are little more than
//! their keys. So the texts that keys have in common take a byte there, and of what is left the usual characters take the
//! fewest bits.
//!
//! This is dictionary-based, order-preserving compression (Antoshenkov, *Dictionary-based order-preserving string
//! compression*, VLDB Journal 6, 1997). All texts are divided into intervals, in their order. All that an interval
//! holds begins with its *symbol*, which is a character, or one of the texts below. An interval has a code, and codes are in the
//! intervals' order, so keys that differ are told apart, in their order, by the first codes that differ. What follows the symbol is then
//! divided likewise.
//!
//! A key's first code is a byte, the others are bits. The last byte is filled up with zeros; eight of those are no code.
//!
//! The tables of codes belong to the version of the schema: a change of them is a new version.

use std::ops::Range;
use std::sync::LazyLock;

use rusqlite::{Row, ffi};

/// What keys are made of, see [`Commit::validate`](crate::Commit::validate): a symbol each.
const CHARACTERS: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
/// The first of [`CHARACTERS`].
const FIRST: u8 = b' ';
/// Symbols that keys begin with. Here and below none is the beginning of another.
const HEADS: [&str; 24] = [
    "account/",
    "attached/vgw-",
    "audit/",
    "connection-of/",
    "connection/dxcon-f",
    "due/",
    "edge-connection/",
    "edge-generation/",
    "edge-seen/",
    "edge-vif/",
    "edge/",
    "epoch/",
    "free-port/",
    "gateway-of/",
    "gateway/vgw-",
    "handoff/",
    "key-of/",
    "key/",
    "location/",
    "on/dxcon-f",
    "peer/vgw-",
    "port/",
    "vif-of/",
    "vif/dxvif-f",
];
/// Symbols further on.
const JOINTS: [&str; 4] = ["/dxcon-f", "/dxvif-f", "/ended/dxvif-f", "/live/"];

/// The longest code in bits.
const LONGEST: u32 = 12;

static HEAD: LazyLock<Symbols> = LazyLock::new(|| Symbols::new(&HEADS, |_| 8));
static TAIL: LazyLock<Symbols> = LazyLock::new(|| {
    Symbols::new(&JOINTS, |symbol| match symbol.as_bytes()[0] {
        b'0'..=b'9' => 4,
        b'a'..=b'f' => 6,
        b'g'..=b'z' | b'-' => 7,
        b'/' => 8,
        b'A'..=b'Z' => 10,
        _ => LONGEST,
    })
});

/// The code of an interval, and what all that it holds begins with.
#[derive(Debug, Clone, Copy)]
struct Symbol {
    text: &'static str,
    code: u64,
    bits: u32,
}

/// The symbols of the intervals that texts are divided into.
#[derive(Debug)]
struct Symbols {
    ascending: Vec<Symbol>,
    /// Of these, those that begin with each of [`CHARACTERS`].
    by_character: Vec<Range<usize>>,
    /// Of these, the one whose code is found in the next [`LONGEST`] bits.
    by_code: Vec<Option<u8>>,
}

impl Symbols {
    /// With these (ascending) beside the characters, in codes of so many bits.
    fn new(texts: &[&'static str], bits: impl Fn(&str) -> u32) -> Self {
        let (mut ascending, mut by_character) = (Vec::new(), Vec::new());
        // Behind eight zeros, in units of the longest code.
        let mut next = 1 << (LONGEST - 8);
        let mut add = |text: &'static str| {
            let bits = bits(text);
            let unit = 1 << (LONGEST - bits);
            let code = u64::div_ceil(next, unit);
            next = (code + 1) * unit;
            ascending.push(Symbol { text, code, bits });
            ascending.len()
        };
        let mut end = 0;
        for at in 0..CHARACTERS.len() {
            let (character, begin) = (&CHARACTERS[at..=at], end);
            end = add(character);
            for text in texts.iter().filter(|text| text.starts_with(character)) {
                // What lies behind the text and still begins with the character is an interval again.
                add(text);
                end = add(character);
            }
            by_character.push(begin..end);
        }
        assert!(next <= 1 << LONGEST, "there are too many codes");
        let mut by_code = vec![None; 1 << LONGEST];
        for (at, symbol) in ascending.iter().enumerate() {
            let unit = 1 << (LONGEST - symbol.bits);
            let begin = symbol.code as usize * unit;
            by_code[begin..begin + unit].fill(u8::try_from(at).ok());
        }
        Self { ascending, by_character, by_code }
    }

    /// The symbol of the interval that holds a text; `None` if that is not made of the characters.
    fn of(&self, text: &[u8]) -> Option<&Symbol> {
        let character = text.first()?.checked_sub(FIRST)?;
        let Range { start, end } = *self.by_character.get(usize::from(character))?;
        // Every other one is a character alone.
        for at in (start + 1..end).step_by(2) {
            let longer = self.ascending[at].text.as_bytes();
            if text.starts_with(longer) {
                return Some(&self.ascending[at]);
            }
            if text < longer {
                return Some(&self.ascending[at - 1]);
            }
        }
        Some(&self.ascending[end - 1])
    }

    /// The symbol whose code these bits, of which only [`LONGEST`] are looked at, begin with.
    fn coded(&self, bits: u64) -> Option<&Symbol> {
        let at = self.by_code[(bits >> (u64::BITS - LONGEST)) as usize]?;
        Some(&self.ascending[usize::from(at)])
    }
}

/// The symbols of a key; one is `None` if it is no key, and then the last.
fn symbols(key: &[u8]) -> impl Iterator<Item = Option<&'static Symbol>> {
    let (mut rest, tail) = (key, &*TAIL);
    let mut symbols = &*HEAD;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let symbol = symbols.of(rest);
        rest = symbol.map_or(&[], |symbol| &rest[symbol.text.len()..]);
        symbols = tail;
        Some(symbol)
    })
}

/// A key's short form; `None` if it is no key. It is also that of a prefix: nothing below it has a lesser one.
pub(crate) fn shorten(key: &str) -> Option<Vec<u8>> {
    let mut short = Vec::with_capacity(key.len());
    // The bits that are not in `short` yet are the uppermost.
    let (mut pending, mut count) = (0_u64, 0);
    for symbol in symbols(key.as_bytes()) {
        let symbol = symbol?;
        count += symbol.bits;
        pending |= symbol.code << (u64::BITS - count);
        while count >= 8 {
            short.push((pending >> (u64::BITS - 8)) as u8);
            pending <<= 8;
            count -= 8;
        }
    }
    if count > 0 {
        short.push((pending >> (u64::BITS - 8)) as u8);
    }
    Some(short)
}

/// The first 15 bytes of a short form, and in the last byte how many it has, or [`Start::LONGER`]. Keys are in the order of their
/// starts, as far as those differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start(u128);

impl Start {
    const LONGER: u128 = 0xff;
    const BITS: u32 = u128::BITS - 8;

    /// That of a key. What is no key has one too, of more than 15 bytes.
    pub(crate) fn of(key: &[u8]) -> Self {
        let (mut bits, mut count) = (0_u128, 0);
        for symbol in symbols(key) {
            let Some(symbol) = symbol else { return Self(bits | Self::LONGER) };
            count += symbol.bits;
            let code = u128::from(symbol.code);
            if count > Self::BITS {
                let fits = code >> (count - Self::BITS);
                return Self(bits | fits << 8 | Self::LONGER);
            }
            bits |= code << (u128::BITS - count);
        }
        Self(bits | u128::from(count.div_ceil(8)))
    }

    /// The short form, if this is all of it.
    pub(crate) fn whole(self, bytes: &mut [u8; 16]) -> Option<&[u8]> {
        *bytes = self.0.to_be_bytes();
        bytes.get(..usize::from(bytes[15]))
    }
}

/// The key of a short form; `None` if it is that of no key.
pub(crate) fn lengthen(short: &[u8]) -> Option<String> {
    let mut key = String::with_capacity(4 * short.len());
    let mut rest = short.iter();
    let (mut pending, mut count) = (0_u64, 0);
    let mut symbols = &HEAD;
    loop {
        while count <= u64::BITS - 8
            && let Some(byte) = rest.next()
        {
            count += 8;
            pending |= u64::from(*byte) << (u64::BITS - count);
        }
        if count < 8 && pending == 0 {
            return Some(key);
        }
        let symbol = symbols.coded(pending).filter(|symbol| symbol.bits <= count)?;
        key.push_str(symbol.text);
        symbols = &TAIL;
        pending <<= symbol.bits;
        count -= symbol.bits;
    }
}

/// Whether it is the one short form of a key.
pub(crate) fn is_right(short: &[u8]) -> bool {
    lengthen(short).and_then(|key| shorten(&key)).is_some_and(|right| right == short)
}

/// The key whose short form a column of a row is.
pub(crate) fn read(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    lengthen(row.get_ref(column)?.as_blob()?)
        .ok_or_else(|| damaged("a key in the tables is not one"))
}

/// The short form of a key that was committed once.
pub(crate) fn to_store(key: &str) -> rusqlite::Result<Vec<u8>> {
    shorten(key).ok_or_else(|| damaged("a key is not printable ASCII"))
}

fn damaged(how: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(how.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;

    /// Pieces that meet the borders of the intervals, and any characters.
    fn keys() -> impl Strategy<Value = String> {
        let texts: Vec<&str> = HEADS.iter().chain(&JOINTS).copied().collect();
        let cut = (prop::sample::select(texts), 0..20_usize)
            .prop_map(|(text, length)| text[..length.min(text.len())].to_owned());
        let piece = prop_oneof![cut, "[0-9a-z]{1,8}", "[ -~]{1,3}"];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn short_forms_are_in_the_keys_order_and_tell_them_apart(a in keys(), b in keys()) {
            let (short_a, short_b) = (shorten(&a).unwrap(), shorten(&b).unwrap());
            prop_assert_eq!(lengthen(&short_a), Some(a.clone()));
            prop_assert_eq!(a.cmp(&b), short_a.cmp(&short_b));
            // Of keys that begin alike too.
            let longer = format!("{a}{b}");
            prop_assert_eq!(a.cmp(&longer), short_a.cmp(&shorten(&longer).unwrap()));
        }

        #[test]
        fn starts_are_in_the_keys_order_and_equal_only_where_both_are_longer(a in keys(), b in keys()) {
            let starts_are_right = |a: &str, b: &str| {
                let [start_a, start_b] = [a, b].map(|key| Start::of(key.as_bytes()));
                let is_long = |key| shorten(key).unwrap().len() > 15;
                match start_a.cmp(&start_b) {
                    Ordering::Equal => a == b || is_long(a) && is_long(b),
                    order => order == a.cmp(b),
                }
            };
            prop_assert!(starts_are_right(&a, &b));
            let longer = format!("{a}{b}");
            prop_assert!(starts_are_right(&a, &longer));
            let (short, mut bytes) = (shorten(&a).unwrap(), [0; 16]);
            let whole = Start::of(a.as_bytes()).whole(&mut bytes);
            prop_assert_eq!(whole, (short.len() <= 15).then_some(&short[..]));
        }

        #[test]
        fn any_bytes_are_read_as_a_key_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let is_key = |key: String| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            prop_assert!(lengthen(&bytes).is_none_or(is_key));
        }
    }

    /// The form belongs to the schema: if this changes, it is another.
    #[test]
    fn the_form_of_schema_version_5() {
        let form = |key| -> String {
            shorten(key).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        for (key, short) in [
            ("vif-of/123456789000/dxvif-f1a2b3c4", "8423456789a111082b8ef4c140"),
            ("on/dxcon-fabc1234/live/0101", "77bafc08d143048480"),
            ("a", "42"),
            ("~", "8f"),
        ] {
            assert_eq!(form(key), short, "{key}");
        }
        let symbols = HEAD.ascending.iter().chain(&TAIL.ascending);
        let codes: String =
            symbols.map(|of| format!("{} {:b} {}\n", of.text, of.code, of.bits)).collect();
        assert_eq!(crc32fast::hash(codes.as_bytes()), 0x7ce2_66ab, "{codes}");
    }

    #[test]
    fn what_is_no_key_has_none() {
        for text in ["vif/\u{1f}", "\u{7f}", "vif-of/é", "a\n"] {
            assert_eq!(shorten(text), None, "{text:?}");
            assert_eq!(Start::of(text.as_bytes()).whole(&mut [0; 16]), None, "{text:?}");
        }
        assert_eq!(lengthen(&[0, 0]), None);
        assert_eq!(lengthen(&[255]), None);
    }
}
