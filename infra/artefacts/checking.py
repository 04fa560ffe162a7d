"""Whether a zip is what Lambda can run: its form, its size, and what the program in it needs of the system.

Lambda's runtimes stand on Amazon Linux 2 (glibc 2.26) and 2023 (2.34). A program that needs a newer symbol, or a library
that one of them does not have, fails at the first start in somebody's function, so it fails here instead.
"""

import io
import re
import stat
import zipfile
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.dynamic import DynamicSection
from elftools.elf.elffile import ELFFile
from elftools.elf.gnuversions import GNUVerNeedSection
from elftools.elf.segments import InterpSegment

from artefacts.fault import Fault
from artefacts.plan import GLIBC, Architecture, Artefact

# All of them are parts of glibc, so they are wherever glibc is.
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}


def check(file: Path, artefact: Artefact, architecture: Architecture, private: list) -> str:
    """Raises what is wrong, all of it at once; returns what the program needs, in words. Of `private` folders, those of the
    machine that builds, a program must not know."""
    if not file.exists():
        raise Fault(f"there is no {file}")
    faults = []
    if file.stat().st_size > artefact.budget:
        faults.append(f"weighs {file.stat().st_size:,} bytes, and its budget is {artefact.budget:,}")
    program = content(file, artefact, faults)
    needs = "" if program is None else check_program(program, architecture, faults)
    leaks = [folder for folder in private if str(folder).encode() in (program or b"")]
    faults += [f"names a folder of the machine it was built on: {folder}" for folder in leaks]
    if faults:
        raise Fault("\n  ".join([f"{file.name} cannot be deployed:", *faults]))
    return needs


def content(file: Path, artefact: Artefact, faults: list) -> "bytes | None":
    try:
        with zipfile.ZipFile(file) as archive:
            if archive.namelist() != [artefact.path]:
                faults.append(f"holds {archive.namelist()} instead of {artefact.path} alone")
                return None
            entry = archive.infolist()[0]
            if stat.S_IMODE(entry.external_attr >> 16) != 0o755:
                faults.append(f"{artefact.path} has mode {entry.external_attr >> 16:o}: it must be 755 to be started")
            if entry.date_time != (1980, 1, 1, 0, 0, 0):
                faults.append(f"{artefact.path} carries a time, {entry.date_time}: no two builds would be the same")
            return archive.read(entry)
    except zipfile.BadZipFile as why:
        faults.append(f"is not a zip: {why}")
        return None


def check_program(program: bytes, architecture: Architecture, faults: list) -> str:
    try:
        elf = ELFFile(io.BytesIO(program))
    except ELFError as why:
        faults.append(f"holds no program for Linux: {why}")
        return ""
    if elf["e_machine"] != architecture.machine:
        faults.append(f"is for {elf['e_machine']} instead of {architecture.machine}")
    loaders = [it.get_interp_name() for it in elf.iter_segments() if isinstance(it, InterpSegment)]
    if loaders != [architecture.loader]:
        faults.append(f"is started by {loaders} instead of {architecture.loader}")
    libraries = needed(elf, architecture, faults)
    versions = symbol_versions(elf)
    for name in sorted(versions):
        if not is_old_enough(name):
            faults.append(f"needs {name}, and Amazon Linux 2 has glibc {GLIBC[0]}.{GLIBC[1]}")
    newest = max((glibc(name) for name in versions if glibc(name)), default=(0, 0))
    return f"glibc {newest[0]}.{newest[1]} and of it {', '.join(sorted(libraries))}"


def needed(elf: ELFFile, architecture: Architecture, faults: list) -> set:
    libraries = set()
    for section in elf.iter_sections():
        if not isinstance(section, DynamicSection):
            continue
        for tag in section.iter_tags():
            if tag.entry.d_tag == "DT_NEEDED":
                libraries.add(tag.needed)
            if tag.entry.d_tag in ("DT_RPATH", "DT_RUNPATH"):
                faults.append("looks for libraries in a folder of its own choosing")
    allowed = LIBRARIES | {Path(architecture.loader).name}
    faults += [f"needs {name}, which is no part of glibc" for name in sorted(libraries - allowed)]
    return libraries


def symbol_versions(elf: ELFFile) -> set:
    sections = (it for it in elf.iter_sections() if isinstance(it, GNUVerNeedSection))
    return {it.name for section in sections for _, versions in section.iter_versions() for it in versions}


def glibc(version: str) -> "tuple | None":
    found = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version)
    return found and (int(found[1]), int(found[2]))


def is_old_enough(version: str) -> bool:
    """A version that is not glibc's is nobody's we know, and `GLIBC_PRIVATE` is promised to nobody."""
    number = glibc(version)
    return number is not None and number <= GLIBC
