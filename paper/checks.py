"""What a paper venue refuses at entry, as pure checks of one request."""

from __future__ import annotations

from decimal import Decimal

from paper.orders import OrderRequest, Reason, Refused
from paper.settings import Limits
from venues.model import ZERO, Instrument, Side


def check_shape(request: OrderRequest, instrument: Instrument) -> None:
    """Tick, step and minimum size; raises Refused."""
    size, price = request.size, request.price
    if not size.is_finite() or size < instrument.min_size:
        raise Refused(Reason.SIZE_MIN, f"size {size} is below {instrument.min_size}")
    if size % instrument.step:
        raise Refused(Reason.SIZE_STEP, f"size {size} is not a multiple of {instrument.step}")
    if price is None:
        return
    if not price.is_finite() or price <= 0 or price % instrument.tick:
        raise Refused(Reason.PRICE_TICK, f"price {price} is not a multiple of {instrument.tick}")


def check_value(
    request: OrderRequest, instrument: Instrument, mark: Decimal, limits: Limits
) -> None:
    """Minimum notional and price band around the mark; raises Refused."""
    price = request.price if request.price is not None else mark
    if request.size * price < instrument.min_notional:
        raise Refused(Reason.NOTIONAL_MIN, f"notional is below {instrument.min_notional}")
    bound = band(request.side, mark, limits)
    if (price - bound) * request.side.sign > 0:
        raise Refused(Reason.PRICE_BAND, f"price {price} is beyond {bound}")


def band(side: Side, mark: Decimal, limits: Limits) -> Decimal:
    """The worst price at which that side may trade."""
    return mark * (1 + side.sign * limits.price_band)


def reducible(size: Decimal, side: Side) -> Decimal:
    """How much of a position of ``size`` (signed) an order of ``side`` can take off."""
    return max(ZERO, -size * side.sign)
