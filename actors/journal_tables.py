"""What the journal's file is made of: its tables, by version, and what its checksums are over."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SCHEMA_VERSION: Final = 4


class JournalUnusable(Exception):
    """The journal's file can't be used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path, reason)
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        return f"journal {self.path}: {self.reason}"


TABLES: Final = """
create table runs (
    epoch integer not null, began_ns integer not null, ended_ns integer, checksum text not null,
    number integer primary key autoincrement);
create table intents (
    venue text not null, client_order_id text not null, desk text not null,
    order_json text not null, recorded_ns integer not null, checksum text not null,
    resolved integer not null default 0, primary key (venue, client_order_id));
create index unresolved_intents on intents (venue) where resolved = 0;
create table outcomes (
    venue text not null, client_order_id text not null, view_json text not null,
    recorded_ns integer not null, checksum text not null, primary key (venue, client_order_id));
create table fills (
    venue text not null, symbol text not null, trade_id text not null,
    venue_order_id text not null, client_order_id text not null, fill_json text not null,
    event_ns integer not null, recorded_ns integer not null, checksum text not null,
    primary key (venue, symbol, trade_id, venue_order_id));
create index fills_by_time on fills (venue, event_ns);
create table cycles (
    desk text not null, cycle integer not null, direction text not null, size text not null,
    started_ns integer not null, finished_ns integer, outcome text, record_json text,
    last_intent integer, checksum text not null, primary key (desk, cycle));
create index open_cycles on cycles (desk) where finished_ns is null;
create table desks (
    desk text primary key, paused integer not null, halted text not null,
    ignored_json text not null, checksum text not null);
"""
SINCE_3: Final = """
create table resumes (
    desk text primary key, resumed_ns integer not null, checksum text not null);
"""
SINCE_4: Final = """
create index ended_cycles on cycles (desk, finished_ns, cycle, outcome) where record_json != '';
create index last_intents on cycles (desk, last_intent) where finished_ns is not null;
create index fills_by_order on fills (venue, client_order_id);
create index outcomes_by_time on outcomes (recorded_ns);
create table tallies (
    scope text primary key, tally_json text not null, checksum text not null);
create table volumes (
    desk text not null, day integer not null, volume text not null, checksum text not null,
    primary key (desk, day));
"""
# What the checksum of a row is over, by table, in this order.
SUMMED: Final = {
    "runs": "epoch, began_ns, ended_ns",
    "intents": "venue, client_order_id, desk, order_json, recorded_ns",
    "outcomes": "venue, client_order_id, view_json, recorded_ns",
    "fills": "venue, symbol, trade_id, venue_order_id, client_order_id, fill_json, event_ns,"
    " recorded_ns",
    "cycles": "desk, cycle, direction, size, started_ns, finished_ns, outcome, record_json,"
    " last_intent",
    "desks": "desk, paused, halted, ignored_json",
    "resumes": "desk, resumed_ns",
    "tallies": "scope, tally_json",
    "volumes": "desk, day, volume",
}
