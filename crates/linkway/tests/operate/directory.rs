//! Data directories that a server must not touch, or must be able to use for ever.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::json;

use crate::process::world::{Account, simulated_location};
use crate::process::{Desk, QUICK};

/// Offset of the schema's version in the head of a SQLite file.
const VERSION_AT: usize = 60;

fn used() -> Desk {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    Account::create(&mut operator, "123456789000");
    server.stop();
    desk
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

/// Every file of a data directory.
fn contents(desk: &Desk) -> BTreeMap<String, Vec<u8>> {
    let entries =
        fs::read_dir(desk.data()).expect("a directory").map(|entry| entry.expect("there"));
    let files = entries.filter(|entry| entry.path().is_file());
    files
        .map(|file| {
            let name = file.file_name().into_string().expect("text");
            (name, fs::read(file.path()).expect("readable"))
        })
        .collect()
}

#[test]
fn what_cannot_be_used_is_refused_by_name_and_left_as_it_is() {
    type Harm = fn(&Desk);
    let table: [(&str, Harm, &[&str]); 9] = [
        (
            "no key file",
            |desk| fs::remove_file(desk.file("linkway.key")).expect("removed"),
            &["linkway.key is missing, but there is a database", "Put the key file back"],
        ),
        (
            "another database's key",
            |desk| fs::write(desk.file("linkway.key"), [7; 32]).expect("written"),
            &["the database cannot be read with this key file"],
        ),
        (
            "a short key",
            |desk| fs::write(desk.file("linkway.key"), [7; 31]).expect("written"),
            &["linkway.key", "31", "32"],
        ),
        (
            "a key that others can read",
            |desk| {
                set_mode(&desk.file("linkway.key"), 0o640);
            },
            &["linkway.key", "640", "600"],
        ),
        (
            "a directory that the group can enter",
            |desk| set_mode(desk.data(), 0o710),
            &["data directory", "710", "chmod 700"],
        ),
        (
            "a directory that all can read",
            |desk| set_mode(desk.data(), 0o755),
            &["data directory", "755", "chmod 700"],
        ),
        (
            "a newer schema",
            |desk| {
                let mut bytes = fs::read(desk.file("linkway.db")).expect("there");
                bytes[VERSION_AT..VERSION_AT + 4].copy_from_slice(&99_u32.to_be_bytes());
                fs::write(desk.file("linkway.db"), bytes).expect("written");
            },
            &["linkway.db has schema version 99", "use a newer build"],
        ),
        (
            "not a database",
            |desk| fs::write(desk.file("linkway.db"), [b'x'; 5000]).expect("written"),
            &["linkway.db is not a Linkway database"],
        ),
        (
            "an empty database file",
            |desk| fs::write(desk.file("linkway.db"), []).expect("written"),
            &["linkway.db is not a Linkway database"],
        ),
    ];
    for (what, harm, says) in table {
        let desk = used();
        let whole = contents(&desk);
        harm(&desk);
        let before = contents(&desk);
        let ended = desk.refused_start();
        assert_eq!(ended.code, Some(1), "{what}: {ended:?}");
        for says in says {
            assert!(ended.stderr.contains(says), "{what}: no {says} in {}", ended.stderr);
        }
        assert_eq!(ended.stderr.lines().count(), 1, "{what}: {}", ended.stderr);
        let after = contents(&desk);
        for (name, bytes) in &before {
            // The index of SQLite's log holds no data and is made anew by whoever opens it.
            let is_index = name.ends_with("-shm");
            assert!(is_index || after.get(name) == Some(bytes), "{what}: {name} has changed");
        }
        // Put right, it works as before.
        set_mode(desk.data(), 0o700);
        for name in ["linkway.key", "linkway.db"] {
            fs::write(desk.file(name), &whole[name]).expect("written");
            set_mode(&desk.file(name), 0o600);
        }
        let server = desk.start();
        let accounts = desk.operator(&server).ok("ListAccounts", &json!({}));
        assert_eq!(accounts["accounts"].as_array().map(Vec::len), Some(1), "{what}");
        server.stop();
        assert_eq!(desk.check(), [""; 0], "{what}");
    }
}
