"""A wrong authKey: the session never comes up, the interface is down, not a word of BGP is said."""

from __future__ import annotations

import json

from lab.checks import must, must_equal, stays
from lab.scene import Scene
from lab.traffic import must_not_reach, must_reach


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101, authKey="the-right-key")
    config = lent.router_config()
    customer = scene.customer(site.port, config, key="a-wrong-key")
    customer.start()
    with scene.capture(site.port.trunk, "eth0") as wire:
        lent.accept(site.vpc)
        lent.wait_state("down")
        stays(
            "the session not up",
            customer.router.session,
            lambda state: state != "Established",
            seconds=8,
        )
    bgp = [frame for frame in wire.frames if frame.kind == "tcp" and frame.is_bgp]
    must({frame.source for frame in bgp} == {config.ours, config.theirs}, "both sides to try", bgp)
    said = [str(frame) for frame in bgp if frame.segment]
    must_equal(said, [], "what was said in these connections")
    must_equal((lent.state(), lent.session()), ("down", "down"), "interface and bgpStatus")
    must_not_reach(customer.namespace, customer.host, site.vpc.host)
    scene.note(f"{len(bgp)} TCP segments of both sides, none with a word of BGP; state down")
    peers = site.edge.shown_interface(lent.id).get("peers", [])
    scene.note(f"as far as the daemon tells: {json.dumps(peers)}")

    # What the failure guide says: give the router the key that the API returned.
    customer.router.end()
    customer.config = config
    customer.up(site.vpc.cidr)
    must_reach(customer.namespace, customer.host, site.vpc.host)
    lent.wait_state("available")
    scene.note("with the right key it is up")
