"""Backpack material shared by the tests: the documented key, and payloads whole as recorded."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

from venues.backpack.requests import HttpRequest, RequestBuilder

# Generated examples are judged by what they find, never by the speed of the machine.
STEADY: Final = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)

# The key of the protocol's test vectors: a seed of 32 bytes 0x22.
SECRET_KEY: Final = "IiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiIiI="
PUBLIC_KEY: Final = "oJql9HpnWYAv+VX43C0qFKXJnSO+l/hkEn/5ODRVpPA="
TIMESTAMP_MS: Final = 1750793021519

STATUS: Final = b'{"status":"Ok","message":null}'
MARKET: Final = (
    b'{"symbol":"SOL_USDC_PERP","baseSymbol":"SOL","quoteSymbol":"USDC","marketType":"PERP",'
    b'"filters":{"price":{"minPrice":"0.01","maxPrice":null,"tickSize":"0.01",'
    b'"maxMultiplier":"1.25","minMultiplier":"0.75","maxImpactMultiplier":"1.05",'
    b'"minImpactMultiplier":"0.95","meanMarkPriceBand":{"maxMultiplier":"1.03",'
    b'"minMultiplier":"0.97"},"meanPremiumBand":{"tolerancePct":"0.05"},'
    b'"borrowEntryFeeMaxMultiplier":null,"borrowEntryFeeMinMultiplier":null},'
    b'"quantity":{"minQuantity":"0.01","maxQuantity":null,"stepSize":"0.01"}},'
    b'"imfFunction":{"type":"sqrt","base":"0.02","factor":"0.0001"},'
    b'"mmfFunction":{"type":"sqrt","base":"0.0125","factor":"0.00005"},'
    b'"fundingInterval":28800000,"fundingRateUpperBound":"100","fundingRateLowerBound":"-100",'
    b'"openInterestLimit":"4000000","orderBookState":"Open",'
    b'"createdAt":"2025-01-21T06:34:54.691858","visible":true,"positionLimitWeight":null}'
)
DEPTH: Final = (
    b'{"asks":[["141.26","3.20"]],"bids":[["141.25","10.00"]],'
    b'"lastUpdateId":"94978271","timestamp":1750793021519000}'
)
TICKER: Final = (
    b'{"symbol":"SOL_USDC_PERP","firstPrice":"140","lastPrice":"141.25","priceChange":"1.25",'
    b'"priceChangePercent":"0.008928","high":"143","low":"139","volume":"12000.5",'
    b'"quoteVolume":"1690000.1","trades":"93828"}'
)
MARK_PRICES: Final = (
    b'[{"symbol":"SOL_USDC_PERP","markPrice":"141.24","indexPrice":"141.2",'
    b'"fundingRate":"0.0000125","nextFundingTimestamp":1750809600000}]'
)
LIMIT_ORDER: Final = (
    b'{"orderType":"Limit","id":"114575842681290753","clientId":4294967295,'
    b'"symbol":"SOL_USDC_PERP","side":"Bid","quantity":"12.5","price":"141.25",'
    b'"executedQuantity":"0","executedQuoteQuantity":"0","postOnly":true,"reduceOnly":true,'
    b'"timeInForce":"GTC","selfTradePrevention":"RejectTaker","status":"New",'
    b'"createdAt":1750793021519,"stopLossTriggerPrice":null,"stopLossLimitPrice":null,'
    b'"stopLossTriggerBy":null,"takeProfitTriggerPrice":null,"takeProfitLimitPrice":null,'
    b'"takeProfitTriggerBy":null,"triggerBy":null,"triggerPrice":null,"triggerQuantity":null,'
    b'"triggeredAt":null,"relatedOrderId":null,"strategyId":null}'
)
MARKET_ORDER: Final = (
    b'{"orderType":"Market","id":"114575842681290754","clientId":null,"symbol":"SOL_USDC_PERP",'
    b'"side":"Ask","quantity":"2","quoteQuantity":null,"executedQuantity":"2",'
    b'"executedQuoteQuantity":"282.5","reduceOnly":null,"timeInForce":"IOC",'
    b'"selfTradePrevention":"RejectTaker","status":"Filled","createdAt":1750793021519,'
    b'"slippageTolerance":null,"slippageToleranceType":null}'
)
HISTORY_ORDER: Final = (
    b'{"orderType":"Limit","id":"114575842681290760","clientId":8,"symbol":"SOL_USDC_PERP",'
    b'"side":"Ask","quantity":"3","price":"141.30","executedQuantity":"1",'
    b'"executedQuoteQuantity":"141.3","status":"Expired","timeInForce":"IOC",'
    b'"expiryReason":"ImmediateOrCancel","systemOrderType":null,'
    b'"createdAt":"2025-06-24T19:23:41.519"}'
)
HISTORY_FILL: Final = (
    b'{"tradeId":6023471,"orderId":"114575842681290753","clientId":"4294967295",'
    b'"symbol":"SOL_USDC_PERP","side":"Bid","price":"141.25","quantity":"2","fee":"0.14125",'
    b'"feeSymbol":"USDC","isMaker":false,"systemOrderType":null,'
    b'"timestamp":"2025-06-24T19:23:41.519"}'
)
POSITION: Final = (
    b'{"symbol":"SOL_USDC_PERP","positionId":"114575813314","netQuantity":"-0.5",'
    b'"netCost":"-70.6","netExposureQuantity":"0.5","netExposureNotional":"70.62",'
    b'"entryPrice":"141.2","breakEvenPrice":"141.1","markPrice":"141.24",'
    b'"estLiquidationPrice":"0","imf":"0.02","mmf":"0.0125",'
    b'"imfFunction":{"type":"sqrt","base":"0.02","factor":"0.0001"},'
    b'"mmfFunction":{"type":"sqrt","base":"0.0125","factor":"0.00005"},"pnlRealized":"0",'
    b'"pnlUnrealized":"-0.02","cumulativeFundingPayment":"-0.01","cumulativeInterest":"0",'
    b'"subaccountId":null,"userId":1}'
)
COLLATERAL: Final = (
    b'{"assetsValue":"100.5","borrowLiability":"0","collateral":[{"symbol":"USDC",'
    b'"assetMarkPrice":"1","totalQuantity":"100.5","balanceNotional":"100.5",'
    b'"collateralWeight":"1","collateralValue":"100.5","openOrderQuantity":"0",'
    b'"lendQuantity":"0","availableQuantity":"100.5"}],"imf":"0.02","mmf":"0.0125",'
    b'"unsettledEquity":"0","liabilitiesValue":"0","marginFraction":null,"netEquity":"100.5",'
    b'"netEquityAvailable":"90.25","netEquityLocked":"10.25","netExposureFutures":"0",'
    b'"pnlUnrealized":"0"}'
)
ACCOUNT: Final = (
    b'{"autoBorrowSettlements":true,"autoLend":false,"autoRealizePnl":true,'
    b'"autoRepayBorrows":true,"borrowLimit":"0","positionLimit":"1000000","leverageLimit":"10",'
    b'"futuresMakerFee":"-0.5","futuresTakerFee":"5","spotMakerFee":"8","spotTakerFee":"10",'
    b'"limitOrders":0,"triggerOrders":0,"liquidating":false}'
)
ERROR: Final = b'{"code":"INVALID_ORDER","message":"Order would immediately match and take."}'

ORDER_ACCEPTED: Final = (
    '{"stream":"account.orderUpdate","data":{"e":"orderAccepted","E":1750793021519703,'
    '"s":"SOL_USDC_PERP","c":7,"S":"Bid","o":"LIMIT","f":"GTC","q":"12.5","Q":"0","p":"141.25",'
    '"X":"New","i":"114575842681290753","t":null,"z":"0","Z":"0","V":"RejectTaker","y":true,'
    '"r":false,"O":"USER","T":1750793021519690}}'
)
ORDER_FILL: Final = (
    '{"stream":"account.orderUpdate","data":{"e":"orderFill","E":1750793022519703,'
    '"s":"SOL_USDC_PERP","c":7,"S":"Bid","o":"LIMIT","f":"GTC","q":"12.5","Q":"0","p":"141.25",'
    '"X":"PartiallyFilled","i":"114575842681290753","t":6023471,"l":"2","L":"141.25","z":"2",'
    '"Z":"282.5","m":true,"n":"0.0565","N":"USDC","V":"RejectTaker","y":true,"r":false,'
    '"O":"USER","T":1750793022519690}}'
)
ORDER_EXPIRED: Final = (
    '{"stream":"account.orderUpdate","data":{"e":"orderExpired","E":1750793022519800,'
    '"s":"SOL_USDC_PERP","c":8,"S":"Ask","o":"LIMIT","f":"IOC","q":"3","p":"141.30",'
    '"X":"Expired","R":"ImmediateOrCancel","i":"114575842681290760","t":null,"z":"1",'
    '"Z":"141.3","V":"RejectTaker","O":"USER","T":1750793022519790}}'
)
POSITION_OPENED: Final = (
    '{"stream":"account.positionUpdate","data":{"e":"positionOpened","E":1750793022519910,'
    '"s":"SOL_USDC_PERP","b":"141.2","B":"141.25","f":"0.02","M":"141.24","m":"0.0125","q":"2",'
    '"Q":"12.5","n":"1765.5","i":114575813314,"p":"0","P":"-0.02","l":"0",'
    '"T":1750793022519900}}'
)
POSITION_SNAPSHOT_IN_NUMBERS: Final = (
    '{"stream":"account.positionUpdate.SOL_USDC_PERP","data":{"E":1750793022519910,'
    '"s":"SOL_USDC_PERP","b":141.2,"B":141.25,"f":0.02,"M":141.24,"m":0.0125,"q":-0.5,'
    '"Q":0.5,"n":70.62,"i":"114575813314","p":"0","P":"-0.02","T":1750793022519900}}'
)
BOOK_TICKER: Final = (
    '{"stream":"bookTicker.SOL_USDC_PERP","data":{"e":"bookTicker","E":1750793021519003,'
    '"s":"SOL_USDC_PERP","a":"141.26","A":"3.20","b":"141.25","B":"10.00","u":"111063070525358080",'
    '"T":1750793021519000}}'
)
DEPTH_DELTA: Final = (
    '{"stream":"depth.SOL_USDC_PERP","data":{"e":"depth","E":1750793021519003,'
    '"s":"SOL_USDC_PERP","a":[["141.26","0.00"]],"b":[["141.25","4"]],"U":94978272,"u":94978274,'
    '"T":1750793021519000}}'
)
MARK_PRICE: Final = (
    '{"stream":"markPrice.SOL_USDC_PERP","data":{"e":"markPrice","E":1750793021519003,'
    '"s":"SOL_USDC_PERP","p":"141.24","f":"0.0000125","i":"141.2","n":1750809600000,'
    '"T":1750793021519000}}'
)
STREAM_ERROR: Final = '{"id":null,"error":{"code":4006,"message":"Invalid stream"}}'

STREAM_SAMPLES: Final = (
    ORDER_ACCEPTED, ORDER_FILL, ORDER_EXPIRED, POSITION_OPENED, POSITION_SNAPSHOT_IN_NUMBERS,
    BOOK_TICKER, DEPTH_DELTA, MARK_PRICE, STREAM_ERROR,
)  # fmt: skip


def builder_at(timestamp_ms: int = TIMESTAMP_MS, order_window_ms: int = 5_000) -> RequestBuilder:
    """A builder of the documented key whose clock stands still."""
    return RequestBuilder(
        PUBLIC_KEY, SECRET_KEY, order_window_ms=order_window_ms, now_ms=lambda: timestamp_ms
    )


def header(request: HttpRequest, name: str) -> str:
    """One header of a request."""
    return dict(request.headers)[name]
