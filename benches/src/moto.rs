//! moto's server, an emulator of AWS that testers of Direct Connect tools use.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::load::{self, Requests};
use crate::process::{Process, free_address};
use crate::requests::{self, Key};

/// moto verifies no signatures; it reads the service from the signature's scope.
fn key() -> Key {
    Key { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "example".to_owned() }
}

/// Starts it and creates a connection; the process and the connection's id.
///
/// # Errors
///
/// It is not installed, or does not answer.
pub fn start(program: &Path) -> Result<(Process, String)> {
    if !program.exists() {
        bail!("{} does not exist; tests/clients/install.sh installs it", program.display());
    }
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["-H", "127.0.0.1", "-p", &address.port().to_string()]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = Process::start(&mut command, address, "")?;
    process.wait_for("/moto-api/", true)?;
    let new = json!({ "location": "EqDC2", "bandwidth": "1Gbps", "connectionName": "bench" });
    let answer = load::once(address, &requests::signed(&key(), "CreateConnection", &new)?)?;
    let made: Value = serde_json::from_str(&answer).context("moto's answer to CreateConnection")?;
    let id = made["connectionId"].as_str().context("moto's new connection has an id")?;
    Ok((process, id.to_owned()))
}

/// The best rate of 1, 4 and 64 connections: its threads contend, so more connections may be slower.
///
/// # Errors
///
/// An answer is wrong.
pub fn best_rate(process: &Process, id: &str, time: Duration) -> Result<f64> {
    let mut best: f64 = 0.0;
    for connections in [1, 4, 64] {
        let mut requests = Requests::new(id, true);
        requests.push(&requests::describe_connection(&key(), id)?);
        best = best.max(load::run(process.address, connections, time, &requests)?.rate());
    }
    Ok(best)
}
