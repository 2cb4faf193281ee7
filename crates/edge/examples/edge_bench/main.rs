//! Measures the edge's agent on a real kernel with VLANs and VRFs; `benches/edge.sh` runs it, in User-mode Linux where the
//! host's kernel has neither.
//!
//! * `edge_bench cold-agent N DIR LINKWAY`: from the start of `LINKWAY edge` with a held configuration of N interfaces to the
//!   end of its first round;
//! * `edge_bench cold-plain N DIR`: the same state with `ip -batch`, `tc -batch`, a shell for the settings, and BIRD;
//! * `edge_bench more N,N,… ROUNDS DIR`: one more interface on an edge that has N; bytes on the feed.
//!
//! Run it as root in a network namespace of its own, where nothing else is. One JSON object on stdout.

#![allow(clippy::unwrap_used, reason = "a measurement that fails stops")]

mod cold;
mod feed;
mod ip;
mod more;
mod proc;
mod timed;
mod world;

use std::path::Path;

/// As in `linkway` itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str =
    "usage: edge_bench cold-agent N DIR LINKWAY | cold-plain N DIR | more N,N,... ROUNDS DIR";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["cold-agent", n, dir, linkway] => {
            cold::agent(n.parse().unwrap(), Path::new(dir), Path::new(linkway))
        }
        ["cold-plain", n, dir] => cold::plain(n.parse().unwrap(), Path::new(dir)),
        ["more", sizes, rounds, dir] => {
            let sizes: Vec<usize> = sizes.split(',').map(|n| n.parse().unwrap()).collect();
            more::run(&sizes, rounds.parse().unwrap(), Path::new(dir))
        }
        _ => {
            eprintln!("{USAGE}");
            std::process::exit(2);
        }
    };
    println!("{result}");
}
