"""Test keys of the paper accounts, derived from the seed. They open nothing but a paper venue."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from paper.backpack.settings import BackpackAccount
from paper.grvt.settings import GrvtAccount
from venues.grvt.signing import OrderSigner

ACCOUNTS: Final = ("main", "spare")


class GrvtKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of the paper GRVT needs to trade one account."""

    name: str
    api_key: str
    private_key: str
    sub_account_id: str

    def account(self, chain_id: int) -> GrvtAccount:
        """The venue's side of it."""
        return GrvtAccount(
            name=self.name,
            api_key=self.api_key,
            sub_account_id=int(self.sub_account_id),
            signer=OrderSigner(self.private_key, chain_id).address,
            account_id=f"ACC:{self.sub_account_id}",
        )


class BackpackKeys(msgspec.Struct, frozen=True, kw_only=True):
    """What a client of the paper Backpack needs to trade one account (both base64)."""

    name: str
    public_key: str
    secret_key: str

    def account(self) -> BackpackAccount:
        """The venue's side of it."""
        return BackpackAccount(name=self.name, public_key=self.public_key)


def grvt_keys(seed: int) -> tuple[GrvtKeys, ...]:
    """One set of keys per account."""
    return tuple(
        GrvtKeys(
            name=name,
            api_key=_digest(seed, "grvt api key", name)[:12].hex(),
            private_key="0x" + _digest(seed, "grvt private key", name).hex(),
            sub_account_id=str(int.from_bytes(_digest(seed, "grvt sub account", name)[:7], "big")),
        )
        for name in ACCOUNTS
    )


def backpack_keys(seed: int) -> tuple[BackpackKeys, ...]:
    """One set of keys per account."""
    return tuple(_backpack(name, _digest(seed, "backpack key", name)) for name in ACCOUNTS)


def _backpack(name: str, secret: bytes) -> BackpackKeys:
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return BackpackKeys(
        name=name,
        public_key=base64.b64encode(public).decode(),
        secret_key=base64.b64encode(secret).decode(),
    )


def _digest(seed: int, purpose: str, name: str) -> bytes:
    return hashlib.blake2b(f"ketch paper|{purpose}|{name}|{seed}".encode(), digest_size=32).digest()
