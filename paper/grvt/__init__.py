"""GRVT's protocol in front of a paper engine: login, REST, JSON-RPC and streams, as on the wire."""

from paper.grvt.frontend import GrvtFrontEnd
from paper.grvt.settings import GrvtAccount, GrvtSettings

__all__ = ["GrvtAccount", "GrvtFrontEnd", "GrvtSettings"]
