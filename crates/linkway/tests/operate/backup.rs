//! A copy that is made while others write, and a server that is started on it.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::process::world::{Pair, allocation, simulated_location, text};
use crate::process::{Desk, QUICK, ROOMY, wait_for};

#[test]
fn a_copy_made_while_writing_holds_everything_up_to_its_beginning() {
    let desk = Desk::new(&[QUICK, ROOMY].concat());
    let server = desk.start();
    let address = server.address();
    let mut operator = desk.operator(&server);
    simulated_location(&mut operator);
    let pair = Pair::create(&mut operator, address, 1);
    let (acknowledged, enough) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    let file = desk.beside("copy.db");
    let count = || acknowledged.lock().expect("not poisoned").len();
    let before = std::thread::scope(|scope| {
        for writer in 0..3 {
            let (pair, acknowledged, enough) = (&pair, &acknowledged, &enough);
            scope.spawn(move || {
                let mut lender = pair.lender.client(address);
                for number in (writer * 1000 + 1).. {
                    let owner = &pair.recipient.id;
                    let body = allocation(&pair.connection, owner, "lent", number, number);
                    let made = lender.ok("AllocatePrivateVirtualInterface", &body);
                    let id = text(&made, "virtualInterfaceId");
                    acknowledged.lock().expect("not poisoned").push(id);
                    if enough.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        wait_for("writes", || (count() > 30).then_some(()));
        let before = acknowledged.lock().expect("not poisoned").clone();
        let made = desk.admin(["backup", file.to_str().expect("text")]);
        wait_for("more writes", || (count() > before.len() + 10).then_some(()));
        enough.store(true, Ordering::Relaxed);
        assert_eq!(made.code, Some(0), "{made:?}");
        before
    });
    // The original goes on, and is whole.
    let seen = |desk: &Desk, address| {
        let mut lender = pair.lender.client(address);
        let shown = lender.all("DescribeVirtualInterfaces", "virtualInterfaces", json!({}));
        assert_eq!(desk.operator_key().id.len(), 20);
        shown.iter().map(|shown| text(shown, "virtualInterfaceId")).collect::<Vec<_>>()
    };
    assert_eq!(seen(&desk, address).len(), count());
    server.stop();
    assert_eq!(desk.check(), [""; 0]);
    // The copy and the key file are all that an installation needs.
    let other = Desk::new(QUICK);
    fs::DirBuilder::new().mode(0o700).create(other.data()).expect("made");
    fs::copy(&file, other.file("linkway.db")).expect("copied");
    fs::copy(desk.file("linkway.key"), other.file("linkway.key")).expect("copied");
    assert_eq!(other.check(), [""; 0]);
    let server = other.start();
    let restored = seen(&other, server.address());
    assert!(before.iter().all(|id| restored.contains(id)), "something from before is not there");
    let made = acknowledged.lock().expect("not poisoned");
    assert!(restored.len() < made.len() && restored.len() >= before.len());
    // It is a living server: what was lent can be accepted.
    let confirm = json!({ "virtualInterfaceId": before[0], "virtualGatewayId": pair.gateway });
    let mut recipient = pair.recipient.client(server.address());
    recipient.ok("ConfirmPrivateVirtualInterface", &confirm);
    wait_for("available", || (recipient.interface_state(&before[0]) == "available").then_some(()));
    server.stop();
    assert_eq!(other.check(), [""; 0]);
}
