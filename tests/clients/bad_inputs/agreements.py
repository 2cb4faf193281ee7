"""Customer agreements that cannot be confirmed."""

from __future__ import annotations

from bad_inputs.rows import Bad

CONFIRM_AGREEMENT = "ConfirmCustomerAgreement"

AGREEMENTS = [
    Bad("no name", CONFIRM_AGREEMENT, {}, ("agreementName", "required")),
    Bad(
        "an agreement that is not offered",
        CONFIRM_AGREEMENT,
        {"agreementName": "something-else"},
        ("agreementName", "something-else", "does not exist"),
    ),
    Bad(
        "a name that cannot be one",
        CONFIRM_AGREEMENT,
        {"agreementName": "two words"},
        ("agreementName", "two words", "does not exist"),
    ),
]
