"""Every row of the table of bad inputs: the right error, the right words, and nothing changed."""

from __future__ import annotations

import json

import pytest

from bad_inputs import ROWS
from bad_inputs.rows import Bad
from harness.clients import Refused
from harness.scene import Scene
from harness.signing import tenant_target


def answer_to(row: Bad, scene: Scene) -> tuple[int, str, str]:
    """Status, error and message of the refusal."""
    if row.raw or isinstance(row.body, bytes):
        body = row.body
        if not isinstance(body, bytes):
            body = json.dumps(scene.fill(body)).encode()
        target = tenant_target(row.operation)
        reply = scene.server.endpoint.call(scene.keys[row.by], target, body)
        scene.server.recorder.check(None, reply)
        return reply.status, reply.error, reply.message
    with pytest.raises(Refused) as refusal:
        scene.clients[row.by].call(row.operation, scene.fill(row.body))
    return 400, refusal.value.error, refusal.value.message


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.operation}: {row.name}")
def test_bad_input(row: Bad, scene: Scene) -> None:
    before = scene.look()
    status, error, message = answer_to(row, scene)
    assert (status, error) == (row.status, row.error), message
    missing = [text for text in scene.fill(list(row.says)) if text not in message]
    assert not missing, f"{message!r} lacks {missing}"
    told = [text for text in row.hides if text in message]
    assert not told, "the message repeats a key"
    assert scene.look() == before


def test_the_table_is_long_enough() -> None:
    rules = {(row.operation, row.name) for row in ROWS if row.name != "not built"}
    assert len(rules) >= 60
