"""Tags and the names of what they hang on."""

from __future__ import annotations

from typing import Any

from bad_inputs.rows import (
    ALLOCATE,
    CLIENT,
    NEW,
    NO_CONNECTION,
    Bad,
    lending,
    ordering,
)


def tagged(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in pairs]


TOO_MANY = tagged(*((f"k{n}", "v") for n in range(51)))


def tag_row(name: str, tags: Any, *says: str, error: str = CLIENT) -> Bad:
    """The same tags at TagResource."""
    return Bad(name, "TagResource", {"resourceArn": "{conn_arn}", "tags": tags}, says, error)


def on_arn(name: str, resource_arn: str, *says: str) -> Bad:
    body = {"resourceArn": resource_arn, "tags": tagged(("a", "b"))}
    return Bad(name, "TagResource", body, says)


TAGS = [
    tag_row(
        "twice",
        tagged(("a", "1"), ("a", "2")),
        "tags[1].key",
        '"a"',
        error="DuplicateTagKeysException",
    ),
    tag_row("51 at once", TOO_MANY, "tags", "51", "50", error="TooManyTagsException"),
    tag_row("key of 129", tagged(("k" * 129, "v")), "tags[0].key", "k" * 50, "128"),
    tag_row("key empty", tagged(("", "v")), "tags[0].key", '""'),
    tag_row("key missing", [{"value": "v"}], "tags[0].key", "required"),
    tag_row("value of 257", tagged(("a", "v" * 257)), "tags[0].value", "v" * 50, "256"),
    tag_row("reserved key", tagged(("aws:owner", "v")), "tags[0].key", "aws:owner", "reserved"),
    tag_row("key with a bracket", tagged(("a<b", "v")), "tags[0].key", "a<b"),
    tag_row("value with a newline", tagged(("a", "b\nc")), "tags[0].value"),
    tag_row("none", [], "tags", "1"),
    Bad(
        "twice on an allocation",
        ALLOCATE,
        lending(tags=tagged(("a", "1"), ("a", "2"))),
        (f"{NEW}.tags[1].key", '"a"'),
        "DuplicateTagKeysException",
    ),
    Bad(
        "51 on an order",
        "CreateConnection",
        ordering(tags=TOO_MANY),
        ("tags", "51"),
        "TooManyTagsException",
    ),
    Bad(
        "reserved on an order",
        "CreateConnection",
        ordering(tags=tagged(("AWS:x", "v"))),
        ("tags[0].key", "AWS:x", "reserved"),
    ),
    on_arn("malformed ARN", "not-an-arn", "resourceArn", "not-an-arn"),
    on_arn("ARN of another service", "arn:aws:s3:::bucket", "resourceArn", "arn:aws:s3:::bucket"),
    on_arn(
        "ARN of another region",
        "arn:aws:directconnect:us-east-1:{lender}:dxcon/{conn}",
        "us-east-1",
        "does not exist",
    ),
    on_arn("ARN of what never was", "{no_conn_arn}", f"{NO_CONNECTION} {{no_conn}}"),
    on_arn("ARN of someone else's connection", "{conn_c_arn}", "{conn_c_arn}", "does not exist"),
    on_arn("ARN of an interface lent away", "{live_arn}", "{live_arn}", "does not exist"),
    Bad(
        "untag someone else's",
        "UntagResource",
        {"resourceArn": "{conn_c_arn}", "tagKeys": ["a"]},
        ("{conn_c_arn}", "does not exist"),
    ),
    Bad("untag nothing", "UntagResource", {"resourceArn": "{conn_arn}"}, ("tagKeys", "required")),
    Bad(
        "tags of someone else's",
        "DescribeTags",
        {"resourceArns": ["{conn_c_arn}"]},
        ("{conn_c_arn}", "does not exist"),
    ),
    Bad(
        "tags of a malformed ARN",
        "DescribeTags",
        {"resourceArns": ["x"]},
        ("resourceArns[0]", '"x"'),
    ),
    Bad("tags of nothing", "DescribeTags", {}, ("resourceArns", "required")),
]
