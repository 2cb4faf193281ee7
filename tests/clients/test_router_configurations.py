"""DescribeRouterConfiguration: what both sides of an interface are given for the customer's router."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from harness.clients import AwsCli
from harness.scene import Scene

# Each with the template that turns the XML document into its configuration.
CISCO = "customer-router-cisco-generic.xslt"
NEXUS = "customer-switch-cisco-nexus-generic.xslt"
JUNIPER = "customer-router-juniper-generic.xslt"
WITH_TEMPLATE = {
    "CiscoSystemsInc-2900SeriesRouters-IOS124": CISCO,
    "CiscoSystemsInc-3700SeriesRouters-IOS124": CISCO,
    "CiscoSystemsInc-7200SeriesRouters-IOS124": CISCO,
    "CiscoSystemsInc-Nexus7000SeriesSwitches-NXOS51": NEXUS,
    "CiscoSystemsInc-Nexus9KSeriesSwitches-NXOS93": NEXUS,
    "JuniperNetworksInc-MMXSeriesRouters-JunOS95": JUNIPER,
    "JuniperNetworksInc-SRXSeriesRouters-JunOS95": JUNIPER,
    "JuniperNetworksInc-TSeriesRouters-JunOS95": JUNIPER,
    "PaloAltoNetworks-PA3000and5000series-PANOS803": "customer-router-palo-alto-generic.xslt",
}
# Each with the beginning of the line that has the BGP key.
WITH_TEXT = {
    "CZNIC-BIRD-BIRD2": '  password "',
    "FRRouting-FRR-FRR8": " neighbor ",
    "CiscoSystemsInc-Routers-IOSXE16": " neighbor ",
    "JuniperNetworksInc-Routers-Junos18": "set protocols bgp group ",
    "AristaNetworksInc-Switches-EOS422": "   neighbor ",
    "MikroTik-Routers-RouterOS7": "/routing bgp connection add ",
}


def asked(scene: Scene, role: str, interface: str, router: str | None = None) -> dict[str, Any]:
    body = {"virtualInterfaceId": scene.ids[interface]}
    if router:
        body["routerTypeIdentifier"] = router
    return scene.clients[role].call("DescribeRouterConfiguration", body)


def described(scene: Scene, role: str, interface: str) -> dict[str, Any]:
    asking = {"virtualInterfaceId": scene.ids[interface]}
    (found,) = scene.clients[role].call("DescribeVirtualInterfaces", asking)["virtualInterfaces"]
    return found


@pytest.mark.parametrize("router", [None, *WITH_TEMPLATE])
@pytest.mark.parametrize("role", ["lender", "owner"])
def test_a_known_router_has_the_document(role: str, router: str | None, scene: Scene) -> None:
    answer, interface = asked(scene, role, "live", router), described(scene, role, "live")
    assert answer["virtualInterfaceId"] == interface["virtualInterfaceId"]
    assert answer["virtualInterfaceName"] == interface["virtualInterfaceName"]
    identifier = answer["router"]["routerTypeIdentifier"]
    assert identifier == router or router is None
    assert answer["router"]["xsltTemplateName"] == WITH_TEMPLATE[identifier]
    assert answer["customerRouterConfig"] == interface["customerRouterConfig"]
    document = ElementTree.fromstring(answer["customerRouterConfig"])
    assert document.findtext("bgp_auth_key") == interface["authKey"]
    assert document.findtext("customer_address") == interface["customerAddress"]


@pytest.mark.parametrize("router", WITH_TEXT)
@pytest.mark.parametrize(
    ("role", "interface"), [("lender", "live"), ("owner", "live"), ("owner", "hosted")]
)
def test_another_router_has_its_text(role: str, interface: str, router: str, scene: Scene) -> None:
    answer, facts = asked(scene, role, interface, router), described(scene, role, interface)
    text = answer["customerRouterConfig"]
    assert answer["router"]["xsltTemplateName"] == ""
    (line,) = (line for line in text.splitlines() if facts["authKey"] in line)
    assert line.startswith(WITH_TEXT[router])
    for fact in ("customerAddress", "amazonAddress"):
        assert facts[fact].split("/")[0] in text
    for fact in ("asn", "amazonSideAsn", "vlan", "virtualInterfaceId"):
        assert str(facts[fact]) in text
    assert ("not confirmed yet" in text) == (interface == "hosted")


def test_bird_and_frr_take_it(scene: Scene, tmp_path: Path) -> None:
    file = tmp_path / "configuration"
    checks = {
        "CZNIC-BIRD-BIRD2": ["bird", "-p", "-c", str(file)],
        "FRRouting-FRR-FRR8": ["vtysh", "-C", "-f", str(file)],
    }
    for router, words in checks.items():
        file.write_text(asked(scene, "owner", "live", router)["customerRouterConfig"])
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        assert done.returncode == 0 and "%" not in said, said


def test_aws_cli(scene: Scene, tmp_path: Path) -> None:
    cli = AwsCli(scene.server.endpoint, scene.keys["owner"], tmp_path)
    words = ["--virtual-interface-id", scene.ids["live"]]
    words += ["--router-type-identifier", "CZNIC-BIRD-BIRD2"]
    answer = cli.run("describe-router-configuration", *words)
    assert answer["router"]["vendor"] == "CZ.NIC"
    assert "protocol bgp" in answer["customerRouterConfig"]
