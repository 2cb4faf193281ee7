//! No space left: every write is refused as a whole, reads go on, and space is all that it takes to
//! go on. On a file system that is really full where one can be mounted; and, always, under a limit
//! on the size of files that the kernel enforces.

mod process;

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use process::client::{Client, get};
use process::world::{Pair, allocation, simulated_location, text};
use process::{Desk, Ended, Process, QUICK, ROOMY, binary, wait_for};
use serde_json::json;
use tempfile::TempDir;

/// Writes that are tried before the disk must be full; each takes at least a page of the log.
const MOST_WRITES: u64 = 1000;

/// A file system in memory with a size of its own. Dropping it unmounts it.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// `None` where this process may not mount.
    fn mount(size: &str) -> Option<Self> {
        let dir = TempDir::new().expect("a temporary directory");
        let options = format!("size={size},mode=0700");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "linkway-test"]).arg(dir.path());
        let output = mount.output().expect("mount runs");
        if !output.status.success() {
            println!("no tmpfs here: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Takes all the space but so many bytes.
    fn fill_but(&self, left: u64) {
        let filler = OpenOptions::new().append(true).create(true).open(self.filler());
        let mut filler = filler.expect("an empty file needs no space");
        for chunk in [1 << 16, 1 << 12, 1] {
            let chunk = vec![0; chunk];
            loop {
                match filler.write(&chunk) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => panic!("filling: {error}"),
                }
            }
        }
        let length = filler.metadata().expect("it is open").len();
        filler.set_len(length.saturating_sub(left)).expect("it becomes shorter");
    }

    fn free(&self) {
        fs::remove_file(self.filler()).expect("removed");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a server that a failed test leaves behind may still have files open.
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// What takes the space away.
enum Shortage {
    Tmpfs(Tmpfs),
    /// The kernel lets the server's files grow no further.
    FileSize,
}

impl Shortage {
    fn begin(&self, server: &Process, data: &Path) {
        match self {
            Self::Tmpfs(disk) => disk.fill_but(0),
            Self::FileSize => {
                let files = fs::read_dir(data).expect("it is there").flatten();
                let lengths = files.filter_map(|file| Some(file.metadata().ok()?.len()));
                let longest = lengths.max().unwrap_or(0).max(1 << 17);
                limit_files(server.id(), &longest.to_string());
            }
        }
    }

    fn end(&self, server: &Process) {
        match self {
            Self::Tmpfs(disk) => disk.free(),
            Self::FileSize => limit_files(server.id(), "unlimited"),
        }
    }
}

fn limit_files(process: u32, bytes: &str) {
    let mut command = Command::new("prlimit");
    command.arg(format!("--pid={process}")).arg(format!("--fsize={bytes}:unlimited"));
    assert!(command.status().expect("prlimit runs").success());
}

#[test]
fn a_full_disk_refuses_writes_and_serves_reads_until_there_is_space() {
    match Tmpfs::mount("3m") {
        Some(disk) => {
            let data = disk.path().join("data");
            run_short(Desk::with_data(&[QUICK, ROOMY].concat(), &data), &Shortage::Tmpfs(disk));
        }
        None => run_short(Desk::new(&[QUICK, ROOMY].concat()), &Shortage::FileSize),
    }
}

#[test]
fn files_that_may_not_grow_refuse_writes_and_serve_reads_until_they_may() {
    run_short(Desk::new(&[QUICK, ROOMY].concat()), &Shortage::FileSize);
}

fn run_short(desk: Desk, shortage: &Shortage) {
    let server = start_deaf_to_file_size(&desk);
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut lender = pair.lender.client(server.address());
    let mut lent = Vec::new();
    for number in 0..20 {
        lent.push(allocate(&mut lender, &pair, number).expect("there is space"));
    }
    for round in 1..=2 {
        shortage.begin(&server, desk.data());
        let first = round * MOST_WRITES;
        let refused = (first..first + MOST_WRITES)
            .find_map(|number| allocate(&mut lender, &pair, number).map(|id| lent.push(id)).err());
        let refused = refused.expect("the disk never became full");
        if let Shortage::Tmpfs(_) = shortage {
            let ready = get(server.address(), "/readyz").expect("answered");
            assert_eq!(
                (ready.status, ready.text().contains("disk")),
                (503, true),
                "{}",
                ready.text()
            );
            assert!(metric(&desk, "linkway_disk_free_bytes") < 65536.0);
            assert_eq!(metric(&desk, "linkway_ready"), 0.0);
        }
        // Refused again and again, and nothing else comes of it.
        for number in 50..60 {
            assert_eq!(allocate(&mut lender, &pair, number).expect_err("it is full"), refused);
        }
        let first = json!({ "virtualInterfaceId": lent[0], "virtualGatewayId": pair.gateway });
        let mut recipient = pair.recipient.client(server.address());
        let answer = recipient.call("ConfirmPrivateVirtualInterface", &first);
        assert_eq!(answer.status, 500, "{}", answer.text());
        assert!(!answer.request_id.is_empty());
        wait_for("a line of the log that has the request's id", || {
            let is_it = |line: &str| {
                line.contains("the store is full") && line.contains(&answer.request_id)
            };
            server.logs().lines().any(is_it).then_some(())
        });
        assert_eq!(lender.interface_state(&lent[0]), "confirming");
        assert_eq!(seen(&mut lender), sorted(&lent), "while the disk is full");
        shortage.end(&server);
        // The next write works: nothing has to be started again.
        lent.push(
            allocate(&mut lender, &pair, 30 + round).unwrap_or_else(|text| {
                panic!("there is space again, but: {text}\n{}", server.logs())
            }),
        );
        wait_for("/readyz", || {
            let ready = get(server.address(), "/readyz").expect("answered");
            (ready.status == 200).then_some(())
        });
        assert!(metric(&desk, "linkway_store_size_bytes") > 0.0);
        let id = lent.remove(0);
        lender.ok("DeleteVirtualInterface", &json!({ "virtualInterfaceId": id }));
    }
    let id = lent.last().expect("some").clone();
    let confirm = json!({ "virtualInterfaceId": id, "virtualGatewayId": pair.gateway });
    pair.recipient.client(server.address()).ok("ConfirmPrivateVirtualInterface", &confirm);
    // The reconcilers have recovered as well.
    wait_for("available", || (lender.interface_state(&id) == "available").then_some(()));
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
    lent.pop();
    let server = desk.start();
    let seen = seen(&mut pair.lender.client(server.address()));
    assert_eq!(seen, sorted(&lent), "after a restart");
}

/// A metric without labels.
fn metric(desk: &Desk, name: &str) -> f64 {
    let text = get(desk.admin_address(), "/metrics").expect("answered").text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().expect("a number")
}

/// A server for which a write beyond the limit is an error, not a signal that ends it.
fn start_deaf_to_file_size(desk: &Desk) -> Process {
    let serve = desk.serve_command([] as [&str; 0]);
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]);
    command.arg(serve.get_program()).args(serve.get_args()).env_remove("LINKWAY_LOG");
    Process::spawn(command).ready().unwrap_or_else(|ended| panic!("{ended:?}"))
}

