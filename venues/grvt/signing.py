"""EIP-712 signatures of GRVT orders, computed directly.

The typed data never changes its shape, so the type hashes and the domain separators are constants
and an order costs four keccaks and one secp256k1 signature (deterministic after RFC 6979, low s).
``order_digest`` and ``recover_signer`` are the other direction, for whoever has to verify. Equal
byte for byte to grvt-pysdk's ``sign_order``. Source: GRVT api-spec (May 2026), signing of
orders, and that SDK.
"""

from __future__ import annotations

from decimal import Context, Decimal
from functools import lru_cache
from typing import Final

import msgspec
from coincurve import PrivateKey, PublicKey
from Crypto.Hash import keccak

from venues.grvt import frames
from venues.grvt.errors import SigningError
from venues.grvt.numbers import client_number
from venues.model import Instrument, NewOrder, TimeInForce

PRICE_DECIMALS: Final = 9
MAX_NONCE: Final = 2**32 - 1

WIRE_TIME_IN_FORCE: Final = {
    TimeInForce.GTC: "GOOD_TILL_TIME",
    TimeInForce.IOC: "IMMEDIATE_OR_CANCEL",
    TimeInForce.FOK: "FILL_OR_KILL",
}
SIGN_CODES: Final = {
    "GOOD_TILL_TIME": 1,
    "ALL_OR_NONE": 2,
    "IMMEDIATE_OR_CANCEL": 3,
    "FILL_OR_KILL": 4,
    "RETAIL_PRICE_IMPROVEMENT": 5,
}

_EXACT: Final = Context(prec=120)
_UINT64: Final = 2**64
_INT64: Final = 2**63
_CURVE_ORDER: Final = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def keccak256(data: bytes) -> bytes:
    """Ethereum's hash (Keccak before the padding that became SHA-3)."""
    return keccak.new(digest_bits=256, data=data).digest()


_DOMAIN_TYPE: Final = keccak256(b"EIP712Domain(string name,string version,uint256 chainId)")
_LEG_TYPE_TEXT: Final = (
    b"OrderLeg(uint256 assetID,uint64 contractSize,uint64 limitPrice,bool isBuyingContract)"
)
_LEG_TYPE: Final = keccak256(_LEG_TYPE_TEXT)
_ORDER_TYPE: Final = keccak256(
    b"Order(uint64 subAccountID,bool isMarket,uint8 timeInForce,bool postOnly,bool reduceOnly,"
    b"OrderLeg[] legs,uint32 nonce,int64 expiration)" + _LEG_TYPE_TEXT
)
_NAME: Final = keccak256(b"GRVT Exchange")
_VERSION: Final = keccak256(b"0")


class SignedLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg in the integers that are signed: size x 10**base_decimals, price x 10**9."""

    asset_id: int
    contract_size: int
    limit_price: int
    is_buying: bool


class SignedFields(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of an order that its signature covers. The client order id is not among it."""

    sub_account_id: int
    is_market: bool
    time_in_force: int
    post_only: bool
    reduce_only: bool
    legs: tuple[SignedLeg, ...]
    nonce: int
    expiration_ns: int


@lru_cache(maxsize=16)
def domain_separator(chain_id: int) -> bytes:
    """Of the domain "GRVT Exchange", version "0": no contract and no salt."""
    return keccak256(_DOMAIN_TYPE + _NAME + _VERSION + _word(chain_id))


def scaled(value: Decimal, decimals: int, field: str) -> int:
    """``value`` x 10**``decimals``, cut to an integer; SigningError unless it fits a uint64."""
    if not value.is_finite() or not 0 <= value < _UINT64:
        raise SigningError(field, str(value)[:40], "a number that fits uint64")
    number = int(_EXACT.scaleb(value, decimals))
    if number >= _UINT64:
        raise SigningError(field, str(value)[:40], f"below 2**64 with {decimals} decimals")
    return number


def order_digest(fields: SignedFields, chain_id: int) -> bytes:
    """The 32 bytes that are signed. Raises SigningError for a number out of its type's range."""
    _check_range("nonce", fields.nonce, MAX_NONCE + 1)
    _check_range("expiration", fields.expiration_ns, _INT64)
    _check_range("sub_account_id", fields.sub_account_id, _UINT64)
    legs = keccak256(b"".join(_leg_hash(leg) for leg in fields.legs))
    order = keccak256(
        _ORDER_TYPE
        + _word(fields.sub_account_id)
        + _word(fields.is_market)
        + _word(fields.time_in_force)
        + _word(fields.post_only)
        + _word(fields.reduce_only)
        + legs
        + _word(fields.nonce)
        + _word(fields.expiration_ns)
    )
    return keccak256(b"\x19\x01" + domain_separator(chain_id) + order)


