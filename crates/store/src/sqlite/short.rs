//! Keys as they lie in the tables: short, and in the same order.
//!
//! The tree of records is written a page at a time, and most of its rows are little more than their keys. So the texts that
//! keys have in common ([`KeySymbols`]) take a byte there, and of what is left the usual characters take the fewest bits.
//!
//! This is dictionary-based, order-preserving compression (Antoshenkov, *Dictionary-based order-preserving string
//! compression*, VLDB Journal 6, 1997). All texts are divided into intervals, in their order. All that an interval
//! holds begins with its *symbol*, which is a character, or one of those texts. An interval has a code, and codes are in the
//! intervals' order, so keys that differ are told apart, in their order, by the first codes that differ. What follows the symbol is then
//! divided likewise.
//!
//! A key's first code is a byte, the others are bits. The last byte is filled up with zeros; eight of those are no code.
//!
//! The codes of the characters belong to the version of the schema: a change of them is a new version. The symbols belong to
//! the database: it records the checksum of all codes, and is refused to whoever has others.

use std::ops::Range;

use rusqlite::{Row, ffi};

/// What keys are made of, see [`Commit::validate`](crate::Commit::validate): a symbol each.
const CHARACTERS: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
/// The first of [`CHARACTERS`].
const FIRST: u8 = b' ';

/// Texts that many keys have in common. Each takes one byte of a key in the tables, so the lists are worth having where a
/// store has millions of keys of a few kinds; without any, every key is stored by its characters alone.
///
/// A database is opened with the lists that it was created with, and with no others: the stored keys could not be read. So a
/// program has one pair of lists for all of its databases, and changes it only with a migration of their keys.
///
/// Each list is ascending by bytes, of printable ASCII, and no text of a list is the beginning of another one in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeySymbols {
    /// What keys begin with, at most 80 texts.
    pub heads: &'static [&'static str],
    /// What keys have further on, each beginning with `/`; at most 5 texts.
    pub joints: &'static [&'static str],
}