/// Lends an interface; the id, or what the server says when it has no space.
fn allocate(lender: &mut Client, pair: &Pair, number: u64) -> Result<String, String> {
    let vlan = number % 4094 + 1;
    let name = format!("lent {number} {}", "x".repeat(80));
    let body = allocation(&pair.connection, &pair.recipient.id, &name, vlan, number);
    let answer = lender.call("AllocatePrivateVirtualInterface", &body);
    if answer.is_ok() {
        return Ok(text(&answer.json(), "virtualInterfaceId"));
    }
    let (code, text) = answer.error();
    assert_eq!((answer.status, &*code), (500, "DirectConnectServerException"), "{text}");
    assert!(text.len() > 20, "{text}");
    Err(text)
}

/// The interfaces that wait for their confirmation.
fn seen(lender: &mut Client) -> Vec<String> {
    let mut shown = lender.all("DescribeVirtualInterfaces", "virtualInterfaces", json!({}));
    shown.retain(|shown| shown["virtualInterfaceState"] == "confirming");
    let ids: Vec<_> = shown.iter().map(|shown| text(shown, "virtualInterfaceId")).collect();
    sorted(&ids)
}

fn sorted(ids: &[String]) -> Vec<String> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids
}

#[test]
fn a_first_start_without_space_fails_and_can_be_repeated() {
    for left in [0, 1 << 12, 1 << 13, 1 << 14, 1 << 15, 40 << 10, 48 << 10, 1 << 16, 1 << 17] {
        if let Some(disk) = Tmpfs::mount("2m") {
            let desk = Desk::with_data(QUICK, &disk.path().join("data"));
            disk.fill_but(left);
            let serve = desk.serve_command([] as [&str; 0]);
            first_start(
                serve,
                left,
                &["No space left on device", "no space is left for the store"],
            );
            disk.free();
            repeat(&desk);
        }
        // The same with files that may not grow beyond that size.
        let desk = Desk::new(QUICK);
        let serve = desk.serve_command([] as [&str; 0]);
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; exec prlimit --fsize=\"$0\" \"$@\""]);
        command.arg(left.to_string()).arg(serve.get_program()).args(serve.get_args());
        first_start(command, left, &["File too large", "disk I/O error"]);
        repeat(&desk);
    }
}

