"""The clearing house of one paper venue: accounts, fees, margin, funding payments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

import msgspec

from paper.accounts import Account, MarkOf, reported
from paper.checks import reducible
from paper.orders import FundingPayment, OrderRequest, PaperPosition, PaperSummary, Reason, Refused
from paper.registry import OrderRegistry
from paper.settings import Limits, VenueSettings
from venues.model import ZERO, Side

BACKGROUND = "~background"
_NS_PER_S = 1_000_000_000
_BOOKED = Decimal("0.000001")  # GRVT tells amounts to a millionth; what is told is what is booked


class Clearing:
    """Keeps the accounts and says what they may do.

    The background is an account like the others, without fees and without a margin, so that
    positions and cash of all accounts add up.
    """

    def __init__(
        self,
        settings: VenueSettings,
        accounts: Sequence[str],
        orders: OrderRegistry,
        mark_of: MarkOf,
    ) -> None:
        self._settings = settings
        self._orders = orders
        self._mark_of = mark_of
        self._accounts = {name: Account(name, settings.deposit) for name in accounts}
        self._accounts[BACKGROUND] = Account(BACKGROUND, ZERO)
        self._funded_interval: int | None = None
        self._shifted_ns = 0  # by how much fundings come after the multiples of their interval
        self.payments: list[FundingPayment] = []  # of all accounts but the background, oldest first

    def set_limits(self, limits: Limits) -> None:
        """Other limits hold from now on."""
        self._settings = msgspec.structs.replace(self._settings, limits=limits)

    @property
    def names(self) -> list[str]:
        """The accounts, without the background."""
        return [name for name in self._accounts if name != BACKGROUND]

    def account(self, name: str) -> Account:
        """One account; raises KeyError."""
        return self._accounts[name]

    def trade(
        self, name: str, symbol: str, signed: Decimal, price: Decimal, *, maker: bool
    ) -> tuple[Decimal, Decimal, Decimal]:
        """Book one execution; returns (fee, fee rate, realised profit)."""
        fees = self._settings.fees
        rate = ZERO if name == BACKGROUND else (fees.maker if maker else fees.taker)
        fee = _booked(abs(signed) * price * rate)
        profit = self._accounts[name].trade(symbol, signed, price, fee)
        return fee, rate, reported(profit)

    def check_margin(self, request: OrderRequest) -> None:
        """Refuse what the account cannot carry: MARGIN, POSITION_LIMIT, OPEN_ORDER_LIMIT."""
        limits = self._settings.limits
        if len(self._orders.resting(request.account)) >= limits.open_orders:
            raise Refused(Reason.OPEN_ORDER_LIMIT, f"{limits.open_orders} orders are open")
        if request.reduce_only:
            return
        account = self._accounts[request.account]
        before = self._exposure(account, request.symbol)
        after = self._exposure(account, request.symbol, request.side, request.size)
        if after <= before:
            return
        if after > limits.position_notional:
            raise Refused(
                Reason.POSITION_LIMIT, f"exposure is limited to {limits.position_notional}"
            )
        needed = self._initial_margin(account) + (after - before) / limits.leverage
        equity = account.equity(self._mark_of)
        if needed > equity:
            raise Refused(Reason.MARGIN, f"margin {needed:.2f} is needed, equity is {equity:.2f}")

    def reducible(self, name: str, symbol: str, side: Side) -> Decimal:
        """How much an order of ``side`` can take off the account's position."""
        return reducible(self._accounts[name].size(symbol), side)

    def below_maintenance(self, name: str) -> bool:
        """True when the account must be liquidated."""
        account = self._accounts[name]
        return bool(account.held) and account.equity(self._mark_of) < self._maintenance(account)

    def next_funding_ns(self, now_ns: int) -> int:
        """When the interval that ``now_ns`` is in ends, and funding is booked."""
        return (self._interval(now_ns) + 1) * self._interval_ns + self._shifted_ns

    def shift_funding(self, due_ns: int) -> None:
        """Fundings are at ``due_ns``, which is to come, and at its interval before and after."""
        self._shifted_ns = due_ns % self._interval_ns
        self._funded_interval = self._interval(due_ns) - 1

    @property
    def _interval_ns(self) -> int:
        return self._settings.funding.interval_s * _NS_PER_S

    def _interval(self, now_ns: int) -> int:
        """The number of the interval that ``now_ns`` is in."""
        return (now_ns - self._shifted_ns) // self._interval_ns

    def fund(self, now_ns: int) -> list[FundingPayment]:
        """Book funding when ``now_ns`` has entered another interval; returns what was booked.

        The first call only notes the interval.
        """
        interval = self._interval(now_ns)
        if interval == self._funded_interval:
            return []
        first = self._funded_interval is None
        self._funded_interval = interval
        booked = [] if first else self._book_funding(now_ns)
        self.payments += [payment for payment in booked if payment.account != BACKGROUND]
        return booked

    def _book_funding(self, now_ns: int) -> list[FundingPayment]:
        rate = self._settings.funding.rate
        payments = []
        received: dict[str, Decimal] = defaultdict(lambda: ZERO)
        for name, account in self._accounts.items():
            for symbol, held in account.held:
                mark = self._mark_of(symbol)
                amount = _booked(held.size * mark * rate)
                if name == BACKGROUND:  # the last: it takes what the others pay, to the digit
                    amount = received[symbol]
                received[symbol] -= amount
                account.pay_funding(symbol, amount)
                payments.append(
                    FundingPayment(
                        account=name, symbol=symbol, size=held.size, mark=mark, rate=rate,
                        amount=amount, now_ns=now_ns,
                    )
                )  # fmt: skip
        return payments

    def position(self, name: str, symbol: str, now_ns: int) -> PaperPosition:
        """One position as venues report it, flat or not."""
        held = self._accounts[name].position(symbol)
        mark = self._mark_of(symbol)
        return PaperPosition(
            account=name,
            symbol=symbol,
            size=held.size,
            entry_price=reported(held.entry),
            exit_price=reported(held.exit_price),
            mark_price=mark,
            unrealized_pnl=reported(held.unrealized(mark)),
            realized_pnl=reported(held.realized),
            cumulative_fee=held.fee,
            cumulative_funding=held.funding,
            now_ns=now_ns,
            liquidation_price=self._liquidation_price(self._accounts[name], symbol, mark),
        )

    def _liquidation_price(self, account: Account, symbol: str, mark: Decimal) -> Decimal:
        """The mark at which equity is the maintenance margin, the other marks as they are; or 0."""
        size = account.size(symbol)
        if not size:
            return ZERO
        rate = 1 / Decimal(2 * self._settings.limits.leverage)
        spare = account.equity(self._mark_of) - self._maintenance(account)
        price = mark - spare / (size - abs(size) * rate)
        return reported(max(ZERO, price))

    def positions(self, name: str, now_ns: int) -> list[PaperPosition]:
        """Positions that are not flat."""
        return [self.position(name, symbol, now_ns) for symbol, _ in self._accounts[name].held]

    def summary(self, name: str, now_ns: int) -> PaperSummary:
        """The account's money; the balance is its equity without unrealised profit."""
        account = self._accounts[name]
        equity = account.equity(self._mark_of)
        unrealized = account.unrealized(self._mark_of)
        initial = self._initial_margin(account)
        return PaperSummary(
            account=name,
            balance=reported(equity - unrealized),
            equity=reported(equity),
            available=reported(max(ZERO, equity - initial)),
            initial_margin=reported(initial),
            maintenance_margin=reported(self._maintenance(account)),
            unrealized_pnl=reported(unrealized),
            realized_pnl=reported(account.realized),
            now_ns=now_ns,
        )

    def _exposure(
        self, account: Account, symbol: str, side: Side = Side.BUY, extra: Decimal = ZERO
    ) -> Decimal:
        """Notional of the larger position that the account's orders could lead to."""
        buys, sells = self._orders.open_sizes(account.name, symbol)
        if side is Side.BUY:
            buys += extra
        else:
            sells += extra
        size = account.size(symbol)
        return max(abs(size + buys), abs(size - sells)) * self._mark_of(symbol)

    def _initial_margin(self, account: Account) -> Decimal:
        symbols = {symbol for symbol, _ in account.held}
        symbols.update(
            working.order.request.symbol
            for working in self._orders.resting(account.name)
            if working.order is not None
        )
        exposure = sum((self._exposure(account, symbol) for symbol in symbols), ZERO)
        return exposure / self._settings.limits.leverage

    def _maintenance(self, account: Account) -> Decimal:
        notional = sum(
            (abs(held.size) * self._mark_of(symbol) for symbol, held in account.held), ZERO
        )
        return notional / self._settings.limits.leverage / 2


def _booked(amount: Decimal) -> Decimal:
    return amount.quantize(_BOOKED, rounding=ROUND_HALF_EVEN)
