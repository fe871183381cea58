"""What the scripted venues say: the same fields as the real ones, with the values of a script."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any, Final

from benchmarks.samples import BACKPACK_ETH, GRVT_ETH, SUB_ACCOUNT

BID: Final = Decimal("2500.00")
ASK: Final = Decimal("2500.10")
_HIDDEN: Final = "UNSPECIFIED"
_FUNDING_S: Final = 28_800


def dumped(value: object) -> bytes:
    """Compact JSON, decimals as text."""
    return json.dumps(value, separators=(",", ":"), default=str).encode()


# -- Backpack ----------------------------------------------------------------------------------


def stream(name: str, data: dict[str, Any]) -> bytes:
    """A frame of one of Backpack's streams."""
    now_us = time.time_ns() // 1000
    return dumped({"stream": name, "data": data | {"E": now_us, "T": now_us}})


def book_ticker(symbol: str) -> bytes:
    """Best bid and ask."""
    fields = {"e": "bookTicker", "s": symbol, "a": ASK, "A": "50", "b": BID, "B": "50", "u": 1}
    return stream(f"bookTicker.{symbol}", fields)


def depth_delta(symbol: str, number: int) -> bytes:
    """The ``number``-th change, from 1; the first leads on from ``depth``."""
    update = 10 + number
    levels = {"a": [[ASK, "50"]], "b": [[BID, "50"]]}
    return stream(
        f"depth.{symbol}", {"e": "depth", "s": symbol, **levels, "U": update, "u": update}
    )


def markets() -> bytes:
    """The one market, open."""
    filters = {
        "price": {"tickSize": BACKPACK_ETH.tick},
        "quantity": {"minQuantity": BACKPACK_ETH.min_size, "stepSize": BACKPACK_ETH.step},
    }
    names = {"symbol": BACKPACK_ETH.symbol, "baseSymbol": "ETH", "quoteSymbol": "USDC"}
    return dumped([{**names, "filters": filters, "fundingInterval": _FUNDING_S * 1000}])


def mark_prices() -> bytes:
    """Its mark and its next funding."""
    fields = {"symbol": BACKPACK_ETH.symbol, "markPrice": BID, "fundingRate": "0.0001"}
    return dumped([{**fields, "nextFundingTimestamp": _next_funding_s() * 1000}])


