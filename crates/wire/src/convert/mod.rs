//! The tenants' API <-> the domain: requests become commands, resources become the model's structures, faults become
//! errors. Nothing is judged here.

mod fault;
mod request;
mod resource;

pub use request::tag_pairs;
pub use resource::{View, connection, interface, location, tags, virtual_gateway};
