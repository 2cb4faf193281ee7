"""DescribeCustomerMetadata and ConfirmCustomerAgreement: each account confirms for itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from harness.clients import Answer, AwsCli, Boto
from harness.server import AGREEMENT, Server
from harness.signing import Key


def metadata(status: str) -> Answer:
    return {
        "agreements": [{"agreementName": AGREEMENT, "status": status}],
        "nniPartnerType": "nonPartner",
    }


def test_each_account_confirms_for_itself(
    server: Server, new_account: Callable[[], Key], boto: Callable[[Key], Boto]
) -> None:
    keys = [new_account(), new_account()]
    one, other = (boto(key) for key in keys)
    assert one.call("DescribeCustomerMetadata", {}) == metadata("unsigned")
    for _ in range(2):
        answer = one.call("ConfirmCustomerAgreement", {"agreementName": AGREEMENT})
        assert answer == {"status": "signed"}
        assert one.call("DescribeCustomerMetadata", {}) == metadata("signed")
    assert other.call("DescribeCustomerMetadata", {}) == metadata("unsigned")
    mine = [e for e in server.admin("events") if e.get("accountId") == keys[0].account_id]
    assert [(e["operation"], e["resources"]) for e in mine] == [
        ("ConfirmCustomerAgreement", [AGREEMENT])
    ]


def test_without_agreements_there_are_none(start_server: Callable[..., Server]) -> None:
    server = start_server({"customer_agreements": []})
    key = server.create_account("100000000003", "no agreements")
    client = Boto(server.endpoint, key, server.recorder)
    answer = client.call("DescribeCustomerMetadata", {})
    assert answer == {"agreements": [], "nniPartnerType": "nonPartner"}


def test_aws_cli(server: Server, new_account: Callable[[], Key], tmp_path: Path) -> None:
    cli = AwsCli(server.endpoint, new_account(), tmp_path)
    assert cli.run("describe-customer-metadata") == metadata("unsigned")
    confirmed = cli.run("confirm-customer-agreement", "--agreement-name", AGREEMENT)
    assert confirmed == {"status": "signed"}
    assert cli.run("describe-customer-metadata") == metadata("signed")
