//! Bytes on the feed, as the server sends them.

use linkway_wire::feed::{AnswerHead, ConfigText, FORMAT, answer, packed};
use serde_json::{Value, json};

/// The answer to an edge that holds `base`.
pub fn packed_answer(base: &ConfigText, next: &ConfigText) -> Vec<u8> {
    packed::encode(&whole(next), Some(&base.text()[..]))
}

fn whole(config: &ConfigText) -> Vec<u8> {
    let version = config.version();
    let (epoch, generation) = (version.epoch, version.generation);
    let head = AnswerHead { format: FORMAT, epoch, generation, last_sequence: 1 };
    answer(head, &[], Some(config))
}

/// How large the answers are.
pub fn sizes(base: &ConfigText, next: &ConfigText) -> Value {
    let whole = whole(next);
    json!({
        "change": packed_answer(base, next).len(),
        "packed": packed::encode(&whole, None).len(),
        "plain": whole.len(),
    })
}