impl KeySymbols {
    /// The checksum by which a database knows the lists that its keys are written with; `None` if there can be no codes for
    /// these lists.
    #[must_use]
    pub fn checksum(self) -> Option<u32> {
        KeyCode::new(self).map(|code| code.checksum())
    }
}
/// The longest code in bits.
const LONGEST: u32 = 12;

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
    /// With these beside the characters, in codes of so many bits; `None` if they are out of order or too many.
    fn new(texts: &[&'static str], bits: impl Fn(&str) -> u32) -> Option<Self> {
        let in_order = |pair: &[&str]| pair[0] < pair[1] && !pair[1].starts_with(pair[0]);
        if !texts.windows(2).all(in_order) || !texts.iter().all(|text| is_symbol(text)) {
            return None;
        }
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
        if next > 1 << LONGEST || ascending.len() > 1 << u8::BITS {
            return None;
        }
        let mut by_code = vec![None; 1 << LONGEST];
        for (at, symbol) in ascending.iter().enumerate() {
            let unit = 1 << (LONGEST - symbol.bits);
            let begin = symbol.code as usize * unit;
            by_code[begin..begin + unit].fill(u8::try_from(at).ok());
        }
        Some(Self { ascending, by_character, by_code })
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

/// Whether a text can be a symbol: of more than one character, each of which keys may have.
fn is_symbol(text: &str) -> bool {
    text.len() > 1 && text.bytes().all(|byte| CHARACTERS.as_bytes().contains(&byte))
}

/// The code that a store's keys are written in.
#[derive(Debug)]
pub(crate) struct KeyCode {
    /// For the beginnings of keys.
    head: Symbols,
    /// For what follows.
    tail: Symbols,
}

impl KeyCode {
    /// `None` if there can be no codes for these symbols.
    pub(crate) fn new(symbols: KeySymbols) -> Option<Self> {
        let bits = |symbol: &str| match symbol.as_bytes()[0] {
            b'0'..=b'9' => 4,
            b'a'..=b'f' => 6,
            b'g'..=b'z' | b'-' => 7,
            b'/' => 8,
            b'A'..=b'Z' => 10,
            _ => LONGEST,
        };
        if !symbols.joints.iter().all(|joint| joint.starts_with('/')) {
            return None;
        }
        let head = Symbols::new(symbols.heads, |_| 8)?;
        Some(Self { head, tail: Symbols::new(symbols.joints, bits)? })
    }

    /// CRC-32 (IEEE 802.3) of all codes: two codes with the same checksum write keys in the same form.
    pub(crate) fn checksum(&self) -> u32 {
        let symbols = self.head.ascending.iter().chain(&self.tail.ascending);
        let codes = symbols.map(|of| format!("{} {:b} {}\n", of.text, of.code, of.bits));
        crc32fast::hash(codes.collect::<String>().as_bytes())
    }

    /// The symbols of a key; one is `None` if it is no key, and then the last.
    fn symbols<'c>(&'c self, key: &[u8]) -> impl Iterator<Item = Option<&'c Symbol>> {
        let mut rest = key;
        let mut symbols = &self.head;
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let symbol = symbols.of(rest);
            rest = symbol.map_or(&[], |symbol| &rest[symbol.text.len()..]);
            symbols = &self.tail;
            Some(symbol)
        })
    }

    /// A key's short form; `None` if it is no key. It is also that of a prefix: nothing below it has a lesser one.
    pub(crate) fn shorten(&self, key: &str) -> Option<Vec<u8>> {
        let mut short = Vec::with_capacity(key.len());
        // The bits that are not in `short` yet are the uppermost.
        let (mut pending, mut count) = (0_u64, 0);
        for symbol in self.symbols(key.as_bytes()) {
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

    /// The key of a short form; `None` if it is that of no key.
    pub(crate) fn lengthen(&self, short: &[u8]) -> Option<String> {
        let mut key = String::with_capacity(4 * short.len());
        let mut rest = short.iter();
        let (mut pending, mut count) = (0_u64, 0);
        let mut symbols = &self.head;
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
            symbols = &self.tail;
            pending <<= symbol.bits;
            count -= symbol.bits;
        }
    }

    /// Whether it is the one short form of a key.
    pub(crate) fn is_right(&self, short: &[u8]) -> bool {
        let key = self.lengthen(short);
        key.and_then(|key| self.shorten(&key)).is_some_and(|right| right == short)
    }

    /// The key whose short form a column of a row is.
    ///
    /// # Errors
    ///
    /// The column holds no key's short form: the database is damaged.
    pub(crate) fn read(&self, row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
        let key = self.lengthen(row.get_ref(column)?.as_blob()?);
        key.ok_or_else(|| damaged("a key in the tables is not one"))
    }

    /// The short form of a key that was committed once.
    ///
    /// # Errors
    ///
    /// It is no key, so it was damaged since it was committed.
    pub(crate) fn to_store(&self, key: &str) -> rusqlite::Result<Vec<u8>> {
        self.shorten(key).ok_or_else(|| damaged("a key is not printable ASCII"))
    }
}

/// The first 15 bytes of a short form, and in the last byte how many it has, or [`Start::LONGER`]. Keys are in the order of their
/// starts, as far as those differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Start(u128);

impl Start {
    const LONGER: u128 = 0xff;
    const BITS: u32 = u128::BITS - 8;

