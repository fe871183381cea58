"""Backpack Exchange's REST and websocket protocols in front of a paper exchange.

Nothing is imported here: the settings are read by commands that never serve, and must stay cheap.
"""
