"""Carrier lost on the port: connection and interface are down; with the carrier they come back."""

from __future__ import annotations

from lab.scene import Scene
from lab.traffic import must_not_reach, must_reach


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)

    site.port.cut()
    site.connection.wait_state("down", patience=45)
    lent.wait_state("down", patience=45)
    must_not_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("carrier lost: connection and interface down")

    site.port.mend()
    site.connection.wait_state("available", patience=45)
    customer.wait_up()
    lent.wait_state("available")
    must_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note("carrier back: both available, packets pass")
