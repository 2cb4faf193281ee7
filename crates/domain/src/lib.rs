//! What may happen: the resources of Linkway, their states, and the rules that move them.
//!
//! Pure by construction: no async, no I/O, no clock, no randomness, no logging. Time, identifiers and settings are
//! arguments; what a rule needs to know it asks of a [`view::View`]; what it decides it returns as [`decide::Decision`],
//! a list of record writes that the shell commits with compare-and-set on everything the view was asked.

pub mod access;
pub mod access_key;
pub mod account;
pub mod arn;
pub mod association_proposal;
pub mod backbone;
pub mod bgp_peer;
pub mod check;
pub mod connection;
pub mod customer_agreement;
pub mod deadline;
pub mod decide;
pub mod dx_gateway;
pub mod edge;
pub mod epoch;
pub mod failover_test;
pub mod fault;
pub mod gateway_association;
pub mod id;
mod in_use;
pub mod index;
pub mod key;
pub mod location;
pub mod net;
pub mod notice;
pub mod operator;
pub mod outcome;
pub mod port;
pub mod principal;
pub mod public_network;
pub mod quota;
pub mod record;
pub mod resource;
pub mod router_configuration;
pub mod rpki;
pub mod seed;
pub mod settings;
mod stored;
pub mod tag;
pub mod text;
pub mod time;
pub mod transit_gateway;
pub mod version;
pub mod view;
pub mod virtual_gateway;
pub mod virtual_interface;
pub mod webhook;

pub use fault::Fault;
pub use time::Time;
