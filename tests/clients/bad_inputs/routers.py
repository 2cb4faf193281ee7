"""Router configurations that are not given."""

from __future__ import annotations

from bad_inputs.rows import Bad

DESCRIBE = "DescribeRouterConfiguration"

ROUTERS = [
    Bad(
        "of an unknown interface",
        DESCRIBE,
        {"virtualInterfaceId": "{no_vif}"},
        ("{no_vif} does not exist",),
    ),
    Bad("without an interface", DESCRIBE, {}, ("virtualInterfaceId", "required")),
    Bad(
        "of an unknown router",
        DESCRIBE,
        {"virtualInterfaceId": "{own}", "routerTypeIdentifier": "Acme-1"},
        ("routerTypeIdentifier", "Acme-1", "FRRouting-FRR-FRR8"),
    ),
    Bad(
        "of no router",
        DESCRIBE,
        {"virtualInterfaceId": "{own}", "routerTypeIdentifier": ""},
        ("routerTypeIdentifier", "is not a router type"),
    ),
    Bad(
        "of a router in other letters",
        DESCRIBE,
        {"virtualInterfaceId": "{own}", "routerTypeIdentifier": "frrouting-frr-frr8"},
        ("routerTypeIdentifier", "is not a router type"),
    ),
]
