//! `backup`: all of the copy under its name, or nothing.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;

use super::Desk;
use super::server::{Answer, Server};

fn copy() -> Vec<u8> {
    (0..300_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn answer() -> Answer {
    Answer::bytes(200, "application/octet-stream", copy())
}

#[test]
fn copy_is_written_whole_and_private() {
    let server = Server::always(answer());
    let desk = Desk::new(&server.endpoint());
    let file = desk.path("copy.db");
    fs::write(desk.path("copy.db.partial"), "left behind by an interrupted run").expect("written");
    let run = desk.run(["backup".as_ref(), file.as_os_str()]);
    assert_eq!((run.code, &*run.stdout), (Some(0), ""), "{}", run.stderr);
    assert!(run.stderr.contains("300000 bytes"), "{}", run.stderr);
    assert!(fs::read(&file).expect("there") == copy());
    assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(!desk.path("copy.db.partial").exists());
    assert_eq!(server.received()[0].target, "Linkway.Backup");
    assert_eq!(server.received()[0].body, serde_json::json!({}));
}

#[test]
fn existing_file_is_kept_unless_forced() {
    let server = Server::always(answer());
    let desk = Desk::new(&server.endpoint());
    let file = desk.path("copy.db");
    fs::write(&file, "precious").expect("written");
    let run = desk.run(["backup".as_ref(), file.as_os_str()]);
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("--force"), "{}", run.stderr);
    assert_eq!(fs::read(&file).expect("there"), b"precious");
    assert_eq!(server.received(), []);
    let run = desk.run(["backup".as_ref(), "--force".as_ref(), file.as_os_str()]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(fs::read(&file).expect("there") == copy());
}

#[test]
fn copy_that_breaks_off_leaves_nothing() {
    let table = [
        (Answer { length: 300_001, ..answer() }, 3, "broke off"),
        (Answer { is_cut_chunked: true, ..answer() }, 3, "broke off"),
        (Answer::json(serde_json::json!({})), 3, "not with a copy"),
        (Answer::error(500, "DirectConnectServerException", "disk full"), 1, "disk full"),
    ];
    for (answer, code, says) in table {
        let server = Server::always(answer);
        let desk = Desk::new(&server.endpoint());
        let run = desk.run(["backup".as_ref(), desk.path("copy.db").as_os_str()]);
        assert_eq!(run.code, Some(code), "{says}: {}", run.stderr);
        assert!(run.stderr.contains(says), "no {says} in {}", run.stderr);
        assert!(!desk.path("copy.db").exists() && !desk.path("copy.db.partial").exists(), "{says}");
    }
}

#[test]
fn second_backup_to_the_same_file_waits_for_nobody() {
    let server = Server::always(answer());
    let desk = Desk::new(&server.endpoint());
    let partial = File::create(desk.path("copy.db.partial")).expect("made");
    partial.lock().expect("locked");
    let run = desk.run(["backup".as_ref(), desk.path("copy.db").as_os_str()]);
    assert_eq!(run.code, Some(3));
    assert!(run.stderr.contains("another backup"), "{}", run.stderr);
    assert!(desk.path("copy.db.partial").exists());
    assert_eq!(server.received(), []);
}
