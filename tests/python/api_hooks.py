"""What a schema of single parameters cannot say, said to schemathesis: `SCHEMATHESIS_HOOKS=api_hooks.py`.

A request that obeys the schema must be accepted, and one whose parameters contradict each other is
rightly refused: a range that ends before it begins, a step that cuts a year into minutes, a cursor
that nobody gave, more than the last day of all functions. Such requests are made consistent here
before they are sent. Those that break the schema are sent as they are.
"""

import base64
import binascii
import re
from datetime import datetime, timedelta, timezone

import schemathesis

# Older than this, minutes are no longer kept, and a day later the list of timeouts is neither.
DAY = timedelta(hours=24)
OLDEST = timedelta(days=14)
RELATIVE = re.compile(r"^now(?:-([0-9]{1,9})([smhd]))?$")
LIST_OF_FUNCTIONS = re.compile(r"/functions(\.csv)?$")
# Messages are kept for a week, and what is older than that is refused.
LIST_OF_DELIVERIES = re.compile(r"/deliveries(\.csv)?$")
WEEK = timedelta(days=6)
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
# What cursors of ours hold: a place among functions, timeouts, messages and episodes, or alerts.
PLACE = re.compile(rb'^(\["[a-z0-9_]+","(asc|desc)",|[0-9]{15}#|[0-9]{13}#.|[0-9]{12}#[a-z0-9-]+#)')


@schemathesis.hook
def before_call(context, case, kwargs):
    generation = case.meta.generation if case.meta else None
    if generation is None or not generation.mode.is_positive or not case.query:
        return
    query = case.query
    if "cursor" in query and not is_place(query["cursor"]):
        del query["cursor"]
    now = datetime.now(timezone.utc)
    times = {name: instant(query[name], now) for name in ("from", "to") if name in query}
    oldest = now - (WEEK if LIST_OF_DELIVERIES.search(case.operation.path) else OLDEST)
    for name, at in times.items():
        if at is None or not oldest < at < now:
            del query[name]
    begins = times["from"] if "from" in query else None
    if begins is not None and now - begins > DAY and LIST_OF_FUNCTIONS.search(case.operation.path):
        # It counts no more than the last day.
        del query["from"]
        begins = None
    ends = times["to"] if "to" in query else now
    if begins is not None and begins > ends:
        query["from"], query["to"] = query["to"], query["from"]
        begins, ends = ends, begins
    if query.get("step") == "1m" and begins is not None and ends - begins > DAY:
        query["step"] = "15m"


def is_place(cursor):
    try:
        padding = "=" * (-len(cursor) % 4)
        return PLACE.match(base64.b64decode(cursor + padding, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        return False


def instant(text, now):
    """`None` for what lies beyond Python's calendar."""
    relative = RELATIVE.match(text)
    try:
        if relative:
            number, unit = relative.groups(default="0")
            return now - timedelta(seconds=int(number) * UNITS.get(unit, 0))
        return datetime.fromisoformat(text.upper()).astimezone(timezone.utc)
    except (OverflowError, ValueError):
        return None
