//! `docs/not-built.md` and the table of operations say what the server answers: the list cannot change without the code.

mod in_process;

use std::collections::BTreeSet;
use std::sync::Arc;

use in_process::{Directory, Pair};
use linkway_server::api::table;
use linkway_wire::generated::Operation;
use linkway_wire::operation::Target;
use serde_json::{Value, json};

/// The operations in the first fenced block, one in a line.
fn listed() -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/not-built.md");
    let text = std::fs::read_to_string(path).expect("the document is there");
    let block = text.split("\n```").nth(1).expect("a fenced block");
    block.lines().skip(1).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_lists_exactly_what_is_not_built() {
    let directory = Directory::create();
    let mut server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    server.reconcile();
    let operator = server.operator().await;
    let pair = Pair::create(&server, &operator).await;
    let (mut missing, mut built) = (BTreeSet::new(), 0);
    for operation in Operation::ALL {
        let target = format!("OvertureService.{operation}");
        let (_, answer) = server.call(&pair.lender, &target, &json!({})).await;
        let is_missing = answer["__type"] == "UnknownOperationException";
        assert_eq!(table::row(Target::Tenant(*operation)).is_built, !is_missing, "{operation}");
        if is_missing {
            let text = answer["message"].as_str().expect("text");
            assert!(text.contains(operation.name()), "{text}");
            missing.insert(operation.name().to_owned());
        } else {
            built += 1;
        }
    }
    let listed = listed();
    let unique: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(unique.len(), listed.len(), "an operation is listed twice");
    assert_eq!(unique, missing);
    assert_eq!(missing.len() + built, 73, "operations of the model");
    // The document's own numbers.
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/not-built.md");
    let text = std::fs::read_to_string(path).expect("the document is there");
    for says in [format!("{built} are built"), format!("The other {}", missing.len())] {
        assert!(text.contains(&says), "the document does not say \"{says}\"");
    }
    // An operation of no service is another matter.
    for target in ["OvertureService.NoSuchThing", "Other.CreateConnection", "x"] {
        let (status, answer): (u16, Value) = server.call(&pair.lender, target, &json!({})).await;
        assert_eq!((status, &answer["__type"]), (400, &json!("UnknownOperationException")));
    }
    server.stop().await;
}
