//! `linkway admin store rekey`: a new key file, with which everything works as before, and with the old one nothing does.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use linkway_server::{boot, codec};
use linkway_store::{SqliteStore, Store as _};
use serde_json::json;

use crate::process::client::{Client, Key};
use crate::process::world::{Pair, allocation, simulated_location, text};
use crate::process::{Desk, Ended, Process, QUICK, binary, seed};

const CHOSEN: &str = "Zq7-chosen-by-the-lender";

/// A directory with accounts, a second operator and an interface that has a BGP key.
struct Ground {
    desk: Desk,
    pair: Pair,
    alice: Key,
    interface: String,
    /// What is sealed with the key file, and what was, at some time.
    sealed: Vec<Vec<u8>>,
}

fn ground() -> Ground {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    operator.ok("CreateOperator", &json!({ "operatorName": "alice", "role": "read" }));
    let alice = operator.ok("CreateOperatorKey", &json!({ "operatorName": "alice" }));
    let mut lender = pair.lender.client(server.address());
    let [interface, deleted] = [101, 102].map(|vlan| {
        let mut body = allocation(&pair.connection, &pair.recipient.id, "lent", vlan, vlan);
        body["newPrivateVirtualInterfaceAllocation"]["authKey"] = json!(CHOSEN);
        text(&lender.ok("AllocatePrivateVirtualInterface", &body), "virtualInterfaceId")
    });
    server.stop();
    let mut sealed = sealed_values(&desk);
    assert!(sealed.len() >= 6, "{}", sealed.len());
    // What was overwritten and deleted is in pages that nothing uses, and in the log.
    let server = desk.start();
    let mut lender = pair.lender.client(server.address());
    lender.ok("DeleteVirtualInterface", &json!({ "virtualInterfaceId": deleted }));
    let confirm = json!({ "virtualInterfaceId": interface, "virtualGatewayId": pair.gateway });
    pair.recipient.client(server.address()).ok("ConfirmPrivateVirtualInterface", &confirm);
    server.stop();
    sealed.extend(sealed_values(&desk));
    Ground { desk, pair, alice: Key::of(&alice), interface, sealed }
}

/// What is encrypted in a directory.
fn sealed_values(desk: &Desk) -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let store = SqliteStore::open(desk.file("linkway.db"), boot::existing()).expect("closed");
    let page = runtime.block_on(store.scan("", None, 10_000)).expect("readable");
    assert!(!page.more);
    let sealed = page.items.iter().filter_map(|(key, value)| {
        let (_, sealed) = codec::sealed_part(key, &value.value).expect("a known kind")?;
        Some(sealed.to_vec())
    });
    sealed.collect()
}

impl Ground {
    fn data(&self) -> &str {
        self.desk.data().to_str().expect("text")
    }

    fn rekey(&self, more: &[&str]) -> Ended {
        self.desk.admin([&["store", "rekey", "--data-dir", self.data()], more].concat())
    }

    fn key(&self) -> Vec<u8> {
        fs::read(self.desk.file("linkway.key")).expect("there")
    }

    /// Everything works as before.
    fn works(&self) -> Process {
        assert_eq!(self.desk.check(), [""; 0]);
        let server = self.desk.start();
        for account in [&self.pair.lender, &self.pair.recipient] {
            let shown = account.client(server.address()).interface(&self.interface);
            assert_eq!(shown.expect("it is there")["authKey"], CHOSEN);
        }
        for key in [&self.alice, &self.desk.operator_key()] {
            Client::linkway(server.address(), key).ok("ListAccounts", &json!({}));
        }
        server
    }
}

/// Every file below a directory.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("there").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => _ = found.insert(path.clone(), fs::read(&path).expect("readable")),
        }
    }
    found
}

fn names(desk: &Desk) -> Vec<String> {
    let entries = fs::read_dir(desk.data()).expect("a directory");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("there").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o7777
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|part| part == wanted)
}

