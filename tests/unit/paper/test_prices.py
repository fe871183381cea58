import math
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from paper.background import MarketMaker
from paper.prices import PricePath, PriceSettings, normal, tick_price, uniform
from paper.settings import BACKPACK_INSTRUMENTS, GRVT_INSTRUMENTS, Liquidity
from venues.model import BPS, Side

STEPS = 4000
ETH = "ETH_USDC_PERP"


def returns(path: PricePath, stride: int = 20) -> list[float]:
    mids = [path.mid(step) for step in range(0, STEPS, stride)]
    return [math.log(b / a) for a, b in pairwise(mids)]


def correlation(a: list[float], b: list[float]) -> float:
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    covariance = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    spread = sum((x - mean_a) ** 2 for x in a) * sum((y - mean_b) ** 2 for y in b)
    return covariance / math.sqrt(spread)


def path(seed: int, venue: str, **more: float) -> PricePath:
    return PricePath(seed, venue, "ETH", PriceSettings(**more))  # type: ignore[arg-type]


@given(st.integers(0, 2**63 - 1), st.lists(st.integers(0, 300), max_size=5))
def test_a_price_depends_on_seed_and_step_and_not_on_who_asked_before(
    seed: int, asked: list[int]
) -> None:
    wanderer, direct = path(seed, "grvt"), path(seed, "grvt")
    for step in asked:
        wanderer.mid(step)
    assert wanderer.mid(250) == direct.mid(250)


def test_another_seed_is_another_path() -> None:
    assert path(1, "grvt").mid(100) != path(2, "grvt").mid(100)


def test_two_venues_move_together_within_a_small_basis() -> None:
    grvt, backpack = path(1, "grvt"), path(1, "backpack")
    gaps = [abs(math.log(grvt.mid(n) / backpack.mid(n))) for n in range(STEPS)]
    assert max(gaps) < 5e-4
    assert correlation(returns(grvt, 100), returns(backpack, 100)) > 0.8
    assert all(grvt.index(n) == backpack.index(n) for n in range(0, STEPS, 500))


def test_other_bases_walk_on_their_own() -> None:
    eth = PricePath(1, "grvt", "ETH", PriceSettings())
    btc = PricePath(1, "grvt", "BTC", PriceSettings())
    assert abs(correlation(returns(eth), returns(btc))) < 0.3


def test_volatility_is_what_was_asked_for() -> None:
    walked = returns(path(3, "grvt", basis_bps=0.0), stride=1)
    yearly = math.sqrt(sum(r * r for r in walked) / len(walked) * 365 * 24 * 3600 * 10)
    assert 0.45 < yearly < 0.55


def test_draws_have_the_shape_they_claim() -> None:
    normals = [normal(1, "test", n) for n in range(2000)]
    uniforms = [uniform(1, "test", n) for n in range(2000)]
    assert abs(sum(normals) / 2000) < 0.1
    assert 0.9 < sum(x * x for x in normals) / 2000 < 1.1
    assert 0 <= min(uniforms) < max(uniforms) < 1


def test_a_price_on_its_tick_is_exact() -> None:
    assert str(tick_price(2500.0149, Decimal("0.01"))) == "2500.01"
    assert tick_price(59999.96, Decimal("0.1")) == Decimal("60000.0")


def maker(seed: int = 1) -> MarketMaker:
    return MarketMaker(seed, BACKPACK_INSTRUMENTS, PriceSettings(), Liquidity(), start_ns=0)


@given(st.integers(0, 3000))
def test_background_levels_are_tradable_sorted_and_never_crossed(step: int) -> None:
    background = maker()
    background.advance(step * 100_000_000)
    for instrument in BACKPACK_INSTRUMENTS:
        bids, asks = (background.levels(instrument.symbol, side) for side in Side)
        assert bids[0].price < background.mark(instrument.symbol) < asks[0].price
        prices = [level.price for level in reversed(bids)] + [level.price for level in asks]
        assert prices == sorted(set(prices))
        for level in (*bids, *asks):
            instrument.check_order(level.size, level.price)


def test_there_is_always_depth_for_five_eth_within_five_bps() -> None:
    background = maker()
    for step in range(0, 2000, 50):
        background.advance(step * 100_000_000)
        mark = background.mark(ETH)
        for side in Side:
            near = [
                level.size
                for level in background.levels(ETH, side)
                if abs(level.price - mark) <= mark * 5 * BPS
            ]
            assert 5 <= sum(near) <= 25


def test_a_step_moves_prices_by_far_less_than_a_sane_cap() -> None:
    background = maker()
    marks = []
    for step in range(2000):
        background.advance(step * 100_000_000)
        marks.append(background.mark(ETH))
    moves = [abs(b / a - 1) for a, b in pairwise(marks)]
    assert max(moves) < 2 * BPS


def test_time_never_runs_backwards() -> None:
    background = maker()
    assert background.advance(1_000_000_000) == 10
    assert background.advance(500_000_000) == 0
    assert background.step == 10


def test_the_contracts_are_what_the_protocols_say() -> None:
    eth = next(row for row in GRVT_INSTRUMENTS if row.base == "ETH")
    assert (eth.asset_id, eth.base_decimals, eth.min_notional) == (0x030401, 9, Decimal(20))
