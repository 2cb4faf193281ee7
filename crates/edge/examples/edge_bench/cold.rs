//! A cold start: everything at once, on a router that has nothing of ours.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use linkway_edge::agent::Agent;
use linkway_edge::bird::configuration::render;
use linkway_edge::bird::render::Surroundings;
use linkway_edge::bird::version::Version;
use linkway_edge::bird::{Bfd, BirdSettings, Processes};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Netlink;
use linkway_edge::plan::Plan;
use serde_json::{Value, json};

use crate::ip;
use crate::world;

/// How often BIRD is looked at.
const PACE: Duration = Duration::from_millis(20);

/// `linkway edge` with a configuration on disk, a server that is not there, and no BIRD.
pub fn agent(interfaces: usize, dir: &Path, linkway: &Path) -> Value {
    world::operators_links(0..interfaces, true);
    world::fresh(dir);
    let config = world::config(interfaces, 1);
    fs::write(dir.join("config.json"), config.text()).unwrap();
    let key = json!({ "accessKeyId": "AKIAIOSFODNN7EXAMPLE", "secretAccessKey": "x".repeat(40) });
    let credentials = dir.join("key.json");
    fs::write(&credentials, key.to_string()).unwrap();
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
    let settings = dir.join("edge.toml");
    fs::write(&settings, "log_format = \"json\"\n[bird]\nbfd = \"off\"\n").unwrap();

    let began = Instant::now();
    let mut child = Command::new(linkway)
        .args(["edge", "--endpoint", "http://127.0.0.1:9", "--credentials"])
        .arg(&credentials)
        .args(["--state-dir".as_ref(), dir.as_os_str(), "--config".as_ref(), settings.as_os_str()])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut lines = said.inspect(|line| eprintln!("{line}"));
    let line = lines.find(|line| line.contains("\"converged\"")).expect("the agent converges");
    let seconds = began.elapsed().as_secs_f64();
    child.kill().and_then(|()| child.wait()).unwrap();
    assert!(line.contains("\"failed\":0") && line.contains("\"daemon\":true"), "{line}");
    must_be_done(interfaces, dir);
    json!({ "seconds": seconds })
}

/// The same by hand: what the agent's plan has, as one file for `ip -batch`, one for `tc -batch`, one for `sh`, one for BIRD.
pub fn plain(interfaces: usize, dir: &Path) -> Value {
    world::operators_links(0..interfaces, true);
    world::fresh(dir);
    let plan = plan(interfaces, dir);
    let plain = ip::plain(&plan.steps);
    let at = |name: &str| dir.join(name);
    fs::write(at("batch"), plain.batch).unwrap();
    fs::write(at("filters"), plain.filters).unwrap();
    fs::write(at("settings"), plain.settings).unwrap();
    let sessions = plan.sessions.expect("BIRD has nothing yet");
    let settings = bird();
    let around = Surroundings { settings: &settings, log: &at("bird.log") };
    let version = Command::new("bird").arg("--version").output().unwrap().stderr;
    let version = Version::find(&String::from_utf8(version).unwrap()).unwrap();
    let dialect = version.dialect().expect("a BIRD that is known");
    let text = render(&sessions, around, dialect, &Default::default(), false);
    fs::write(at("bird.conf"), text).unwrap();
    raise_file_limit();

    let began = Instant::now();
    run(Command::new("ip").arg("-batch").arg(at("batch")));
    run(Command::new("tc").arg("-batch").arg(at("filters")));
    run(Command::new("sh").arg(at("settings")));
    let kernel = began.elapsed().as_secs_f64();
    let bird = ["-c", "bird.conf", "-s", "bird.ctl", "-P", "bird.pid"];
    run(Command::new("bird").args(bird).current_dir(dir));
    while listed(dir) < interfaces {
        thread::sleep(PACE);
    }
    let seconds = began.elapsed().as_secs_f64();
    must_be_done(interfaces, dir);
    json!({ "seconds": seconds, "kernel": kernel })
}

/// Without BFD, so that the figures go with those of before.
fn bird() -> BirdSettings {
    BirdSettings { bfd: Bfd::Off, ..BirdSettings::default() }
}

/// How many sessions BIRD lists.
fn listed(dir: &Path) -> usize {
    let words = ["-s", "bird.ctl", "show", "protocols"];
    let output = Command::new("birdc").args(words).current_dir(dir).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.starts_with("dxvif_")).count()
}

/// As the agent does for the BIRD that it starts.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let many = Some(1 << 19);
    setrlimit(Resource::Nofile, Rlimit { current: many, maximum: many }).unwrap();
}

fn run(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}");
}

fn plan(interfaces: usize, dir: &Path) -> Plan {
    let config = world::config(interfaces, 1).config().clone();
    let kernel = Netlink::open(Marks::default()).unwrap();
    let daemon = Processes::new(bird(), dir);
    let mut agent = Agent::new(kernel, daemon, Marks::default(), Some(config));
    agent.preview().expect("the kernel is seen")
}

/// Both ways lead to what leaves an agent nothing to do.
fn must_be_done(interfaces: usize, dir: &Path) {
    let left = plan(interfaces, dir);
    assert!(left.is_empty(), "left to do: {:?}", left.steps.first());
}
