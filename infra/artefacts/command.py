"""The command line: what is asked for, one artefact after the other, and the checksums of them all."""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from artefacts.fault import Fault
from artefacts.plan import ARCHITECTURES, ARTEFACTS

ROOT = Path(__file__).resolve().parents[2]
SUMS = "SHA256SUMS"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infra/build",
        description="Builds what is deployed, as zips that are the same byte for byte wherever they are built from the "
        "same source with the same Rust: overtime-extension-ARCH.zip, the layer, and overtime-ARCH.zip, the function "
        "that every door of the aggregator is. Each is checked: what it needs of the system it runs on, and its size.",
        epilog="Needs Rust with the standard library of each target, and Python 3 with venv; says which is missing.",
    )
    parser.add_argument("--arch", choices=ARCHITECTURES, help="only this architecture (default: both)")
    parser.add_argument("--only", choices=ARTEFACTS, help="only this artefact (default: both)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where the zips go (default: artefacts in Cargo's target directory)")
    parser.add_argument("--verify", action="store_true", help="build nothing: check the zips that lie there, and their checksums")
    parser.add_argument("--twice", action="store_true", help="build a second time, from a copy of the source in another folder and with nothing built before, and compare byte for byte")
    given = parser.parse_args()
    if given.verify and given.twice:
        parser.error("--verify builds nothing, so there is nothing to build twice")
    given.target_dir = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()
    given.out = (given.out or given.target_dir / "artefacts").absolute()
    return given


def run(given: argparse.Namespace, tools: Path) -> int:
    chosen = [
        (artefact, architecture)
        for name, artefact in ARTEFACTS.items()
        for architecture in ARCHITECTURES.values()
        if given.only in (None, name) and given.arch in (None, architecture.name)
    ]
    if given.verify:
        return verify(given.out, chosen)
    from artefacts import compiling

    build(compiling.Cargo(ROOT, given.target_dir, tools), given.out, chosen)
    if given.twice:
        build_again(given, tools, chosen)
    return 0


def build(cargo, out: Path, chosen: list) -> None:
    # What checks and packs is only there once the tools are.
    from artefacts import checking, packing

    out.mkdir(parents=True, exist_ok=True)
    # Whoever finds checksums finds those of the zips beside them, or none.
    (out / SUMS).unlink(missing_ok=True)
    say(f"compiling with {cargo.version}")
    for architecture in {architecture.name: architecture for _, architecture in chosen}.values():
        cargo.ensure_target(architecture)
    for count, (artefact, architecture) in enumerate(chosen, 1):
        name, began = artefact.zip_name(architecture), time.monotonic()
        say(f"{count} of {len(chosen)}: {name}")
        binary = cargo.build(artefact, architecture)
        size = packing.pack(binary, artefact.path, out / name)
        needs = checking.check(out / name, artefact, architecture, cargo.private)
        say(f"  {size:,} bytes of {artefact.budget:,}; needs {needs}; {time.monotonic() - began:.0f} s")
    sums = [f"{digest(out / name)}  {name}\n" for name in names(chosen)]
    (out / SUMS).write_text("".join(sums))
    say(f"all in {out}, checksums in {SUMS}")


def build_again(given: argparse.Namespace, tools: Path, chosen: list) -> None:
    """The same once more where every path is another one: source, target directory and Cargo's home."""
    from artefacts import compiling

    say("again, somewhere else")
    with tempfile.TemporaryDirectory(prefix="overtime-again-") as elsewhere:
        elsewhere = Path(elsewhere)
        copied = elsewhere / "another/source"
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout
        for name in filter(None, listed.decode().split("\0")):
            (copied / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copied / name)
        home = elsewhere / "home"
        home.symlink_to(compiling.home())
        cargo = compiling.Cargo(copied, elsewhere / "made", tools, home)
        build(cargo, elsewhere / "out", chosen)
        for name in names(chosen):
            if digest(given.out / name) != digest(elsewhere / "out" / name):
                raise Fault(f"{name} is another one when it is built in another folder")
    say("the same, byte for byte")


def verify(folder: Path, chosen: list) -> int:
    from artefacts import checking

    if not (folder / SUMS).exists():
        raise Fault(f"there are no checksums in {folder}: build with infra/build first")
    lines = (line.split() for line in (folder / SUMS).read_text().splitlines())
    sums = {name: digest for digest, name in lines}
    for artefact, architecture in chosen:
        name = artefact.zip_name(architecture)
        needs = checking.check(folder / name, artefact, architecture, [])
        if sums.get(name) != digest(folder / name):
            raise Fault(f"{name} is not the file that {SUMS} lists")
        say(f"{name}: needs {needs}")
    return 0


def names(chosen: list) -> list:
    return sorted(artefact.zip_name(architecture) for artefact, architecture in chosen)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
