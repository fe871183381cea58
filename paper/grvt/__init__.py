"""GRVT's protocol in front of a paper engine: login, REST, JSON-RPC and streams, as on the wire.

Nothing is imported here: the settings are read by commands that never serve, and must stay cheap.
"""