def recover_signer(digest: bytes, r: int, s: int, v: int) -> str:
    """The checksummed address whose key made this signature; SigningError when none could."""
    if v not in (27, 28):
        raise SigningError("v", str(v), "27 or 28")
    if not (0 < r < _CURVE_ORDER and 0 < s < _CURVE_ORDER):
        raise SigningError("r, s", f"{r:#x} {s:#x}", "numbers below the order of the curve")
    signature = _word(r) + _word(s) + bytes((v - 27,))
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception as error:
        # coincurve raises a bare Exception for a point that is not on the curve.
        raise SigningError("r, s", f"{r:#x} {s:#x}", "a recoverable signature") from error
    return _address(key)


def high_s(s: int) -> bool:
    """True in the upper half of the curve, where GRVT refuses a signature (2007)."""
    return s > _CURVE_ORDER // 2


class OrderSigner:
    """Signs orders with one key for one chain. Stateless after construction, so any thread may."""

    __slots__ = ("_key", "address", "chain_id")

    def __init__(self, private_key: str | bytes, chain_id: int) -> None:
        self._key = PrivateKey(_key_bytes(private_key))
        self.address = _address(self._key.public_key)
        self.chain_id = chain_id

    def __repr__(self) -> str:
        return f"OrderSigner({self.address}, chain_id={self.chain_id})"

    def order(self, order: NewOrder, instrument: Instrument, sub_account_id: int) -> frames.Order:
        """The complete signed order for ``requests.create_order``.

        The same NewOrder (nonce and expiry included) gives the same bytes again. Raises
        QuantizeError when price or size are not multiples of the instrument's units, so that what
        is signed and what is written are one number.
        """
        instrument.check_order(order.size, order.price)
        return frames.Order(
            sub_account_id=str(sub_account_id),
            is_market=False,
            time_in_force=WIRE_TIME_IN_FORCE[order.time_in_force],
            post_only=order.post_only,
            reduce_only=order.reduce_only,
            legs=(
                frames.OrderLeg(
                    instrument=order.symbol,
                    size=client_number(order.size),
                    limit_price=client_number(order.price),
                    is_buying_asset=order.side.sign > 0,
                ),
            ),
            signature=self.sign(order, instrument, sub_account_id),
            metadata=frames.OrderMetadata(client_order_id=str(order.client_order_id)),
        )

    def sign(
        self, order: NewOrder, instrument: Instrument, sub_account_id: int
    ) -> frames.Signature:
        """The signature of a limit order."""
        return self.sign_fields(signed_fields(order, instrument, sub_account_id))

    def sign_fields(self, fields: SignedFields) -> frames.Signature:
        """The signature of anything that can be signed, market orders too."""
        raw = self._key.sign_recoverable(order_digest(fields, self.chain_id), hasher=None)
        return frames.Signature(
            signer=self.address,
            r="0x" + raw[:32].hex(),
            s="0x" + raw[32:64].hex(),
            v=27 + raw[64],
            expiration=str(fields.expiration_ns),
            nonce=fields.nonce,
        )


def signed_fields(order: NewOrder, instrument: Instrument, sub_account_id: int) -> SignedFields:
    """What is signed of a limit order."""
    leg = SignedLeg(
        asset_id=instrument.asset_id,
        contract_size=scaled(order.size, instrument.base_decimals, "size"),
        limit_price=scaled(order.price, PRICE_DECIMALS, "limit_price"),
        is_buying=order.side.sign > 0,
    )
    return SignedFields(
        sub_account_id=sub_account_id,
        is_market=False,
        time_in_force=SIGN_CODES[WIRE_TIME_IN_FORCE[order.time_in_force]],
        post_only=order.post_only,
        reduce_only=order.reduce_only,
        legs=(leg,),
        nonce=order.nonce,
        expiration_ns=order.expires_ns,
    )


def _leg_hash(leg: SignedLeg) -> bytes:
    return keccak256(
        _LEG_TYPE
        + _word(leg.asset_id)
        + _word(leg.contract_size)
        + _word(leg.limit_price)
        + _word(leg.is_buying)
    )


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _check_range(field: str, value: int, end: int) -> None:
    if not 0 <= value < end:
        raise SigningError(field, str(value), f"0..{end - 1}")


def _key_bytes(private_key: str | bytes) -> bytes:
    if isinstance(private_key, bytes):
        data = private_key
    else:
        try:
            data = bytes.fromhex(private_key.strip().removeprefix("0x"))
        except ValueError:
            data = b""
    if len(data) != 32 or not 0 < int.from_bytes(data, "big") < _CURVE_ORDER:
        raise SigningError("private key", "(not shown)", "32 bytes as 64 hex digits") from None
    return data


def _address(key: PublicKey) -> str:
    """The address of a key, with EIP-55's checksum in its capitals."""
    digits = keccak256(key.format(compressed=False)[1:])[-20:].hex()
    check = keccak256(digits.encode()).hex()
    pairs = zip(digits, check, strict=False)
    return "0x" + "".join(d.upper() if int(c, 16) > 7 else d for d, c in pairs)
