import base64
from decimal import Decimal

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paper.keys import ACCOUNTS, backpack_keys, grvt_keys
from paper.options import PaperSettings
from venues.grvt.signing import OrderSigner

CHAIN = 325


def decode(text: str) -> PaperSettings:
    return msgspec.json.decode(text, type=PaperSettings)


def test_the_defaults_are_the_venues_own_fees() -> None:
    settings = PaperSettings()
    grvt, backpack = settings.grvt.engine.fees, settings.backpack.engine.fees
    assert (grvt.maker, grvt.taker) == (Decimal("-0.0001"), Decimal("0.00055"))
    assert (backpack.maker, backpack.taker) == (Decimal("0.0008"), Decimal("0.0010"))


def test_one_setting_can_be_changed_without_repeating_its_neighbours() -> None:
    settings = decode(
        '{"grvt":{"engine":{"fees":{"taker":"0.0004"}}},"prices":{"start":{"eth":9}}}'
    )
    assert settings.grvt.engine.fees.maker == Decimal("-0.0001")
    assert settings.grvt.engine.late_rejects
    assert (settings.prices.start.of("ETH"), settings.prices.start.of("SOL")) == (9.0, 150.0)


def test_settings_survive_a_round_trip_as_json() -> None:
    settings = msgspec.structs.replace(PaperSettings(), seed=9)
    assert decode(msgspec.json.encode(settings).decode()) == settings


@pytest.mark.parametrize(
    "text",
    [
        '{"grvt":{"engine":{"fees":{"taker":"2"}}}}',
        '{"grvt":{"engine":{"deposit":"0"}}}',
        '{"backpack":{"engine":{"limits":{"price_band":"NaN"}}}}',
        '{"backpack":{"engine":{"limits":{"leverage":0}}}}',
        '{"prices":{"step_ms":1}}',
        '{"prices":{"start":{"doge":1}}}',
        '{"seed":-1}',
        '{"control_port":70000}',
    ],
)
def test_settings_out_of_their_limits_are_refused(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        decode(text)


def test_each_venue_has_its_accounts_with_keys_that_belong_together() -> None:
    for grvt, backpack, name in zip(grvt_keys(3), backpack_keys(3), ACCOUNTS, strict=True):
        assert grvt.name == backpack.name == name
        assert grvt.account(CHAIN).signer == OrderSigner(grvt.private_key, CHAIN).address
        secret = Ed25519PrivateKey.from_private_bytes(base64.b64decode(backpack.secret_key))
        public = base64.b64encode(secret.public_key().public_bytes_raw()).decode()
        assert public == backpack.account().public_key


def test_keys_follow_the_seed_and_no_two_are_the_same() -> None:
    keys = [entry.private_key for seed in (1, 2) for entry in grvt_keys(seed)]
    assert len(set(keys)) == 4
    assert grvt_keys(1) == grvt_keys(1)
