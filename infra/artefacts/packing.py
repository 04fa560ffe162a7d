"""A zip of one program that depends on the program and nothing else.

Python's own `zipfile` compresses with whichever zlib the machine has, and two of those need not agree on a byte; zopfli is
pinned, and a few percent smaller. `zipfile` cannot take what is compressed already, so the few records of a zip with one
file are written here, after section 4 of PKWARE's application note. `checking` reads them back with `zipfile`.
"""

import struct
import zlib
from pathlib import Path

from zopfli.zlib import compress

# The first moment that a zip can name, as MS-DOS counted: 1 January 1980.
MIDNIGHT, DAY = 0, (1 << 5) | 1
# A regular file that everybody may read and start; the upper half of the attributes is Unix's.
MODE = 0o100755
UNIX, VERSION, DEFLATE = 3, 20, 8


def pack(program: Path, path: str, to: Path) -> int:
    """Writes the zip and returns its size in bytes."""
    content, name = program.read_bytes(), path.encode("ascii")
    # More iterations gain a tenth of a percent and take twice as long. A zip holds what is between the header and the
    # checksum of a zlib stream.
    packed = compress(content, numiterations=1)[2:-4]
    common = struct.pack(
        "<HHHHHLLLHH",
        VERSION, 0, DEFLATE, MIDNIGHT, DAY, zlib.crc32(content), len(packed), len(content), len(name), 0,
    )
    local = b"PK\x03\x04" + common + name + packed
    made_by = struct.pack("<H", UNIX << 8 | VERSION)
    central = b"PK\x01\x02" + made_by + common + struct.pack("<HHHLL", 0, 0, 0, MODE << 16, 0) + name
    end = b"PK\x05\x06" + struct.pack("<HHHHLLH", 0, 0, 1, 1, len(central), len(local), 0)
    unfinished = to.with_suffix(".unfinished")
    unfinished.write_bytes(local + central + end)
    unfinished.replace(to)
    return to.stat().st_size
