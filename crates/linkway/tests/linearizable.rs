//! What concurrent clients see of a connection has an order in which it makes sense.
//!
//! Several threads allocate, confirm, delete and describe on one connection at the same time. Each
//! short history is then searched for an order of its calls that agrees with real time and with
//! the sequential specification in `linearizable/specification.rs`.

mod process;

#[path = "linearizable/specification.rs"]
mod specification;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Barrier, Mutex};

use fastrand::Rng;
use process::client::{Answer, Client};
use process::world::{Pair, allocation, connection, simulated_location, text};
use process::{Desk, QUICK, ROOMY, seed};
use serde_json::json;
use specification::{Call, Class, Said, Trunk};
use stateright::semantics::{ConsistencyTester as _, LinearizabilityTester};

const HISTORIES: u64 = 100;
const THREADS: u64 = 4;
const CALLS: u32 = 7;
/// Few, so that calls get in each other's way.
const VLANS: u64 = 2;

type History = Mutex<LinearizabilityTester<u64, Trunk>>;

#[test]
fn histories_of_concurrent_clients_are_linearizable() {
    let mut rng = Rng::with_seed(seed());
    let desk = Desk::new(&[QUICK, ROOMY].concat());
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pairs = [1, 2].map(|number| Pair::create(&mut operator, address, number));
    // Two pairs of accounts at once, each with histories of its own.
    let made = std::thread::scope(|scope| {
        let running = pairs.each_ref().map(|pair| {
            let rng = Rng::with_seed(rng.u64(..));
            scope.spawn(move || {
                (0..HISTORIES / 2)
                    .fold((HashSet::new(), rng), |(mut made, mut rng), nth| {
                        made.extend(one_history(pair, address, nth, &mut rng));
                        (made, rng)
                    })
                    .0
            })
        });
        running.map(|thread| thread.join().expect("a history is not linearizable"))
    });
    for (nth, pair) in pairs.iter().enumerate() {
        let (own, others) = (&made[nth], &made[1 - nth]);
        for account in [&pair.lender, &pair.recipient] {
            sees_only(&mut account.client(address), own, others);
        }
    }
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
}

/// One history on a connection of its own; the interfaces that it made.
fn one_history(pair: &Pair, address: SocketAddr, nth: u64, rng: &mut Rng) -> Vec<String> {
    let seed = rng.u64(..);
    let on = connection(&mut pair.lender.client(address), &format!("history {nth}"));
    let history: History = Mutex::new(LinearizabilityTester::new(Trunk::default()));
    let known = Mutex::new(Vec::new());
    let start = Barrier::new(THREADS as usize);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let mut caller = Caller {
                pair,
                on: &on,
                lender: pair.lender.client(address),
                recipient: pair.recipient.client(address),
                rng: Rng::with_seed(seed.wrapping_add(thread)),
                // A subnet for each interface of the gateway, whatever the history.
                subnet: (nth * THREADS + thread) * u64::from(CALLS),
            };
            let (history, known, start) = (&history, &known, &start);
            scope.spawn(move || {
                start.wait();
                for _ in 0..CALLS {
                    caller.call(thread, history, known);
                }
            });
        }
    });
    let history = history.into_inner().expect("no thread panicked");
    assert!(history.is_consistent(), "seed {seed}: no order explains {history:#?}");
    known.into_inner().expect("no thread panicked")
}

/// One thread of a history.
struct Caller<'a> {
    pair: &'a Pair,
    on: &'a str,
    lender: Client,
    recipient: Client,
    rng: Rng,
    subnet: u64,
}

