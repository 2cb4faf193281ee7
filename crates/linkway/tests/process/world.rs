//! Accounts, a location, gateways: what there must be before anything can be lent.

use std::net::SocketAddr;

use serde_json::{Value, json};

use super::client::{Client, Key};
use super::wait_for;

/// The simulated location of every test that needs one.
pub const SIMULATED: &str = "SIM1";

/// An account with a key.
#[derive(Clone)]
pub struct Account {
    pub id: String,
    pub key: Key,
}

impl Account {
    /// Made by the operator.
    pub fn create(operator: &mut Client, id: &str) -> Self {
        operator.ok("CreateAccount", &json!({ "accountId": id, "name": format!("Account {id}") }));
        let key = operator.ok("CreateAccessKey", &json!({ "accountId": id }));
        Self { id: id.to_owned(), key: Key::of(&key) }
    }

    /// Its client.
    pub fn client(&self, address: SocketAddr) -> Client {
        Client::tenant(address, &self.key)
    }

    /// A gateway of its own; the id.
    pub fn gateway(&self, operator: &mut Client) -> String {
        let body = json!({
            "accountId": self.id, "amazonSideAsn": 64512, "vpcId": "vpc-12345678",
            "cidrs": ["10.0.0.0/16"],
        });
        text(&operator.ok("CreateGateway", &body), "virtualGatewayId")
    }
}

/// Opens the simulated location.
pub fn simulated_location(operator: &mut Client) {
    let body = json!({ "locationCode": SIMULATED, "locationName": "Nowhere", "simulated": true });
    operator.ok("CreateLocation", &body);
}

/// A location with an edge router of its own, and the edge's key.
pub fn edge(operator: &mut Client, location: &str, edge: &str) -> Key {
    let body = json!({ "locationCode": location, "locationName": location });
    if operator.ok("ListLocations", &json!({}))["locations"]
        .as_array()
        .is_none_or(|known| known.iter().all(|known| known["locationCode"] != location))
    {
        operator.ok("CreateLocation", &body);
    }
    Key::of(&operator.ok("CreateEdge", &json!({ "edgeId": edge, "locationCode": location })))
}

/// A port of an edge router.
pub fn port(operator: &mut Client, edge: &str, interface: &str, bandwidth: &str) {
    let body = json!({
        "edgeId": edge, "interface": interface, "bandwidth": bandwidth, "jumboFrameCapable": true,
    });
    operator.ok("CreatePort", &body);
}

/// Orders a connection; the id.
pub fn order(tenant: &mut Client, location: &str, name: &str) -> String {
    let body = json!({ "location": location, "bandwidth": "1Gbps", "connectionName": name });
    text(&tenant.ok("CreateConnection", &body), "connectionId")
}

/// Orders a connection at the simulated location and waits until it is up; the id.
pub fn connection(tenant: &mut Client, name: &str) -> String {
    let id = order(tenant, SIMULATED, name);
    wait_for("the connection goes up", || {
        (tenant.connection_state(&id) == "available").then_some(())
    });
    id
}

/// The request that lends an interface. Addresses are a /30 of their own for each `number`.
pub fn allocation(connection: &str, owner: &str, name: &str, vlan: u64, number: u64) -> Value {
    let (high, low) = ((number / 64) % 4096, (number % 64) * 4);
    let address = |host: u64| format!("172.{}.{}.{}/30", 16 + high / 256, high % 256, low + host);
    json!({
        "connectionId": connection,
        "ownerAccount": owner,
        "newPrivateVirtualInterfaceAllocation": {
            "virtualInterfaceName": name, "vlan": vlan, "asn": 65000,
            "amazonAddress": address(1), "customerAddress": address(2),
        },
    })
}

/// A text member that must be there.
pub fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}")).to_owned()
}

/// A lender and a recipient with a gateway and a connection at the simulated location.
pub struct Pair {
    pub lender: Account,
    pub recipient: Account,
    pub gateway: String,
    pub connection: String,
}

impl Pair {
    /// Two accounts whose ids end in `number`.
    pub fn create(operator: &mut Client, address: SocketAddr, number: u32) -> Self {
        let lender = Account::create(operator, &format!("1000{number:08}"));
        let recipient = Account::create(operator, &format!("2000{number:08}"));
        let gateway = recipient.gateway(operator);
        let connection = connection(&mut lender.client(address), "trunk");
        Self { lender, recipient, gateway, connection }
    }
}
