//! One run, from the filling of the stores to the report.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::{self, Requests};
use crate::process::{Linkway, Process, free_address, get};
use crate::report::Report;
use crate::requests::{self, Key};
use crate::rounds::{Contender, Source, play};
use crate::seed::{self, Filling, Population, mix};
use crate::{Plan, constant, moto};

/// Different interfaces that are asked for.
const ASKED: usize = 40_000;
/// The VLANs above those that the filling uses, up to the last there is.
const FREE_VLANS: std::ops::RangeInclusive<u16> = 200..=4094;
/// Within which a restarted server has to be ready, in seconds.
const READY: f64 = 3.0;
/// What a server may have resident, in MiB.
const RESIDENT: f64 = 1024.0;

/// One server that is measured, and its store.
struct Server {
    size: usize,
    linkway: Linkway,
    process: Process,
}

/// Measures everything; whether every bar is met.
pub fn run(plan: &Plan) -> Result<bool> {
    let data = plan.out.join("data");
    if data.exists() {
        fs::remove_dir_all(&data).context("removing what an earlier run left")?;
    }
    fs::create_dir_all(&data)?;
    let mut report = Report::default();
    let population = fill(plan, &data)?;
    let outcome = measure(plan, &data, &population, &mut report);
    fs::remove_dir_all(&data)?;
    outcome?;
    report.write(&plan.out.join("report.json"))?;
    print!("{}", report.table());
    Ok(report.passes())
}

fn say(text: &str) {
    eprintln!("bench: {text}");
}

fn store_of(data: &Path, size: usize) -> PathBuf {
    data.join(size.to_string())
}

/// Fills a store for each size: one is filled on and on, and copied when it has reached a size.
fn fill(plan: &Plan, data: &Path) -> Result<Population> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut filling = Filling::new();
    let growing = data.join("growing");
    for (nth, size) in plan.sizes.iter().enumerate() {
        let began = Instant::now();
        runtime.block_on(filling.fill(&growing, *size))?;
        copy(&growing, &store_of(data, *size))?;
        say(&format!(
            "filled a store with {size} interfaces in {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        if nth == 0 {
            runtime.block_on(seed::check(&store_of(data, *size)))?;
            copy(&growing, &data.join("single"))?;
        }
    }
    fs::remove_dir_all(&growing)?;
    Ok(filling.population)
}

/// Copies the files of a closed data directory.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn measure(plan: &Plan, data: &Path, population: &Population, report: &mut Report) -> Result<()> {
    let mut servers = Vec::new();
    for size in &plan.sizes {
        let linkway = Linkway::new(&plan.linkway, &store_of(data, *size), None)?;
        let (process, _) = linkway.start()?;
        servers.push(Server { size: *size, linkway, process });
    }
    let single = Linkway::new(&plan.linkway, &data.join("single"), Some(1))?.start()?.0;
    for server in &servers {
        wait_until_counted(server)?;
    }
    let (constant, key) = start_constant(&servers[0], population)?;
    let constant_source = || -> Source<'_> { Box::new(|_| of_constant(&key)) };

    say("DescribeVirtualInterfaces");
    let mut contenders = vec![Contender::new(&constant, constant_source())];
    for server in &servers {
        let source: Source<'_> = Box::new(|_| describes(population, server.size));
        contenders.push(Contender::new(&server.process, source));
    }
    play(&mut contenders, plan.rounds, plan.turn)?;
    report_describe(report, plan, &contenders);
    drop(contenders);

    say("AllocatePrivateVirtualInterface");
    let mut contenders = vec![
        Contender::new(&constant, constant_source()),
        Contender::new(&single, Allocations::source(population, plan.sizes[0])),
    ];
    for server in &servers {
        contenders
            .push(Contender::new(&server.process, Allocations::source(population, server.size)));
    }
    play(&mut contenders, plan.rounds, plan.turn)?;
    report_allocate(report, plan, &contenders);
    drop(contenders);

    report_processes(report, servers)?;
    say("moto");
    let server = Linkway::new(&plan.linkway, &store_of(data, plan.sizes[0]), None)?.start()?.0;
    against_moto(plan, &server, population, report)
}