impl Caller<'_> {
    fn call(&mut self, thread: u64, history: &History, known: &Mutex<Vec<String>>) {
        let call = self.choose(&known.lock().expect("not poisoned"));
        let lock = || history.lock().expect("not poisoned");
        lock().on_invoke(thread, call.clone()).expect("one call at a time");
        let said = self.carry_out(&call);
        if let Said::Made(id) = &said {
            known.lock().expect("not poisoned").push(id.clone());
        }
        lock().on_return(thread, said).expect("one call at a time");
    }

    fn choose(&mut self, known: &[String]) -> Call {
        // Mostly the newest ones: they are what the others are busy with.
        let newest = &known[known.len().saturating_sub(3)..];
        let die = self.rng.u32(0..100);
        match self.rng.choice(newest).cloned() {
            Some(id) if die < 20 => Call::Confirm(id),
            Some(id) if die < 50 => Call::Delete { id, by_owner: self.rng.bool() },
            Some(id) if die < 65 => Call::Describe(id),
            _ => Call::Allocate { vlan: self.rng.u64(1..=VLANS) },
        }
    }

    fn carry_out(&mut self, call: &Call) -> Said {
        match call {
            Call::Allocate { vlan } => {
                self.subnet += 1;
                let owner = &self.pair.recipient.id;
                let body = allocation(self.on, owner, "lent", *vlan, self.subnet);
                let answer = self.lender.call("AllocatePrivateVirtualInterface", &body);
                said(&answer, "is in use by another", |body| {
                    Said::Made(text(body, "virtualInterfaceId"))
                })
            }
            Call::Confirm(id) => {
                let body =
                    json!({ "virtualInterfaceId": id, "virtualGatewayId": self.pair.gateway });
                let answer = self.recipient.call("ConfirmPrivateVirtualInterface", &body);
                said(&answer, "only one in state confirming", |_| Said::Accepted)
            }
            Call::Delete { id, by_owner } => {
                let body = json!({ "virtualInterfaceId": id });
                let caller = if *by_owner { &mut self.recipient } else { &mut self.lender };
                let answer = caller.call("DeleteVirtualInterface", &body);
                said(&answer, "does not exist", |body| {
                    Said::Is(class(&text(body, "virtualInterfaceState")))
                })
            }
            Call::Describe(id) => Said::Is(class(&self.lender.interface_state(id))),
        }
    }
}

/// What an answer says; a refusal must be the one that the call can get.
fn said(
    answer: &Answer,
    refusal: &str,
    otherwise: impl FnOnce(&serde_json::Value) -> Said,
) -> Said {
    if answer.is_ok() {
        return otherwise(&answer.json());
    }
    let (_, text) = answer.error();
    assert!(text.contains(refusal), "{text}");
    Said::Refused
}

fn class(state: &str) -> Class {
    match state {
        "confirming" => Class::Confirming,
        "pending" => Class::Pending,
        "available" => Class::Available,
        "deleting" => Class::Deleting,
        "deleted" => Class::Deleted,
        "rejected" => Class::Rejected,
        other => panic!("state {other}"),
    }
}

/// Invariant 3: all of one's own and nothing of what others have.
fn sees_only(account: &mut Client, own: &HashSet<String>, others: &HashSet<String>) {
    let seen = account.all("DescribeVirtualInterfaces", "virtualInterfaces", json!({}));
    let seen: HashSet<_> = seen.iter().map(|shown| text(shown, "virtualInterfaceId")).collect();
    assert_eq!(seen, *own);
    for id in others {
        assert_eq!(account.interface(id), None);
        let (_, text) =
            account.refused("DeleteVirtualInterface", &json!({ "virtualInterfaceId": id }));
        assert!(text.contains("does not exist"), "{text}");
    }
}

/// The specification refuses what must not happen: each wrong history here has one mistake.
#[test]
fn wrong_histories_are_recognised() {
    let id = |text: &str| text.to_owned();
    let allocate = |id: &str| (Call::Allocate { vlan: 1 }, Said::Made(id.to_owned()));
    let delete = |by_owner| Call::Delete { id: id("a"), by_owner };
    let table = [
        ("two have a VLAN", vec![allocate("a"), allocate("b")]),
        ("a free VLAN is refused", vec![(Call::Allocate { vlan: 1 }, Said::Refused)]),
        (
            "confirmed twice",
            vec![
                allocate("a"),
                (Call::Confirm(id("a")), Said::Accepted),
                (Call::Confirm(id("a")), Said::Accepted),
            ],
        ),
        (
            "a refusal is undone",
            vec![
                allocate("a"),
                (delete(true), Said::Is(Class::Rejected)),
                (Call::Describe(id("a")), Said::Is(Class::Confirming)),
            ],
        ),
        (
            "let go and back again",
            vec![
                allocate("a"),
                (Call::Confirm(id("a")), Said::Accepted),
                (delete(false), Said::Is(Class::Deleting)),
                allocate("b"),
                (Call::Describe(id("a")), Said::Is(Class::Deleting)),
            ],
        ),
    ];
    for (what, calls) in table {
        let mut history = LinearizabilityTester::new(Trunk::default());
        for (nth, (call, said)) in calls.iter().enumerate() {
            let is_last = nth + 1 == calls.len();
            history.on_invret(0_u64, call.clone(), said.clone()).expect("one at a time");
            assert_eq!(history.is_consistent(), !is_last, "{what}: {call:?} {said:?}");
        }
    }
}
