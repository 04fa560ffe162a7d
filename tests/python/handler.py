"""A Lambda function that does whatever its payload tells it to do, on AWS's own runtime client.

It obeys the same payloads and the same environment variables as `tests/function/main.rs`; its
protocol is none of ours, and that is why it exists.
"""

import os
import signal
import sys
import tempfile
import time
from pathlib import Path

TMP = Path(tempfile.gettempdir())


def start_is_bad():
    """Starts are counted in `/tmp`, which survives the reset of an environment."""
    bad = os.environ.get("FUNCTION_BAD_INITS")
    if bad is None:
        return True
    counter = TMP / "function-starts"
    starts = int(counter.read_text()) if counter.exists() else 0
    counter.write_text(str(starts + 1))
    return starts < int(bad)


def start():
    if "FUNCTION_IGNORES_SIGTERM" in os.environ:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if not start_is_bad():
        return
    time.sleep(int(os.environ.get("FUNCTION_INIT_MS", "0")) / 1000)
    fails = os.environ.get("FUNCTION_INIT_FAILS")
    if fails == "error":
        raise ImportError("as told")
    if fails is not None:
        os._exit(1)


def confess_exhaustion():
    """The emulator has no control groups, so it must be told why this process is about to die."""
    (TMP / ".memory-exhausted").write_text("")


def hang():
    while True:
        time.sleep(3600)


def burn(milliseconds):
    end = time.monotonic() + milliseconds / 1000
    while time.monotonic() < end:
        sum(range(10_000))


def handle(event, _context):
    if "log" in event:
        print(event["log"], flush=True)
    for number in range(event.get("lines", 0)):
        print(f"line {number}", flush=True)
    ballast = b"\x01" * (event.get("allocate_mb", 0) << 20)
    burn(event.get("burn_ms", 0))
    time.sleep(event.get("sleep_ms", 0) / 1000)
    oom = event.get("oom")
    if oom:
        confess_exhaustion()
        if oom == "hang":
            hang()
        os.kill(os.getpid(), signal.SIGKILL)
    if event.get("hang"):
        hang()
    if "exit" in event:
        sys.stdout.flush()
        os._exit(event["exit"])
    if event.get("throw"):
        raise RuntimeError("as told")
    return {"ok": True, "allocated": len(ballast)}


start()
