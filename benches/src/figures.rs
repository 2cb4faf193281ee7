//! The report's figures of the rounds, and their bars.

use crate::Plan;
use crate::report::Report;
use crate::rounds::Contender;

/// Throughput, CPU time and latency of one contender.
fn contender(report: &mut Report, name: &str, contender: &Contender<'_>) {
    let (median, p99) = contender.latencies();
    report.figure(format!("{name}: throughput"), contender.rate(), "1/s");
    report.figure(format!("{name}: CPU of the server"), contender.cpu_micros(), "us");
    report.figure(format!("{name}: latency, median"), median, "ms");
    report.figure(format!("{name}: latency, 99 %"), p99, "ms");
}

/// (a), and (c) for reads.
pub fn describe(report: &mut Report, plan: &Plan, contenders: &[Contender<'_>]) {
    let [constant, servers @ ..] = contenders else { return };
    contender(report, "constant", constant);
    for (server, size) in servers.iter().zip(&plan.sizes) {
        contender(report, &format!("Describe at {size}"), server);
    }
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report.at_least(
            0.6,
            format!("(a) Describe at {size} / constant"),
            server.rate() / constant.rate(),
            "ratio",
        );
    }
    growth(report, plan, "(c) Describe", servers);
}

/// (b), and (c) for writes.
pub fn allocate(report: &mut Report, plan: &Plan, contenders: &[Contender<'_>]) {
    let [constant, single, servers @ ..] = contenders else { return };
    contender(report, "Allocate, a sync each", single);
    for (server, size) in servers.iter().zip(&plan.sizes) {
        contender(report, &format!("Allocate at {size}"), server);
    }
    if let Some(first) = servers.first() {
        report.at_least(
            3.0,
            "(b) Allocate / Allocate, a sync each",
            first.rate() / single.rate(),
            "ratio",
        );
    }
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report.at_least(
            0.3,
            format!("(b) Allocate at {size} / constant"),
            server.rate() / constant.rate(),
            "ratio",
        );
    }
    growth(report, plan, "(c) Allocate", servers);
}

fn growth(report: &mut Report, plan: &Plan, name: &str, servers: &[Contender<'_>]) {
    let [first, .., last] = servers else { return };
    let (small, large) = (plan.sizes[0], plan.sizes[plan.sizes.len() - 1]);
    report.at_least(
        0.8,
        format!("{name} at {large} / at {small}"),
        last.rate() / first.rate(),
        "ratio",
    );
}
