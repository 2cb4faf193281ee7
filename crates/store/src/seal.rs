//! Sealing of values that hold secrets: ChaCha20-Poly1305 (RFC 8439) under a key from a file that
//! is kept apart from the database. The record's key is authenticated with the value, so a value
//! that was moved to another key does not open.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use crate::files::{beside, create_private, sync_directory};

/// Bytes of the key, and of the key file.
const KEY_BYTES: usize = 32;
/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;
/// Bytes of a tag.
const TAG_BYTES: usize = 16;
/// The form of a sealed value: this byte, the nonce, the ciphertext with its tag. Another key or
/// cipher gets another byte.
const FORM: u8 = 1;
/// Nonces drawn with one system call.
const NONCES: usize = 128;

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read or made.
    #[error("key file {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// It is not 32 bytes long.
    #[error("key file {}: it has {found} bytes and must have exactly {KEY_BYTES}", path.display())]
    Length {
        /// The file.
        path: PathBuf,
        /// Its length.
        found: u64,
    },
    /// Others than its owner may use it.
    #[error(
        "key file {}: its permissions are {mode:03o}; nobody but its owner may have any (chmod 600)",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
}

/// A value that does not open. Nothing more can be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenSealError {
    /// Too short, or of a form that this build does not know.
    #[error("it is not a sealed value of a known form")]
    Form,
    /// Sealed with another key, for another record, or changed since.
    #[error("its seal is broken: another key file, another record, or a changed value")]
    Broken,
}

/// What [`Sealer::copy`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copied {
    /// There was no such file; it is there now.
    Made,
    /// The file was there, with this key.
    WasThere,
}

/// Seals and opens values. `Debug` does not show the key.
pub struct Sealer(LessSafeKey);

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer([PROTECTED])")
    }
}

impl Sealer {
    /// Over a key, for tests and simulations.
    #[must_use]
    pub fn new(key: [u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, &key);
        Self(LessSafeKey::new(key.expect("the cipher's keys have this length")))
    }

    /// Makes a key file (0600) that must not be there yet, durably.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::Io`], also when the file exists.
    pub fn create(path: &Path) -> Result<Self, KeyFileError> {
        let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
        let mut key = [0; KEY_BYTES];
        getrandom::fill(&mut key).map_err(|error| failed(io::Error::other(error.to_string())))?;
        write_key(path, &key).map_err(failed)?;
        Ok(Self::new(key))
    }

    /// Copies a key file to another (0600) that must not be there yet, durably. One that is there with the same key stays: an
    /// earlier call has made it.
    ///
    /// # Errors
    ///
    /// Any [`KeyFileError`]: the first file cannot be read, or the second cannot be made or has another key.
    pub fn copy(from: &Path, to: &Path) -> Result<Copied, KeyFileError> {
        let key = read_key(from)?;
        let failed = |error| KeyFileError::Io { path: to.to_owned(), error };
        match write_key(to, &key) {
            Ok(()) => Ok(Copied::Made),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // What a name elsewhere leads to may be the first file itself.
                let is_file = to.symlink_metadata().is_ok_and(|there| there.is_file());
                match is_file && read_key(to).is_ok_and(|there| there == key) {
                    true => Ok(Copied::WasThere),
                    false => Err(failed(error)),
                }
            }
            Err(error) => Err(failed(error)),
        }
    }

    /// Reads a key file.
    ///
    /// # Errors
    ///
    /// Any [`KeyFileError`].
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        read_key(path).map(Self::new)
    }

    /// Seals a value for a record; `record` is the record's key.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness: sealing without it would be worse.
    #[must_use]
    pub fn seal(&self, record: &[u8], plain: &[u8]) -> Vec<u8> {
        let nonce = fresh_nonce();
        let mut value = Vec::with_capacity(1 + NONCE_BYTES + plain.len() + TAG_BYTES);
        value.push(FORM);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(plain);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let text = &mut value[1 + NONCE_BYTES..];
        let tag = self.0.seal_in_place_separate_tag(nonce, Aad::from(record), text);
        let tag = tag.expect("values are far shorter than the cipher's limit of 256 GiB");
        value.extend_from_slice(tag.as_ref());
        value
    }

    /// Opens a value that was sealed for this record.
    ///
    /// # Errors
    ///
    /// Any [`OpenSealError`].
    pub fn open(&self, record: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenSealError> {
        let (form, rest) = sealed.split_first().ok_or(OpenSealError::Form)?;
        let (nonce, ciphertext) =
            rest.split_first_chunk::<NONCE_BYTES>().ok_or(OpenSealError::Form)?;
        if *form != FORM {
            return Err(OpenSealError::Form);
        }
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut text = ciphertext.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(record), &mut text);
        let length = opened.map_err(|_| OpenSealError::Broken)?.len();
        text.truncate(length);
        Ok(text)
    }
}

/// Removes what an interrupted [`Sealer::create`] or [`Sealer::copy`] has left beside a key file: it may have the key.
///
/// # Errors
///
/// It is there and cannot be removed.
pub fn remove_leftover(path: &Path) -> io::Result<()> {
    match fs::remove_file(partial(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// What a key file is until it is complete.
fn partial(path: &Path) -> PathBuf {
    beside(path, ".partial")
}

/// Writes a key file (0600) that must not be there yet, durably. If that fails it leaves nothing behind.
fn write_key(path: &Path, key: &[u8; KEY_BYTES]) -> io::Result<()> {
    // Complete before it has its name: a crash half-way leaves no short key file behind.
    let partial = partial(path);
    // Not written over: one that a crash has left may be another name of a key file.
    remove_leftover(path)?;
    let mut file = create_private(&partial)?;
    let named = file
        .write_all(key)
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&partial, path));
    let removed = fs::remove_file(&partial);
    named.and(removed)?;
    sync_directory(path)
}

fn read_key(path: &Path) -> Result<[u8; KEY_BYTES], KeyFileError> {
    let failed = |error| KeyFileError::Io { path: path.to_owned(), error };
    let metadata = fs::metadata(path).map_err(failed)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Permissions { path: path.to_owned(), mode });
    }
    if metadata.len() != KEY_BYTES as u64 {
        return Err(KeyFileError::Length { path: path.to_owned(), found: metadata.len() });
    }
    let bytes = fs::read(path).map_err(failed)?;
    let found = bytes.len() as u64;
    bytes.try_into().map_err(|_| KeyFileError::Length { path: path.to_owned(), found })
}

/// 96 random bits. A store of 2^32 sealed values has two alike with a chance of 2^-33, well
/// within what the cipher asks for; drawing many at a time spares the system call for each value.
fn fresh_nonce() -> [u8; NONCE_BYTES] {
    thread_local! {
        static DRAWN: RefCell<Vec<[u8; NONCE_BYTES]>> = const { RefCell::new(Vec::new()) };
    }
    DRAWN.with_borrow_mut(|drawn| {
        if drawn.is_empty() {
            let mut bytes = [0; NONCES * NONCE_BYTES];
            getrandom::fill(&mut bytes).expect("the operating system has randomness");
            drawn.extend(bytes.as_chunks::<NONCE_BYTES>().0);
        }
        drawn.pop().expect("just filled")
    })
}
