"""Installs the Debian package, runs the server from it, upgrades over an earlier version, removes and purges.

On a copy-on-write view of this machine in namespaces, so that nothing of it is left here. As root. The
program is LINKWAY_BIN or the release build.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from containerfile import check_container  # noqa: E402
from machine import Machine, reexec_inside  # noqa: E402
from service import Service  # noqa: E402

REPOSITORY = Path(__file__).resolve().parents[2]
EARLIER = "0.0.1~before"
# Not that of a commit, which somebody may make meanwhile.
DATED = {"SOURCE_DATE_EPOCH": "1767225600"}
ACCOUNT = {"accountId": "123456789000", "name": "Example Ltd"}

# A systemctl that says what it was asked: there is no systemd here to ask.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/tmp/systemctl
"""


def build(version: str | None, directory: str) -> Path:
    """Builds a package of the program with that version, or with its own."""
    own = {"DEB_VERSION": version} if version else {}
    words = [str(REPOSITORY / "scripts/deb.sh")]
    environment = {**os.environ, "DEB_DIR": directory, "DEB_LEVEL": "0", **DATED, **own}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return Path(done.stdout.splitlines()[-1])


def bring(machine: Machine, package: Path) -> str:
    """Copies a package to the machine; its path there."""
    inside = f"/tmp/{package.name}"
    machine.path(inside).write_bytes(package.read_bytes())
    return inside


def expect(is_so: bool, what: str) -> None:
    if not is_so:
        sys.exit(f"package test: {what}")


def owner_and_mode(machine: Machine, path: str) -> str:
    return machine.run("stat", "-c", "%U:%G %a", path).strip()


def is_installed_whole(machine: Machine, version: str) -> None:
    """Everything that the package promises is there and usable."""
    said = machine.run("dpkg-query", "-W", "-f", "${Version} ${db:Status-Abbrev}", "linkway")
    expect(said.split() == [version, "ii"], f"dpkg has {said!r}")
    expect(machine.run("dpkg", "--verify", "linkway") == "", "files differ from the package's")
    for name in ("linkway", "linkway-edge"):
        told = owner_and_mode(machine, f"/var/lib/{name}")
        expect(told == f"{name}:{name} 700", f"/var/lib/{name} is {told}")
        expect("nologin" in machine.run("getent", "passwd", name), f"{name} may log in")
    sections = machine.run("readelf", "--sections", "--wide", "/usr/bin/linkway")
    expect(".symtab" not in sections, "the program is not stripped")
    expect(machine.run("linkway", "--version").startswith("linkway "), "it does not run")
    for page in ("linkway", "linkway-serve", "linkway-admin-account-create"):
        told = machine.run("zcat", f"/usr/share/man/man1/{page}.1.gz")
        expect(told.startswith(".ie") or ".TH" in told, f"{page}(1) is no manual page")
    words = "source /usr/share/bash-completion/completions/linkway && complete -p linkway"
    machine.run("bash", "-c", words)
    has = machine.path("usr/lib/sysctl.d/60-linkway-edge.conf")
    expect("optmem_max" in has.read_text(), "no kernel settings for an edge")


def units_are_valid(machine: Machine) -> None:
    """Both, for the systemd of this machine; what other units lack here is their own affair."""
    if subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, check=False
    ).returncode:
        print("no systemd-analyze here: units are not verified")
        return
    for unit in ("linkway", "linkway-edge"):
        path = f"/usr/lib/systemd/system/{unit}.service"
        told = machine.run("systemd-analyze", "verify", "--man=no", path, code=None)
        expect("\nLimitCORE=0\n" in machine.path(path).read_text(), f"{unit} may leave a core file")
        about = [line for line in told.splitlines() if unit in line]
        expect(not about, f"{unit}.service:\n{told}")
        # Man pages that a unit names are in the package.
        for page in re.findall(r"man:(linkway[a-z-]*)\(1\)", machine.path(path).read_text()):
            expect(machine.path(f"usr/share/man/man1/{page}.1.gz").exists(), f"no {page}(1)")


