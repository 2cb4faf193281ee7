//! `linkway`: hosted private virtual interfaces between accounts, over the Direct Connect API.
//!
//! The binary reads arguments and hands over; what happens lives in the modules that the words
//! name.

mod admin;
mod check;
mod cli;
mod demo;
mod edge;
mod manual;
mod print;
mod serve;
mod signed;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
