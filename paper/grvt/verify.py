"""Everything that GRVT checks of a new order before it says "accepted for processing". Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final, NoReturn

from msgspec import UnsetType

from paper.grvt.refusals import GrvtRefusal
from paper.grvt.settings import GrvtAccount
from paper.orders import OrderRequest
from venues.errors import FrameError
from venues.grvt import errors, frames, signing
from venues.grvt.errors import SigningError
from venues.grvt.numbers import IntText, finite, to_int
from venues.grvt.signing import SignedFields, SignedLeg
from venues.model import Instrument, Side, TimeInForce

MAX_EXPIRATION_NS: Final = 30 * 24 * 3600 * 10**9

_TIMES_IN_FORCE: Final = {text: tif for tif, text in signing.WIRE_TIME_IN_FORCE.items()}
_HEX: Final = frozenset("0123456789abcdefABCDEF")


def check_form(order: frames.Order, account: GrvtAccount) -> None:
    """What can be said without knowing the instrument: ids, legs, time in force, price."""
    if _integer(order.sub_account_id, errors.SUB_ACCOUNT_FORMAT) != account.sub_account_id:
        _refuse(errors.WRONG_SUB_ACCOUNT)
    if isinstance(order.order_id, str) and order.order_id.strip("0x"):
        _refuse(errors.ORDER_ID_SET)
    if order.state is not None and not isinstance(order.state, UnsetType):
        _refuse(errors.STATE_SET)
    if not order.legs:
        _refuse(errors.NO_LEG)
    if len(order.legs) > 1:
        _refuse(errors.SEVERAL_LEGS)
    if order.time_in_force not in _TIMES_IN_FORCE:
        _refuse(errors.BAD_TIME_IN_FORCE, order.time_in_force)
    if order.post_only and order.time_in_force != "GOOD_TILL_TIME":
        _refuse(errors.POST_ONLY_TIME_IN_FORCE)
    client_id = order.metadata.client_order_id
    if isinstance(client_id, UnsetType) or client_id == "":
        _refuse(errors.CLIENT_ID_MISSING)
    price = order.legs[0].limit_price
    if order.is_market and price:
        _refuse(errors.MARKET_WITH_PRICE)
    if not order.is_market and not price:
        _refuse(errors.LIMIT_WITHOUT_PRICE)


def check_signature(
    order: frames.Order, account: GrvtAccount, instrument: Instrument, chain_id: int, now_ns: int
) -> None:
    """That the account's signer has signed exactly this, for this chain and this time."""
    signature = order.signature
    if isinstance(signature, UnsetType):
        _refuse(errors.SIGNATURE_MISMATCH, "no signature")
    if not isinstance(signature.chain_id, UnsetType):
        named = _integer(signature.chain_id, errors.WRONG_CHAIN_ID)
        if named not in (0, chain_id):
            _refuse(errors.WRONG_CHAIN_ID, str(named))
    expiration_ns = _integer(signature.expiration)
    if expiration_ns <= now_ns:
        _refuse(errors.SIGNATURE_EXPIRED)
    if expiration_ns > now_ns + MAX_EXPIRATION_NS:
        _refuse(errors.EXPIRATION_TOO_FAR)
    v = _integer(signature.v)
    if v not in (27, 28):
        _refuse(errors.BAD_V)
    r, s = _hex_word(signature.r), _hex_word(signature.s)
    if signing.high_s(s):
        _refuse(errors.HIGH_S)
    try:
        digest = signing.order_digest(signed_fields(order, instrument), chain_id)
        signer = signing.recover_signer(digest, r, s, v)
    except SigningError as error:
        raise GrvtRefusal(errors.SIGNATURE_MISMATCH, str(error)) from None
    if signer.lower() != signature.signer.lower():
        _refuse(errors.SIGNATURE_MISMATCH)
    if signer.lower() != account.signer.lower():
        _refuse(errors.SIGNER_UNKNOWN)


def signed_fields(order: frames.Order, instrument: Instrument) -> SignedFields:
    """What a signature must cover, rebuilt from the numeric values of the JSON."""
    if isinstance(order.signature, UnsetType):
        _refuse(errors.SIGNATURE_MISMATCH, "no signature")
    leg = order.legs[0]
    price = Decimal(0) if leg.limit_price is None else leg.limit_price
    signed_leg = SignedLeg(
        asset_id=instrument.asset_id,
        contract_size=signing.scaled(leg.size, instrument.base_decimals, "size"),
        limit_price=signing.scaled(price, signing.PRICE_DECIMALS, "limit_price"),
        is_buying=leg.is_buying_asset,
    )
    return SignedFields(
        sub_account_id=_integer(order.sub_account_id),
        is_market=bool(order.is_market),
        time_in_force=signing.SIGN_CODES[order.time_in_force],
        post_only=bool(order.post_only),
        reduce_only=bool(order.reduce_only),
        legs=(signed_leg,),
        nonce=_integer(order.signature.nonce),
        expiration_ns=_integer(order.signature.expiration),
    )


def to_request(order: frames.Order, account: GrvtAccount) -> OrderRequest:
    """The engine's request for a checked order. A market order takes what there is, at once."""
    if isinstance(order.signature, UnsetType) or isinstance(
        order.metadata.client_order_id, UnsetType
    ):
        _refuse(errors.CLIENT_ID_MISSING)
    leg = order.legs[0]
    time_in_force = _TIMES_IN_FORCE[order.time_in_force]
    if order.is_market and time_in_force is TimeInForce.GTC:
        time_in_force = TimeInForce.IOC
    return OrderRequest(
        account=account.name,
        symbol=leg.instrument,
        side=Side.BUY if leg.is_buying_asset else Side.SELL,
        size=_number(leg.size, "size"),
        price=None if order.is_market else _number(leg.limit_price or Decimal(0), "limit_price"),
        time_in_force=time_in_force,
        client_order_id=_integer(order.metadata.client_order_id),
        post_only=bool(order.post_only),
        reduce_only=bool(order.reduce_only),
        expires_ns=_integer(order.signature.expiration),
        nonce=f"{order.signature.r}{order.signature.s}".lower(),
        wire=order,
    )


def _refuse(code: int, detail: str = "") -> NoReturn:
    raise GrvtRefusal(code, detail)


def _integer(value: IntText, code: int = errors.MALFORMED) -> int:
    try:
        return to_int(value, "order")
    except FrameError as error:
        raise GrvtRefusal(code, error.reason) from None


def _number(value: Decimal, field: str) -> Decimal:
    try:
        return finite(value, field)
    except FrameError as error:
        raise GrvtRefusal(errors.MALFORMED, error.reason) from None


def _hex_word(text: str) -> int:
    digits = text.removeprefix("0x")
    if len(digits) != 64 or not _HEX.issuperset(digits):
        _refuse(errors.BAD_RS_LENGTH)
    return int(digits, 16)
