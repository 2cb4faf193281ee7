//! The tenants' API <-> the domain: requests become commands, resources become the model's structures, faults become
//! errors. Nothing is judged here.

mod fault;
mod interface;
mod request;
mod resource;

pub use interface::{Interface, Interfaces};
pub use request::tag_pairs;
pub use resource::{View, connection, location, tags, virtual_gateway};
