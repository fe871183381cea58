from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from paper.accounts import Account, Position

D = Decimal
SYMBOL = "ETH_USDC_PERP"


def traded(*executions: tuple[str, str]) -> Position:
    position = Position()
    for signed, price in executions:
        position.apply(D(signed), D(price))
    return position


def test_entry_is_the_size_weighted_average_of_what_made_the_position_grow() -> None:
    position = traded(("1", "100"), ("3", "108"))
    assert (position.size, position.entry) == (D(4), D(106))


def test_reducing_realises_profit_and_leaves_the_entry_alone() -> None:
    position = traded(("4", "100"), ("-1", "110"))
    assert (position.size, position.entry, position.realized) == (D(3), D(100), D(10))
    assert position.exit_price == D(110)


def test_a_short_earns_when_the_price_falls() -> None:
    position = traded(("-2", "100"), ("2", "90"))
    assert (position.size, position.entry, position.realized) == (D(0), D(0), D(20))


def test_a_flip_closes_at_the_old_entry_and_opens_at_the_new_price() -> None:
    position = traded(("1", "100"), ("-3", "120"))
    assert (position.size, position.entry, position.realized) == (D(-2), D(120), D(20))
    assert position.unrealized(D(115)) == D(10)


def test_fees_and_funding_lower_equity_and_not_realised_profit() -> None:
    account = Account("ann", D(1000))
    account.trade(SYMBOL, D(1), D(100), D("0.05"))
    account.pay_funding(SYMBOL, D("0.02"))
    assert account.equity(lambda _: D(101)) == D("1000.93")
    assert account.realized == 0


executions = st.lists(
    st.tuples(
        st.integers(-500, 500).filter(bool).map(lambda lots: D("0.01") * lots),
        st.integers(9000, 11000).map(lambda ticks: D("0.01") * ticks),
    ),
    max_size=30,
)


@given(executions, st.integers(9000, 11000))
def test_realised_and_unrealised_profit_make_up_the_equity(
    script: list[tuple[Decimal, Decimal]], ticks: int
) -> None:
    account, mark = Account("ann", D(0)), D("0.01") * ticks
    for signed, price in script:
        account.trade(SYMBOL, signed, price, D(0))
    profit = account.realized + account.unrealized(lambda _: mark)
    assert abs(account.equity(lambda _: mark) - profit) < D("1e-18")
    assert account.size(SYMBOL) == sum(signed for signed, _ in script)


@given(executions)
def test_the_entry_moves_only_when_the_position_grows(
    script: list[tuple[Decimal, Decimal]],
) -> None:
    position = Position()
    for signed, price in script:
        size, entry = position.size, position.entry
        position.apply(signed, price)
        reduced = size != 0 and 0 < position.size / size < 1
        if reduced:
            assert position.entry == entry
