//! The trail after the crashes: a record for each change, and no other.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use crate::process::client::Client;
use crate::process::world::text;
use crate::writer::{Phase, Writer};

/// Compares the trail with what was acknowledged and with what is there.
pub fn compare(operator: &mut Client, writers: &[Writer]) {
    let events = changes(operator);
    let mut times: HashMap<String, u32> = HashMap::new();
    let mut of: BTreeMap<(String, String), u32> = BTreeMap::new();
    for event in &events {
        assert_eq!(event["outcome"], "ok", "{event}");
        *times.entry(text(event, "requestId")).or_default() += 1;
        let first = event["resources"][0].as_str().unwrap_or_default().to_owned();
        *of.entry((text(event, "operation"), first)).or_default() += 1;
    }
    for (request_id, operation) in writers.iter().flat_map(|writer| &writer.acknowledged) {
        assert_eq!(times.get(request_id), Some(&1), "records of {operation} {request_id}");
    }
    let recorded =
        |operation: &str, id: &str| of.get(&(operation.into(), id.into())).copied().unwrap_or(0);
    let (mut made, mut deleted) = (0, 0);
    for lent in writers.iter().flat_map(|writer| &writer.lent) {
        let confirmed = u32::from(lent.was_accepted);
        let ended = u32::from(!matches!(lent.phase, Phase::Confirming | Phase::Accepted));
        let expected = [1, confirmed, ended];
        let found = [
            "AllocatePrivateVirtualInterface",
            "ConfirmPrivateVirtualInterface",
            "DeleteVirtualInterface",
        ]
        .map(|operation| recorded(operation, &lent.id));
        assert_eq!(found, expected, "allocated, confirmed, deleted: {}", lent.id);
        made += 1;
        deleted += ended;
    }
    for order in writers.iter().flat_map(|writer| &writer.orders) {
        assert_eq!(recorded("CreateConnection", &order.id), 1, "{}", order.id);
    }
    let total = |operation: &str| -> u32 {
        of.iter().filter(|((of, _), _)| of == operation).map(|(_, count)| count).sum()
    };
    assert_eq!(total("AllocatePrivateVirtualInterface"), made, "what was refused has no record");
    assert_eq!(total("DeleteVirtualInterface"), deleted);
}

/// Every change that the trail holds.
fn changes(operator: &mut Client) -> Vec<Value> {
    let mut events = Vec::new();
    let mut body = json!({ "maxResults": 1000 });
    loop {
        let mut page = operator.ok("ListEvents", &body);
        body["nextToken"] = page["nextToken"].take();
        let found = page["events"].as_array().expect("a list");
        let is_last = found.len() < 1000;
        events.extend(found.iter().cloned());
        if is_last {
            return events;
        }
    }
}
