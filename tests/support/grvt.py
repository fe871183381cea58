"""What the tests of GRVT share: the keys and orders of the reference vectors, recorded frames."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from venues.model import GRVT, Instrument, NewOrder, Side, TimeInForce

PRIVATE_KEY: Final = "0x" + "11" * 32
ADDRESS: Final = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
SUB_ACCOUNT: Final = 2147050003876484
CLIENT_ID: Final = 9223372036854775809


def grvt_instrument(
    symbol: str, asset_id: int, tick: str, min_size: str, min_notional: str
) -> Instrument:
    """A GRVT contract with 9 base decimals."""
    base, quote, _ = symbol.split("_")
    return Instrument(
        venue=GRVT,
        symbol=symbol,
        base=base,
        quote=quote,
        tick=Decimal(tick),
        step=Decimal(min_size),
        min_size=Decimal(min_size),
        min_notional=Decimal(min_notional),
        asset_id=asset_id,
        base_decimals=9,
    )


BTC: Final = grvt_instrument("BTC_USDT_Perp", 0x030501, "0.1", "0.001", "100")
ETH: Final = grvt_instrument("ETH_USDT_Perp", 0x030401, "0.01", "0.001", "20")


def new_order(
    *,
    symbol: str = "BTC_USDT_Perp",
    side: Side = Side.BUY,
    size: str = "0.001",
    price: str = "65000.5",
    time_in_force: TimeInForce = TimeInForce.GTC,
    client_order_id: int = CLIENT_ID,
    expires_ns: int = 1767225600000000000,
    nonce: int = 1234567890,
    post_only: bool = False,
    reduce_only: bool = False,
) -> NewOrder:
    """An order like the first reference vector."""
    return NewOrder(
        symbol=symbol,
        side=side,
        size=Decimal(size),
        price=Decimal(price),
        time_in_force=time_in_force,
        client_order_id=client_order_id,
        expires_ns=expires_ns,
        nonce=nonce,
        post_only=post_only,
        reduce_only=reduce_only,
    )


ORDER_JSON: Final = """{"order_id":"0x00","sub_account_id":"2147050003876484","is_market":false,
 "time_in_force":"GOOD_TILL_TIME","post_only":true,"reduce_only":false,
 "legs":[{"instrument":"BTC_USDT_Perp","size":"0.001","limit_price":"65000.5","is_buying_asset":true}],
 "signature":{"signer":"0x19e7e376e7c213b7e7e7e46cc70a5dd086daff2a","r":"0xf82b","s":"0x798d","v":28,
  "expiration":"1767225600000000000","nonce":1234567890,"chain_id":"0"},
 "metadata":{"client_order_id":"9223372036854775809","create_time":"1767225300000000000",
  "broker":"UNSPECIFIED","is_position_transfer":false,"allow_crossing":false,
  "trigger":{"trigger_type":"UNSPECIFIED",
   "tpsl":{"trigger_by":"UNSPECIFIED","trigger_price":"0.0","close_position":false}}},
 "state":{"status":"PENDING","reject_reason":"UNSPECIFIED","book_size":["0.001"],"traded_size":["0.0"],
  "update_time":"1767225300000000000","avg_fill_price":["0.0"]},
 "builder":"0x00","builder_fee":"0.0"}"""

FILL_JSON: Final = """{"event_time":"1767225600000000000","sub_account_id":"2147050003876484",
 "instrument":"BTC_USDT_Perp","is_buyer":true,"is_taker":true,"size":"0.001","price":"89473.4",
 "mark_price":"89470.0","index_price":"89471.0","interest_rate":"0.0003","forward_price":"0.0",
 "realized_pnl":"0.0","fee":"0.040263","fee_rate":"0.045","trade_id":"63487-2",
 "order_id":"0x0101010503a12f6e000000007791f1bd","venue":"ORDERBOOK","is_liquidation":false,
 "client_order_id":"9223372036854775809","signer":"0x19e7","broker":"UNSPECIFIED","is_rpi":false,
 "builder":"0x00","builder_fee_rate":"0.0","builder_fee":"0.0"}"""

POSITION_JSON: Final = """{"event_time":"1767225600000000000","sub_account_id":"2147050003876484",
 "instrument":"BTC_USDT_Perp","size":"-0.002","notional":"-178.9","entry_price":"89473.4",
 "exit_price":"0.0","mark_price":"89470.0","unrealized_pnl":"0.0068","realized_pnl":"0.0",
 "total_pnl":"0.0068","roi":"0.0","quote_index_price":"1.0","est_liquidation_price":"99000.0",
 "leverage":"10.0","cumulative_fee":"0.1","cumulative_realized_funding_payment":"0.0",
 "margin_type":"CROSS"}"""

INSTRUMENT_JSON: Final = """{"instrument":"BTC_USDT_Perp","instrument_hash":"0x030501","base":"BTC",
 "quote":"USDT","kind":"PERPETUAL","venues":["ORDERBOOK","RFQ"],"settlement_period":"PERPETUAL",
 "base_decimals":9,"quote_decimals":6,"tick_size":"0.1","min_size":"0.001",
 "create_time":"1700000000000000000","max_position_size":"1000.0","funding_interval_hours":8,
 "adjusted_funding_rate_cap":"0.3","adjusted_funding_rate_floor":"-0.3","min_notional":"100.0"}"""

SUMMARY_JSON: Final = """{"event_time":"1767225600000000000","sub_account_id":"2147050003876484",
 "margin_type":"SIMPLE_CROSS_MARGIN","settle_currency":"USDT","unrealized_pnl":"1.5",
 "total_equity":"10001.5","initial_margin":"100.0","maintenance_margin":"50.0",
 "available_balance":"9900.0","spot_balances":[{"currency":"USDT","balance":"10000.0",
 "index_price":"1.0"}],"positions":[],"settle_index_price":"1.0","is_vault":false}"""

BOOK_JSON: Final = """{"event_time":"1767225600000000000","instrument":"BTC_USDT_Perp",
 "bids":[{"price":"65000.1","size":"1.5","num_orders":3},{"price":"65000.0","size":"2.0",
 "num_orders":"1"}],"asks":[{"price":"65000.4","size":"0.7","num_orders":1}]}"""

MINI_JSON: Final = """{"event_time":"1767225600000000000","instrument":"BTC_USDT_Perp",
 "mark_price":"65000.2","index_price":"65001.0","last_price":"65000.1","last_size":"0.1",
 "mid_price":"65000.25","best_bid_price":"65000.1","best_bid_size":"1.5",
 "best_ask_price":"65000.4","best_ask_size":"0.7"}"""

STATE_JSON: Final = """{"order_id":"0x0101010503a12f6e000000007791f1bd",
 "client_order_id":"9223372036854775809","order_state":{"status":"CANCELLED",
 "reject_reason":"IOC_CANCEL","book_size":["0.0"],"traded_size":["0.0004"],
 "update_time":"1767225600000000001","avg_fill_price":["65000.5"]}}"""


def rpc(result: str, method: str = "v1/order", request_id: int = 41) -> str:
    """A successful JSON-RPC reply."""
    return f'{{"jsonrpc":"2.0","result":{result},"id":{request_id},"method":"{method}"}}'


def stream(name: str, feed: str, selector: str = "2147050003876484", number: str = '"1"') -> str:
    """A stream's message."""
    return (
        f'{{"stream":"{name}","selector":"{selector}","sequence_number":{number},'
        f'"feed":{feed},"prev_sequence_number":"0"}}'
    )
