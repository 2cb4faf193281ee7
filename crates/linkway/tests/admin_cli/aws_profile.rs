//! `access-key create --aws-profile`: the AWS CLI's files before and after.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::json;

use super::server::{Answer, Server};
use super::{Desk, Ended};

const WORDS: [&str; 4] = ["access-key", "create", "--account", "123456789000"];

fn desk() -> (Server, Desk) {
    let server = Server::always(Answer::json(json!({
        "accessKeyId": "AKIAI44QH8DHBEXAMPLE", "secretAccessKey": "je7MtGbClwBF/2Zp9Utk",
        "accountId": "123456789000", "status": "enabled", "createdAt": "2026-11-23T10:00:00Z"
    })));
    let desk = Desk::new(&server.endpoint());
    (server, desk)
}

fn create(desk: &Desk, profile: &str) -> Ended {
    desk.run(WORDS.iter().chain(&["--aws-profile", profile]))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("there").permissions().mode() & 0o777
}

#[test]
fn files_are_made_private_where_there_are_none() {
    let (server, desk) = desk();
    let run = create(&desk, "tenant-a");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stdout.contains("je7MtGbClwBF/2Zp9Utk"), "{}", run.stdout);
    assert!(!run.stderr.contains("je7MtGbClwBF/2Zp9Utk"), "{}", run.stderr);
    let (config, credentials) = (desk.path(".aws/config"), desk.path(".aws/credentials"));
    assert_eq!(
        fs::read_to_string(&config).expect("there"),
        format!("[profile tenant-a]\nregion = eu-west-2\nendpoint_url = {}\n", server.endpoint())
    );
    assert_eq!(
        fs::read_to_string(&credentials).expect("there"),
        "[tenant-a]\naws_access_key_id = AKIAI44QH8DHBEXAMPLE\n\
         aws_secret_access_key = je7MtGbClwBF/2Zp9Utk\n"
    );
    assert_eq!((mode(&config), mode(&credentials)), (0o600, 0o600));
    assert_eq!(mode(&desk.path(".aws")), 0o700);
    assert_eq!(fs::read_dir(desk.path(".aws")).expect("there").count(), 2);
}

#[test]
fn variables_links_and_loose_permissions() {
    let (_server, desk) = desk();
    fs::create_dir(desk.path("dotfiles")).expect("made");
    fs::write(desk.path("dotfiles/aws"), "# mine\n[default]\nregion = x\n").expect("written");
    fs::set_permissions(desk.path("dotfiles/aws"), Permissions::from_mode(0o644)).expect("set");
    symlink("dotfiles/aws", desk.path("linked")).expect("linked");
    let run = super::ended(
        desk.command(WORDS.iter().chain(&["--aws-profile", "t"]))
            .env("AWS_CONFIG_FILE", "~/linked")
            .env("AWS_SHARED_CREDENTIALS_FILE", desk.path("new/keys")),
    );
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(desk.path("linked").is_symlink());
    let config = fs::read_to_string(desk.path("dotfiles/aws")).expect("there");
    assert!(config.starts_with("# mine\n[default]\nregion = x\n\n[profile t]\nregion"), "{config}");
    assert_eq!(mode(&desk.path("dotfiles/aws")), 0o600);
    assert!(desk.path("new/keys").exists() && !desk.path(".aws").exists());
}

#[test]
fn authority_of_the_server_goes_into_the_profile() {
    let (_server, desk) = desk();
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    fs::write(desk.path("ca.pem"), pair.cert.pem()).expect("written");
    let words = WORDS.iter().chain(&["--aws-profile", "t", "--ca-cert", "ca.pem"]);
    let run = super::ended(desk.command(words).current_dir(desk.dir.path()));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let config = fs::read_to_string(desk.path(".aws/config")).expect("there");
    let line = format!("ca_bundle = {}\n", desk.path("ca.pem").display());
    assert!(config.ends_with(&line), "{config}");
}

