"""Requests that must be refused, as data: who asks for what, and what the refusal must say.

Texts in braces stand for ids of the scene (harness/scene.py). A body that is a mapping goes through
boto3 with its own checks switched off; bytes go out as they are, signed. Each text of `says` must
occur in the message: the field by its wire path, the value, and words of the rule. Texts of `hides`
must not occur: keys are secrets even when they are wrong.
"""

from __future__ import annotations

from bad_inputs import (
    agreements,
    bodies,
    direct,
    failover,
    fields,
    parties,
    peers,
    public,
    routers,
    routes,
    tags,
    transit,
    updates,
)
from bad_inputs.rows import Bad

ROWS: list[Bad] = [
    *fields.VLANS,
    *fields.ASNS,
    *fields.ADDRESSES,
    *fields.AUTH_KEYS,
    *fields.NAMES,
    *fields.SIZES,
    *parties.PARTIES,
    *parties.CONFIRMATIONS,
    *parties.DELETIONS,
    *parties.DESCRIPTIONS,
    *tags.TAGS,
    *updates.UPDATES,
    *peers.PEERS,
    *public.PUBLIC,
    *transit.TRANSIT,
    *routers.ROUTERS,
    *failover.FAILOVER,
    *routes.ROUTES,
    *agreements.AGREEMENTS,
    *direct.DIRECT,
    *bodies.TYPES,
    *bodies.BODIES,
    *bodies.NOT_BUILT,
]
