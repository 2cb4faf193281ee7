//! Requests as a client sends them, signed beforehand: a signature is valid for five minutes.

use anyhow::Result;
use jiff::Timestamp;
use linkway_wire::sigv4::{Credentials, SignRequest, sign};
use serde_json::{Value, json};

/// The region of all signatures.
pub const REGION: &str = "eu-west-2";

/// An access key.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// A signed `POST /` as the bytes of an HTTP request.
pub fn signed(key: &Key, operation: &str, body: &Value) -> Result<Vec<u8>> {
    let target = format!("OvertureService.{operation}");
    let body = serde_json::to_vec(body)?;
    let headers = [
        ("host", "bench.invalid"),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", target.as_str()),
    ];
    let request =
        SignRequest { method: "POST", path: "/", query: None, headers: &headers, body: &body };
    let credentials = Credentials { access_key_id: &key.id, secret_access_key: &key.secret };
    let added = sign(&request, credentials, REGION, "directconnect", Timestamp::now())?;
    let mut bytes = b"POST / HTTP/1.1\r\n".to_vec();
    let added = added.iter().map(|(name, value)| (*name, value.as_str()));
    for (name, value) in headers.into_iter().chain(added) {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// `DescribeVirtualInterfaces` by id.
pub fn describe_interface(key: &Key, id: &str) -> Result<Vec<u8>> {
    signed(key, "DescribeVirtualInterfaces", &json!({ "virtualInterfaceId": id }))
}

/// `DescribeConnections` by id.
pub fn describe_connection(key: &Key, id: &str) -> Result<Vec<u8>> {
    signed(key, "DescribeConnections", &json!({ "connectionId": id }))
}

/// `AllocatePrivateVirtualInterface` with the members of the published procedure.
pub fn allocate(key: &Key, connection: &str, owner: &str, vlan: u16) -> Result<Vec<u8>> {
    let new = json!({
        "virtualInterfaceName": format!("lent-{vlan}"),
        "vlan": vlan,
        "asn": 65_000,
        "authKey": format!("bench{vlan:05}example"),
        "amazonAddress": "172.16.0.1/30",
        "customerAddress": "172.16.0.2/30",
    });
    let body = json!({
        "connectionId": connection,
        "ownerAccount": owner,
        "newPrivateVirtualInterfaceAllocation": new,
    });
    signed(key, "AllocatePrivateVirtualInterface", &body)
}
