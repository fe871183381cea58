"""Signatures as the venue rebuilds them: the documented vectors, the window, and every refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paper.backpack.errors import ApiError, BodyError
from paper.backpack.settings import BackpackAccount, BackpackSettings
from paper.backpack.verify import Claim, Pairs, Verifier, body_parameters, claim_of, signed_text
from tests.support.backpack import PUBLIC_KEY, STEADY, TIMESTAMP_MS, builder_at
from venues.backpack.requests import HttpRequest

V1_BODY = (
    b'{"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit",'
    b'"selfTradePrevention":"RejectTaker","quantity":"12.5","price":"141.25","postOnly":true,'
    b'"timeInForce":"GTC","clientId":4294967295,"reduceOnly":true}'
)
V4_BODY = (
    b'[{"orderType":"Limit","symbol":"SOL_USDC_PERP","side":"Bid","quantity":"12","price":"141"},'
    b'{"symbol":"SOL_USDC_PERP","side":"Bid","orderType":"Limit","price":"140","quantity":"11"}]'
)
VECTORS: dict[str, tuple[str, list[Pairs], str, str]] = {
    "V1 order": (
        "orderExecute",
        body_parameters(V1_BODY),
        "5000",
        "MfDcYY84kmvp1pBFrM+trHCI+7WEdLB1Ya0J7A7S1S7a+kpbhN9hxHO0d1yaJFaYSQiJtuvcOPSwREOfebkdCQ==",
    ),
    "V2 cancel": (
        "orderCancel",
        body_parameters(b'{"orderId":"114575842681290753","symbol":"SOL_USDC_PERP"}'),
        "60000",
        "txBuJWLSSQgE7rIx0bVy6/2Vp9OXgXWm/kk9r3vztc0bfM/UytwQlVz4z6TkFded7aaV82EnbX6f1GJI5rlqAg==",
    ),
    "V3 subscribe": (
        "subscribe",
        [()],
        "5000",
        "525ms9h+eI9E4uip/AKHBweLnWwyhYx+/rTnrYaNhe0CjbzR/VYPl/adZwqCQGc5kKgmYi8dkQZgbRg5W6P4Cg==",
    ),
    "V4 batch": (
        "orderExecute",
        body_parameters(V4_BODY),
        "5000",
        "9Ab7ztTR3CU/Q7kLlYv1IzgT8A1EkijoW/6deA6DlND/kscT813hKsilyjkkYTCKPFr36VBGihtWMM/+87eRCA==",
    ),
    "V5 position": (
        "positionQuery",
        body_parameters(b""),
        "5000",
        "EuP7VkFQkzn68NdiVCOYImR+ffoy/DnosLmOWWggWkTUsgozFKdPrwOL7+r8IN4HVCoOxhSbENlmVZOWVz/mBw==",
    ),
    "V6 fills": (
        "fillHistoryQueryAll",
        [
            (
                ("limit", "100"),
                ("offset", "0"),
                ("from", "1750790000000"),
                ("symbol", "SOL_USDC_PERP"),
            )
        ],
        "5000",
        "ZjTZYlt400wdHgjecYbaPJ0ch18Poosnpq7y/7f/GJ35tVD3VEJ/M22rRh1vlCUQ2y9r6Od4k0MG9P94MiQZDA==",
    ),
}


def verifier(**settings: Any) -> Verifier:
    account = BackpackAccount(name="ann", public_key=PUBLIC_KEY)
    return Verifier([account], BackpackSettings(**settings))


def claim(signature: str, window: str = "5000", **changes: str) -> Claim:
    fields = {"key": PUBLIC_KEY, "timestamp": str(TIMESTAMP_MS)} | changes
    return Claim(signature=signature, window=window, **fields)


def refused(claimed: Claim, now_ms: int = TIMESTAMP_MS, **settings: Any) -> ApiError:
    with pytest.raises(ApiError) as caught:
        verifier(**settings).account(claimed, "positionQuery", [()], now_ms)
    return caught.value


@pytest.mark.parametrize("name", VECTORS)
def test_the_documented_vectors_are_accepted(name: str) -> None:
    instruction, groups, window, signature = VECTORS[name]
    account = verifier().account(claim(signature, window), instruction, groups, TIMESTAMP_MS)
    assert account == "ann"


def test_the_signed_text_of_an_order_is_the_documented_one() -> None:
    assert signed_text("orderExecute", body_parameters(V1_BODY), "1750793021519", "5000") == (
        "instruction=orderExecute&clientId=4294967295&orderType=Limit&postOnly=true&price=141.25"
        "&quantity=12.5&reduceOnly=true&selfTradePrevention=RejectTaker&side=Bid"
        "&symbol=SOL_USDC_PERP&timeInForce=GTC&timestamp=1750793021519&window=5000"
    )


def test_values_are_signed_as_they_were_written() -> None:
    body = b'{"b":"1.250","a":1e-05,"c":false,"d":null,"e":"\\u0031%+"}'
    assert body_parameters(body) == [[("b", "1.250"), ("a", "1e-05"), ("c", "false"), ("e", "1%+")]]


@pytest.mark.parametrize("body", [b"{", b'"text"', b"[1]", b"\xff", b'{"a":1}x'])
def test_a_body_that_is_no_json_object_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(BodyError, match="Failed to parse"):
        body_parameters(body)


V5 = VECTORS["V5 position"][3]


def test_a_request_lives_from_its_timestamp_to_the_end_of_its_window() -> None:
    for now_ms in (TIMESTAMP_MS, TIMESTAMP_MS + 5_000, TIMESTAMP_MS - 1_000):
        assert verifier().account(claim(V5), "positionQuery", [()], now_ms) == "ann"
    assert refused(claim(V5), TIMESTAMP_MS + 5_001).text == "Request has expired"
    assert refused(claim(V5), TIMESTAMP_MS - 1_001).text == "Invalid timestamp"


@pytest.mark.parametrize(
    ("claimed", "text"),
    [
        (claim(V5[:-4] + "AA=="), "Invalid signature"),
        (claim("not base64"), "Invalid signature"),
        (claim(V5, window="5001"), "Invalid signature"),
        (claim(V5, window="60001"), "Invalid window"),
        (claim(V5, window="-5"), "Invalid timestamp"),
        (claim(V5, timestamp="soon"), "Invalid timestamp"),
        (claim(V5, key="AAAA"), "Invalid API key"),
    ],
)
def test_each_flaw_has_its_refusal(claimed: Claim, text: str) -> None:
    assert refused(claimed).text == text


def test_a_signature_for_another_instruction_is_refused() -> None:
    with pytest.raises(ApiError, match="Invalid signature"):
        verifier().account(claim(V5), "orderQueryAll", [()], TIMESTAMP_MS)


def test_a_bad_signature_is_400_or_as_set_401() -> None:
    bad = claim("AAAA")
    assert (refused(bad).status, refused(bad, refusal_status=401).status) == (400, 401)
    assert refused(bad).code == "INVALID_CLIENT_REQUEST"
    assert refused(claim(V5, key="AAAA")).status == 401


def test_the_window_defaults_to_five_seconds_and_other_headers_are_needed() -> None:
    headers = {"X-API-Key": PUBLIC_KEY, "X-Signature": V5, "X-Timestamp": str(TIMESTAMP_MS)}
    assert claim_of(headers) == claim(V5)
    with pytest.raises(ApiError, match="Missing header X-Signature"):
        claim_of({"X-API-Key": PUBLIC_KEY, "X-Timestamp": "1"})


@STEADY
@given(client_order_id=st.integers(0, 2**32 - 1))
def test_what_the_builder_signs_verifies_from_what_it_sends(client_order_id: int) -> None:
    request = builder_at().cancel_order("SOL_USDC_PERP", client_order_id=client_order_id)
    assert accepted("orderCancel", request)
    query = builder_at().query_order("SOL_USDC_PERP", client_order_id=client_order_id)
    assert accepted("orderQuery", query)


@STEADY
@example(b"[]")
@given(st.binary(max_size=50) | st.text(max_size=30).map(lambda text: json.dumps(text).encode()))
def test_arbitrary_bodies_are_parameters_or_a_parse_error(body: bytes) -> None:
    try:
        groups = body_parameters(body)
    except BodyError:
        groups = [()]
    assert groups


def accepted(instruction: str, request: HttpRequest) -> bool:
    groups = body_parameters(request.body) if request.body else [list(request.query)]
    claimed = claim_of(dict(request.headers))
    return verifier().account(claimed, instruction, groups, TIMESTAMP_MS) == "ann"
