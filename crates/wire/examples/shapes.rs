//! Prints the model that the types were generated from, as JSON in the form of botocore's
//! `service-2.json`, for the test that compares it with the model of an installed client.

#![allow(clippy::disallowed_macros, reason = "printing is what it is for")]

use linkway_wire::{generated, model};

fn main() {
    println!("{:#}", model::to_json(generated::OPERATIONS, generated::SHAPES));
}