/// At its start a server counts what it holds, for the metrics, with a part of a core.
fn wait_until_counted(server: &Server) -> Result<()> {
    let began = Instant::now();
    loop {
        let metrics = get(server.process.address, "/metrics")?;
        let counts = metrics.lines().filter_map(|line| line.strip_prefix("linkway_interfaces{"));
        let counts = counts.filter_map(|rest| rest.rsplit(' ').next()?.parse::<usize>().ok());
        if counts.sum::<usize>() >= server.size {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(180) {
            bail!("the server has not counted its {} interfaces after three minutes", server.size);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The constant server, which answers what the real one answered to a Describe.
fn start_constant(server: &Server, population: &Population) -> Result<(Process, Key)> {
    let (id, owner) = &population.interfaces[0];
    let key = population.tenants[*owner].key.clone();
    let request = requests::describe_interface(&key, id.as_str())?;
    let body = load::once(server.process.address, &request)?;
    let listen = free_address()?;
    let told = constant::Told { listen, secret: key.secret.clone(), body };
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let mut process =
        Process::start(command.arg("constant"), listen, &serde_json::to_string(&told)?)?;
    process.wait_for("/", true)?;
    Ok((process, key))
}

fn of_constant(key: &Key) -> Result<Requests> {
    let mut requests = Requests::new("\"virtualInterfaceId\":\"dxvif-", true);
    // As many different ones as the real server is asked, so that the load generator does the same.
    for nth in 0..ASKED {
        requests.push(&requests::describe_interface(key, &format!("dxvif-{nth:08}"))?);
    }
    Ok(requests)
}

fn describes(population: &Population, size: usize) -> Result<Requests> {
    let mut requests = Requests::new("\"virtualInterfaceId\":\"dxvif-", true);
    for nth in 0..ASKED {
        let drawn = usize::try_from(mix(nth as u64) % size as u64)?;
        let (id, owner) = &population.interfaces[drawn];
        requests.push(&requests::describe_interface(&population.tenants[*owner].key, id.as_str())?);
    }
    Ok(requests)
}

/// New interfaces on the connections of a store, spread over all of them.
struct Allocations<'a> {
    population: &'a Population,
    connections: usize,
    tenants: usize,
    used: usize,
}

impl<'a> Allocations<'a> {
    fn source(population: &'a Population, size: usize) -> Source<'a> {
        let connections = size.div_ceil(seed::PER_CONNECTION);
        let owners = population.connections[..connections].iter().map(|(_, owner)| owner + 1);
        let tenants = owners.max().unwrap_or(0);
        let mut allocations = Self { population, connections, tenants, used: 0 };
        Box::new(move |count| allocations.make(count))
    }

    fn make(&mut self, count: usize) -> Result<Requests> {
        let tenants = &self.population.tenants;
        let mut requests = Requests::new("\"virtualInterfaceState\":\"confirming\"", false);
        let first = self.used;
        for nth in first..first + count {
            let round = u16::try_from(nth / self.connections)?;
            let vlan = FREE_VLANS.start() + round;
            if !FREE_VLANS.contains(&vlan) {
                bail!("every VLAN of the {} connections is used up", self.connections);
            }
            let (connection, lender) = &self.population.connections[nth % self.connections];
            let owner = (lender + 1 + nth % (self.tenants - 1)) % self.tenants;
            let lender = &tenants[*lender].key;
            requests.push(&requests::allocate(
                lender,
                connection.as_str(),
                tenants[owner].id.as_str(),
                vlan,
            )?);
        }
        self.used = first + count;
        Ok(requests)
    }
}

fn report_contender(report: &mut Report, name: &str, contender: &Contender<'_>) {
    let (median, p99) = contender.latencies();
    report.figure(format!("{name}: throughput"), contender.rate(), "1/s");
    report.figure(format!("{name}: CPU of the server"), contender.cpu_micros(), "us");
    report.figure(format!("{name}: latency, median"), median, "ms");
    report.figure(format!("{name}: latency, 99 %"), p99, "ms");
}

fn report_describe(report: &mut Report, plan: &Plan, contenders: &[Contender<'_>]) {
    let [constant, servers @ ..] = contenders else { return };
    report_contender(report, "constant", constant);
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report_contender(report, &format!("Describe at {size}"), server);
    }
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report.at_least(
            0.6,
            format!("(a) Describe at {size} / constant"),
            server.against(constant),
            "ratio",
        );
    }
    report_growth(report, plan, "(c) Describe", servers);
}

fn report_allocate(report: &mut Report, plan: &Plan, contenders: &[Contender<'_>]) {
    let [constant, single, servers @ ..] = contenders else { return };
    report_contender(report, "Allocate, a sync each", single);
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report_contender(report, &format!("Allocate at {size}"), server);
    }
    if let Some(first) = servers.first() {
        report.at_least(
            3.0,
            "(b) Allocate / Allocate, a sync each",
            first.against(single),
            "ratio",
        );
    }
    for (server, size) in servers.iter().zip(&plan.sizes) {
        report.at_least(
            0.3,
            format!("(b) Allocate at {size} / constant"),
            server.against(constant),
            "ratio",
        );
    }
    report_growth(report, plan, "(c) Allocate", servers);
}

fn report_growth(report: &mut Report, plan: &Plan, name: &str, servers: &[Contender<'_>]) {
    let [first, .., last] = servers else { return };
    let (small, large) = (plan.sizes[0], plan.sizes[plan.sizes.len() - 1]);
    report.at_least(0.8, format!("{name} at {large} / at {small}"), last.against(first), "ratio");
}

/// Memory after the load, and how long a server that was killed under it takes to be ready again.
fn report_processes(report: &mut Report, servers: Vec<Server>) -> Result<()> {
    for Server { size, linkway, process } in servers {
        let resident = process.resident()?;
        report.figure(format!("(c) resident at {size}"), resident.now, "MiB");
        report.at_most(RESIDENT, format!("(c) most resident at {size}"), resident.peak, "MiB");
        drop(process);
        let (restarted, killed) = linkway.start()?;
        report.at_most(READY, format!("(c) ready after kill at {size}"), killed.as_secs_f64(), "s");
        drop(restarted);
        let (_again, ready) = linkway.start()?;
        report.at_most(READY, format!("(c) ready at {size}"), ready.as_secs_f64(), "s");
    }
    Ok(())
}

fn against_moto(
    plan: &Plan,
    server: &Process,
    population: &Population,
    report: &mut Report,
) -> Result<()> {
    let (moto, moto_id) = moto::start(&plan.moto)?;
    let (id, owner) = &population.connections[0];
    let request = requests::describe_connection(&population.tenants[*owner].key, id.as_str())?;
    let (mut rates, mut motos, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..3 {
        let mut requests = Requests::new(id.as_str(), true);
        requests.push(&request);
        let rate =
            load::run(server.address, crate::rounds::CONNECTIONS, plan.turn, &requests)?.rate();
        let other = moto::best_rate(&moto, &moto_id, plan.turn)?;
        rates.push(rate);
        motos.push(other);
        ratios.push(rate / other);
    }
    report.figure("DescribeConnections: throughput", crate::report::median(&rates), "1/s");
    report.figure("DescribeConnections of moto: throughput", crate::report::median(&motos), "1/s");
    report.at_least(
        30.0,
        "(d) DescribeConnections / moto",
        crate::report::median(&ratios),
        "ratio",
    );
    Ok(())
}