#[test]
fn files_that_cannot_be_edited_cost_no_key() {
    let (server, desk) = desk();
    fs::create_dir(desk.path(".aws")).expect("made");
    for (text, says) in
        [(&b"[t]\n[u]\n[t]\n"[..], "more than once"), (&b"\xff\xfe"[..], "valid UTF-8")]
    {
        fs::write(desk.path(".aws/credentials"), text).expect("written");
        let run = create(&desk, "t");
        assert_eq!((run.code, &*run.stdout), (Some(3), ""), "{}", run.stderr);
        assert!(run.stderr.contains(says), "{}", run.stderr);
        assert!(run.stderr.contains(".aws/credentials"), "{}", run.stderr);
        assert_eq!(fs::read(desk.path(".aws/credentials")).expect("there"), text);
    }
    fs::remove_dir_all(desk.path(".aws")).expect("removed");
    fs::write(desk.path(".aws"), "a file").expect("written");
    assert_eq!(create(&desk, "t").code, Some(3));
    assert_eq!(server.received(), []);
}

#[test]
fn a_profile_that_exists_is_replaced_only_when_told_to() {
    let (server, desk) = desk();
    fs::create_dir(desk.path(".aws")).expect("made");
    let keys = "[t]\naws_access_key_id = AKIAOLD\naws_secret_access_key = only copy\n";
    let table = [
        ("credentials", keys),
        ("config", "[profile t]\noutput = json\n"),
        ("config", "[profile t]\nrole_arn = arn\n"),
    ];
    for (file, text) in table {
        let path = desk.path(".aws").join(file);
        fs::write(&path, text).expect("written");
        let run = create(&desk, "t");
        assert_eq!((run.code, &*run.stdout), (Some(3), ""), "{}", run.stderr);
        for says in [path.to_str().expect("text"), "profile t", "already", "--overwrite"] {
            assert!(run.stderr.contains(says), "no {says} in {}", run.stderr);
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
        fs::remove_file(&path).expect("removed");
    }
    assert_eq!(server.received(), [], "no key is made that nobody gets");

    fs::write(desk.path(".aws/credentials"), keys).expect("written");
    assert_eq!(create(&desk, "another").code, Some(0));
    let run = desk.run(WORDS.iter().chain(&["--aws-profile", "t", "--overwrite"]));
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let credentials = fs::read_to_string(desk.path(".aws/credentials")).expect("there");
    assert!(!credentials.contains("AKIAOLD") && credentials.matches("je7Mt").count() == 2);
    // Made by this program or not: what is there, is there.
    assert_eq!(create(&desk, "t").code, Some(3));
    assert_eq!(server.received().len(), 2);
}

#[test]
fn a_profile_that_appears_meanwhile_keeps_its_keys_and_the_new_key_is_shown() {
    let dir = tempfile::TempDir::new().expect("a temporary directory");
    let aws = dir.path().join(".aws");
    let made = aws.join("credentials");
    let server = Server::start(move |_, _| {
        fs::write(&made, "[t]\naws_access_key_id = AKIAOTHER\n").expect("written");
        Answer::json(json!({
            "accessKeyId": "AKIAI44QH8DHBEXAMPLE", "secretAccessKey": "je7MtGbClwBF/2Zp9Utk",
            "accountId": "123456789000", "status": "enabled", "createdAt": "2026-11-23T10:00:00Z"
        }))
    });
    let desk = Desk::new(&server.endpoint());
    let words = WORDS.iter().chain(&["--aws-profile", "t"]);
    let run = super::ended(desk.command(words).env("HOME", dir.path()));
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stdout.contains("je7MtGbClwBF/2Zp9Utk"), "{}", run.stdout);
    let credentials = fs::read_to_string(aws.join("credentials")).expect("there");
    assert_eq!(credentials, "[t]\naws_access_key_id = AKIAOTHER\n");
}

#[test]
fn runs_side_by_side_lose_nothing() {
    let (server, desk) = desk();
    // The server answers one after the other; what must not collide are the files.
    let children: Vec<_> = (0..8)
        .map(|number| {
            let name = format!("tenant-{number}");
            desk.command(WORDS.iter().chain(&["--aws-profile", &*name])).spawn().expect("starts")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("it ends").success());
    }
    let config = fs::read_to_string(desk.path(".aws/config")).expect("there");
    let credentials = fs::read_to_string(desk.path(".aws/credentials")).expect("there");
    for number in 0..8 {
        assert!(config.contains(&format!("[profile tenant-{number}]\n")), "{config}");
        assert!(credentials.contains(&format!("[tenant-{number}]\n")), "{credentials}");
    }
    assert_eq!(server.received().len(), 8);
}
