"""The edge's access key is replaced: the new one works, the old one does not, no ping is lost."""

from __future__ import annotations

from lab.checks import must, must_equal, wait_until
from lab.scene import Scene
from lab.traffic import Pinging, must_reach

SECOND = {"amazonAddress": "169.254.0.5/30", "customerAddress": "169.254.0.6/30"}


def run(scene: Scene) -> None:
    site = scene.site()
    edge, admin = site.edge, scene.server.admin
    lent = site.connection.lend(site.owner, vlan=101)
    lent.accept(site.vpc)
    customer = scene.customer(site.port, lent.router_config())
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)

    with Pinging(scene, customer.namespace, customer.host, site.vpc.host) as pings:
        # The old key falls into wrong hands, or the file is lost.
        (old,) = admin("access-key", "list", "--edge", edge.name)
        admin("access-key", "disable", old["accessKeyId"])
        wait_until("the agent to be refused", edge.log_text, lambda log: "Unrecognized" in log)
        made = admin("access-key", "create", "--edge", edge.name)
        must_equal(made["edgeId"], edge.name, "edgeId of the new key")
        edge.stop()
        edge.take_key(made)
        edge.start()
        admin("access-key", "delete", old["accessKeyId"])
        other = site.connection.lend(site.owner, vlan=102, **SECOND)
        other.accept(site.vpc)
        second = scene.customer(site.port, other.router_config(), prefixes=("192.168.2.0/24",))
        second.up(site.vpc.cidr)
        must_reach(second.namespace, second.host, site.vpc.host)
        other.wait_state("available")
    pings.must_lose_none()
    left = [key["accessKeyId"] for key in admin("access-key", "list", "--edge", edge.name)]
    must_equal(left, [made["accessKeyId"]], "the edge's keys")
    must(made["secretAccessKey"] not in str(admin("events")), "no secret in the trail")
    scene.note(f"another key, and an interface accepted by it; none of {pings.result.sent} lost")
