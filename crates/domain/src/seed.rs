//! Everything random in a decision comes from one seed that the shell draws per call, so that deciding again on the
//! same view gives the same answer, and a test can name its seed.

use rand_chacha::ChaCha12Rng;
use rand_core::{RngCore, SeedableRng};

/// The alphabet of ids.
pub(crate) const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const UPPER_BASE36: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HEX: &[u8; 16] = b"0123456789abcdef";
/// The alphabet of generated secrets: what AWS's own generated BGP keys use besides letters and digits.
const SECRET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// 256 bits of the operating system's randomness (or a test's number), expanded by ChaCha.
#[derive(Clone)]
pub struct Seed([u8; 32]);

impl Seed {
    /// A seed from random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed from a number, for tests and simulations.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Self(bytes)
    }

    /// The stream of draws; the same seed gives the same stream.
    #[must_use]
    pub fn draws(&self) -> Draws {
        Draws(ChaCha12Rng::from_seed(self.0))
    }
}

/// A stream of draws from a [`Seed`].
pub struct Draws(ChaCha12Rng);

impl Draws {
    /// `length` characters of an alphabet, each equally likely.
    fn characters(&mut self, alphabet: &[u8], length: usize) -> String {
        let size = u32::try_from(alphabet.len()).expect("alphabets are short");
        // The largest multiple of the alphabet's size below 2^32: draws above it are thrown away, so no bias.
        let limit = u32::MAX - u32::MAX % size;
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let draw = self.0.next_u32();
            if draw < limit {
                text.push(char::from(alphabet[(draw % size) as usize]));
            }
        }
        text
    }

    /// Lower-case base-36 characters, as in `dxcon-fgzcsn9l`.
    pub fn base36(&mut self, length: usize) -> String {
        self.characters(BASE36, length)
    }

    /// Upper-case base-36 characters, as in access key ids.
    pub fn upper_base36(&mut self, length: usize) -> String {
        self.characters(UPPER_BASE36, length)
    }

    /// Hexadecimal digits, as in `vgw-87654321`.
    pub fn hex(&mut self, length: usize) -> String {
        self.characters(HEX, length)
    }

    /// Characters of a generated secret (six bits each).
    pub fn secret(&mut self, length: usize) -> String {
        self.characters(SECRET, length)
    }

    /// A 64-bit number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }
}
