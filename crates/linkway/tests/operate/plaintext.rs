//! An edge tells no other machine's server anything without TLS, unless told to in so many words: configurations hold BGP keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;

use crate::process::{Ended, Process, binary, wait_for};

/// What `unshare` is told for a network namespace of one's own.
const ALONE: [&str; 3] = ["--user", "--map-root-user", "--net"];

fn may_be_alone() -> bool {
    let mut probe = Command::new("unshare");
    let probe = probe.args(ALONE).arg("true").stderr(Stdio::null()).status();
    probe.is_ok_and(|status| status.success())
}

/// A router without a network, so that whatever is sent goes nowhere.
struct Router(TempDir);

impl Router {
    fn new(endpoint: Option<&str>) -> Self {
        let temp = TempDir::new().expect("a temporary directory");
        let mut key = json!({
            "edgeId": "par1-a", "accessKeyId": "AKIAI44QH8DHBEXAMPLE", "region": "eu-west-2",
            "secretAccessKey": "je7MtGbClwBF/2Zp9Utk/h3yCo8nvbEXAMPLEKEY",
        });
        if let Some(endpoint) = endpoint {
            key["endpoint"] = json!(endpoint);
        }
        let path = temp.path().join("edge.json");
        fs::write(&path, key.to_string()).expect("it is written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("it is ours");
        Self(temp)
    }

    fn edge(&self, more: &[&str]) -> Command {
        let mut command = match may_be_alone() {
            true => {
                let mut command = Command::new("unshare");
                command.args(ALONE).arg(binary());
                command
            }
            false => Command::new(binary()),
        };
        command.arg("edge").args(more);
        command.arg("--credentials").arg(self.0.path().join("edge.json"));
        command.arg("--state-dir").arg(self.0.path().join("state"));
        command.stdin(Stdio::null()).env_remove("LINKWAY_LOG");
        command
    }

    fn refused(&self, endpoint: &str, more: &[&str]) {
        let ended = Ended::of(&mut self.edge(more));
        assert_eq!(ended.code, Some(1), "{ended:?}");
        let expected = format!(
            "error: the server {endpoint} is another machine and called without TLS: use https, or say --allow-plaintext \
             (allow_plaintext = true). Configurations hold BGP keys, which whoever listens in between would read\n"
        );
        assert!(ended.stderr.ends_with(&expected), "{}", ended.stderr);
        assert!(!ended.stderr.contains("je7MtGbClwBF"), "{}", ended.stderr);
    }

    /// Only where an agent can be kept from this machine's own network.
    fn starts(&self, more: &[&str]) {
        if !may_be_alone() {
            println!("no network namespace here: no agent is started");
            return;
        }
        let edge = Process::spawn(self.edge(more));
        wait_for("the agent", || edge.logs().contains("edge agent started").then_some(()));
        edge.stop();
    }
}

#[test]
fn an_edge_calls_no_other_machine_without_tls_unless_told_to() {
    for endpoint in
        ["http://192.0.2.1:8580", "http://linkway.example:8580", "http://[2001:db8::1]:8580"]
    {
        let router = Router::new(None);
        router.refused(endpoint, &["--endpoint", endpoint]);
        // The key's own file names the server as well.
        Router::new(Some(endpoint)).refused(endpoint, &[]);
        router.starts(&["--endpoint", endpoint, "--allow-plaintext"]);
    }
    for endpoint in [
        "http://127.0.0.1:8580",
        "http://[::1]:8580",
        "http://localhost:8580",
        "https://192.0.2.1:8580",
    ] {
        Router::new(None).starts(&["--endpoint", endpoint]);
    }
    let router = Router::new(Some("http://192.0.2.1:8580"));
    let config = router.0.path().join("edge.toml");
    let config = config.to_str().expect("text");
    fs::write(config, "allow_plaintext = false\n").expect("it is written");
    router.refused("http://192.0.2.1:8580", &["--config", config]);
    fs::write(config, "allow_plaintext = true\n").expect("it is written");
    router.starts(&["--config", config]);
}
