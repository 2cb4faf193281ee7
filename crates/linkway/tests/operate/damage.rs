//! `linkway admin check` finds what is wrong with a data directory and names it.

use std::fs;
use std::path::Path;

use linkway_server::boot;
use linkway_store::{Commit, SqliteStore, Store as _, Write};
use serde_json::json;

use crate::process::world::{Pair, allocation, simulated_location, text};
use crate::process::{Desk, Ended, QUICK, binary, wait_for};

/// A directory with one accepted interface and one that waits; their ids.
struct Ground {
    desk: Desk,
    pair: Pair,
    accepted: String,
    waiting: String,
}

fn ground() -> Ground {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut lender = pair.lender.client(server.address());
    let [accepted, waiting] = [101, 102].map(|vlan| {
        let body = allocation(&pair.connection, &pair.recipient.id, "lent", vlan, vlan);
        text(&lender.ok("AllocatePrivateVirtualInterface", &body), "virtualInterfaceId")
    });
    let confirm = json!({ "virtualInterfaceId": accepted, "virtualGatewayId": pair.gateway });
    let mut recipient = pair.recipient.client(server.address());
    recipient.ok("ConfirmPrivateVirtualInterface", &confirm);
    wait_for("available", || (lender.interface_state(&accepted) == "available").then_some(()));
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
    Ground { desk, pair, accepted, waiting }
}

/// Changes records behind the server's back.
struct Records(SqliteStore, tokio::runtime::Runtime);

impl Records {
    fn open(desk: &Desk) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let store = SqliteStore::open(desk.file("linkway.db"), boot::existing());
        Self(store.expect("closed"), runtime)
    }

    fn get(&self, key: &str) -> Vec<u8> {
        let found = self.1.block_on(self.0.get(key)).expect("readable");
        found.unwrap_or_else(|| panic!("{key} is not there")).value
    }

    fn write(&self, writes: Vec<Write>) {
        let commit = Commit { writes, ..Commit::default() };
        self.1.block_on(self.0.commit(commit)).expect("written");
    }
}

#[test]
fn damage_is_found_and_named() {
    type Harm = fn(&Ground, &Records) -> String;
    let table: [(&str, Harm); 9] = [
        ("a VLAN's claim is gone", |ground, records| {
            let key = format!("on/{}/live/0101", ground.pair.connection);
            records.get(&key);
            records.write(vec![Write::delete(&key)]);
            format!("{key}: is missing")
        }),
        ("a claim names another interface", |ground, records| {
            let of = |vlan| format!("on/{}/live/0{vlan}", ground.pair.connection);
            records.write(vec![Write::put(of(101), records.get(&of(102)))]);
            format!("{}: names another owner than the record it belongs to", of(101))
        }),
        ("a claim of nobody", |ground, records| {
            let of = |vlan| format!("on/{}/live/0{vlan}", ground.pair.connection);
            records.write(vec![Write::put(of(103), records.get(&of(102)))]);
            format!("{}: belongs to no record", of(103))
        }),
        ("an index entry is gone", |ground, records| {
            let key = format!("vif-of/{}/{}", ground.pair.recipient.id, ground.waiting);
            records.write(vec![Write::delete(&key)]);
            format!("{key}: is missing")
        }),
        ("a sealed value was altered", |ground, records| {
            let key = format!("vif/{}", ground.accepted);
            let mut value = records.get(&key);
            *value.last_mut().expect("not empty") ^= 1;
            records.write(vec![Write::put(&key, value)]);
            format!("{key}: the value does not open")
        }),
        ("a sealed value was moved", |ground, records| {
            let (from, to) =
                (format!("vif/{}", ground.accepted), format!("vif/{}", ground.waiting));
            records.write(vec![Write::put(&to, records.get(&from))]);
            format!("{to}: the value does not open")
        }),
        ("an open value is no record", |ground, records| {
            let key = format!("connection/{}", ground.pair.connection);
            let value = records.get(&key);
            records.write(vec![Write::put(&key, &value[..value.len() - 1])]);
            format!("{key}: the value is not a record")
        }),
        ("a record is gone that others name", |ground, records| {
            let key = format!("connection/{}", ground.pair.connection);
            records.write(vec![Write::delete(&key)]);
            format!("vif/{}: is live on a connection that is not its lender's", ground.accepted)
        }),
        ("a value from a newer build", |ground, records| {
            let key = format!("account/{}", ground.pair.lender.id);
            let mut value = records.get(&key);
            value[0] = 200;
            records.write(vec![Write::put(&key, value)]);
            format!("{key}: the value has version 200")
        }),
    ];
    for (what, harm) in table {
        let ground = ground();
        let records = Records::open(&ground.desk);
        let says = harm(&ground, &records);
        drop(records);
        let found = ground.desk.check();
        assert!(
            found.iter().any(|found| found.starts_with(&says)),
            "{what}: no {says} in {found:?}"
        );
    }
}

#[test]
fn a_directory_that_cannot_be_checked_is_no_violation() {
    let desk = Desk::new(QUICK);
    desk.start().stop();
    let dir = desk.data().to_str().expect("text").to_owned();
    let remove = |name: &str| {
        let file = desk.file(name);
        move || fs::remove_file(&file).expect("there")
    };
    let text = {
        let file = desk.file("linkway.db");
        move || fs::write(&file, "text").expect("written")
    };
    let gone = desk.beside("elsewhere");
    let renamed = || fs::rename(&dir, &gone).expect("renamed");
    let file = || fs::write(&dir, "text").expect("written");
    let harms: [(&dyn Fn(), &str); 5] = [
        (&text, "linkway.db is not a Linkway database"),
        (&remove("linkway.db"), "linkway.db does not exist"),
        (&remove("linkway.key"), "linkway.key: No such file"),
        (&renamed, "data: No such file"),
        (&file, "data: Not a directory"),
    ];
    assert_eq!(desk.check(), [""; 0]);
    for (harm, says) in harms {
        harm();
        let before = entries(desk.data());
        let checked = desk.admin(["check", &*dir]);
        assert_eq!((checked.code, &*checked.stdout), (Some(3), ""), "{says}: {checked:?}");
        assert!(checked.stderr.contains(says), "no {says} in {}", checked.stderr);
        assert_eq!(entries(desk.data()), before, "{says}");
    }
}

/// How many entries a directory has, if it is one.
fn entries(dir: &Path) -> Option<usize> {
    fs::read_dir(dir).ok().map(Iterator::count)
}

#[test]
fn a_torn_database_file_is_found() {
    let ground = ground();
    let path = ground.desk.file("linkway.db");
    let mut bytes = fs::read(&path).expect("there");
    // Every page but the first: whichever are in use, some are.
    let middle = bytes.len() / 4096 / 2 * 4096;
    bytes[middle..middle + 4096].fill(0xa5);
    fs::write(&path, bytes).expect("written");
    let mut check = std::process::Command::new(binary());
    let ended = Ended::of(check.args(["admin", "check"]).arg(ground.desk.data()));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(told.contains("malformed") || told.contains("Tree") || told.contains("page"), "{told}");
}
