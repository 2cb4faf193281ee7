"""What was measured, made into the rows of the report."""

from __future__ import annotations

from statistics import median
from typing import Any

COLD_AT_MOST = 1.5
MORE_AT_MOST = 1.5
# Seconds of a processor that a BIRD takes for one more interface, by how many there are.
BIRD_SECONDS = {4_000: 1.0, 10_000: 1.5}
# Megabytes of the agent and all BIRDs.
MEMORY = {4_000: 600.0}

Row = dict[str, Any]

# The parts of the way to the first packet, in order: what ends each, and whose it is.
PARTS = {
    "feed": "server and feed: to the configuration on the edge",
    "agent": "agent, kernel, BIRD's reading: to programmed",
    "connect": "connect timers, customer's retry or BIRD's delay: to the SYN",
    "session": "BIRD and customer's router: to Established",
    "routes": "BIRD and customer's router: to routes and the first packet",
}


def rows(results: dict) -> list[Row]:
    """All rows, in the order of the table."""
    makers = {"cold": cold, "more": more, "packets": packets}
    return [
        row for part, maker in makers.items() if part in results for row in maker(results[part])
    ]


def row(name: str, value: float, unit: str, at_most: float | None = None) -> Row:
    met = at_most is None or value <= at_most
    return {"name": f"edge {name}", "value": value, "unit": unit, "bar": at_most, "pass": met}


def cold(found: dict) -> list[Row]:
    """(a): the ratio of each pair that ran one after the other, of these the middle one."""
    size = found["interfaces"]
    pairs = list(zip(found["agent"], found["plain"], strict=True))
    ratio = median(agent["seconds"] / plain["seconds"] for agent, plain in pairs)
    agent, plain = ([one["seconds"] for one in found[kind]] for kind in ("agent", "plain"))
    kernel = median(one["kernel"] for one in found["plain"])
    return [
        row(f"(a) cold start at {size}: agent", median(agent), "s"),
        row(f"(a) cold start at {size}: ip -batch and BIRD", median(plain), "s"),
        row(f"(a) of that ip -batch and settings at {size}", kernel, "s"),
        row(f"(a) cold start at {size}: agent / ip -batch and BIRD", ratio, "ratio", COLD_AT_MOST),
    ]


def more(found: list[dict]) -> list[Row]:
    """(b) and (d)."""
    made = []
    for size in found:
        n, rounds = size["interfaces"], size["rounds"]
        made += [
            row(f"(b) one more at {n}: to programmed", median(total(r) for r in rounds), "ms"),
            row(f"(b) one more at {n}: BIRD's part", median(bird(r) for r in rounds), "ms"),
            row(f"(b) one more at {n}: the kernel's part", median(kernel(r) for r in rounds), "ms"),
            row(f"(b) one more at {n}: the agent outside its drivers", least(rounds), "ms"),
            row(f"(b) one more at {n}: BIRD's processor time", *birds_time(n, rounds)),
            row(f"(b) one more at {n}: read by BIRD twice", told_again(rounds), "%"),
            row(f"(b) at {n}: memory of agent and BIRD", size["memory"] / 1e6, "MB", MEMORY.get(n)),
            row(f"(b) one more at {n}: saving", median(r["parts"]["save"] for r in rounds), "ms"),
        ]
    small, large = found[0], found[-1]
    n, m = large["interfaces"], small["interfaces"]
    ratio = least(large["rounds"]) / least(small["rounds"])
    made.append(
        row(f"(b) the agent outside its drivers: at {n} / at {m}", ratio, "ratio", MORE_AT_MOST)
    )
    for what, of in (("all but BIRD's part", without_bird), ("to programmed", total)):
        ratio = median(map(of, large["rounds"])) / median(map(of, small["rounds"]))
        made.append(row(f"(b) {what}: at {n} / at {m}", ratio, "ratio"))
    for what, words in (
        ("change", "one change"),
        ("packed", "all of it, no base"),
        ("plain", "all of it, not packed"),
    ):
        made.append(row(f"(d) feed at {n}: {words}", large["bytes"][what], "B"))
    return made


def birds_time(interfaces: int, rounds: list[dict]) -> tuple[float, str, float | None]:
    """What the BIRD that reads has used, in seconds; the kernel counts hundredths."""
    return median(one["bird"] for one in rounds) / 1e3, "s", BIRD_SECONDS.get(interfaces)


def told_again(rounds: list[dict]) -> float:
    """How often BIRD gave the new session up and had to be told of it once more."""
    return 100 * sum(one["again"] for one in rounds) / len(rounds)


def total(one: dict) -> float:
    return one["total"]


# What happens within a round, as timed.rs names it.
NESTED = ("kernel: look", "kernel: change", "daemon: look", "daemon: change", "digest")


def least(rounds: list[dict]) -> float:
    """What the agent does outside its drivers and without the file: reading the answer, planning,
    BIRD's text. It is always the same, and what else runs on the processor can only add to it: so
    of each of its parts the shortest is nearest to it."""
    pieces = [outside(one["parts"]) for one in rounds]
    return sum(min(piece[part] for piece in pieces) for part in pieces[0])


def outside(parts: dict[str, float]) -> dict[str, float]:
    """The parts of that, of which none is in another."""
    rest = parts["round"] - sum(parts.get(part, 0.0) for part in NESTED)
    return {"answer": parts["answer"], "digest": parts.get("digest", 0.0), "round": rest}


def without_bird(one: dict) -> float:
    return total(one) - bird(one)


def bird(one: dict) -> float:
    return spent(one, "daemon: look") + spent(one, "daemon: change")


def kernel(one: dict) -> float:
    return spent(one, "kernel: look") + spent(one, "kernel: change")


def spent(one: dict, part: str) -> float:
    return one["parts"].get(part, 0.0)


def packets(found: list[dict]) -> list[Row]:
    """(c)."""
    made = []
    for name, words in {"total": "Confirm's answer to the first packet", **PARTS}.items():
        seconds = [one[name] for one in found]
        made += [
            row(f"(c) {words}, median", median(seconds), "s"),
            row(f"(c) {words}, worst", max(seconds), "s"),
        ]
    by_customer = sum(one["connected_by"] == "customer" for one in found)
    made.append(row(f"(c) of {len(found)} connections begun by the customer", by_customer, ""))
    return made


def table(made: list[Row]) -> str:
    """The table of a run of this part alone; as benches/src/report.rs has it."""
    width = max(len(one["name"]) for one in made)
    lines = []
    for one in made:
        bar = "" if one["bar"] is None else f"<= {one['bar']:.2f}"
        verdict = "" if one["bar"] is None else "pass" if one["pass"] else "MISSED"
        value = shown(one["value"])
        line = f"{one['name']:{width}}  {value:>9}  {one['unit']:<5}  {bar:<8}  {verdict}"
        lines.append(line.rstrip() + "\n")
    return "".join(lines)


def shown(value: float) -> str:
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"
