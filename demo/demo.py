"""The whole story in the terminal: one account lends a private virtual interface, another accepts it.

Plays the published DirectLink procedure with an unmodified AWS CLI against a server of its own, and
ends with exit status 0 only if every state and every refusal was as it must be. So far this is the
control plane: the location is simulated, no packet moves.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

from stage import Failed, Refused, Stage, Terminal

LENDER, RECIPIENT = "987654321098", "123456789000"

# The published command's own value. Only ids differ from the published text: they are this run's.
ALLOCATION = (
    "virtualInterfaceName=MyPrivateVirtualInterface,vlan=101,asn=65000,"
    "authKey=tgyn26example,amazonAddress=172.16.0.1/30,customerAddress=172.16.0.2/30"
)

# The order in which states may be seen; one that lasts a moment may be missed.
CONNECTION_PATH = ("requested", "pending", "available", "deleting", "deleted")
INTERFACE_PATH = ("confirming", "pending", "available", "deleting", "deleted")

PATIENCE_SECONDS = 30


class States:
    """The states of one resource as they were seen, and whether they came in the right order."""

    def __init__(self, story: Story, name: str, path: tuple[str, ...]) -> None:
        self._story = story
        self.name = name
        self._path = path
        self.seen: list[tuple[float, str]] = []

    def saw(self, state: str) -> None:
        """Notes a state; fails when it cannot follow the one before."""
        if self.seen and self.seen[-1][1] == state:
            return
        last = self._path.index(self.seen[-1][1]) if self.seen else -1
        if state not in self._path[last + 1 :]:
            raise Failed(f"{self.name} is {state} after {[state for _, state in self.seen]}")
        self.seen.append((self._story.elapsed(), state))
        self._story.terminal.answer(f"{self.name}: {state}")

    def must_be(self, state: str, expected: str) -> None:
        """Notes a state that must be the expected one."""
        if state != expected:
            raise Failed(f"{self.name} is {state}, not {expected}")
        self.saw(state)


class Story:
    """One run."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.terminal = stage.terminal
        self._began = time.monotonic()
        self.connection = States(self, "connection", CONNECTION_PATH)
        self.interface = States(self, "virtual interface", INTERFACE_PATH)

    def elapsed(self) -> float:
        return time.monotonic() - self._began

    def play(self) -> None:
        """From an empty server to an empty server."""
        self.set_up()
        self.order()
        self.slip()
        self.lend()
        self.accept()
        self.hold()
        self.give_back()
        self.look_back()

    def set_up(self) -> None:
        stage, terminal = self.stage, self.terminal
        terminal.title("1. The operator opens a location and two accounts")
        terminal.say(f"  A server with an empty data directory listens on {stage.endpoint}.")
        stage.admin("location", "create", "--code", "PAR1", "--name", "Paris", "--simulated")
        for account, name in ((LENDER, "lender"), (RECIPIENT, "recipient")):
            stage.admin("account", "create", "--id", account, "--name", name)
            stage.admin("access-key", "create", "--account", account, "--aws-profile", name)
        terminal.say("  Each account has a profile of the AWS CLI now: endpoint, region and keys.")
        terminal.say("  The recipient's VPC is reached through a virtual gateway:")
        words = ["--account", RECIPIENT, "--vpc", "vpc-12345678", "--cidr", "10.0.0.0/16"]
        self.gateway = stage.admin("gateway", "create", *words)["virtualGatewayId"]
        terminal.answer(self.gateway)

    def order(self) -> None:
        self.terminal.title("2. The lender orders a connection")
        self.terminal.say("  A port at the location. The simulated location approves by itself.")
        words = ["--location", "PAR1", "--bandwidth", "1Gbps", "--connection-name", "MyConnection"]
        made = self.stage.aws("lender", "create-connection", *words)
        self.connection_id = made["connectionId"]
        self.terminal.answer(self.connection_id)
        self.connection.must_be(made["connectionState"], "requested")
        self.wait_for_connection("available")

    def slip(self) -> None:
        self.terminal.title("3. The published sample has a stray ')' at its end")
        self.terminal.say("  Quoted, the AWS CLI sends it. The answer names field, value and rule:")
        refusal = self.refused("lender", *self.allocation(f"{ALLOCATION})"))
        for part in ("customerAddress", "172.16.0.2/30)"):
            if part not in refusal.message:
                raise Failed(f"the refusal does not name {part}: {refusal}")

    def lend(self) -> None:
        self.terminal.title("4. The lender lends an interface: the published command")
        made = self.stage.aws("lender", *self.allocation(ALLOCATION))
        self.interface_id = made["virtualInterfaceId"]
        shown = ("virtualInterfaceId", "ownerAccount", "vlan", "amazonAddress", "customerAddress")
        for name in shown:
            self.terminal.answer(f"{name}: {made[name]}")
        if made["ownerAccount"] != RECIPIENT or "virtualGatewayId" in made:
            raise Failed(f"the answer is not that of an unconfirmed interface: {made}")
        self.interface.must_be(made["virtualInterfaceState"], "confirming")
        self.terminal.say("  Nothing is on a router yet: the recipient has not accepted.")

    def accept(self) -> None:
        self.terminal.title("5. The recipient sees it and accepts it: the published command")
        stage = self.stage
        seen = stage.aws("recipient", "describe-virtual-interfaces")["virtualInterfaces"]
        if [found["virtualInterfaceId"] for found in seen] != [self.interface_id]:
            raise Failed(f"the recipient sees {seen}")
        self.interface.must_be(seen[0]["virtualInterfaceState"], "confirming")
        words = ["--virtual-interface-id", self.interface_id]
        words += ["--virtual-gateway-id", self.gateway]
        made = stage.aws("recipient", "confirm-private-virtual-interface", *words)
        self.interface.must_be(made["virtualInterfaceState"], "pending")
        self.terminal.say(
            "  Now the location's edge is told of it. It is a simulated one, which reports"
        )
        self.terminal.say("  what a router would once VLAN, VRF and BGP session are in place.")
        self.wait_for_interface("available")
        peer = self.described_interface()["bgpPeers"][0]
        self.terminal.answer(f"BGP session with AS {peer['asn']}: {peer['bgpStatus']}")
        if peer["bgpStatus"] != "up":
            raise Failed(f"the session is {peer['bgpStatus']}")

    def hold(self) -> None:
        self.terminal.title("6. A connection in use cannot be given up")
        refusal = self.refused("lender", "delete-connection", "--connection-id", self.connection_id)
        if "until its Virtual Interfaces are deleted" not in refusal.message:
            raise Failed(f"another refusal was expected: {refusal}")

    def give_back(self) -> None:
        self.terminal.title("7. Everything is given back")
        stage = self.stage
        words = ["--virtual-interface-id", self.interface_id]
        made = stage.aws("recipient", "delete-virtual-interface", *words)
        self.interface.must_be(made["virtualInterfaceState"], "deleting")
        self.wait_for_interface("deleted")
        made = stage.aws("lender", "delete-connection", "--connection-id", self.connection_id)
        self.connection.must_be(made["connectionState"], "deleting")
        self.wait_for_connection("deleted")
        stage.admin("gateway", "delete", self.gateway)

    def look_back(self) -> None:
        terminal = self.terminal
        terminal.title("8. What happened")
        rows = [
            (moment, states.name, state)
            for states in (self.connection, self.interface)
            for moment, state in states.seen
        ]
        terminal.say(f"  {'SECOND':>7}  {'RESOURCE':<19}STATE")
        for moment, name, state in sorted(rows):
            terminal.say(f"  {moment:7.1f}  {name:<19}{state}")
        events = self.stage.admin("events")
        changes = {event["operation"] for event in events}
        wanted = {"AllocatePrivateVirtualInterface", "ConfirmPrivateVirtualInterface"}
        if not wanted <= changes:
            raise Failed(f"the audit trail lacks {wanted - changes}")
        terminal.answer(f"{len(events)} changes, each with who, what and when")
        self.stage.stop()
        terminal.command("operator", ["linkway", "admin", "check", "data"])
        terminal.answer(self.stage.check())

    def allocation(self, value: str) -> list[str]:
        """The published allocation with this value."""
        words = ["allocate-private-virtual-interface", "--connection-id", self.connection_id]
        words += ["--owner-account", RECIPIENT]
        return [*words, "--new-private-virtual-interface-allocation", value]

    def refused(self, who: str, *words: str) -> Refused:
        """The refusal that a call must end in."""
        try:
            self.stage.aws(who, *words)
        except Refused as refusal:
            self.terminal.answer(str(refusal))
            if refusal.code != "DirectConnectClientException":
                raise Failed(f"an error of another type was expected: {refusal}") from refusal
            return refusal
        raise Failed(f"aws directconnect {' '.join(words)} was not refused")

    def wait_for_connection(self, state: str) -> None:
        words = ["describe-connections", "--connection-id", self.connection_id]

        def look() -> str:
            (found,) = self.stage.aws("lender", *words, quiet=True)["connections"]
            return found["connectionState"]

        self.wait(self.connection, state, look)

    def wait_for_interface(self, state: str) -> None:
        def look() -> str:
            return self.described_interface()["virtualInterfaceState"]

        self.wait(self.interface, state, look)

    def described_interface(self) -> dict[str, Any]:
        words = ["describe-virtual-interfaces", "--virtual-interface-id", self.interface_id]
        (found,) = self.stage.aws("recipient", *words, quiet=True)["virtualInterfaces"]
        return found

    def wait(self, states: States, wanted: str, look: Callable[[], str]) -> None:
        """Looks again and again until the state is there."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while states.seen[-1][1] != wanted:
            if time.monotonic() > deadline:
                raise Failed(f"{states.name} is still {states.seen[-1][1]}, not {wanted}")
            states.saw(look())


def interrupted(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C and SIGTERM alike: unwind, so that the stage cleans up."""
    raise KeyboardInterrupt


def main() -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    terminal = Terminal()
    try:
        with Stage(terminal) as stage:
            story = Story(stage)
            story.play()
        terminal.title(f"Every state was as it must be. {story.elapsed():.0f} s. All cleaned up.")
    except KeyboardInterrupt:
        print("\ndemo: interrupted, cleaned up", file=sys.stderr)
        return 130
    except (Failed, Refused) as failure:
        print(f"\ndemo: FAILED: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
