//! A machine whose power can be cut: User-mode Linux with the host's files, and a disk that is a file. When it is killed, what its
//! kernel had not written to the disk is lost.

use std::fs;
use std::io::BufReader;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::ANSWERS;
use super::victim::{self, Said};

/// How long a start, or all that a machine does before its end, may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The machine, off or on.
pub struct Machine {
    dir: TempDir,
}

impl Machine {
    /// With an empty disk.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let disk = dir.path().join("disk");
        fs::File::create(&disk).and_then(|file| file.set_len(256 << 20)).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.arg("-q").arg(&disk).env("PATH", format!("{path}:/usr/sbin:/sbin"));
        assert!(mkfs.status().expect("mkfs.ext4 (e2fsprogs)").success());
        Self { dir }
    }

    /// Lets the victim run until some time after its first answers, and then cuts the power.
    pub fn run_and_cut(&self, moment: Duration) -> Said {
        let mut running = self.start("");
        let out = BufReader::new(running.stdout.take().unwrap());
        let (told, answered) = mpsc::channel();
        let listening = std::thread::spawn(move || {
            victim::listen(out, || told.send(()).expect("the test waits"))
        });
        let heard = (0..ANSWERS).try_for_each(|_| answered.recv_timeout(PATIENCE));
        std::thread::sleep(moment);
        // Its kernel and what runs on it are processes of one group.
        let group = format!("-{}", running.id());
        let killed = Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
        running.wait().unwrap();
        let said = listening.join().unwrap();
        heard.expect("some answers");
        assert!(killed.success(), "it ended by itself");
        said
    }

    /// Lets the victim look at what is there.
    pub fn run_and_look(&self) -> Said {
        let mut running = self.start(victim::LOOK);
        let out = BufReader::new(running.stdout.take().unwrap());
        let listening = std::thread::spawn(move || victim::listen(out, || {}));
        let deadline = Instant::now() + PATIENCE;
        while running.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                running.kill().unwrap();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        listening.join().unwrap()
    }

    fn start(&self, look: &str) -> Child {
        let script = self.init(look);
        let mut machine = Command::new("taskset");
        // It has one processor; to change between the host's takes longer than a system call.
        machine.args(["--cpu-list", "0", "linux.uml", "mem=384M", "rootfstype=hostfs", "rw"]);
        machine.args(["rootflags=/", "con=null", "con0=fd:0,fd:1", "quiet"]);
        machine.arg(format!("ubd0={}", self.dir.path().join("disk").display()));
        machine.arg(format!("init={}", script.display()));
        machine.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
        machine.spawn().expect("taskset and linux.uml (user-mode-linux)")
    }

    /// Its first process: mounts the disk and runs the victim.
    fn init(&self, look: &str) -> PathBuf {
        let own = std::env::current_exe().unwrap();
        let lines = [
            "#!/bin/sh".to_owned(),
            "export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run".to_owned(),
            "mount -t proc proc /proc; mount -t tmpfs tmpfs /run; mkdir /run/disk".to_owned(),
            "mount -t ext4 /dev/ubda /run/disk".to_owned(),
            format!("export {}=/run/disk/db {}", victim::DATABASE, if_any(look)),
            format!("'{}' {} --exact --nocapture 2>&1", own.display(), victim::NAME),
            "umount /run/disk; /bin/busybox poweroff -f".to_owned(),
        ];
        let script = self.dir.path().join("init.sh");
        fs::write(&script, lines.join("\n") + "\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
        script
    }
}

fn if_any(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!("{name}=1") }
}
