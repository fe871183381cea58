"""A GRVT order, built, signed and encoded: next to the bare cryptography, and to grvt-pysdk."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final

from coincurve import PrivateKey
from Crypto.Hash import keccak

from benchmarks.harness import Batch, Bound, Figure, interleave, repeated, scaled
from benchmarks.samples import (
    CHAIN_ID,
    GRVT_ETH,
    ORDER,
    PRIVATE_KEY,
    SUB_ACCOUNT,
    silence_sdks,
)
from venues.grvt import OrderSigner, encode_call, requests
from venues.grvt.signing import WIRE_TIME_IN_FORCE

_ROUNDS: Final = 31
_SDK_ROUNDS: Final = 21
_CURVE: Final = "ECC_BACKEND_CLASS"  # of eth-keys, read whenever it makes a key
# What EIP-712 hashes of an order with one leg: the leg, the legs, the order, and the digest.
_HASHED: Final = tuple(bytes(size) for size in (160, 32, 288, 66))


def measure(scale: float = 1.0) -> tuple[Figure, ...]:
    """Ours against the floor, and against the SDK."""
    ours = _ours()
    floor = interleave(
        repeated(ours, scaled(100, scale)),
        repeated(_bare(), scaled(100, scale)),
        scaled(_ROUNDS, scale),
    )
    sdk = repeated(_sdk(), scaled(5, scale))
    alone, helped = (
        interleave(
            repeated(ours, scaled(10, scale)), _on_curve(curve, sdk), scaled(_SDK_ROUNDS, scale)
        )
        for curve in ("NativeECCBackend", "CoinCurveECCBackend")
    )
    return (
        floor.figure("GRVT order, signed and encoded / bare signature + keccaks", 1.5),
        alone.figure("the same / grvt-pysdk as it installs itself", 50, Bound.SPEED_UP),
        helped.figure("the same / grvt-pysdk next to our coincurve", None, Bound.SPEED_UP),
    )


def _ours() -> Callable[[], object]:
    signer = OrderSigner(PRIVATE_KEY, CHAIN_ID)

    def work() -> bytes:
        order = signer.order(ORDER, GRVT_ETH, SUB_ACCOUNT)
        return encode_call(requests.create_order(order), 7)

    return work


def _bare() -> Callable[[], object]:
    key = PrivateKey(bytes.fromhex(PRIVATE_KEY.removeprefix("0x")))

    def work() -> bytes:
        digest = b""
        for data in _HASHED:
            digest = keccak.new(digest_bits=256, data=data).digest()
        return key.sign_recoverable(digest, hasher=None)

    return work


def _on_curve(backend: str, batch: Batch) -> Batch:
    """``batch`` with eth-keys computing in that backend.

    grvt-pysdk installs the one in pure Python; eth-keys takes coincurve instead as soon as somebody
    else (we) has it installed.
    """

    def on_curve() -> float:
        with _curve(backend):
            return batch()

    return on_curve


@contextlib.contextmanager
def _curve(backend: str) -> Iterator[None]:
    before = os.environ.get(_CURVE)
    os.environ[_CURVE] = f"eth_keys.backends.{backend}"
    try:
        yield
    finally:
        del os.environ[_CURVE]
        if before is not None:
            os.environ[_CURVE] = before


def _sdk() -> Callable[[], object]:
    """grvt-pysdk's sign_order, and the JSON of what it returns."""
    from eth_account import Account
    from pysdk import grvt_raw_types as raw
    from pysdk.grvt_raw_base import GrvtApiConfig
    from pysdk.grvt_raw_env import GrvtEnv
    from pysdk.grvt_raw_signing import sign_order

    silence_sdks()
    config = GrvtApiConfig(GrvtEnv.TESTNET, str(SUB_ACCOUNT), PRIVATE_KEY, None, None)
    account = Account.from_key(PRIVATE_KEY)
    fields: dict[str, Any] = dict.fromkeys(raw.Instrument.__dataclass_fields__)
    asset = {"instrument_hash": hex(GRVT_ETH.asset_id), "base_decimals": GRVT_ETH.base_decimals}
    listed = {GRVT_ETH.symbol: raw.Instrument(**(fields | asset))}

    def work() -> str:
        signed = sign_order(_sdk_order(raw), config, account, listed)
        return json.dumps({"params": {"order": asdict(signed)}, "id": 7}, default=str)

    return work


def _sdk_order(raw: Any) -> Any:
    leg = raw.OrderLeg(
        instrument=ORDER.symbol,
        size=str(ORDER.size),
        limit_price=str(ORDER.price),
        is_buying_asset=ORDER.side.sign > 0,
    )
    unsigned = raw.Signature(
        signer="", r="", s="", v=0, expiration=str(ORDER.expires_ns), nonce=ORDER.nonce
    )
    return raw.Order(
        sub_account_id=str(SUB_ACCOUNT),
        time_in_force=raw.TimeInForce[WIRE_TIME_IN_FORCE[ORDER.time_in_force]],
        legs=[leg],
        signature=unsigned,
        metadata=raw.OrderMetadata(client_order_id=str(ORDER.client_order_id)),
        is_market=False,
        post_only=ORDER.post_only,
        reduce_only=ORDER.reduce_only,
    )
