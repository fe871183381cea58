"""Drills: the real service against the paper venues, with trouble by plan, judged by the ledger.

Service and venues run as processes; nothing here is imported by either of them.
"""