def depth() -> bytes:
    """A book snapshot."""
    levels = {"asks": [[ASK, "50"]], "bids": [[BID, "50"]]}
    return dumped(levels | {"lastUpdateId": "10", "timestamp": time.time_ns() // 1000})


def placed(order: dict[str, Any], order_id: str) -> bytes:
    """The answer to an order: taken, and nothing executed yet."""
    fields = {"id": order_id, "status": "New", "executedQuantity": "0"}
    more = {"executedQuoteQuantity": "0", "createdAt": time.time_ns() // 1_000_000}
    return dumped(order | fields | more)


def primary_fill(
    order: dict[str, Any], order_id: str, trade_id: int, size: Decimal, executed: Decimal
) -> bytes:
    """One match of an own order, ``executed`` so far."""
    whole = Decimal(order["quantity"])
    price = Decimal(order["price"])
    return stream(
        "account.orderUpdate",
        {
            "e": "orderFill", "s": order["symbol"], "c": order["clientId"], "S": order["side"],
            "o": "LIMIT", "f": "IOC", "q": whole, "Q": "0", "p": price,
            "X": "Filled" if executed >= whole else "PartiallyFilled", "R": None,
            "i": order_id, "t": trade_id, "l": size, "L": price, "z": executed,
            "Z": executed * price, "m": False, "n": "0.02", "N": "USDC", "V": "RejectTaker",
            "y": False, "r": bool(order.get("reduceOnly")), "O": "USER",
        },
    )  # fmt: skip


def primary_position(size: Decimal) -> bytes:
    """An own position changed."""
    return stream(
        "account.positionUpdate",
        {
            "e": "positionAdjusted", "s": BACKPACK_ETH.symbol, "b": BID, "B": BID, "f": "0.02",
            "M": BID, "m": "0.0125", "q": size, "Q": abs(size), "n": abs(size) * BID, "i": "7",
            "p": "0", "P": "0", "l": "0",
        },
    )  # fmt: skip


# -- GRVT ----------------------------------------------------------------------------------------


def reply(request: dict[str, Any], result: object) -> bytes:
    """A JSON-RPC reply."""
    return dumped(
        {"jsonrpc": "2.0", "result": result, "id": request["id"], "method": request["method"]}
    )


def subscribed(params: dict[str, Any]) -> dict[str, Any]:
    """All of it, numbered from 1."""
    count = len(params["selectors"])
    return {
        "stream": params["stream"], "subs": params["selectors"], "unsubs": [],
        "num_snapshots": [0] * count, "first_sequence_number": ["1"] * count,
        "latest_sequence_number": ["0"] * count,
    }  # fmt: skip


def feed(name: str, selector: str, number: int, data: dict[str, Any]) -> bytes:
    """A message of one of GRVT's streams."""
    return dumped(
        {
            "stream": name, "selector": selector, "sequence_number": str(number), "feed": data,
            "prev_sequence_number": str(number - 1),
        }
    )  # fmt: skip


def mini(symbol: str) -> dict[str, Any]:
    """Best bid and ask."""
    return {
        "event_time": str(time.time_ns()), "instrument": symbol, "mark_price": BID,
        "index_price": BID, "last_price": BID, "last_size": "1", "mid_price": "2500.05",
        "best_bid_price": BID, "best_bid_size": "50", "best_ask_price": ASK,
        "best_ask_size": "50",
    }  # fmt: skip


def ticker(symbol: str) -> dict[str, Any]:
    """Best bid and ask, and the funding."""
    due_ns = str(_next_funding_s() * 1_000_000_000)
    return mini(symbol) | {"funding_rate": "0.01", "next_funding_time": due_ns}


def _next_funding_s() -> int:
    """In a whole interval from now: no run of a benchmark meets one."""
    return int(time.time()) + _FUNDING_S


def book(symbol: str) -> dict[str, Any]:
    """A book of one level."""
    return {
        "event_time": str(time.time_ns()), "instrument": symbol,
        "bids": [{"price": BID, "size": "50", "num_orders": 3}],
        "asks": [{"price": ASK, "size": "50", "num_orders": 3}],
    }  # fmt: skip


def filled_order(order: dict[str, Any], order_id: str) -> dict[str, Any]:
    """The order, filled as a whole at its limit."""
    leg = order["legs"][0]
    state = {
        "status": "FILLED", "reject_reason": _HIDDEN, "book_size": ["0.0"],
        "traded_size": [leg["size"]], "update_time": str(time.time_ns()),
        "avg_fill_price": [leg["limit_price"]],
    }  # fmt: skip
    return order | {"order_id": order_id, "state": state}


def hedge_fill(order: dict[str, Any], order_id: str) -> dict[str, Any]:
    """Its one match."""
    leg = order["legs"][0]
    return {
        "event_time": str(time.time_ns()), "sub_account_id": str(SUB_ACCOUNT),
        "instrument": leg["instrument"], "is_buyer": leg["is_buying_asset"], "is_taker": True,
        "size": leg["size"], "price": leg["limit_price"], "mark_price": BID, "index_price": BID,
        "interest_rate": "0", "forward_price": "0", "realized_pnl": "0", "fee": "0.01",
        "fee_rate": "0.055", "trade_id": f"{order_id}-1", "order_id": order_id,
        "venue": "ORDERBOOK", "is_liquidation": False, "signer": order["signature"]["signer"],
        "client_order_id": order["metadata"]["client_order_id"], "broker": _HIDDEN,
    }  # fmt: skip


def account_summary() -> dict[str, Any]:
    """The money of the sub account."""
    return {
        "event_time": str(time.time_ns()), "sub_account_id": str(SUB_ACCOUNT),
        "margin_type": "SIMPLE_CROSS_MARGIN", "settle_currency": "USDT",
        "total_equity": "100000.0", "available_balance": "90000.0",
    }  # fmt: skip


def hedge_position(size: Decimal) -> dict[str, Any]:
    """A position, in a stream or a reply."""
    return {
        "event_time": str(time.time_ns()), "sub_account_id": str(SUB_ACCOUNT),
        "instrument": GRVT_ETH.symbol, "size": size, "notional": size * BID, "entry_price": BID,
        "exit_price": "0", "mark_price": BID, "unrealized_pnl": "0", "realized_pnl": "0",
        "total_pnl": "0", "roi": "0", "quote_index_price": "1", "est_liquidation_price": "0",
        "leverage": "10", "margin_type": "CROSS",
    }  # fmt: skip
