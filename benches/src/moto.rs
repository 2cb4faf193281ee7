//! moto's server, the emulator that testers of Direct Connect tools have used so far.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::load::{self, Requests};
use crate::process::{Process, free_address};
use crate::requests::{self, Key};

/// Any key: moto reads the service from the signature's scope and verifies nothing.
fn key() -> Key {
    Key { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "example".to_owned() }
}

/// Starts it with one connection in it; the connection's id.
pub fn start(program: &Path) -> Result<(Process, String)> {
    if !program.exists() {
        bail!("{} is missing: tests/clients/install.sh installs it", program.display());
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

/// The best rate of a few numbers of connections: its threads hinder each other, so more is not better.
pub fn best_rate(process: &Process, id: &str, time: Duration) -> Result<f64> {
    let mut best: f64 = 0.0;
    for connections in [1, 4, 64] {
        let mut requests = Requests::new(id, true);
        requests.push(&requests::describe_connection(&key(), id)?);
        best = best.max(load::run(process.address, connections, time, &requests)?.rate());
    }
    Ok(best)
}
