"""Virtual environments with what requirements pin, under Cargo's target directory, made once for each set of them."""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from artefacts.fault import Fault

# The longest name that says everything.
NAME_MAX = 200


def environment(target: Path, requirements: Path) -> Path:
    """It is put in its place in one step: two who race for it find either all of it or nothing."""
    wanted = requirements.read_text()
    shelf = target / "python"
    name = "+".join(wanted.split()).replace("==", "-")
    if len(name) > NAME_MAX:
        name = f"{requirements.stem}-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    place = shelf / name
    if not place.exists():
        shelf.mkdir(parents=True, exist_ok=True)
        print(f"making a virtual environment: {name} …", file=sys.stderr, flush=True)
        unfinished = Path(tempfile.mkdtemp(prefix="unfinished-", dir=shelf))
        _run([sys.executable, "-m", "venv", unfinished], "install python3 with its venv module")
        pip = [unfinished / "bin/python", "-m", "pip", "install", "--quiet", "--requirement"]
        _run([*pip, requirements], "pip must reach a Python package index")
        try:
            unfinished.rename(place)
        except OSError:
            shutil.rmtree(unfinished)
            if not place.exists():
                raise
    return place


def _run(arguments: list, remedy: str) -> None:
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Fault(f"could not make a virtual environment ({remedy}):\n{done.stdout.strip()}")
