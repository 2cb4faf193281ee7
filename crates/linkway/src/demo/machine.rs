//! The machine that has the routers: the sandbox's own kernel, or a User-mode Linux beside it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::runner::{self, Runner};
use super::topology::{self, RUNNER};
use super::{Kernel, requirements};

/// User-mode Linux boots in two seconds on an idle machine.
const BOOT_TIMEOUT: Duration = Duration::from_secs(90);

/// The machine with the routers.
pub struct Machine {
    /// Runs programs on it.
    pub runner: Runner,
    /// The User-mode Linux, if it is one, and the file of its console.
    uml: Option<(Child, PathBuf)>,
}

impl Machine {
    /// Starts it. `directory` is the sandbox's own.
    ///
    /// # Errors
    ///
    /// A link cannot be made, or the machine is not up within [`BOOT_TIMEOUT`].
    pub fn start(kernel: Kernel, directory: &Path) -> anyhow::Result<Self> {
        run_here(&["ip", "-batch", "-"], &topology::sandbox_lines(kernel))?;
        let mut uml = match kernel {
            Kernel::Host => {
                runner::spawn()?;
                None
            }
            Kernel::Uml => Some(boot(directory)?),
        };
        let runner = Runner::wait(BOOT_TIMEOUT, || match &mut uml {
            None => true,
            Some((child, _)) => matches!(child.try_wait(), Ok(None)),
        });
        let runner = runner.with_context(|| console(uml.as_ref()))?;
        Ok(Self { runner, uml })
    }

    /// The last lines of its console; empty if it has none.
    pub fn console(&self) -> String {
        console(self.uml.as_ref())
    }
}

fn console(uml: Option<&(Child, PathBuf)>) -> String {
    let Some((_, file)) = uml else { return String::new() };
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    let lines: Vec<_> = text.lines().collect();
    format!("Console of User-mode Linux: {}", lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// Runs a program in the sandbox.
///
/// # Errors
///
/// It cannot be started, or its exit status is not 0.
pub fn run_here(words: &[&str], input: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let running = || words.join(" ");
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(running)?;
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).with_context(running)?;
    drop(stdin);
    let done = child.wait_with_output().with_context(running)?;
    ensure!(
        done.status.success(),
        "{}: {}",
        running(),
        String::from_utf8_lossy(&done.stderr).trim()
    );
    Ok(())
}

/// Starts a User-mode Linux that has this machine's files and whose process 1 is our script.
fn boot(directory: &Path) -> anyhow::Result<(Child, PathBuf)> {
    let (init, at, said) =
        (directory.join("init.sh"), directory.join("uml"), directory.join("console"));
    fs::create_dir(&at).context("no directory for User-mode Linux")?;
    let modules = modules(&directory.join("modules"))?;
    fs::write(&init, init_script(&modules)?).context("no script for User-mode Linux")?;
    fs::set_permissions(&init, fs::Permissions::from_mode(0o700))?;
    let out = File::create(&said).context("no console for User-mode Linux")?;
    let mut command = Command::new("linux.uml");
    command.args(["mem=512M", "rootfstype=hostfs", "rootflags=/", "rw", "quiet"]);
    command.args(["con=null", "con0=fd:0,fd:1"]);
    command.arg(format!("init={}", init.display()));
    command.arg(format!("uml_dir={}/", at.display()));
    command.args(["vec0:transport=tap,ifname=runner,depth=128"]);
    command.args(["vec1:transport=tap,ifname=mgmt,depth=128"]);
    // It keeps its memory in a file there, and its own directory below HOME.
    command.env("TMPDIR", &at).env("HOME", &at);
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    Ok((command.spawn().context("cannot start linux.uml")?, said))
}

/// A directory in which modprobe finds the modules of User-mode Linux: it looks in `/lib/modules`,
/// and the package has them elsewhere, without an index.
fn modules(directory: &Path) -> anyhow::Result<PathBuf> {
    let packaged = Path::new(requirements::UML_MODULES);
    let looking = || format!("cannot look for modules in {}", packaged.display());
    let release = fs::read_dir(packaged)
        .with_context(looking)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .max()
        .with_context(looking)?;
    let (from, to) = (packaged.join(&release), directory.join("lib/modules").join(&release));
    fs::create_dir_all(&to)?;
    symlink(from.join("kernel"), to.join("kernel"))?;
    for entry in fs::read_dir(&from).with_context(looking)? {
        let name = entry.with_context(looking)?.file_name();
        if name.to_string_lossy().starts_with("modules.") {
            fs::copy(from.join(&name), to.join(&name)).with_context(looking)?;
        }
    }
    let (directory_text, release) = (directory.to_string_lossy(), release.to_string_lossy());
    run_here(&["depmod", "-b", &directory_text, &release], "")?;
    Ok(directory.to_owned())
}

/// What process 1 of the User-mode Linux does.
fn init_script(modules: &Path) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(format!(
        "#!/bin/sh\n\
         export PATH={path} HOME=/root LANG=C.UTF-8\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run\n\
         for module in ipv6 8021q vrf veth {fences}; do\n\
         \x20 modprobe -d '{modules}' $module || echo \"no module $module\"\n\
         done\n\
         ip link set lo up\n\
         ip address add {runner}/30 dev vec0; ip link set vec0 up\n\
         '{program}' demo --runner {RUNNER}\n\
         busybox poweroff -f\n",
        path = requirements::SYSTEM_PATH,
        fences = "sch_ingress cls_flower cls_matchall cls_fw act_police act_gact act_skbedit ip6table_raw ip6t_rpfilter",
        modules = modules.display(),
        runner = RUNNER.ip(),
        program = program.display(),
    ))
}