#[test]
fn every_secret_is_sealed_anew_and_nothing_opens_with_the_old_key() {
    let ground = ground();
    let desk = &ground.desk;
    let kept = desk.beside("old.key");
    let keep = ["--keep-old", kept.to_str().expect("text"), "--output", "json"];
    let old = ground.key();
    // In use, the directory is left alone.
    let server = desk.start();
    let ended = ground.rekey(&keep);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(
        ended.stderr.contains("in use") && ended.stderr.contains("nothing was changed"),
        "{ended:?}"
    );
    assert!(ground.key() == old && !kept.exists() && !desk.file("linkway.key.next").exists());
    // What a kill leaves is in the log, beside the database.
    let account = json!({ "accountId": "333333333333", "name": "in the log" });
    desk.operator(&server).ok("CreateAccount", &account);
    server.kill();
    let before = files(desk.data());
    assert!(ground.sealed.iter().all(|sealed| sealed.len() > 40));
    assert!(ground.sealed.iter().any(|sealed| before.values().any(|bytes| has(bytes, sealed))));

    let ended = ground.rekey(&keep);
    assert_eq!(ended.stderr, "");
    let answer = ended.json();
    assert_eq!(answer["keyFile"], desk.file("linkway.key").to_str().expect("text"));
    assert_eq!(answer["oldKeyFile"], kept.to_str().expect("text"));
    let sealed = sealed_values(desk);
    assert_eq!(answer["sealedRecords"], sealed.len());
    assert!(answer["records"].as_u64() > answer["sealedRecords"].as_u64(), "{answer}");
    assert_ne!(ground.key(), old);
    assert_eq!(fs::read(&kept).expect("kept"), old);
    assert_eq!([mode(&kept), mode(&desk.file("linkway.key"))], [0o600; 2]);
    for (path, bytes) in files(desk.data()) {
        assert!(!has(&bytes, &old), "{} has the old key", path.display());
        for sealed in &ground.sealed {
            assert!(!has(&bytes, sealed), "{} has an old value", path.display());
        }
    }

    let server = ground.works();
    let mut operator = desk.operator(&server);
    let accounts = operator.ok("ListAccounts", &json!({})).to_string();
    assert!(accounts.contains("in the log"), "{accounts}");
    let events = operator.ok("ListEvents", &json!({}));
    let events = events["events"].as_array().expect("a list");
    let rekeys = events.iter().filter(|event| event["operation"] == "RekeyStore");
    assert_eq!(rekeys.count(), 1, "it is in the trail: {events:?}");
    server.stop();

    // The same file again would lose the key that is in it.
    let ended = ground.rekey(&keep);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("old.key") && ended.stderr.contains("exists"), "{ended:?}");
    assert_eq!(fs::read(&kept).expect("kept"), old);
    let new = ground.key();
    fs::write(desk.file("linkway.key"), &old).expect("written");
    let ended = desk.refused_start();
    assert!(ended.stderr.contains("cannot be read with this key file"), "{ended:?}");
    fs::write(desk.file("linkway.key"), &new).expect("written");
    // Without a copy of the old key, and in words.
    let ended = ground.rekey(&[]);
    assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{ended:?}");
    assert!(
        ended.stdout.contains("linkway.key is new") && ended.stdout.contains("backups"),
        "{ended:?}"
    );
    for (path, bytes) in files(desk.data()) {
        assert!(!has(&bytes, &new), "{} has the old key", path.display());
    }
    ground.works().stop();
}

/// What a kill leaves, made by hand.
#[test]
fn an_interrupted_change_keeps_everybody_out_and_is_finished_by_the_next_run() {
    let ground = ground();
    let desk = &ground.desk;
    let (old, old_files) = (ground.key(), files(desk.data()));
    assert_eq!(ground.rekey(&[]).code, Some(0));
    let (new, new_database) = (ground.key(), fs::read(desk.file("linkway.db")).expect("there"));
    let whole = names(desk);
    let kept = desk.beside("old.key");
    let private = |name: &str, bytes: &[u8]| {
        fs::write(desk.file(name), bytes).expect("written");
        fs::set_permissions(desk.file(name), fs::Permissions::from_mode(0o600)).expect("set");
    };
    type Left<'a> = &'a dyn Fn();
    let next_only: Left<'_> = &|| private("linkway.key.next", &[7; 32]);
    let half_a_database: Left<'_> = &|| {
        private("linkway.key.next", &new);
        private("linkway.key.next.partial", &new);
        private("linkway.db.rewritten", &new_database[..new_database.len() / 2]);
        private("linkway.db.rewritten-journal", b"left behind");
        private("linkway.db.rewritten.new", b"left behind");
    };
    let unnamed_key: Left<'_> = &|| {
        private("linkway.key.next", &new);
        private("linkway.db", &new_database);
    };
    let kept_as_well: Left<'_> = &|| {
        unnamed_key();
        fs::copy(desk.file("linkway.key"), &kept).expect("copied");
    };
    for (what, left) in [
        ("a new key", next_only),
        ("half a database", half_a_database),
        ("a key without its name", unnamed_key),
        ("a key that was kept", kept_as_well),
    ] {
        for (path, bytes) in &old_files {
            fs::write(path, bytes).expect("written");
        }
        assert_eq!(ground.key(), old, "{what}");
        left();
        let before = files(desk.data());
        let repeat = format!("linkway admin store rekey --data-dir {}", ground.data());
        let ended = desk.refused_start();
        assert_eq!((ended.code, ended.stderr.lines().count()), (Some(1), 1), "{what}: {ended:?}");
        assert!(ended.stderr.contains(&repeat), "{what}: {ended:?}");
        for words in [&["check"][..], &["operator", "rescue"]] {
            let ended = desk.admin([words, &[ground.data()]].concat());
            assert_eq!(ended.code, Some(3), "{what}, {words:?}: {ended:?}");
            assert!(ended.stderr.contains(&repeat), "{what}, {words:?}: {ended:?}");
        }
        assert!(files(desk.data()) == before, "{what}: something has changed");
        let ended = ground.rekey(&["--keep-old", kept.to_str().expect("text")]);
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{what}: {ended:?}");
        assert_eq!(fs::read(&kept).expect("kept"), old, "{what}");
        assert_ne!(ground.key(), old, "{what}");
        assert!(files(desk.data()).values().all(|bytes| !has(bytes, &old)), "{what}");
        let names = names(desk);
        assert!(names.iter().all(|name| whole.contains(name)), "{what}: {names:?}");
        ground.works().stop();
        fs::remove_file(&kept).expect("removed");
    }
}

