//! One client that changes things, and knows what was acknowledged to it.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::process::REGION;
use crate::process::client::Client;
use crate::process::world::{Account, Pair, SIMULATED, allocation, text};

/// The VLANs that all writers compete for.
const VLANS: std::ops::RangeInclusive<u64> = 1..=200;
/// From so many live interfaces on, a writer rather deletes.
const MOST_LIVE: usize = 40;
/// Members that change in an interface's life.
const CHANGING: [&str; 5] =
    ["virtualInterfaceState", "virtualGatewayId", "bgpPeers", "tags", "customerRouterConfig"];

/// Where an interface is, as far as its writer was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Confirming,
    Accepted,
    Deleting,
    Rejected,
    Deleted,
}

impl Phase {
    /// The states that it may show.
    fn states(self) -> &'static [&'static str] {
        match self {
            Self::Confirming => &["confirming"],
            Self::Accepted => &["pending", "available"],
            Self::Deleting => &["deleting", "deleted"],
            Self::Rejected => &["rejected"],
            Self::Deleted => &["deleted"],
        }
    }

    fn is_live(self) -> bool {
        matches!(self, Self::Confirming | Self::Accepted)
    }
}

/// An interface that was acknowledged, or found after a kill.
pub struct Lent {
    pub id: String,
    pub phase: Phase,
    pub was_accepted: bool,
    connection: String,
    /// The members that never change.
    shown: Value,
    tags: BTreeMap<String, String>,
}

/// A connection that was acknowledged, or found after a kill.
pub struct Order {
    pub id: String,
    name: String,
    is_deleted: bool,
}

/// What a writer asks for.
#[derive(Clone, Debug)]
enum Ask {
    Allocate { name: String, request: Value },
    Refused { request: Value },
    Confirm { nth: usize },
    Delete { nth: usize, by_owner: bool },
    Tag { nth: usize, key: String, value: String },
    Order { name: String },
    DeleteOrder { nth: usize },
}

pub struct Writer {
    number: u64,
    rng: Rng,
    lender: Account,
    recipient: Account,
    gateway: String,
    connection: String,
    asked: u64,
    under_way: Option<Ask>,
    pub lent: Vec<Lent>,
    pub orders: Vec<Order>,
    /// The request ids of acknowledged changes, with their operation.
    pub acknowledged: Vec<(String, &'static str)>,
    /// How many calls got no answer.
    pub unknown: u32,
}

impl Writer {
    pub fn new(number: u64, seed: u64, pair: &Pair) -> Self {
        Self {
            number,
            rng: Rng::with_seed(seed),
            lender: pair.lender.clone(),
            recipient: pair.recipient.clone(),
            gateway: pair.gateway.clone(),
            connection: pair.connection.clone(),
            asked: 0,
            under_way: None,
            lent: Vec::new(),
            orders: Vec::new(),
            acknowledged: Vec::new(),
            unknown: 0,
        }
    }

    /// Leaves what it has made alone from here on, and makes more on another connection.
    pub fn go_on(&mut self, connection: &str) {
        connection.clone_into(&mut self.connection);
    }

    fn is_current(&self, lent: &Lent) -> bool {
        lent.connection == self.connection
    }

    /// Changes things until the connection breaks.
    pub fn run(&mut self, address: SocketAddr) {
        let mut lender = self.lender.client(address);
        let mut recipient = self.recipient.client(address);
        loop {
            let ask = self.choose();
            self.under_way = Some(ask.clone());
            if self.carry_out(ask, &mut lender, &mut recipient).is_err() {
                self.unknown += 1;
                return;
            }
            self.under_way = None;
        }
    }

    fn choose(&mut self) -> Ask {
        self.asked += 1;
        let name = format!("w{}-{}", self.number, self.asked);
        let live: Vec<usize> = self.nths(Phase::is_live);
        let confirming: Vec<usize> = self.nths(|phase| phase == Phase::Confirming);
        let (die, full) = (self.rng.u32(0..100), live.len() >= MOST_LIVE);
        match (self.rng.choice(live), self.rng.choice(confirming)) {
            (_, Some(nth)) if die < 25 => Ask::Confirm { nth },
            (Some(nth), _) if die < 40 || full => Ask::Delete { nth, by_owner: self.rng.bool() },
            (Some(nth), _) if die < 50 => {
                Ask::Tag { nth, key: format!("k{}", self.rng.u8(0..3)), value: name }
            }
            _ if die < 54 => Ask::Order { name },
            _ if die < 57 && self.orders.iter().any(|order| !order.is_deleted) => {
                let left = self.orders.iter().enumerate().filter(|(_, order)| !order.is_deleted);
                Ask::DeleteOrder { nth: left.map(|(nth, _)| nth).next().expect("there is one") }
            }
            _ if die < 62 => {
                let mut request = self.allocation(&name);
                let bad = [json!(0), json!(4095), json!("x")];
                let vlan = &mut request["newPrivateVirtualInterfaceAllocation"]["vlan"];
                *vlan = self.rng.choice(bad).expect("three");
                Ask::Refused { request }
            }
            _ => Ask::Allocate { request: self.allocation(&name), name },
        }
    }

