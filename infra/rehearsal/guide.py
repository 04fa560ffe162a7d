"""The commands of the guides in `infra/README.md`, run as they stand there.

They run in a copy of what they need of the repository, with Terraform and the AWS CLI as they are. What stands in for the rest is a
handful of programs ahead of them in the path, or in the place of a file: `infra/build` only sees that it is called, `npm` and `git`
that their arguments are right, `npx aws-cdk` is `cdk.py`, `curl` only sees that it signs, and functions are not invoked, for which moto
would need Docker.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from artefacts.fault import Fault
from rehearsal.terraform import plugins, world

INFRA = Path(__file__).resolve().parents[1]
PATIENCE_S = 600
STAND_INS = {
    # The scripts of the virtual environment name the place that it was made in, which was another.
    "bin/aws": f"""if [[ "$1 $2" == "lambda invoke" ]]; then
  [[ "$*" == *"--payload fileb://hang.json"* && $(< hang.json) == *hang* ]]
else
  exec "{sys.executable}" -m awscli "$@"
fi
""",
    "bin/npm": '[[ "$*" == ci || "$*" == "run build" ]] || { echo "npm $*: unexpected" >&2; exit 1; }\n',
    "bin/npx": f'PYTHONPATH="{INFRA}" exec "{sys.executable}" -B -m rehearsal.cdk "$@"\n',
    # moto's function URLs lack the slash at their end.
    "bin/curl": """[[ " $* " == *" --aws-sigv4 aws:amz:eu-west-1:lambda "* && "${!#}" == https://*.on.aws*api/v1/* ]] \\
  || { echo "curl $*: unsigned, or to somewhere else" >&2; exit 1; }
""",
    "bin/git": '[[ $1 == checkout ]] || { echo "git $*: unexpected" >&2; exit 1; }\n',
    "repository/infra/build": 'echo "built $*"\n',
}


class Guide:
    """The guides, and a place to follow them in."""

    def __init__(self, place: Path, artefacts: Path, endpoint: str):
        text = (INFRA / "README.md").read_text().split("\n## Guides\n")[1].split("\n## ")[0]
        parts = re.split(r"^### (.*)$", text, flags=re.MULTILINE)
        self._sections = {title: _commands(body) for title, body in zip(parts[1::2], parts[2::2])}
        self.titles = {title for title, commands in self._sections.items() if commands}
        self.repository = place / "repository"
        ignore = shutil.ignore_patterns(".terraform*", "tests")
        shutil.copytree(INFRA / "terraform", self.repository / "infra/terraform", ignore=ignore)
        (self.repository / "infra/cdk").mkdir()
        if not (INFRA / "cdk/dist/example/app.js").exists():
            raise Fault("infra/cdk is not compiled: npm ci && npm run build in it, as infra/check does")
        (self.repository / "infra/cdk/dist").symlink_to(INFRA / "cdk/dist")
        shutil.copytree(artefacts, self.repository / "target/artefacts")
        for file, script in STAND_INS.items():
            (place / file).parent.mkdir(exist_ok=True)
            (place / file).write_text(f"#!/usr/bin/env bash\n{script}")
            (place / file).chmod(0o755)
        self._environment = world(endpoint) | {
            "PATH": os.pathsep.join([str(place / "bin"), os.environ["PATH"]]),
            "ARTEFACTS": str(artefacts),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_SESSION_TOKEN": "testing",
            "AWS_PAGER": "",
            # Whoever follows the guide says yes.
            "TF_CLI_ARGS_init": " ".join(["-no-color", *plugins()]),
            "TF_CLI_ARGS_apply": "-no-color -auto-approve",
            "TF_CLI_ARGS_destroy": "-no-color -auto-approve",
        }

    def follow(self, title: str, **more: str) -> str:
        """Runs what a section says, from the top of the repository, and gives what it printed."""
        script = "\n".join(["set -euo pipefail", *self._sections[title]])
        try:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=self.repository,
                env=self._environment | more,
                capture_output=True,
                text=True,
                timeout=PATIENCE_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as late:
            raise Fault(f"the guide {title!r} takes longer than {PATIENCE_S} s") from late
        if done.returncode != 0:
            raise Fault(f"the guide {title!r} does not work:\n{done.stdout[-2_000:]}\n{done.stderr[-4_000:]}")
        return done.stdout


def _commands(body: str) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL)
