//! One run, from filling the stores to the report.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::load::{self, Requests};
use crate::process::{Linkway, Process, free_address, get};
use crate::report::Report;
use crate::requests::{self, Key};
use crate::rounds::{Contender, run_rounds};
use crate::seed::{self, Extent, Filling, Population};
use crate::{Plan, constant, figures, flood, moto, workload};

/// Turns of writes are so many times as long, so that deferred work (merging) happens within the rounds.
const ALLOCATE_TURN: u32 = 3;
/// The longest that a restarted server may take until it is ready, in seconds.
const READY: f64 = 3.0;
/// The most resident memory of a server, in MiB.
const RESIDENT: f64 = 1024.0;

/// A measured server and its store.
struct Server {
    extent: Extent,
    linkway: Linkway,
    process: Process,
}

/// Runs all measurements; whether every bar is met.
///
/// # Errors
///
/// A process fails, or gives a wrong answer.
pub fn run(plan: &Plan) -> Result<bool> {
    let data = plan.out.join("data");
    if data.exists() {
        fs::remove_dir_all(&data).context("removing the data of an earlier run")?;
    }
    fs::create_dir_all(&data)?;
    let mut report = Report::default();
    let (population, extents) = fill(plan, &data)?;
    let of = (&population, extents.as_slice());
    let outcome = match plan.only_flood {
        true => in_flood(plan, &data, of, &mut report),
        false => measure(plan, &data, of, &mut report),
    };
    fs::remove_dir_all(&data)?;
    outcome?;
    report.write(&plan.out.join("report.json"))?;
    print!("{}", report.table());
    Ok(report.passes())
}

fn progress(text: &str) {
    eprintln!("bench: {text}");
}

fn store_of(data: &Path, size: usize) -> PathBuf {
    data.join(size.to_string())
}

/// Fills a store for each size: one store grows, and is copied when it has reached a size.
fn fill(plan: &Plan, data: &Path) -> Result<(Population, Vec<Extent>)> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut filling = Filling::new();
    let mut extents = Vec::new();
    let growing = data.join("growing");
    for (nth, size) in plan.sizes.iter().enumerate() {
        let began = Instant::now();
        let extent = runtime.block_on(filling.fill(&growing, *size))?;
        let store = store_of(data, extent.interfaces);
        copy(&growing, &store)?;
        extents.push(extent);
        progress(&format!(
            "filled a store with {size} interfaces in {:.1} s",
            began.elapsed().as_secs_f64()
        ));
        if nth == 0 {
            runtime.block_on(seed::check(&store))?;
            copy(&growing, &data.join("single"))?;
            copy(&growing, &data.join("flooded"))?;
        }
    }
    fs::remove_dir_all(&growing)?;
    Ok((filling.population, extents))
}

/// Copies the files of a closed data directory.
fn copy(from: &Path, to: &Path) -> Result<()> {
    // A server refuses a directory that others may read.
    fs::DirBuilder::new().mode(0o700).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn measure(
    plan: &Plan,
    data: &Path,
    (population, extents): (&Population, &[Extent]),
    report: &mut Report,
) -> Result<()> {
    let mut servers = Vec::new();
    for extent in extents {
        let linkway = Linkway::new(&plan.linkway, &store_of(data, extent.interfaces), None)?;
        let (process, _) = linkway.start()?;
        servers.push(Server { extent: *extent, linkway, process });
    }
    let single = Linkway::new(&plan.linkway, &data.join("single"), Some(1))?.start()?.0;
    for server in &servers {
        wait_until_counted(server)?;
    }
    let (constant, key) = start_constant(&servers[0], population)?;

    progress("DescribeVirtualInterfaces");
    let mut contenders = vec![Contender::new(&constant, workload::of_constant(&key))];
    for server in &servers {
        let source = workload::describes(population, server.extent);
        contenders.push(Contender::new(&server.process, source));
    }
    run_rounds(&mut contenders, plan.rounds, plan.turn)?;
    figures::describe(report, plan, &contenders);
    drop(contenders);

    progress("AllocatePrivateVirtualInterface");
    let mut contenders = vec![
        Contender::new(&constant, workload::of_constant(&key)),
        Contender::new(&single, workload::allocations(population, extents[0])),
    ];
    for server in &servers {
        let source = workload::allocations(population, server.extent);
        contenders.push(Contender::new(&server.process, source));
    }
    run_rounds(&mut contenders, plan.rounds, plan.turn * ALLOCATE_TURN)?;
    figures::allocate(report, plan, &contenders);
    drop(contenders);

    processes(report, servers)?;
    drop((single, constant));
    in_flood(plan, data, (population, extents), report)?;
    progress("moto");
    let server =
        Linkway::new(&plan.linkway, &store_of(data, extents[0].interfaces), None)?.start()?.0;
    against_moto(plan, &server, population, report)
}

/// Measures what a stranger's flood costs a tenant of the smallest store.
fn in_flood(
    plan: &Plan,
    data: &Path,
    (population, extents): (&Population, &[Extent]),
    report: &mut Report,
) -> Result<()> {
    progress("flood");
    let (linkway, extent) = (Linkway::new(&plan.linkway, &data.join("flooded"), None)?, extents[0]);
    let server = Server { extent, process: linkway.start()?.0, linkway };
    wait_until_counted(&server)?;
    flood::measure(report, plan, &server.process, (population, extent))
}

/// After its start a server counts its interfaces for the metrics, which takes a part of a core.
fn wait_until_counted(server: &Server) -> Result<()> {
    let admin = server.linkway.admin_address()?;
    let began = Instant::now();
    loop {
        let metrics = get(admin, "/metrics")?;
        let counts = metrics.lines().filter_map(|line| line.strip_prefix("linkway_interfaces{"));
        let counts = counts.filter_map(|rest| rest.rsplit(' ').next()?.parse::<usize>().ok());
        if counts.sum::<usize>() >= server.extent.interfaces {
            return Ok(());
        }
        if began.elapsed() > Duration::from_secs(180) {
            bail!(
                "the server has not counted its {} interfaces after three minutes",
                server.extent.interfaces
            );
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Starts the constant server with the real server's answer to a Describe as its constant.
fn start_constant(server: &Server, population: &Population) -> Result<(Process, Key)> {
    let (id, owner) = &population.interfaces[0];
    let key = population.tenants[*owner].key.clone();
    let request = requests::describe_interface(&key, id.as_str())?;
    let body = load::once(server.process.address, &request)?;
    let listen = free_address()?;
    let settings = constant::ConstantSettings { listen, secret: key.secret.clone(), body };
    let mut command = std::process::Command::new(std::env::current_exe()?);
    let mut process =
        Process::start(command.arg("constant"), listen, &serde_json::to_string(&settings)?)?;
    process.wait_for("/", true)?;
    Ok((process, key))
}

/// Measures memory after the load, and the time until a killed server is ready again.
fn processes(report: &mut Report, servers: Vec<Server>) -> Result<()> {
    for Server { extent, linkway, process } in servers {
        let size = extent.interfaces;
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
