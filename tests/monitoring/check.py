"""Holds the alert rules, the dashboard and the examples to what a server and an edge really export.

Starts both in a network of their own, reads their /metrics with promtool, has a Prometheus scrape them with the example
configuration, and looks for every metric that a rule or a panel names. As root. The program is LINKWAY_BIN or the release build.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from programs import REPOSITORY, Scene, Tools, fetch, inside_a_network, query, wait_for  # noqa: E402

RULES = REPOSITORY / "packaging/prometheus/linkway.rules.yml"
DASHBOARD = REPOSITORY / "packaging/grafana/linkway.json"
EXAMPLES = REPOSITORY / "examples"

NAME = re.compile(r"\b((?:linkway|process)_[a-z_0-9]+)\b")
FAMILY = re.compile(r"^# TYPE (\w+) (\w+)$", re.MULTILINE)
# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "5m", "$server": ".*"}
# Files of a repository that compose mounts, or builds from.
MOUNTED = re.compile(r"^\s*- (\.{1,2}/[^:]+):|^\s*(?:context|dockerfile): (\S+)$", re.MULTILINE)


def panels() -> dict[str, str]:
    """The dashboard's queries by the title of their panel, with values in place of variables."""
    found = {}
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"]
            for variable, value in VARIABLES.items():
                query = query.replace(variable, value)
            found[f"{panel['title']} {target['refId']}"] = query
    return found


def rules_and_queries(tools: Tools, directory: Path) -> list[str]:
    """What promtool says against rules, their tests, and the dashboard's queries."""
    records = [{"record": f"panel:{n}", "expr": q} for n, q in enumerate(panels().values())]
    queries = directory / "queries.yml"
    # JSON is YAML.
    queries.write_text(json.dumps({"groups": [{"name": "panels", "rules": records}]}))
    tests = RULES.with_name("linkway.rules.test.yml")
    wrong = [
        tools.promtool("check", "rules", str(RULES)),
        tools.promtool("check", "rules", str(queries)),
        tools.promtool("test", "rules", str(tests)),
        tools.promtool("check", "config", str(directory / "prometheus.yml")),
    ]
    alerts = re.findall(r"alert: (\w+)", RULES.read_text())
    tested = tests.read_text()
    wrong += [
        f"{alert} has no test in which it {what}"
        for alert in alerts
        for what in ("fires", "is quiet")
        if f"name: {alert} {what}\n" not in tested
    ]
    told = (REPOSITORY / "docs/failures.md").read_text()
    wrong += [f"docs/failures.md lacks {alert}" for alert in alerts if f"`{alert}`" not in told]
    return [text for text in wrong if text]


def exported(text: str) -> set[str]:
    """The names that the families of a text in the format 0.0.4 have in queries."""
    names = set()
    for family, kind in FAMILY.findall(text):
        names.add(family)
        if kind == "histogram":
            names |= {f"{family}_{part}" for part in ("bucket", "sum", "count")}
    return names


def unknown_names(known: set[str]) -> list[str]:
    texts = {RULES.name: RULES.read_text(), **{f"panel {k}": q for k, q in panels().items()}}
    # Labels and the names of alerts are written otherwise.
    return [
        f"{where} names {name}, which nobody exports"
        for where, text in texts.items()
        for name in sorted(set(NAME.findall(text)) - known)
    ]


def formats(tools: Tools, scene: Scene) -> tuple[list[str], set[str]]:
    """What promtool says against both /metrics, and the names in them."""
    wrong, names = [], set()
    for who, url in (("server", scene.server_metrics), ("edge", scene.edge_metrics)):
        kind, text = fetch(url)
        if not kind.startswith("text/plain; version=0.0.4"):
            wrong.append(f"the {who}'s metrics are {kind}")
        said = tools.promtool("check", "metrics", text=text)
        wrong += [f"the {who}'s metrics: {said}"] if said else []
        names |= exported(text)
    kind, text = fetch(scene.server_metrics, accept="application/openmetrics-text; version=1.0.0")
    if "openmetrics" not in kind or not text.endswith("# EOF\n"):
        wrong.append(f"asked for OpenMetrics, the server answers {kind}")
    return wrong, names


def scraped(tools: Tools, scene: Scene, directory: Path) -> list[str]:
    """What a Prometheus with the example's configuration does not have after a scrape of both."""
    with tools.prometheus(directory) as url:
        for job in ("linkway", "linkway-edge"):
            wait_for(f"a scrape of {job}", lambda job=job: query(url, f'up{{job="{job}"}} == 1'))
        # One scrape is whole: what it brought is there.
        names = set(NAME.findall(" ".join(panels().values())))
        names -= scene.without_series
        return [f"Prometheus has no {name}" for name in sorted(names) if not query(url, name)]


def examples(directory: Path) -> list[str]:
    """Files that the examples name and that are not there; configurations that their programs refuse."""
    compose = EXAMPLES / "compose/compose.yaml"
    wrong = []
    for found in MOUNTED.finditer(compose.read_text()):
        name = found[1] or found[2]
        base = REPOSITORY if found[2] and not name.startswith(".") else compose.parent
        if name != "./secrets" and not (base / name).exists():
            wrong.append(f"{compose.name}: there is no {name}")
    config = EXAMPLES / "compose/config.toml"
    words = [Tools.linkway(), "serve", "--config", str(config), "--print-config"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    wrong += [f"{config}: {done.stderr}"] if done.returncode else []
    if shutil.which("terraform"):
        words = ["terraform", "fmt", "-check", "-diff", str(EXAMPLES / "terraform")]
        done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False)
        wrong += [f"terraform: {done.stdout}{done.stderr}"] if done.returncode else []
    else:
        print("no terraform here: the form of its example is not checked")
    return wrong


def main() -> int:
    inside_a_network()
    tools = Tools()
    with tempfile.TemporaryDirectory(prefix="linkway-monitoring-") as name:
        directory = Path(name)
        shutil.copy(RULES, directory)
        shutil.copy(EXAMPLES / "compose/prometheus.yml", directory)
        problems = rules_and_queries(tools, directory) + examples(directory)
        with Scene(directory / "scene") as scene:
            text = (directory / "prometheus.yml").read_text()
            text = text.replace("targets: []", f'targets: ["{scene.edge_address}"]')
            (directory / "prometheus.yml").write_text(text.replace(": 15s", ": 1s"))
            wrong, names = formats(tools, scene)
            problems += wrong + unknown_names(names) + scraped(tools, scene, directory)
    for problem in problems:
        print(f"monitoring: {problem}", file=sys.stderr)
    if not problems:
        print(
            f"{len(panels())} queries, {RULES.read_text().count('alert: ')} alerts, {len(names)} names"
        )
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
