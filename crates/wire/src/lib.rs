//! Bytes on the wire <-> types: AWS JSON 1.1, the types generated from the API model, and Signature
//! V4.
//!
//! Pure: no I/O, no clock, no randomness. Whatever bytes arrive, the answer is a value or an error,
//! within bounds.

pub mod convert;
pub mod error;
pub mod feed;
pub mod generated;
pub mod json;
pub mod operation;
pub mod operator;
pub mod rpki;
pub mod sigv4;
pub mod validate;
pub mod value;
pub mod webhook;
