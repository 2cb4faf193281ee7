"""Why is it not up: wrong key, no key, wrong AS, wrong address, wrong VLAN, no answer, too many prefixes, no cable: each is named."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

from lab.checks import must, must_equal, wait_until
from lab.customer import Customer
from lab.interface import Interface
from lab.scene import Scene, Site

BOUND_SECONDS = 360
Parties = tuple[Scene, Site, Interface]


def run(scene: Scene) -> None:
    site = scene.site()
    lent = site.connection.lend(site.owner, vlan=101, authKey="the-right-key")
    parties = (scene, site, lent)
    answer = site.owner.explain(lent.id)
    must_equal(answer["reason"], "accepted", "what is missing before the acceptance")
    lent.accept(site.vpc)
    lent.wait_state("down")
    config = lent.router_config()

    def at(vlan: int, **changes: Any) -> Customer:
        """A customer's router that is configured wrong."""
        return scene.customer(site.port, dataclasses.replace(config, vlan=vlan, **changes))

    named(parties, "vlan", "VLAN 101", "nobody is there")
    wrong = at(102)
    wrong.start()
    named(parties, "vlan", "other frames", "another VLAN")
    wrong.router.end()

    right = scene.customer(site.port, config)
    named(parties, "tcp", "", "no BGP")

    for changes, check, words in (
        ({"key": "a-wrong-key"}, "md5", "another key"),
        ({"our_asn": 65099}, "asn", "65099"),
        ({"their_asn": 64999}, "asn", "Bad peer AS"),
    ):
        right.config = dataclasses.replace(config, **changes)
        right.start()
        named(parties, check, words, f"{list(changes)} wrong")
        right.router.end()

    right.namespace.ip(
        f"address del {config.ours}/{config.length} dev {right.interface}",
        f"address add 169.254.0.3/29 dev {right.interface}",
    )
    right.config = dataclasses.replace(config, ours="169.254.0.3")
    right.start()
    named(parties, "neighbor", "169.254.0.3", "another address")
    right.router.end()
    right.namespace.ip(
        f"address del 169.254.0.3/29 dev {right.interface}",
        f"address add {config.ours}/{config.length} dev {right.interface}",
    )

    right.config = config
    right.up(site.vpc.cidr)
    lent.wait_state("available")
    wait_for(lent, lambda answer: "reason" not in answer)
    checks = {check["check"]: check["state"] for check in site.owner.explain(lent.id)["checks"]}
    must_equal(set(checks.values()), {"ok"}, "every check of one that is up")
    scene.note("up: every check is ok")

    right.announce([f"192.168.{number}.0/24" for number in range(1, 102)])
    lent.wait_state("down")
    named(parties, "prefixLimit", "more than 100", "101 prefixes")

    site.port.cut()
    wait_for(lent, lambda answer: answer.get("reason") == "port")
    scene.note("no carrier: port")


def named(parties: Parties, check: str, words: str, mistake: str) -> None:
    """The mistake is named to both parties and to the operator, with what was seen and what to do."""
    scene, site, lent = parties

    def first(found: dict[str, Any]) -> dict[str, Any]:
        return next((one for one in found["checks"] if one["state"] == "failed"), {})

    # The mistake before may have the same check, and a finding is given for a few seconds.
    answer = wait_for(
        lent,
        lambda found: found.get("reason") == check and words in first(found).get("seen", ""),
    )
    failed = first(answer)
    must_equal(failed["check"], check, f"the first that has failed: {mistake}")
    must(failed["advice"] and failed["at"], "advice and a time", json.dumps(failed))
    must("the-right-key" not in json.dumps(answer), "no key in it", "")
    must_equal(site.lender.explain(lent.id)["reason"], check, "what the lender is told")
    shown = scene.server.admin("interface", "why", lent.id)
    must_equal(shown["reason"], check, "what the operator is told")
    scene.note(f"{mistake}: {check}: {failed['seen']}")


def wait_for(lent: Interface, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Asks until it is said, since a router takes some seconds to try."""
    return wait_until("the explanation", lambda: lent.owner.explain(lent.id), wanted, 60.0)
