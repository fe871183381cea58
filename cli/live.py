"""The three keys of live trading, and the credentials it needs. Paper needs none."""

from __future__ import annotations

import os

from cli.exits import CONFIGURATION, USAGE, CommandFailed
from cli.settings import Settings
from config.errors import ConfigErrors
from config.loader import Loaded
from config.secrets import GRVT_TRADING_ACCOUNT_ID, NAMES, Secret, load_secrets


def check_live(loaded: Loaded[Settings], live_flag: bool) -> dict[str, Secret]:
    """The credentials of a live run, all three keys turned; nothing for paper.

    Raises CommandFailed with a sentence: 78 for what is missing, 2 for --live without mode: live.
    """
    settings = loaded.config
    if settings.mode == "paper":
        if live_flag:
            text = "--live, but the configuration says mode: paper; set mode: live to mean it"
            raise CommandFailed(USAGE, text)
        return {}
    if not live_flag:
        where = loaded.origin("mode")
        text = f"{where}: mode is live, and this costs real money; say so with --live"
        raise CommandFailed(CONFIGURATION, text)
    try:
        secrets = load_secrets(NAMES, os.environ)
    except ConfigErrors as errors:
        raise CommandFailed(CONFIGURATION, str(errors)) from None
    if secrets[GRVT_TRADING_ACCOUNT_ID] != Secret(settings.live.confirm_account):
        where = loaded.origin("live.confirm_account")
        text = (
            f"{where}: live.confirm_account is not the trading account in "
            f"{GRVT_TRADING_ACCOUNT_ID}; repeat the account id there to confirm which one trades"
        )
        raise CommandFailed(CONFIGURATION, text)
    return secrets
