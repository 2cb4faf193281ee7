//! Starts: the first one, the configuration, and who may not start.

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::process::client::Client;
use crate::process::{Desk, Ended, Process, QUICK, REGION, binary};

/// The mode bits of everything below a directory, by relative path.
fn modes(dir: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(dir).expect("a directory") {
        let entry = entry.expect("readable");
        let name = entry.file_name().into_string().expect("text");
        let metadata = entry.metadata().expect("there");
        if metadata.is_dir() {
            let below = modes(&entry.path());
            found.extend(below.into_iter().map(|(path, mode)| (format!("{name}/{path}"), mode)));
        }
        found.insert(name, metadata.permissions().mode() & 0o7777);
    }
    found
}

#[test]
fn print_config_shows_what_a_start_would_use_and_touches_nothing() {
    let desk = Desk::new("region = \"eu-west-9\"\njournal_files = 3\n[throttle]\nkey_burst = 7\n");
    let shown = Ended::of(&mut desk.serve_command(["--region", "xx-1", "--print-config"]));
    assert_eq!((shown.code, &*shown.stderr), (Some(0), ""), "{shown:?}");
    let expected = [
        format!("data_dir = \"{}\"", desk.data().display()),
        "listen = \"127.0.0.1:0\"".to_owned(),
        "region = \"xx-1\"".to_owned(),
        "journal_files = 3".to_owned(),
        "key_burst = 7".to_owned(),
        "terminal_visibility_seconds = 900.0".to_owned(),
    ];
    for line in expected {
        assert!(shown.stdout.lines().any(|shown| shown == line), "no {line} in\n{}", shown.stdout);
    }
    assert!(!desk.data().exists());
    // What it shows is a configuration that leads to the same.
    let file = desk.beside("shown.toml");
    fs::write(&file, &shown.stdout).expect("written");
    let mut again = Command::new(binary());
    again.args(["serve", "--print-config", "--config"]).arg(&file);
    assert_eq!(Ended::of(&mut again).stdout, shown.stdout);
}

#[test]
fn wrong_configurations_are_refused_by_key_value_and_rule() {
    let table = [
        ("journal_files = 0\n", &["journal_files = 0", "must be from 1 to 1000"][..]),
        ("journal_file = 3\n", &["unknown field `journal_file`", "config.toml"]),
        ("region = 5\n", &["region = 5", "config.toml"]),
        ("tls_cert = \"a\"\n", &["tls_cert = \"a\"", "needs tls_key beside it"]),
        ("log_level = \"x=y\"\n", &["log_level = \"x=y\"", "is not a log filter"]),
    ];
    for (config, says) in table {
        let ended = Desk::new(config).refused_start();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        for says in says {
            let times = ended.stderr.matches(says).count();
            assert_eq!(times, 1, "{config}: {says} once in {}", ended.stderr);
        }
    }
    let ended = Ended::of(Command::new(binary()).arg("serve"));
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("--data-dir"), "{}", ended.stderr);
}

#[test]
fn the_first_start_makes_everything_for_its_owner_only() {
    let desk = Desk::new(QUICK);
    let serve = desk.serve_command([] as [&str; 0]);
    // However generous the shell is.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 0; exec \"$0\" \"$@\""]);
    command.arg(serve.get_program()).args(serve.get_args());
    let server = Process::spawn(command).ready().expect("it starts");
    let found = modes(desk.data());
    let expected = [
        ("linkway.db", 0o600),
        ("linkway.key", 0o600),
        ("operator.json", 0o600),
        ("journal", 0o700),
    ];
    for (name, mode) in expected {
        assert_eq!(found.get(name), Some(&mode), "{name} of {found:?}");
    }
    for (path, mode) in &found {
        assert_eq!(mode & 0o077, 0, "{path} has mode {mode:o}");
    }
    let mode = fs::metadata(desk.data()).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o700);
    let operator: Value =
        serde_json::from_slice(&fs::read(desk.file("operator.json")).expect("there"))
            .expect("JSON");
    assert_eq!(operator["endpoint"], format!("http://{}", server.address()));
    assert_eq!(operator["region"], REGION);
    assert_eq!(desk.admin(["location", "list", "--output", "json"]).json(), json!([]));
    assert_eq!(operator["accessKeyId"].as_str().map(str::len), Some(20));
    assert_eq!(operator["secretAccessKey"].as_str().map(str::len), Some(40));
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

