//! What a package installs is found without being named: /etc/linkway/*.toml and /var/lib/linkway/operator.json. The program
//! sees those of a test in a mount namespace of its own.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::process::{Ended, Process, QUICK, binary};

/// A machine's /etc and /var/lib as far as the program looks at them.
struct Machine(TempDir);

impl Machine {
    /// `None` where this process may make no mount namespace.
    fn new() -> Option<Self> {
        let machine = Self(TempDir::new().expect("a temporary directory"));
        for dir in ["etc/linkway", "lib"] {
            fs::create_dir_all(machine.path().join(dir)).expect("it is made");
        }
        let mut probe = machine.inside("true");
        let ended = Ended::of(&mut probe);
        if ended.code != Some(0) {
            println!("no mount namespace here: {}", ended.stderr);
            return None;
        }
        Some(machine)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join("etc/linkway").join(name), text).expect("it is written");
    }

    /// A shell's command there.
    fn inside(&self, script: &str) -> Command {
        const MOUNTED: &str =
            "mount --bind \"$0/etc\" /etc && mount --bind \"$0/lib\" /var/lib && ";
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
        command.arg(format!("{MOUNTED}{script}")).arg(self.path());
        let programs = binary().parent().expect("a directory").display().to_string();
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{programs}:{path}")).stdin(Stdio::null());
        command.env_remove("LINKWAY_CREDENTIALS").env_remove("LINKWAY_LOG");
        command
    }

    fn run(&self, script: &str) -> Ended {
        Ended::of(&mut self.inside(script))
    }
}

#[test]
fn a_service_and_its_operator_need_no_paths() {
    let Some(machine) = Machine::new() else { return };
    let ended = machine.run("exec linkway serve");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let missing =
        "--data-dir DIR or --config FILE is required, for there is no /etc/linkway/config.toml";
    assert!(ended.stderr.contains(missing), "{}", ended.stderr);
    let ended = machine.run("exec linkway admin account list");
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let missing = "--credentials FILE (or LINKWAY_CREDENTIALS) is required, for there is no /var/lib/linkway/operator.json";
    assert!(ended.stderr.contains(missing), "{}", ended.stderr);

    let rest = "listen = \"127.0.0.1:0\"\nadmin_listen = \"127.0.0.1:0\"\n";
    machine.write("config.toml", &format!("data_dir = \"/var/lib/linkway\"\n{rest}{QUICK}"));
    let started = || Process::spawn(machine.inside("exec linkway serve")).ready();
    let server = started().expect("it starts");
    let words = first_command(&server.logs()).expect("the first start says what comes next");
    assert_eq!(
        words,
        "linkway admin --credentials /var/lib/linkway/operator.json account create --id 123456789000 --name 'Example Ltd'"
    );
    // As it is, and then without any path.
    let ended = machine.run(&words);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let accounts = machine.run("exec linkway admin account list --output json").json();
    assert_eq!(accounts[0]["name"], json!("Example Ltd"));
    server.stop();
    let server = started().expect("it starts again");
    assert_eq!(first_command(&server.logs()), None, "the hint is the first start's");
    server.stop();

    // What is named goes before what is usual.
    let other = machine.path().join("other.toml");
    fs::write(&other, "data_dir = \"/var/lib/other\"\n").expect("it is written");
    let shown =
        machine.run(&format!("exec linkway serve --print-config --config {}", other.display()));
    assert!(shown.stdout.contains("data_dir = \"/var/lib/other\""), "{shown:?}");
    let shown = machine.run("exec linkway serve --print-config --data-dir /var/lib/third");
    assert!(shown.stdout.contains("data_dir = \"/var/lib/third\""), "{shown:?}");
    assert!(!shown.stdout.contains("simulated_step_seconds = 0.02"), "{shown:?}");
    let ended = machine.run("exec linkway admin --credentials /var/lib/none.json account list");
    assert_eq!(ended.code, Some(3), "{ended:?}");
}

#[test]
fn an_edge_finds_its_configuration() {
    let Some(machine) = Machine::new() else { return };
    let shown = machine.run("exec linkway edge --print-config");
    assert!(!shown.stdout.contains("state_dir"), "{shown:?}");
    machine.write("edge.toml", "state_dir = \"/var/lib/linkway-edge\"\nregion = \"eu-west-9\"\n");
    let shown = machine.run("exec linkway edge --print-config");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    for line in ["state_dir = \"/var/lib/linkway-edge\"", "region = \"eu-west-9\""] {
        assert!(shown.stdout.contains(line), "{shown:?}");
    }
    let shown = machine.run("exec linkway edge --print-config --state-dir /var/lib/other");
    assert!(!shown.stdout.contains("eu-west-9"), "{shown:?}");
}

/// What is between the marks of a command in the hint of a first start.
fn first_command(logs: &str) -> Option<String> {
    let line = logs.lines().find(|line| line.contains("first start"))?;
    line.split('`').nth(1).map(str::to_owned)
}
