//! Who asked for what, and what came of it. Audit records of changes are part of the change's own commit in the store
//! ([`record`]); so are those of calls that are evidence; reads and other refusals go to files ([`journal`]). [`trail`] says
//! which go where, and how many of them. Secrets are masked before any ([`mask`]).

pub mod event;
pub mod journal;
pub mod mask;
pub mod named;
pub mod record;
pub mod tally;
pub mod trail;
