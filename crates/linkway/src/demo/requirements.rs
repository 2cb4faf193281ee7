//! What the demo needs on this machine, and the errors if something is missing.

use std::env;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use super::{Kernel, KernelChoice};

/// The system's programs, which root's or sudo's `PATH` may lack.
pub const SYSTEM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Where Debian's package installs the modules of User-mode Linux.
pub const UML_MODULES: &str = "/usr/lib/uml/modules";

/// The required programs, and the Debian packages that contain them.
const PROGRAMS: [(&str, &str); 5] = [
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("ping", "iputils-ping"),
    ("bird", "bird2"),
    ("birdc", "bird2"),
];

/// The programs that User-mode Linux needs in addition.
const UML_PROGRAMS: [(&str, &str); 4] = [
    ("linux.uml", "user-mode-linux"),
    ("modprobe", "kmod"),
    ("depmod", "kmod"),
    ("busybox", "busybox-static"),
];

/// Makes the two kinds of link and the kind of filter that an edge needs, in a temporary network namespace. Not on `lo`, which
/// carries no VLANs on any kernel.
const PROBE: &str = "ip link add probe type vrf table 5 && \
                     ip link add port type veth peer name far && \
                     ip link add link port name port.5 type vlan id 5 && \
                     tc qdisc add dev port.5 clsact && \
                     tc filter add dev port.5 ingress protocol ip prio 1 flower ip_proto icmp \
                     action police pkts_rate 1 pkts_burst 1 conform-exceed drop/pass";

/// The kernel that carries the packets.
///
/// # Errors
///
/// The host's kernel was asked for and cannot make the links.
pub fn choose(choice: KernelChoice) -> anyhow::Result<Kernel> {
    match choice {
        KernelChoice::Uml => Ok(Kernel::Uml),
        KernelChoice::Host if !host_can() => bail!(
            "--kernel host: this kernel makes no 802.1Q or VRF links or tc filters (modules 8021q, vrf, cls_flower, act_police), or \
             this user may not; try --kernel uml"
        ),
        KernelChoice::Host => Ok(Kernel::Host),
        KernelChoice::Auto if host_can() => Ok(Kernel::Host),
        KernelChoice::Auto => Ok(Kernel::Uml),
    }
}

fn host_can() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--net", "sh", "-c", PROBE]).env("PATH", path());
    probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// The `PATH` of the programs that the demo starts.
pub fn path() -> String {
    match env::var("PATH") {
        Ok(path) => format!("{path}:{SYSTEM_PATH}"),
        Err(_) => SYSTEM_PATH.to_owned(),
    }
}

/// The path of a program.
fn find(program: &str) -> Option<PathBuf> {
    env::split_paths(&path()).map(|place| place.join(program)).find(|file| file.is_file())
}

/// The Debian packages whose programs are not installed.
pub fn missing_packages(kernel: Kernel) -> Vec<&'static str> {
    let more = match kernel {
        Kernel::Host => &[][..],
        Kernel::Uml => &UML_PROGRAMS[..],
    };
    let mut missing: Vec<_> = PROGRAMS
        .iter()
        .chain(more)
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if kernel == Kernel::Uml && !Path::new(UML_MODULES).is_dir() {
        missing.push("user-mode-linux");
    }
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// Checks that this is root.
///
/// # Errors
///
/// It is not: making network namespaces takes root.
pub fn root() -> anyhow::Result<()> {
    // The owner of a process's own directory is its effective user.
    let user = Path::new("/proc/self").metadata().context("cannot look at /proc/self")?.uid();
    ensure!(user == 0, "the demo makes network namespaces, which takes root: use sudo");
    Ok(())
}

/// Checks that this machine has what the demo needs.
///
/// # Errors
///
/// Something is missing; the text says how to install it.
pub fn check(kernel: Kernel) -> anyhow::Result<()> {
    let missing = missing_packages(kernel);
    if !missing.is_empty() {
        let why = match kernel {
            Kernel::Host => "",
            Kernel::Uml => {
                " (the kernel of this machine lacks 802.1Q or VRF, so the routers run in \
                            User-mode Linux)"
            }
        };
        let names = missing.join(" ");
        bail!("programs are missing{why}: apt-get install {names}");
    }
    if kernel == Kernel::Uml {
        ensure!(
            Path::new("/dev/net/tun").exists(),
            "/dev/net/tun does not exist; it connects User-mode Linux with the server: modprobe tun"
        );
    }
    Ok(())
}

/// The absolute path of the AWS CLI.
///
/// # Errors
///
/// There is none.
pub fn aws(given: Option<&Path>) -> anyhow::Result<PathBuf> {
    const WHERE: &str = "name it with --aws PATH; \
                         scripts/aws-cli.sh installs it into .cache/venv/bin, \
                         and `pip install awscli` anywhere";
    match given {
        Some(path) => {
            let here = env::current_dir().context("cannot tell the current directory")?;
            ensure!(path.is_file(), "--aws {}: there is no such file; {WHERE}", path.display());
            Ok(here.join(path))
        }
        None => find("aws").with_context(|| format!("the AWS CLI is not on the PATH: {WHERE}")),
    }
}
