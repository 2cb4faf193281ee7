//! A kernel with VRFs for the test: the host's in namespaces of its own, or User-mode Linux with the host's files.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Set for the run inside; the value is where it writes its verdict.
pub const INSIDE: &str = "LINKWAY_TEST_INSIDE";
/// Which BIRD is tested, if not the installed one.
pub const PROGRAM: &str = "LINKWAY_TEST_BIRD";
/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(400);

/// Runs this program again on such a kernel, with the arguments.
pub fn run(arguments: &[String]) -> ExitCode {
    let dir = tempfile::tempdir().expect("a directory");
    let verdict = dir.path().join("verdict");
    fs::write(&verdict, "").expect("writing the verdict");
    let mut machine =
        if has_vrfs() { host(&verdict, arguments) } else { uml(dir.path(), &verdict, arguments) };
    let mut child = machine.spawn().expect("starting unshare or linux.uml (user-mode-linux)");
    let deadline = Instant::now() + PATIENCE;
    while child.try_wait().expect("waiting").is_none() {
        if Instant::now() > deadline {
            child.kill().and_then(|()| child.wait()).expect("ending it");
            println!("not done within {} s", PATIENCE.as_secs());
            break;
        }
        thread::sleep(Duration::from_millis(50));
    }
    let said = fs::read_to_string(&verdict).expect("reading the verdict");
    println!("{said}");
    if said.trim_end().ends_with("everything held") { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether this kernel has what the scenes need: looked for in a namespace that goes away with the look. On a veth pair: the loopback device takes no VLAN, whatever the
/// kernel can do (NETIF_F_VLAN_CHALLENGED).
pub fn has_vrfs() -> bool {
    for module in ["8021q", "vrf"] {
        // One that is built in or cannot be loaded: the look tells.
        let _ = Command::new("modprobe").args(["-q", module]).stderr(Stdio::null()).status();
    }
    let look = "ip link add v type vrf table 9 && ip link add p type veth peer name f && \
                ip link add link p name p.9 type vlan id 9";
    let done =
        Command::new("unshare").args(["-n", "sh", "-c", look]).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

fn host(verdict: &Path, arguments: &[String]) -> Command {
    let mut command = Command::new("unshare");
    let setup =
        "mount --make-rprivate / && mount -t tmpfs tmpfs /run && ip link set lo up && exec \"$@\"";
    command.args(["-n", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", setup, "sh"]);
    command.arg(own()).args(arguments).env(INSIDE, verdict);
    command
}

fn own() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

fn uml(dir: &Path, verdict: &Path, arguments: &[String]) -> Command {
    let release = modules(dir).expect("the modules of User-mode Linux (user-mode-linux, kmod)");
    let (own, dir_text) = (own(), dir.display());
    let program = std::env::var(PROGRAM).map(|p| format!("export {PROGRAM}='{p}'\n"));
    let init = format!(
        "#!/bin/sh\n\
         export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run {INSIDE}='{verdict}'\n\
         {program}\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run\n\
         mount -t tmpfs tmpfs /dev/shm; ip link set lo up\n\
         for m in ipv6 llc 8021q vrf veth; do modprobe -d '{dir_text}' -S {release} $m; done\n\
         '{own}' {arguments}\n\
         /bin/busybox poweroff -f\n",
        verdict = verdict.display(),
        program = program.unwrap_or_default(),
        own = own.display(),
        arguments = arguments.join(" "),
    );
    let script = dir.join("init.sh");
    fs::write(&script, init).expect("writing the script");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).expect("its mode");
    let mut command = Command::new("linux.uml");
    command.args([
        "mem=2G",
        "rootfstype=hostfs",
        "rootflags=/",
        "rw",
        "con=null",
        "con0=fd:0,fd:1",
    ]);
    command.arg("quiet").arg(format!("init={}", script.display()));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Makes a module tree that modprobe can use in the directory.
fn modules(dir: &Path) -> io::Result<String> {
    let release = fs::read_dir("/usr/lib/uml/modules")?
        .next()
        .ok_or(io::ErrorKind::NotFound)??
        .file_name()
        .to_string_lossy()
        .into_owned();
    let to = dir.join("lib/modules");
    fs::create_dir_all(&to)?;
    let from = format!("/usr/lib/uml/modules/{release}");
    Command::new("cp").arg("-r").arg(from).arg(&to).status()?;
    Command::new("depmod").arg("-b").arg(dir).arg(&release).status()?;
    Ok(release)
}