def accounts(service: Service) -> list:
    return [{key: item[key] for key in ACCOUNT} for item in service.admin("account", "list")]


def is_lintian_clean(package: Path) -> None:
    """Where lintian is installed; it is not installed for this."""
    try:
        words = ["lintian", "--fail-on", "error", str(package)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        print("no lintian here")
        return
    expect(done.returncode == 0, f"lintian:\n{done.stdout}{done.stderr}")


def life_of_a_package(machine: Machine, earlier: Path, current: Path) -> None:
    config = machine.path("etc/linkway/config.toml")
    machine.run("dpkg", "--install", bring(machine, earlier))
    is_installed_whole(machine, EARLIER)
    units_are_valid(machine)
    with Service(machine) as service:
        service.admin("account", "create", "--id", ACCOUNT["accountId"], "--name", ACCOUNT["name"])
        expect(accounts(service) == [ACCOUNT], "the account is not there")
    told = owner_and_mode(machine, "/var/lib/linkway/linkway.key")
    expect(told == "linkway:linkway 600", f"the key file is {told}")

    # An operator's own settings, and a file that the package does not know.
    config.write_text(config.read_text() + "\n[lockout]\nfailures = 7\n")
    machine.path("etc/linkway/edge.json").write_text("{}")
    settings = config.read_text()

    # As on a machine with systemd: what runs is started anew.
    machine.path("run/systemd/system").mkdir(parents=True)
    systemctl = machine.path("usr/local/bin/systemctl")
    systemctl.write_text(SYSTEMCTL)
    systemctl.chmod(0o755)
    machine.run("dpkg", "--install", bring(machine, current))
    asked = machine.path("tmp/systemctl").read_text()
    expect("try-restart linkway.service linkway-edge.service" in asked, f"asked: {asked}")
    version = machine.run("dpkg-deb", "--field", f"/tmp/{current.name}", "Version").strip()
    machine.run("dpkg", "--compare-versions", version, "gt", EARLIER)
    expect(config.read_text() == settings, "the operator's settings are lost")
    with Service(machine) as service:
        expect(accounts(service) == [ACCOUNT], "the account is lost by the upgrade")

    machine.run("dpkg", "--remove", "linkway")
    asked = machine.path("tmp/systemctl").read_text()
    expect("disable --now linkway.service linkway-edge.service" in asked, f"asked: {asked}")
    expect(not machine.path("usr/bin/linkway").exists(), "removed, but there")
    expect(config.read_text() == settings, "a removal takes the settings")
    machine.run("dpkg", "--install", f"/tmp/{current.name}")
    with Service(machine) as service:
        expect(accounts(service) == [ACCOUNT], "a removal takes the data")

    files = machine.run("dpkg-query", "--listfiles", "linkway").split()
    machine.run("dpkg", "--purge", "linkway")
    left = [path for path in files if machine.path(path).is_file()]
    expect(not left, f"left after a purge: {left}")
    for path in ("var/lib/linkway", "var/lib/linkway-edge"):
        expect(not machine.path(path).exists(), f"left after a purge: /{path}")
    left = [path.name for path in machine.path("etc/linkway").iterdir()]
    expect(left == ["edge.json"], f"in /etc/linkway after a purge: {left}")


def main() -> None:
    # What is missing is installed on this machine, before the other one shows its files.
    subprocess.run([str(REPOSITORY / "scripts/need.sh"), "dpkg-dev", "sysusers"], check=True)
    reexec_inside()
    with tempfile.TemporaryDirectory(prefix="linkway-deb-") as directory:
        earlier, current = build(EARLIER, directory), build(None, directory)
        again = build(None, f"{directory}/again")
        expect(again.read_bytes() == current.read_bytes(), "two builds give two packages")
        is_lintian_clean(current)
        life_of_a_package(Machine(), earlier, current)
        check_container(Machine(), REPOSITORY)
    print(f"{current.name}: installed, upgraded, removed and purged")


if __name__ == "__main__":
    main()
