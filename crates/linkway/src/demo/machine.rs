//! The machine that has the routers: the stage's own kernel, or a User-mode Linux beside it.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::hands::{self, Hands};
use super::wiring::{self, HANDS};
use super::{Kernel, need};

/// User-mode Linux boots in two seconds on an idle machine.
const BOOT_PATIENCE: Duration = Duration::from_secs(90);

/// A machine that runs programs.
pub struct Machine {
    /// Its hands.
    pub hands: Hands,
    /// The User-mode Linux, if it is one, and the file of its console.
    uml: Option<(Child, PathBuf)>,
}

impl Machine {
    /// Starts it. `directory` is the stage's own.
    pub fn start(kernel: Kernel, directory: &Path) -> anyhow::Result<Self> {
        run_here(&["ip", "-batch", "-"], &wiring::stage_lines(kernel))?;
        let mut uml = match kernel {
            Kernel::Host => {
                hands::spawn()?;
                None
            }
            Kernel::Uml => Some(boot(directory)?),
        };
        let hands = Hands::wait(BOOT_PATIENCE, || match &mut uml {
            None => true,
            Some((child, _)) => matches!(child.try_wait(), Ok(None)),
        });
        let hands = hands.with_context(|| console(uml.as_ref()))?;
        Ok(Self { hands, uml })
    }

    /// The end of what its console says; empty if it has none.
    pub fn console(&self) -> String {
        console(self.uml.as_ref())
    }
}

fn console(uml: Option<&(Child, PathBuf)>) -> String {
    let Some((_, file)) = uml else { return String::new() };
    let bytes = fs::read(file).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    let lines: Vec<_> = text.lines().collect();
    format!("User-mode Linux said: {}", lines[lines.len().saturating_sub(12)..].join("\n"))
}

/// Runs a program of the stage that must end with exit status 0.
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

/// Starts a User-mode Linux whose files are this machine's and whose process 1 is a script of ours.
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
    command.args(["vec0:transport=tap,ifname=hands,depth=128"]);
    command.args(["vec1:transport=tap,ifname=mgmt,depth=128"]);
    // It keeps its memory in a file there, and its own directory below HOME.
    command.env("TMPDIR", &at).env("HOME", &at);
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out);
    Ok((command.spawn().context("cannot start linux.uml")?, said))
}

/// A directory in which modprobe finds the modules of User-mode Linux: it looks in `/lib/modules`,
/// and the package has them elsewhere, without an index.
fn modules(place: &Path) -> anyhow::Result<PathBuf> {
    let packaged = Path::new(need::UML_MODULES);
    let looking = || format!("cannot look for modules in {}", packaged.display());
    let release = fs::read_dir(packaged)
        .with_context(looking)?
        .filter_map(Result::ok)
        .map(|entry| entry.file_name())
        .max()
        .with_context(looking)?;
    let (from, to) = (packaged.join(&release), place.join("lib/modules").join(&release));
    fs::create_dir_all(&to)?;
    symlink(from.join("kernel"), to.join("kernel"))?;
    for entry in fs::read_dir(&from).with_context(looking)? {
        let name = entry.with_context(looking)?.file_name();
        if name.to_string_lossy().starts_with("modules.") {
            fs::copy(from.join(&name), to.join(&name)).with_context(looking)?;
        }
    }
    let (place_text, release) = (place.to_string_lossy(), release.to_string_lossy());
    run_here(&["depmod", "-b", &place_text, &release], "")?;
    Ok(place.to_owned())
}

/// What process 1 of the User-mode Linux does.
fn init_script(modules: &Path) -> anyhow::Result<String> {
    let program = std::env::current_exe().context("cannot tell where this program is")?;
    Ok(format!(
        "#!/bin/sh\n\
         export PATH={path} HOME=/root LANG=C.UTF-8\n\
         mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t tmpfs tmpfs /run\n\
         for module in ipv6 8021q vrf veth; do\n\
         \x20 modprobe -d '{modules}' $module || echo \"no module $module\"\n\
         done\n\
         ip link set lo up\n\
         ip address add {hands}/30 dev vec0; ip link set vec0 up\n\
         '{program}' demo --hands {HANDS}\n\
         busybox poweroff -f\n",
        path = need::SYSTEM_PATH,
        modules = modules.display(),
        hands = HANDS.ip(),
        program = program.display(),
    ))
}
