//! Who asked for what, and what came of it. Audit records of changes are part of the change's own commit in the store
//! ([`record`]); reads and refusals go to files ([`journal`]). Secrets are masked before either ([`mask`]).

pub mod event;
pub mod journal;
pub mod mask;
pub mod named;
pub mod record;