    fn nths(&self, wanted: impl Fn(Phase) -> bool) -> Vec<usize> {
        let lent = self.lent.iter().enumerate().filter(|(_, lent)| self.is_current(lent));
        lent.filter(|(_, lent)| wanted(lent.phase)).map(|(nth, _)| nth).collect()
    }

    fn allocation(&mut self, name: &str) -> Value {
        let vlan = self.rng.u64(VLANS);
        // No two writers ever use the same subnet.
        let subnet = self.number * 65_536 + self.asked % 65_536;
        allocation(&self.connection, &self.recipient.id, name, vlan, subnet)
    }

    fn carry_out(&mut self, ask: Ask, lender: &mut Client, owner: &mut Client) -> io::Result<()> {
        match ask {
            Ask::Allocate { request, .. } => {
                const OPERATION: &str = "AllocatePrivateVirtualInterface";
                let answer = lender.try_call(OPERATION, &request)?;
                if answer.is_ok() {
                    self.acknowledged.push((answer.request_id.clone(), OPERATION));
                    self.made(answer.json());
                } else {
                    let (_, text) = answer.error();
                    assert!(text.contains("is in use by another"), "{text}");
                }
            }
            Ask::Refused { request } => {
                let answer = lender.try_call("AllocatePrivateVirtualInterface", &request)?;
                assert_eq!(answer.status, 400, "{}", answer.text());
            }
            Ask::Confirm { nth } => {
                let id = &self.lent[nth].id;
                let body = json!({ "virtualInterfaceId": id, "virtualGatewayId": self.gateway });
                self.change(owner, "ConfirmPrivateVirtualInterface", &body)?;
                self.accepted(nth);
            }
            Ask::Delete { nth, by_owner } => {
                let body = json!({ "virtualInterfaceId": self.lent[nth].id });
                let caller = if by_owner { owner } else { lender };
                self.change(caller, "DeleteVirtualInterface", &body)?;
                self.lent[nth].phase = after_delete(self.lent[nth].phase, by_owner);
            }
            Ask::Tag { nth, key, value } => {
                let arn = format!(
                    "arn:aws:directconnect:{REGION}:{}:dxvif/{}",
                    self.lender.id, self.lent[nth].id
                );
                let body = json!({ "resourceArn": arn, "tags": [{ "key": key, "value": value }] });
                self.change(lender, "TagResource", &body)?;
                self.lent[nth].tags.insert(key, value);
            }
            Ask::Order { name } => {
                let body =
                    json!({ "location": SIMULATED, "bandwidth": "1Gbps", "connectionName": name });
                let made = self.change(lender, "CreateConnection", &body)?;
                let id = text(&made, "connectionId");
                self.orders.push(Order { id, name, is_deleted: false });
            }
            Ask::DeleteOrder { nth } => {
                let body = json!({ "connectionId": self.orders[nth].id });
                self.change(lender, "DeleteConnection", &body)?;
                self.orders[nth].is_deleted = true;
            }
        }
        Ok(())
    }

    /// A change that no rule forbids.
    fn change(
        &mut self,
        caller: &mut Client,
        operation: &'static str,
        body: &Value,
    ) -> io::Result<Value> {
        let answer = caller.try_call(operation, body)?;
        assert!(answer.is_ok(), "{operation} {body}: {}", answer.text());
        self.acknowledged.push((answer.request_id.clone(), operation));
        Ok(answer.json())
    }

    fn made(&mut self, shown: Value) {
        let id = text(&shown, "virtualInterfaceId");
        let connection = text(&shown, "connectionId");
        let (phase, tags, shown) = (Phase::Confirming, BTreeMap::new(), unchanging(shown));
        self.lent.push(Lent { id, phase, was_accepted: false, connection, shown, tags });
    }