#[test]
fn killed_at_any_moment_it_can_be_repeated() {
    fastrand::seed(seed());
    let ground = ground();
    let mut command = Command::new(binary());
    command.args(["admin", "store", "rekey", "--data-dir", ground.data()]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let begun = Instant::now();
    assert!(command.status().expect("it runs").success());
    let whole = begun.elapsed();
    let mut interrupted = 0;
    for _ in 0..30 {
        let before = ground.key();
        let mut child = command.spawn().expect("it runs");
        std::thread::sleep(whole.mul_f64(fastrand::f64() * 1.1));
        // It may have ended by itself.
        let _ = child.kill();
        child.wait().expect("our child");
        match ground.desk.file("linkway.key.next").exists() {
            true => {
                interrupted += 1;
                assert_eq!(ground.key(), before);
                let ended = ground.desk.admin(["check", ground.data()]);
                assert_eq!(ended.code, Some(3), "{ended:?}");
            }
            false => assert_eq!(ground.desk.check(), [""; 0]),
        }
    }
    println!("interrupted {interrupted} times of 30");
    let ended = ground.rekey(&[]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ground.works().stop();
}

#[test]
fn what_cannot_be_used_is_refused_by_name_and_left_as_it_is() {
    let ground = ground();
    let desk = &ground.desk;
    let whole = files(desk.data());
    let write = |name: &'static str, bytes: Vec<u8>, mode: u32| {
        let path = desk.file(name);
        move || {
            fs::write(&path, &bytes).expect("written");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        }
    };
    let taken = desk.beside("taken");
    fs::write(&taken, "somebody's").expect("written");
    let taken = taken.to_str().expect("text");
    let nowhere = desk.beside("nowhere").join("old.key");
    let nowhere = nowhere.to_str().expect("text");
    let inside = desk.file("linkway.key.next");
    let inside = inside.to_str().expect("text");
    let link = desk.beside("link.key");
    std::os::unix::fs::symlink(desk.file("linkway.key"), &link).expect("made");
    let link = link.to_str().expect("text");
    type Case<'a> = (&'a dyn Fn(), &'a [&'a str], &'a [&'a str]);
    let nothing = || {};
    let table: [Case<'_>; 11] = [
        (&write("linkway.key", vec![7; 32], 0o600), &[], &["no key file of this directory opens"]),
        (&write("linkway.key", vec![7; 31], 0o600), &[], &["linkway.key", "31", "32"]),
        (&write("linkway.key", ground.key(), 0o640), &[], &["linkway.key", "640", "600"]),
        (&|| fs::remove_file(desk.file("linkway.key")).expect("removed"), &[], &["No such file"]),
        (&write("linkway.db", vec![b'x'; 5000], 0o600), &[], &["is not a Linkway database"]),
        (&write("linkway.key.next", vec![7; 3], 0o600), &[], &["linkway.key.next", "3", "32"]),
        (&write("linkway.key.next", ground.key(), 0o600), &[], &["has the same key"]),
        (&nothing, &["--keep-old", taken], &["taken", "exists", "nothing was changed"]),
        (&nothing, &["--keep-old", link], &["link.key", "exists", "nothing was changed"]),
        (&nothing, &["--keep-old", inside], &["is in the data directory", "nothing was changed"]),
        (&nothing, &["--keep-old", nowhere], &["old.key", "No such file", "nothing was changed"]),
    ];
    for (harm, more, says) in table {
        harm();
        let before = files(desk.data());
        let ended = ground.rekey(more);
        assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{says:?}: {ended:?}");
        for says in says {
            assert!(ended.stderr.contains(says), "no {says} in {ended:?}");
        }
        assert!(files(desk.data()) == before, "{says:?}: something has changed");
        let _ = fs::remove_file(desk.file("linkway.key.next"));
        for (path, bytes) in &whole {
            fs::write(path, bytes).expect("written");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
        }
    }
    for words in [&["--data-dir", "/nowhere/at/all"][..], &[]] {
        let ended = desk.admin([&["store", "rekey"], words].concat());
        let code = if words.is_empty() { 2 } else { 3 };
        assert_eq!(ended.code, Some(code), "{ended:?}");
    }
    ground.works().stop();
}
