"""Which of Backpack's answers are about our key."""

from __future__ import annotations

import json

import pytest

from venues.backpack.outcome import classify, key_refusal_in
from venues.errors import KeyCheck, KeyRefusal


def key_refusal(status: int, code: str, message: str) -> KeyRefusal | None:
    return classify(status, json.dumps({"code": code, "message": message}).encode()).key_refusal


@pytest.mark.parametrize(
    ("status", "code", "message", "check"),
    [
        (400, "INVALID_SIGNATURE", "no", KeyCheck.KEY),
        (400, "INVALID_CLIENT_REQUEST", "Invalid signature", KeyCheck.KEY),
        (401, "UNAUTHORIZED", "no such key", KeyCheck.KEY),
        (403, "FORBIDDEN", "read only", KeyCheck.PERMISSION),
        (400, "ACCOUNT_DEACTIVATED", "no", KeyCheck.ACCOUNT),
    ],
)
def test_a_refusal_over_our_key_says_what_to_check(
    status: int, code: str, message: str, check: KeyCheck
) -> None:
    assert key_refusal(status, code, message) == KeyRefusal("backpack", code, check)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, "INVALID_CLIENT_REQUEST", "Request has expired"),
        (401, "INVALID_SIGNATURE", "Invalid timestamp"),
        (401, "UNAUTHORIZED", "Request has expired"),
        (400, "INSUFFICIENT_MARGIN", "no"),
        (429, "TOO_MANY_REQUESTS", "no"),
        (503, "UNAUTHORIZED", "no"),
        (500, "FORBIDDEN", "no"),
    ],
)
def test_time_margin_limits_and_what_is_unknown_are_not_our_keys_fault(
    status: int, code: str, message: str
) -> None:
    assert key_refusal(status, code, message) is None


def test_a_gateways_page_is_not_our_keys_fault() -> None:
    assert classify(403, b"<html>blocked</html>").key_refusal is None


def test_an_order_that_was_taken_can_expire_over_our_key_too() -> None:
    assert key_refusal_in("UserPermissions") is not None
    assert key_refusal_in("InsufficientMargin") is None