/// Starts with so much space: without any, it fails and says why, once.
fn first_start(command: Command, left: u64, says: &[&str]) {
    match Process::spawn(command).ready() {
        Ok(server) => {
            assert!(left > 0, "it started without any space");
            server.kill();
        }
        Err(ended) => {
            println!("{left} bytes left: {}", ended.stderr.trim());
            assert_eq!(ended.code, Some(1), "{ended:?}");
            let said: usize = says.iter().map(|says| ended.stderr.matches(says).count()).sum();
            assert_eq!(said, 1, "{left}: {ended:?}");
        }
    }
}

/// The same directory, now with space.
fn repeat(desk: &Desk) {
    let server = desk.start();
    simulated_location(&mut desk.operator(&server));
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

/// `linkway admin store rekey` of a directory, beneath a shell that does this first.
fn rekey(desk: &Desk, first: &str) -> Ended {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{first} \"$0\" \"$@\"")]).arg(binary());
    Ended::of(command.args(["admin", "store", "rekey", "--data-dir"]).arg(desk.data()))
}

/// Every file of the data directory.
fn contents(desk: &Desk) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(desk.data()).expect("it is there").flatten();
    let files = entries.map(|entry| entry.path()).filter(|path| path.is_file());
    files.map(|path| (path.clone(), fs::read(path).expect("readable"))).collect()
}

#[test]
fn a_key_file_is_not_replaced_without_space() {
    let disk = Tmpfs::mount("8m");
    let desk = match &disk {
        Some(disk) => Desk::with_data(QUICK, &disk.path().join("data")),
        None => Desk::new(QUICK),
    };
    let server = desk.start();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, server.address(), 1);
    let mut lender = pair.lender.client(server.address());
    let lent: Vec<String> =
        (0..20).map(|nth| allocate(&mut lender, &pair, nth).expect("there is space")).collect();
    server.stop();
    let before = contents(&desk);
    let refused = |what: &str, ended: Ended| {
        assert_eq!((ended.code, &*ended.stdout), (Some(3), ""), "{what}: {ended:?}");
        let named = format!("{}/linkway.", desk.data().display());
        assert!(ended.stderr.contains(&named), "{what}: {ended:?}");
        assert!(ended.stderr.contains("nothing was changed"), "{what}: {ended:?}");
        assert!(contents(&desk) == before, "{what}: something has changed");
    };
    for left in [0, 31, 1 << 12, 1 << 14, 1 << 15] {
        if let Some(disk) = &disk {
            disk.fill_but(left);
            refused(&format!("{left} bytes on the disk"), rekey(&desk, "exec"));
            disk.free();
        }
        // The same with files that may not grow beyond that size.
        let first = format!("trap '' XFSZ; exec prlimit --fsize={left}:unlimited");
        refused(&format!("{left} bytes in a file"), rekey(&desk, &first));
    }
    if let Some(disk) = &disk {
        let remount = |how: &str| {
            let mut mount = Command::new("mount");
            mount.args(["-o", &format!("remount,{how}")]).arg(disk.path());
            assert!(mount.status().expect("mount runs").success(), "{how}");
        };
        remount("ro");
        refused("a read-only file system", rekey(&desk, "exec"));
        remount("rw");
    }
    let ended = rekey(&desk, "exec");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(desk.check(), [""; 0]);
    let server = desk.start();
    assert_eq!(seen(&mut pair.lender.client(server.address())), sorted(&lent));
}
