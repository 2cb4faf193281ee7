//! What the recipient of an offer learns of it, by nothing but tags.

mod in_process;

use std::sync::Arc;

use in_process::{Directory, LENDER, Pair, RECIPIENT};
use serde_json::{Value, json};

const DESCRIBE: &str = "OvertureService.DescribeVirtualInterfaces";
const TAGS: &str = "OvertureService.DescribeTags";

/// The tags of a list, by key.
fn by_key(tags: &Value) -> Value {
    let tags = tags.as_array().expect("a list").iter();
    tags.map(|tag| (tag["key"].as_str().expect("text").to_owned(), tag["value"].clone())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recipient_of_an_offer_sees_who_lends_and_until_when() {
    let directory = Directory::create();
    let mut server = directory.serve(Arc::clone(&directory.store) as Arc<_>);
    server.reconcile();
    let operator = server.operator().await;
    let pair = Pair::create(&server, &operator).await;
    let rename = json!({ "accountId": LENDER, "name": "Example Ltd" });
    server.ok(&operator, "Linkway.UpdateAccount", &rename).await;
    let mut offer = pair.allocation("x", 7);
    offer["newPrivateVirtualInterfaceAllocation"]["tags"] =
        json!([{ "key": "mine", "value": "1" }]);
    let made =
        server.ok(&pair.lender, "OvertureService.AllocatePrivateVirtualInterface", &offer).await;
    let id = made["virtualInterfaceId"].as_str().expect("text").to_owned();
    let arn = |owner: &str| format!("arn:aws:directconnect:eu-west-2:{owner}:dxvif/{id}");
    let one = json!({ "virtualInterfaceId": id });
    for list in [&one, &json!({})] {
        let shown = server.ok(&pair.recipient, DESCRIBE, list).await;
        let tags = by_key(&shown["virtualInterfaces"][0]["tags"]);
        assert_eq!(
            (&tags["linkway:lender"], &tags["linkway:lender-name"]),
            (&json!(LENDER), &json!("Example Ltd"))
        );
        let expires = tags["linkway:expires"].as_str().expect("a time");
        let expires: jiff::Timestamp = expires.parse().expect("RFC 3339");
        let days = expires.duration_since(jiff::Timestamp::now()).as_hours();
        assert!((167..=168).contains(&days), "{expires}");
        assert_eq!(tags.as_object().map(serde_json::Map::len), Some(3), "nothing of the lender's");
        let asked = json!({ "resourceArns": [arn(RECIPIENT)] });
        let by_arn = server.ok(&pair.recipient, TAGS, &asked).await;
        assert_eq!(by_key(&by_arn["resourceTags"][0]["tags"]), tags);
        let shown = server.ok(&pair.lender, DESCRIBE, list).await;
        assert_eq!(by_key(&shown["virtualInterfaces"][0]["tags"]), json!({ "mine": "1" }));
        let by_arn = server.ok(&pair.lender, TAGS, &json!({ "resourceArns": [arn(LENDER)] })).await;
        assert_eq!(by_key(&by_arn["resourceTags"][0]["tags"]), json!({ "mine": "1" }));
    }
    // They count for no limit, and nobody can set one.
    let many: Vec<Value> =
        (0..50).map(|n| json!({ "key": format!("k{n}"), "value": "v" })).collect();
    let label = |tags: Value| json!({ "resourceArn": arn(RECIPIENT), "tags": tags });
    server.ok(&pair.recipient, "OvertureService.TagResource", &label(json!(many))).await;
    for key in ["linkway:lender", "LINKWAY:x"] {
        let tags = json!([{ "key": key, "value": "me" }]);
        let (status, refusal) =
            server.call(&pair.recipient, "OvertureService.TagResource", &label(tags)).await;
        assert_eq!(status, 400);
        let expected =
            format!("tags[0].key \"{key}\" must not begin with linkway:, which is reserved.");
        assert_eq!(refusal["message"], expected);
    }
    let shown = server.ok(&pair.recipient, DESCRIBE, &one).await;
    assert_eq!(shown["virtualInterfaces"][0]["tags"].as_array().map(Vec::len), Some(53));
    // Once it is answered they are gone: tools that compare tags would want to remove them.
    let confirm = json!({ "virtualInterfaceId": id, "virtualGatewayId": pair.gateway });
    server.ok(&pair.recipient, "OvertureService.ConfirmPrivateVirtualInterface", &confirm).await;
    let shown = server.ok(&pair.recipient, DESCRIBE, &one).await;
    let tags = by_key(&shown["virtualInterfaces"][0]["tags"]);
    assert_eq!(tags.as_object().map(serde_json::Map::len), Some(50), "{tags}");
    server.stop().await;
}
