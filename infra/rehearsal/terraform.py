"""Terraform in a folder of its own, against the stand-in."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from artefacts.fault import Fault

# What Terraform and the provider are told of the world; whatever the machine's user has set for AWS is not.
KEPT = ("PATH", "HOME", "TMPDIR", "HTTPS_PROXY")
PATIENCE_S = 600


def plugins() -> list[str]:
    """Where the provider lies unpacked on this machine, as an argument of `init`, if it does: a folder `registry.terraform.io` at
    most three folders deep."""
    for pattern in ("registry.terraform.io", "*/registry.terraform.io", "*/*/registry.terraform.io"):
        for found in Path("/").glob(pattern):
            if found.is_dir():
                return [f"-plugin-dir={found.parent}"]
    return []


def world(endpoint: str) -> dict[str, str]:
    """The environment of whatever speaks to the stand-in."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
        # What the stand-in fails at it fails at again: a provider that tries for half an hour tells nobody why.
        "AWS_MAX_ATTEMPTS": "3",
        "TF_IN_AUTOMATION": "1",
        "CHECKPOINT_DISABLE": "1",
    }


class Workspace:
    """A root module, with its state."""

    def __init__(self, place: Path, endpoint: str):
        self.place = place
        self._environment = world(endpoint)
        if shutil.which("terraform") is None:
            raise Fault("terraform is not installed: get it from your package manager, 1.9 or newer")

    def init(self) -> None:
        self._run("init", "-input=false", *plugins())

    def apply(self, **variables: str) -> None:
        self._run("apply", "-auto-approve", "-input=false", *_variables(variables))

    def state(self) -> dict:
        """The resources there are, by address."""
        values = json.loads(self._run("show", "-json")).get("values", {})
        return {it["address"]: it for it in _resources(values.get("root_module", {}))}

    def plan(self, **variables: str) -> tuple[dict, set[str]]:
        """The resources as they shall be, by address, and what is otherwise, as `ADDRESS: ATTRIBUTE`."""
        self._run("plan", "-input=false", "-out=again", *_variables(variables))
        plan = json.loads(self._run("show", "-json", "again"))
        planned = {it["address"]: it for it in _resources(plan["planned_values"]["root_module"])}
        found = set()
        for it in plan.get("resource_changes", []):
            change = it["change"]
            if change["actions"] in (["no-op"], ["read"]):
                continue
            if change["before"] is None or change["after"] is None:
                found.add(f"{it['address']}: {' and '.join(change['actions'])}")
                continue
            after = _with_unknown(change["after"], change["after_unknown"])
            paths = _differing(change["before"], after)
            if change["actions"] != ["update"]:
                # What is made anew has another id, which nobody knows yet.
                paths = {f"{path}, replaced" for path in paths - {"id", "statement_id_prefix"}}
            found |= {f"{it['address']}: {path}" for path in paths}
        return planned, found

    def destroy(self, **variables: str) -> None:
        self._run("destroy", "-auto-approve", "-input=false", *_variables(variables))

    def _run(self, *arguments: str) -> str:
        command = ["terraform", f"-chdir={self.place}", arguments[0]]
        command += ["-no-color"] if arguments[0] != "show" else []
        try:
            done = subprocess.run(
                [*command, *arguments[1:]], env=self._environment, capture_output=True, text=True, timeout=PATIENCE_S
            )
        except subprocess.TimeoutExpired as late:
            said = (late.stdout or b"").decode()
            raise Fault(f"terraform {arguments[0]} has not ended after {PATIENCE_S} s:\n{said[-3_000:]}") from late
        if done.returncode != 0:
            raise Fault(f"terraform {arguments[0]} failed:\n{done.stdout[-3_000:]}{done.stderr[-6_000:]}")
        return done.stdout


def _variables(variables: dict) -> list[str]:
    return [f"-var={name}={value}" for name, value in variables.items()]


def _resources(module: dict):
    yield from (it for it in module.get("resources", []) if it["mode"] == "managed")
    for child in module.get("child_modules", []):
        yield from _resources(child)


def _with_unknown(after, unknown):
    """What is after, where something that is not known yet is not the same as anything."""
    if unknown is True:
        return "<unknown>"
    if isinstance(unknown, dict) and isinstance(after, dict):
        return after | {name: _with_unknown(after.get(name), it) for name, it in unknown.items() if it}
    if isinstance(unknown, list) and isinstance(after, list):
        return [_with_unknown(*both) for both in zip(after, unknown)] + after[len(unknown) :]
    return after


def _differing(before, after, path: str = "") -> set[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        names = sorted(before.keys() | after.keys())
        return set().union(*(_differing(before.get(it), after.get(it), f"{path}.{it}".lstrip(".")) for it in names))
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        both = enumerate(zip(before, after))
        return set().union(*(_differing(old, new, f"{path}[{at}]") for at, (old, new) in both))
    # Nothing is said in two ways.
    nothing = ("", None)
    if before == after or (before in nothing and after in nothing):
        return set()
    return {f"{path}, blanks"} if _document(before) == _document(after) else {path}


def _document(text):
    """A text that is JSON, as what it means."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text
