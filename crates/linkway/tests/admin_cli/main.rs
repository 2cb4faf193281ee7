//! `linkway admin` as an operator meets it: the real program, against a server that checks each
//! signature and answers what the test says.

mod aws_profile;
mod backup;
mod events;
mod failures;
mod help;
mod output;
mod samples;
mod server;
mod words;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

const ACCESS_KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const REGION: &str = "eu-west-2";

/// A directory with the operator's credentials for some endpoint.
struct Desk {
    dir: TempDir,
}

impl Desk {
    fn new(endpoint: &str) -> Desk {
        let desk = Desk { dir: TempDir::new().expect("a temporary directory") };
        desk.write_credentials(&format!(
            r#"{{"endpoint":"{endpoint}","region":"{REGION}",
                "accessKeyId":"{ACCESS_KEY_ID}","secretAccessKey":"{SECRET}"}}"#
        ));
        desk
    }

    fn write_credentials(&self, text: &str) {
        fs::write(self.credentials(), text).expect("written");
        fs::set_permissions(self.credentials(), Permissions::from_mode(0o600)).expect("set");
    }

    fn credentials(&self) -> PathBuf {
        self.path("operator.json")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// `linkway admin` with the credentials in the environment and a home of its own.
    fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = bare(words);
        command.env("LINKWAY_CREDENTIALS", self.credentials()).env("HOME", self.dir.path());
        command
    }

    fn run<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Ended {
        ended(&mut self.command(words))
    }
}

/// `linkway admin` with nothing of this machine's environment.
fn bare<S: AsRef<OsStr>>(words: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_linkway"));
    command.arg("admin").args(words).env_clear().stdin(Stdio::null());
    command
}

/// How a run ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn ended(command: &mut Command) -> Ended {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    Ended {
        code: status.code(),
        stdout: String::from_utf8(stdout).expect("text"),
        stderr: String::from_utf8(stderr).expect("text"),
    }
}
