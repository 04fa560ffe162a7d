"""What the guides give to be put into files that are somebody else's: a piece of a SAM template, a line of a Dockerfile.

Neither AWS's SAM nor Docker is here. The piece stands in a whole template, which cfn-lint transforms as SAM does and then checks; and what the
line copies is looked for in the layer as it is packed, and put where it says.
"""

import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

from artefacts.fault import Fault
from artefacts.plan import ARTEFACTS

INFRA = Path(__file__).resolve().parents[1]
# A template that somebody might have before.
SAM = """Transform: AWS::Serverless-2016-10-31
{piece}
Resources:
  Checkout:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: nodejs22.x
      Handler: index.handler
      CodeUri: s3://bucket/checkout.zip
"""
# Where Lambda looks for extensions, in a layer or an image.
EXTENSIONS = "opt/extensions"


def check(place: Path) -> None:
    text = (INFRA / "README.md").read_text()
    _sam(_only(text, "yaml"), place)
    _image(_only(text, "dockerfile"), place)


def _only(text: str, language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise Fault(f"infra/README.md has {len(found)} pieces of {language}, and what to do is known of one")
    return found[0]


def _sam(piece: str, place: Path) -> None:
    template = place / "template.yaml"
    # An ellipsis stands for what differs from account to account.
    template.write_text(SAM.format(piece=piece.rstrip().replace("…", "a1b2c3d4")))
    # Its own script names the place that the virtual environment was made in, which was another.
    lint = [sys.executable, "-B", "-c", "from cfnlint.runner import main; main()", "--regions", "eu-west-1", "--"]
    done = subprocess.run([*lint, str(template)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Fault(f"the guide's piece for SAM is not what SAM takes:\n{done.stdout}{done.stderr}")


def _image(lines: str, place: Path) -> None:
    """Copies what the line says out of the layer into what would be the image, and looks whether Lambda would start it."""
    artefact = ARTEFACTS["extension"]
    # As `infra/build` packs it; what is in the program does not matter here.
    context, image = place / "context", place / "image"
    layer = place / "layer.zip"
    with zipfile.ZipFile(layer, "w") as packed:
        packed.writestr(artefact.path, "#!/bin/sh\n")
    zipfile.ZipFile(layer).extractall(context)
    for line in lines.strip().splitlines():
        instruction, *words = shlex.split(line)
        flags = [it for it in words if it.startswith("--")]
        paths = [it for it in words if not it.startswith("--")]
        if instruction != "COPY" or len(paths) != 2 or any(not it.startswith("--chmod=") for it in flags):
            raise Fault(f"the guide's Dockerfile has {line!r}, which nobody can follow here")
        source, destination = context / paths[0], image / paths[1].lstrip("/")
        if not source.is_file():
            raise Fault(f"the guide copies {paths[0]} into an image, which is not in the layer")
        destination.parent.mkdir(parents=True, exist_ok=True)
        destination.write_bytes(source.read_bytes())
        for flag in flags:
            destination.chmod(int(flag.removeprefix("--chmod="), 8))
    started = [it for it in (image / EXTENSIONS).glob("*") if it.stat().st_mode & 0o111 == 0o111]
    if [it.name for it in started] != [Path(artefact.path).name]:
        raise Fault(f"in an image made by the guide, Lambda would start {[it.name for it in started]}")
