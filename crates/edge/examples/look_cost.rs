//! What a look at the kernel costs, in CPU time of this process and of the kernel on its behalf.
//!
//! Run it as root in a network namespace of its own: `look_cost [how many links]`. It makes veth links, an address on each and
//! two routes to each in a table of ours, as stand-ins for interfaces (which have VLANs, VRFs and filters besides), and prints
//! the time of each kind of look.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on stops")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use linkway_edge::mark::Marks;
use linkway_edge::netlink::Netlink;

fn main() {
    let count: u32 = std::env::args().nth(1).map_or(4_000, |text| text.parse().unwrap());
    make(count);
    let mut kernel = Netlink::open(Marks::default()).unwrap();
    let mut picture = measure("the first look", || kernel.observe().unwrap());
    println!("{} links, {} routes", picture.links.len(), picture.routes.len());
    measure("an audit", || kernel.observe().unwrap());
    // The kernel goes on telling of new links' carriers for a second or so.
    while !kernel.is_unchanged() {
        if !kernel.observe_news(&mut picture).unwrap() {
            picture = kernel.observe().unwrap();
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    measure("nothing has changed", || assert!(kernel.is_unchanged()));
    ip(
        "link set v1 alias changed\nroute add 10.77.0.0/16 via 169.254.0.9 dev v1 onlink table 722400001\n",
    );
    measure("a link and a route have changed", || {
        assert!(!kernel.is_unchanged() && kernel.observe_news(&mut picture).unwrap());
    });
    let table = Marks::default().first_table;
    let churn = |verb: &str| {
        let line = |n: u32| {
            let (a, b) = (n >> 8, n & 255);
            format!(
                "route {verb} 100.{a}.{b}.0/24 via 169.254.0.9 dev v1 onlink table {table} proto bird\n"
            )
        };
        (0..20_000).map(line).collect::<String>()
    };
    ip(&churn("add"));
    ip(&churn("del"));
    measure("40,000 changes of BIRD's routes", || assert!(kernel.is_unchanged()));
}

fn make(count: u32) {
    let mut batch = String::new();
    let table = Marks::default().first_table;
    for n in 0..count / 2 {
        let [one, other] = [n * 2, n * 2 + 1].map(|n| (format!("v{n}"), n));
        writeln!(batch, "link add {} up type veth peer name {}", one.0, other.0).unwrap();
        for (link, n) in [one, other] {
            writeln!(batch, "link set {link} up").unwrap();
            let address = std::net::Ipv4Addr::from(0x0a40_0000 + n * 4 + 1);
            writeln!(batch, "address add {address}/30 dev {link}").unwrap();
            for part in [10, 11] {
                let (a, b, table) = (n >> 8, n & 255, table + n);
                writeln!(
                    batch,
                    "route add {part}.{a}.{b}.0/24 via 169.254.0.9 dev {link} onlink table {table} proto 172"
                )
                .unwrap();
            }
        }
    }
    ip(&batch);
}

fn ip(batch: &str) {
    let mut child = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

fn measure<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let (began, cpu) = (Instant::now(), cpu_time());
    let result = work();
    println!("{what}: {:?} of CPU, {:?} in all", cpu_time() - cpu, began.elapsed());
    result
}

/// `schedstat` of proc(5): nanoseconds on a CPU.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}
