"""The texts of DescribeRouterConfiguration on real BIRDs and FRRs, with nothing changed but the port's name: up, with BFD, both IP versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING

from lab.bird import Bird
from lab.checks import must_equal, wait_until
from lab.dxgateway import DirectConnectGateway
from lab.frr import Frr
from lab.public import PublicNetwork
from lab.scene import Scene
from lab.traffic import must_reach
from lab.vpc import TransitNetwork

if TYPE_CHECKING:
    from lab.edge import Port
    from lab.interface import Interface

MTU = 8500
# The text's name of the customer's port, and what it is in the lab.
PORT, OURS = "eth1", "eth0"
ROUTERS = {"bird": ("CZNIC-BIRD-BIRD2", Bird), "frr": ("FRRouting-FRR-FRR8", Frr)}
# Each of the characters that mean something to a router, a shell or XML.
KEY = "it's <a> $key & !more#; %100 {x} \\n [y] |z".replace(" ", "_")


@dataclass
class Site:
    """A customer whose router is configured by the text alone."""

    kind: str
    port: Port
    lent: Interface
    # What it announces, and whether it has to be written into the text.
    prefixes: tuple[str, str]
    written: bool
    # What it reaches, by prefix.
    targets: dict[str, str]


def run(scene: Scene) -> None:
    edge = scene.edge()
    public = PublicNetwork(scene, edge, "203.0.113.0/25", "2001:db8:40::/48")
    public.start()
    owner = scene.tenant("owner")
    vpc = edge.vpc(owner, "eth8", "10.20.0.0/16", "2001:db8:20::/56")
    transit = TransitNetwork(edge, owner, "eth7", 64_520, "10.30.0.0/16", "2001:db8:30::/56")
    for space, name in ((edge.namespace, "eth7"), (transit.namespace, "eth0")):
        space.ip(f"link set {name} mtu 9100")
    ports = [edge.port(f"eth1{number}") for number in range(6)]
    for port in ports:
        edge.namespace.ip(f"link set {port.name} mtu 9100")
    edge.start()
    gateway = DirectConnectGateway(owner, 64_600)
    gateway.associate(transit, *transit.cidrs)
    sites = []
    for number, port in enumerate(ports):
        kind = list(ROUTERS)[number % 2]
        connection = scene.connect(owner, port)
        addresses = {
            "amazonAddress": f"198.19.0.{4 * number + 1}/30",
            "customerAddress": f"198.19.0.{4 * number + 2}/30",
            "authKey": KEY,
        }
        prefixes = (f"198.18.{number + 1}.0/24", f"2001:db8:c{number + 1}::/48")
        if number < 2:
            lent = connection.create(101, virtualGatewayId=vpc.gateway_id, **addresses)
            targets = dict(zip(vpc.cidrs, vpc.hosts, strict=True))
        elif number < 4:
            lent = connection.create(
                101, "Transit", directConnectGatewayId=gateway.id, mtu=MTU, **addresses
            )
            targets = dict(zip(transit.cidrs, transit.hosts, strict=True))
        else:
            filters = [{"cidr": prefix} for prefix in prefixes]
            lent = connection.create(101, "Public", routeFilterPrefixes=filters, **addresses)
            scene.server.admin("interface", "verify", lent.id)
            targets = {public.cidr: public.host, public.cidr6: public.host6}
        lent.add_peer("ipv6")
        if number >= 4:
            scene.server.admin("interface", "verify", lent.id)
        sites.append(Site(kind, port, lent, prefixes, number < 4, targets))
    for site in sites:
        load(scene, site)
    for site in sites:
        works(scene, site)


def load(scene: Scene, site: Site) -> None:
    """Fetches the text, carries out the commands of its comments, and starts the router with it."""
    identifier, router = ROUTERS[site.kind]
    answer = site.lent.owner.call(
        "DescribeRouterConfiguration",
        virtualInterfaceId=site.lent.id,
        routerTypeIdentifier=identifier,
    )
    text = answer["customerRouterConfig"].replace(PORT, OURS)
    space = site.port.trunk
    for line in re.findall(r"^[#!] +(ip .*)$", text, re.MULTILINE):
        space.run(*line.split())
    for prefix in site.prefixes:
        space.ip(f"address add {ip_network(prefix)[10]} dev lo")
        if site.kind == "frr":
            # What FRR announces has to be in the routing table, as the text says.
            space.ip(f"route add blackhole {prefix}")
    directory = scene.directory / space.name
    directory.mkdir()
    loaded = router(space, directory)
    scene.on_failure(f"{space.name}: router", loaded.details)
    scene.on_failure(f"{space.name}: links", lambda: space.run("ip", "address", "show"))
    scene.undo(loaded.end)
    loaded.load(announcing(text, site.prefixes) if site.written else text)


def announcing(text: str, prefixes: tuple[str, str]) -> str:
    """The text with what is announced where its comments say so."""
    four, six = prefixes
    for head, line in (
        (r"protocol static announced_ipv4 \{\n  ipv4;\n", f"  route {four} unreachable;\n"),
        (r"protocol static announced_ipv6 \{\n  ipv6;\n", f"  route {six} unreachable;\n"),
        (r"! What may be .*\"ip prefix.*\n", f"ip prefix-list TO-DIRECT-CONNECT permit {four}\n"),
        (r"! What may be .*\"ipv6 pre.*\n", f"ipv6 prefix-list TO-DIRECT-CONNECT permit {six}\n"),
        (r"  ! What is announced .*\d\.0/24\"\.\n", f"  network {four}\n"),
        (r"  ! What is announced .*::/32\"\.\n", f"  network {six}\n"),
    ):
        text = re.sub(head, lambda found, line=line: found[0] + line, text)
    return text


def works(scene: Scene, site: Site) -> None:
    """Both sessions and BFD are up, what is behind the interface reaches the customer and is reached."""
    lent, space = site.lent, site.port.trunk
    lent.wait_peers({"ipv4": "up", "ipv6": "up"})
    for prefix, (network, target) in zip(site.prefixes, site.targets.items(), strict=True):
        family = "-6" if ":" in prefix else "-4"
        wait_until(
            f"a route to {network} at {space.name}",
            lambda family=family: [route["dst"] for route in space.show(family, "route", "show")],
            lambda seen, network=network: network in seen,
        )
        must_reach(space, str(ip_network(prefix)[10]), target)
    bfd = wait_until(
        f"BFD of both sessions of {lent.id}",
        lambda: [
            line.split()
            for line in site.port.edge.bird("show bfd sessions").splitlines()
            if lent.id in line
        ],
        lambda lines: [line[2] for line in lines] == ["Up", "Up"],
    )
    must_equal(space.links()[f"{OURS}.101"]["mtu"], lent.described()["mtu"], "the customer's MTU")
    scene.note(f"{site.kind}, {lent.kind}: {len(bfd)} sessions up with BFD, packets pass")