    /// That of a key. What is no key has one too, of more than 15 bytes.
    pub(crate) fn of(code: &KeyCode, key: &[u8]) -> Self {
        let (mut bits, mut count) = (0_u128, 0);
        for symbol in code.symbols(key) {
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

fn damaged(how: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(how.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    /// Of each kind that the codes tell apart, beginnings of one another's continuations included.
    const SYMBOLS: KeySymbols = KeySymbols {
        heads: &["0/", "Item/", "count/", "item-of/", "item/x-f", "list/x-f"],
        joints: &["/ended/x-f", "/live/", "/x-f", "/y-f"],
    };
    static CODE: LazyLock<KeyCode> = LazyLock::new(|| KeyCode::new(SYMBOLS).unwrap());

    /// Pieces that meet the borders of the intervals, and any characters.
    fn keys() -> impl Strategy<Value = String> {
        let texts: Vec<&str> = SYMBOLS.heads.iter().chain(SYMBOLS.joints).copied().collect();
        let cut = (prop::sample::select(texts), 0..20_usize)
            .prop_map(|(text, length)| text[..length.min(text.len())].to_owned());
        let piece = prop_oneof![cut, "[0-9a-z]{1,8}", "[ -~]{1,3}"];
        prop::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn short_forms_are_in_the_keys_order_and_tell_them_apart(a in keys(), b in keys()) {
            let (short_a, short_b) = (CODE.shorten(&a).unwrap(), CODE.shorten(&b).unwrap());
            prop_assert_eq!(CODE.lengthen(&short_a), Some(a.clone()));
            prop_assert_eq!(a.cmp(&b), short_a.cmp(&short_b));
            // Of keys that begin alike too.
            let longer = format!("{a}{b}");
            prop_assert_eq!(a.cmp(&longer), short_a.cmp(&CODE.shorten(&longer).unwrap()));
        }

        #[test]
        fn starts_are_in_the_keys_order_and_equal_only_where_both_are_longer(a in keys(), b in keys()) {
            let starts_are_right = |a: &str, b: &str| {
                let [start_a, start_b] = [a, b].map(|key| Start::of(&CODE, key.as_bytes()));
                let is_long = |key| CODE.shorten(key).unwrap().len() > 15;
                match start_a.cmp(&start_b) {
                    Ordering::Equal => a == b || is_long(a) && is_long(b),
                    order => order == a.cmp(b),
                }
            };
            prop_assert!(starts_are_right(&a, &b));
            let longer = format!("{a}{b}");
            prop_assert!(starts_are_right(&a, &longer));
            let (short, mut bytes) = (CODE.shorten(&a).unwrap(), [0; 16]);
            let whole = Start::of(&CODE, a.as_bytes()).whole(&mut bytes);
            prop_assert_eq!(whole, (short.len() <= 15).then_some(&short[..]));
        }

        #[test]
        fn any_bytes_are_read_as_a_key_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let is_key = |key: String| key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            prop_assert!(CODE.lengthen(&bytes).is_none_or(is_key));
        }
    }

    /// The form belongs to the schema: if this changes, it is another.
    #[test]
    fn the_form_of_schema_version_5() {
        let form = |code: &KeyCode, key| -> String {
            code.shorten(key).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
        };
        let plain = KeyCode::new(KeySymbols::default()).unwrap();
        for (key, short, plainly) in [
            (
                "item-of/123456789000/x-f1a2b3c4",
                "5123456789a1110a2b8ef4c140",
                "4aeb96e03c330523456789a11105f20732b8ef4c14",
            ),
            (
                "item/x-fabc1234/live/0101",
                "53bafc08d142048480",
                "4aeb96e05f2073bafc08d14176eaef90289090",
            ),
            ("a", "46", "42"),
            ("~", "6b", "5f"),
        ] {
            assert_eq!((&*form(&CODE, key), &*form(&plain, key)), (short, plainly), "{key}");
        }
        assert_eq!([CODE.checksum(), plain.checksum()], [0x4eaa_7b78, 0x6dc4_d1aa]);
    }

    #[test]
    fn lists_that_no_code_can_have_are_refused() {
        const MANY: &[&str] = &["/a", "/b", "/c", "/d", "/e", "/f", "/g", "/h", "/i", "/j"];
        let checksum = |heads, joints| KeySymbols { heads, joints }.checksum();
        assert!(checksum(MANY, &MANY[..5]).is_some());
        assert_eq!(checksum(&[], MANY), None, "too many");
        for list in [&["/b", "/a"][..], &["/a", "/a"], &["/a", "/a/b"], &["/"], &["/é"], &[""]] {
            assert_eq!((checksum(list, &[]), checksum(&[], list)), (None, None), "{list:?}");
        }
        assert_eq!(checksum(&[], &["a/"]), None, "a joint begins with a slash");
    }

    #[test]
    fn what_is_no_key_has_none() {
        for text in ["item/\u{1f}", "\u{7f}", "item-of/é", "a\n"] {
            assert_eq!(CODE.shorten(text), None, "{text:?}");
            assert_eq!(Start::of(&CODE, text.as_bytes()).whole(&mut [0; 16]), None, "{text:?}");
        }
        assert_eq!(CODE.lengthen(&[0, 0]), None);
        assert_eq!(CODE.lengthen(&[255]), None);
    }
}
