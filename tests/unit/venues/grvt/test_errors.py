"""The texts of GRVT's errors, and what each error of a reply becomes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from venues.errors import KeyCheck, KeyRefusal, SessionRefused, VenueError, VenueRefused
from venues.grvt.errors import (
    CODES,
    OutcomeUnknown,
    RpcError,
    SigningError,
    key_refusal_in,
    outcome_of,
)
from venues.grvt.numbers import client_number, server_number


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OutcomeUnknown(1002, "Internal Server Error", 42),
         "grvt: outcome of order 42 unknown: 1002 Internal Server Error"),
        (OutcomeUnknown(1006, ""), "grvt: outcome unknown: 1006"),
        (SigningError("nonce", "-1", "0..4294967295"),
         "grvt signature: nonce -1, expected 0..4294967295"),
    ],
)  # fmt: skip
def test_texts_are_made_from_fields(error: VenueError, text: str) -> None:
    assert str(error) == text


def test_an_error_becomes_a_refusal_only_when_nothing_was_executed() -> None:
    refused = RpcError(2080, "margin").exception(42)
    assert isinstance(refused, VenueRefused)
    assert (refused.code, refused.client_order_id) == ("2080", 42)
    assert isinstance(RpcError(1000, "log in", 401).exception(), SessionRefused)
    assert isinstance(RpcError(1005, "?").exception(), OutcomeUnknown)
    assert isinstance(RpcError(999, "new").exception(), OutcomeUnknown)


@pytest.mark.parametrize(
    ("value", "client", "server"),
    [
        ("0E-9", "0", "0.0"),
        ("0.100000000", "0.1", "0.1"),
        ("5E+4", "50000", "50000.0"),
        ("1E-9", "0.000000001", "0.000000001"),
        ("-0", "0", "0.0"),
        ("-1.50", "-1.5", "-1.5"),
    ],
)
def test_numbers_are_written_without_exponents(value: str, client: str, server: str) -> None:
    assert client_number(Decimal(value)).text == client
    assert server_number(Decimal(value)).text == server


@pytest.mark.parametrize(
    ("code", "check"),
    [(1001, KeyCheck.PERMISSION), (1008, KeyCheck.ADDRESS), (1012, KeyCheck.KEY),
     (1400, KeyCheck.PERMISSION), (2000, KeyCheck.KEY), (2002, KeyCheck.KEY),
     (2003, KeyCheck.ACCOUNT)],
)  # fmt: skip
def test_a_refusal_over_our_key_says_what_to_check(code: int, check: KeyCheck) -> None:
    assert RpcError(code).key_refusal == KeyRefusal("grvt", str(code), check)


@pytest.mark.parametrize("code", [1000, 1002, 1006, 2001, 2008, 2064, 2080, 9999])
def test_time_session_limits_margin_and_the_unknown_are_not_our_keys_fault(code: int) -> None:
    assert RpcError(code).key_refusal is None


def test_an_order_that_was_taken_can_be_rejected_over_our_key_too() -> None:
    assert key_refusal_in("INVALID_CHAIN_ID") is not None
    assert key_refusal_in("BELOW_MARGIN") is None


def test_whatever_is_our_keys_fault_is_a_definite_refusal() -> None:
    refused = [code for code in CODES if RpcError(code).key_refusal is not None]
    assert all(outcome_of(code).definite for code in refused)


def test_a_refusal_over_our_key_reads_as_advice() -> None:
    assert str(KeyRefusal("grvt", "1400", KeyCheck.PERMISSION)) == (
        "grvt refuses our key (1400): check that the API key may trade"
    )