    fn accepted(&mut self, nth: usize) {
        self.lent[nth].phase = Phase::Accepted;
        self.lent[nth].was_accepted = true;
    }

    /// Finds out what became of the call that got no answer: all of it, or nothing.
    pub fn learn(&mut self, shown: &HashMap<String, Value>, orders: &HashMap<String, Value>) {
        match self.under_way.take() {
            None | Some(Ask::Refused { .. }) => {}
            Some(Ask::Allocate { name, request }) => {
                let found = shown.values().find(|shown| shown["virtualInterfaceName"] == *name);
                let Some(found) = found else { return };
                let asked = &request["newPrivateVirtualInterfaceAllocation"];
                for (member, value) in asked.as_object().expect("members") {
                    assert_eq!(found[member], *value, "{member} of {found}");
                }
                assert_eq!(found["connectionId"], request["connectionId"], "{found}");
                assert_eq!(found["ownerAccount"], request["ownerAccount"], "{found}");
                self.made(found.clone());
            }
            Some(Ask::Confirm { nth }) => {
                if shown[&self.lent[nth].id]["virtualInterfaceState"] != "confirming" {
                    self.accepted(nth);
                }
            }
            Some(Ask::Delete { nth, by_owner }) => {
                let lent = &mut self.lent[nth];
                let state = shown[&lent.id]["virtualInterfaceState"].as_str().expect("a state");
                if !lent.phase.states().contains(&state) {
                    lent.phase = after_delete(lent.phase, by_owner);
                }
            }
            Some(Ask::Tag { nth, key, value }) => {
                let lent = &mut self.lent[nth];
                if tags(&shown[&lent.id]).get(&key) == Some(&value) {
                    lent.tags.insert(key, value);
                }
            }
            Some(Ask::Order { name }) => {
                let found = orders.values().find(|shown| shown["connectionName"] == *name);
                let Some(found) = found else { return };
                let id = text(found, "connectionId");
                self.orders.push(Order { id, name, is_deleted: false });
            }
            Some(Ask::DeleteOrder { nth }) => {
                let order = &mut self.orders[nth];
                let state = orders[&order.id]["connectionState"].as_str().expect("a state");
                order.is_deleted = state.starts_with("delet");
            }
        }
    }

    /// Takes out what is this writer's, and compares it with what it knows. `owned` is what the
    /// recipient sees, who alone sees the gateway; without it, only the current connection counts.
    pub fn compare(
        &self,
        shown: &mut HashMap<String, Value>,
        orders: &mut HashMap<String, Value>,
        owned: Option<&HashMap<String, Value>>,
    ) {
        for lent in self.lent.iter().filter(|lent| owned.is_some() || self.is_current(lent)) {
            let found = shown.remove(&lent.id).unwrap_or_else(|| panic!("{} is lost", lent.id));
            let state = found["virtualInterfaceState"].as_str().expect("a state");
            assert!(lent.phase.states().contains(&state), "{:?}: {found}", lent.phase);
            assert_eq!(tags(&found), lent.tags, "{found}");
            if let Some(owned) = owned {
                let gateway = owned[&lent.id]["virtualGatewayId"].as_str().expect("a text");
                let led = if lent.was_accepted { &*self.gateway } else { "" };
                assert_eq!(gateway, led, "{found}");
            }
            assert_eq!(unchanging(found), lent.shown);
        }
        for order in &self.orders {
            let found = orders.remove(&order.id).unwrap_or_else(|| panic!("{} is lost", order.id));
            assert_eq!(found["connectionName"], order.name, "{found}");
            let state = found["connectionState"].as_str().expect("a state");
            let expected: &[&str] = match order.is_deleted {
                true => &["deleting", "deleted"],
                false => &["requested", "pending", "available"],
            };
            assert!(expected.contains(&state), "{found}");
        }
    }
}

fn after_delete(phase: Phase, by_owner: bool) -> Phase {
    match phase {
        Phase::Confirming if by_owner => Phase::Rejected,
        Phase::Confirming => Phase::Deleted,
        Phase::Accepted => Phase::Deleting,
        Phase::Deleting | Phase::Rejected | Phase::Deleted => phase,
    }
}

fn unchanging(mut shown: Value) -> Value {
    let members = shown.as_object_mut().expect("an interface");
    for member in CHANGING {
        members.remove(member);
    }
    shown
}

fn tags(shown: &Value) -> BTreeMap<String, String> {
    let tags = shown["tags"].as_array().into_iter().flatten();
    tags.map(|tag| (text(tag, "key"), text(tag, "value"))).collect()
}
