//! Sealed values and the key file.

use std::collections::HashSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use linkway_store::seal::{Copied, KeyFileError, OpenSealError, Sealer};

#[test]
fn a_value_opens_with_its_record_key_and_its_key_file_only() {
    let dir = tempfile::tempdir().unwrap();
    let sealer = Sealer::create(&dir.path().join("key")).unwrap();
    let other = Sealer::create(&dir.path().join("other")).unwrap();
    let sealed = sealer.seal(b"key/AKIA1", b"secret");
    assert_eq!(sealed.len(), b"secret".len() + 29);
    let reopened = Sealer::load(&dir.path().join("key")).unwrap();
    assert_eq!(reopened.open(b"key/AKIA1", &sealed), Ok(b"secret".to_vec()));
    assert_eq!(sealer.open(b"key/AKIA2", &sealed), Err(OpenSealError::Broken));
    assert_eq!(other.open(b"key/AKIA1", &sealed), Err(OpenSealError::Broken));
    assert_eq!(sealer.open(b"a", &sealer.seal(b"a", b"")), Ok(vec![]));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let sealer = Sealer::create(&dir.path().join("key")).unwrap();
    let sealed = sealer.seal(b"record", b"secret");
    for bit in 0..sealed.len() * 8 {
        let mut altered = sealed.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 => OpenSealError::Form,
            _ => OpenSealError::Broken,
        };
        assert_eq!(sealer.open(b"record", &altered), Err(expected), "bit {bit}");
    }
    for length in 0..sealed.len() {
        let expected = if length < 13 { OpenSealError::Form } else { OpenSealError::Broken };
        assert_eq!(sealer.open(b"record", &sealed[..length]), Err(expected), "{length} bytes");
    }
}

#[test]
fn nonces_do_not_repeat() {
    let dir = tempfile::tempdir().unwrap();
    let sealer = Sealer::create(&dir.path().join("key")).unwrap();
    let nonces: HashSet<Vec<u8>> =
        (0..10_000).map(|_| sealer.seal(b"", b"")[1..13].to_vec()).collect();
    assert_eq!(nonces.len(), 10_000);
}

#[test]
fn the_key_file_is_private_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    Sealer::create(&path).unwrap();
    let key = fs::read(&path).unwrap();
    assert_eq!(key.len(), 32);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(matches!(Sealer::create(&path), Err(KeyFileError::Io { .. })));
    assert_eq!(fs::read(&path).unwrap(), key);
}

#[test]
fn a_copy_is_private_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let [key, copy, other] = ["key", "copy", "other"].map(|name| dir.path().join(name));
    Sealer::create(&key).unwrap();
    assert_eq!(Sealer::copy(&key, &copy).unwrap(), Copied::Made);
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&key).unwrap());
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(Sealer::copy(&key, &copy).unwrap(), Copied::WasThere);
    Sealer::create(&other).unwrap();
    for taken in [&other, &dir.path().to_owned()] {
        let error = Sealer::copy(&key, taken).unwrap_err().to_string();
        assert!(error.contains(&format!("{}", taken.display())), "{error}");
    }
    assert_ne!(fs::read(&other).unwrap(), fs::read(&key).unwrap());
    // What a crash between the two steps of making a key file leaves: another name of it.
    let [partial, next] = ["next.partial", "next"].map(|name| dir.path().join(name));
    fs::hard_link(&key, &partial).unwrap();
    let before = fs::read(&key).unwrap();
    Sealer::create(&next).unwrap();
    assert_eq!(fs::read(&key).unwrap(), before, "the key file was written over");
    fs::remove_file(&next).unwrap();
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.collect();
    names.sort();
    assert_eq!(names, ["copy", "key", "other"], "nothing else is left");
}

#[test]
fn a_bad_key_file_is_named_with_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    // Name, length and mode if there is a file, and what is said.
    type Case = (&'static str, Option<(usize, u32)>, &'static str);
    let table: [Case; 5] = [
        ("missing", None, "No such file or directory (os error 2)"),
        ("short", Some((31, 0o600)), "it has 31 bytes and must have exactly 32"),
        ("long", Some((33, 0o600)), "it has 33 bytes and must have exactly 32"),
        (
            "group",
            Some((32, 0o640)),
            "its permissions are 640; nobody but its owner may have any (chmod 600)",
        ),
        (
            "world",
            Some((32, 0o604)),
            "its permissions are 604; nobody but its owner may have any (chmod 600)",
        ),
    ];
    for (name, file, expected) in table {
        let path = dir.path().join(name);
        if let Some((length, mode)) = file {
            fs::write(&path, vec![7; length]).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let error = Sealer::load(&path).unwrap_err().to_string();
        assert_eq!(error, format!("key file {}: {expected}", path.display()));
    }
}

#[test]
fn debug_shows_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let sealer = Sealer::create(&dir.path().join("key")).unwrap();
    assert_eq!(format!("{sealer:?}"), "Sealer([PROTECTED])");
}