#[test]
fn a_second_server_on_the_same_directory_is_refused_and_disturbs_nothing() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let before = fs::read(desk.file("operator.json")).expect("there");
    let ended = desk.refused_start();
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("linkway.db is in use by another process"), "{}", ended.stderr);
    let checked = desk.admin(["check", desk.data().to_str().expect("text")]);
    assert_eq!(checked.code, Some(3), "{checked:?}");
    assert!(checked.stderr.contains("in use by another process"), "{}", checked.stderr);
    assert_eq!(fs::read(desk.file("operator.json")).expect("there"), before);
    assert_eq!(desk.operator(&server).ok("ListAccounts", &json!({}))["accounts"], json!([]));
    server.stop();
}

#[test]
fn a_port_in_use_is_refused_by_name_and_nothing_is_made() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound").to_string();
    let desk = Desk::new("");
    let mut serve = Command::new(binary());
    serve.args(["serve", "--listen", &address, "--data-dir"]).arg(desk.data());
    let ended = Ended::of(&mut serve);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let says = format!("cannot listen on {address}: Address already in use");
    assert!(ended.stderr.contains(&says), "{}", ended.stderr);
    assert!(!desk.data().exists());
}

#[test]
fn the_operators_credentials_are_mended_with_the_same_key() {
    let desk = Desk::new(QUICK);
    desk.start().stop();
    let path = desk.file("operator.json");
    let key = desk.operator_key();
    let mends: [(&str, &dyn Fn()); 4] = [
        ("missing", &|| fs::remove_file(&path).expect("removed")),
        ("cut off", &|| fs::write(&path, "{\"endpoint\":").expect("written")),
        ("another key", &|| {
            let text =
                fs::read_to_string(&path).expect("there").replace(&key.id, "AKIA0000000000000000");
            fs::write(&path, text).expect("written");
        }),
        ("open to others", &|| {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        }),
    ];
    for (what, harm) in mends {
        harm();
        let server = desk.start();
        let mended = desk.operator_key();
        assert!(mended.id == key.id && mended.secret == key.secret, "{what}");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "{what}");
        desk.operator(&server).ok("ListAccounts", &json!({}));
        server.stop();
    }
}

#[test]
fn an_access_key_outlives_restarts_and_can_be_taken_away() {
    let desk = Desk::new(QUICK);
    let server = desk.start();
    let mut operator = desk.operator(&server);
    let account = crate::process::world::Account::create(&mut operator, "123456789000");
    account.client(server.address()).ok("DescribeLocations", &json!({}));
    server.stop();
    let server = desk.start();
    let mut operator = desk.operator(&server);
    let mut tenant = account.client(server.address());
    tenant.ok("DescribeLocations", &json!({}));
    let id = json!({ "accessKeyId": account.key.id });
    let refused = |tenant: &mut Client| tenant.refused("DescribeLocations", &json!({})).0;
    operator.ok("DisableAccessKey", &id);
    assert_eq!(refused(&mut tenant), "UnrecognizedClientException");
    operator.ok("EnableAccessKey", &id);
    tenant.ok("DescribeLocations", &json!({}));
    operator.ok("DeleteAccessKey", &id);
    assert_eq!(refused(&mut tenant), "UnrecognizedClientException");
    // The operator cannot lock everybody out.
    let own = json!({ "accessKeyId": desk.operator_key().id });
    let (_, text) = operator.refused("DisableAccessKey", &own);
    assert!(text.contains("operator's own key"), "{text}");
}
