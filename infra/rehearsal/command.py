"""The rehearsal: what is deployed, changed and taken away again, and that both tools deploy the same."""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from rehearsal import of_state, of_template, pieces, through_cloudformation
from rehearsal.guide import Guide
from artefacts.fault import Fault
from rehearsal.inventory import DOORS, differences
from rehearsal.known import CHANGES_NOT_MADE, unexpected
from rehearsal.stand_in import StandIn
from rehearsal.terraform import Workspace

INFRA = Path(__file__).resolve().parents[1]
SNAPSHOTS = INFRA / "cdk/test/snapshots"
ORGANIZATION = "o-a1b2c3d4e5"
LAMBDA = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [LAMBDA]})
INGEST = "arn:aws:lambda:eu-west-1:999988887777:function:overtime-ingest"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="infra/rehearse",
        description="Applies the examples of infra/terraform to moto, which stands in for AWS; changes, plans again and destroys them; "
        "and compares what was made with the templates that the CDK makes.",
        epilog="Needs Terraform 1.9 and Python 3 with venv.",
    )
    parser.add_argument("--only", choices=("cdk", "terraform"), help="only what this deploys (default: both)")
    return parser.parse_args()


WITH_THE_CDK = "With the CDK"
WITH_TERRAFORM = (
    "Try it in one account",
    "Add one function",
    "An organisation of 400 accounts",
    "Upgrade and roll back",
    "Timeouts and logs without CloudWatch Logs",
    "Uninstall",
)


def run(given: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as place:
        pieces.check(Path(place))
    if given.only in (None, "cdk"):
        with StandIn() as aws, tempfile.TemporaryDirectory() as place:
            by_cdk(aws, Path(place))
    if given.only in (None, "terraform"):
        with StandIn() as aws, tempfile.TemporaryDirectory() as place:
            by_terraform(aws, Path(place))


def by_cdk(aws: StandIn, place: Path) -> None:
    guide = Guide(place, _artefacts(place / "artefacts"), aws.url)
    strangers = guide.titles ^ {WITH_THE_CDK, *WITH_TERRAFORM}
    if strangers:
        raise Fault(f"guides that nobody follows, or that are not there: {sorted(strangers)}")
    said = guide.follow(WITH_THE_CDK)
    if "IngestArn" not in said:
        raise Fault(f"the guide {WITH_THE_CDK!r} does not show the outputs: {said}")
    for stack in ("Overtime", "OvertimeLayer"):
        template = guide.repository / f"infra/cdk/cdk.out/{stack}.template.json"
        count = through_cloudformation.arrived(aws, stack, json.loads(template.read_text()))
        say(f"the CDK's {stack}: {count} resources by CloudFormation")
    through_cloudformation.doors_lead_to_what_is_there(aws)


def by_terraform(aws: StandIn, place: Path) -> None:
    guide = Guide(place, _artefacts(place / "artefacts"), aws.url)
    examples = guide.repository / "infra/terraform/examples"
    member_account(Workspace(examples / "member-account", aws.url), aws)
    follow(guide, Workspace(examples / "complete", aws.url), aws)


def member_account(account: Workspace, aws: StandIn) -> None:
    """A role that exists already, and the policy of the member account."""
    aws.client("iam").create_role(RoleName="shipping", AssumeRolePolicyDocument=TRUST)
    asked = {"ingest_arn": INGEST, "roles": json.dumps(["shipping"])}
    account.init()
    account.apply(**asked)
    made = _nothing_left_to_do("the member account", *account.plan(**asked))
    _same("the policies of the role", ["OvertimeReport"], _attached(aws, "shipping"))
    policies = {at: it for at, it in made.items() if it["type"] == "aws_iam_policy"}
    _alike("member-account", policies)
    account.destroy(**asked)
    _same("policies that are left", [], aws.client("iam").list_policies(Scope="Local")["Policies"])
    aws.client("iam").delete_role(RoleName="shipping")
    say("the member account: applied, as the CDK has it, nothing left to do, destroyed")


def follow(guide: Guide, whole: Workspace, aws: StandIn) -> None:
    """The guides from the first to the last, and between them the comparison with the CDK."""
    checkout(aws)
    guide.follow("Try it in one account")
    asked = {"organization_id": ORGANIZATION}
    say(f"tried in one account: {len(whole.state())} resources")
    _nothing_left_to_do("as it was tried", *whole.plan(**asked, deletion_protection="false"))

    # One change: as an organisation has it, with tables that refuse to be deleted.
    whole.apply(**asked)
    made = _nothing_left_to_do("with its defaults", *whole.plan(**asked))
    _alike("aggregator", _of(made, "module.overtime."))
    _alike("layer", _of(made, "module.layer."))
    _as_the_readme_says(_of(made, "module.overtime."))

    teams(guide, aws)
    # Everything that can be asked for, in place of the defaults.
    shutil.copy(Path(__file__).parent / "everything_override.tf", whole.place)
    whole.apply(**asked)
    made = _nothing_left_to_do("with everything that can be asked for", *whole.plan(**asked), CHANGES_NOT_MADE)
    _alike("everything", _of(made, "module.overtime."))
    _watched(made["aws_lambda_function.orders"]["values"])

    guide.follow("Uninstall")
    _same("what Terraform has after destroy", {}, whole.state())
    _nothing_left(aws)
    say("uninstalled, and nothing is left but what is kept on purpose")


def checkout(aws: StandIn) -> None:
    """A function that is there already, and not by Terraform."""
    role = aws.client("iam").create_role(RoleName="checkout", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    code = {"ZipFile": b"any"}
    aws.client("lambda").create_function(FunctionName="checkout", Role=role, Code=code, Runtime="nodejs22.x", Handler="index.handler")


def teams(guide: Guide, aws: StandIn) -> None:
    """The guides for functions and accounts."""
    guide.follow("Add one function")
    function = aws.client("lambda").get_function_configuration(FunctionName="checkout")
    (layer,) = [it["Arn"] for it in function["Layers"]]
    _same("the layer of a function that was added", "overtime-x86_64:1", layer.split(":layer:")[1])
    _same("its variables", ["OVERTIME_TAGS", "OVERTIME_URL"], sorted(function["Environment"]["Variables"]))
    _same("what its role may", ["OvertimeReport"], _attached(aws, "checkout"))

    guide.follow("An organisation of 400 accounts")
    template = aws.client("cloudformation").describe_stack_set(StackSetName="overtime-member")["StackSet"]["TemplateBody"]
    rolled_out = of_template.inventory(json.loads(template))
    snapshot = of_template.inventory(json.loads((SNAPSHOTS / "member-account.json").read_text()))
    _same("what the StackSet rolls out", snapshot, rolled_out)
    for door in DOORS:
        _same(f"what {door} may, like every function", ["OvertimeReport"], _attached(aws, f"overtime-{door}"))
        aws.client("iam").detach_role_policy(RoleName=f"overtime-{door}", PolicyArn=_policy_arn(aws))

    guide.follow("Upgrade and roll back")
    guide.follow("Timeouts and logs without CloudWatch Logs")
    stored = aws.client("iam").get_role_policy(RoleName="checkout", PolicyName="StoreLogs")["PolicyDocument"]
    _same("what the role may do with the bucket", "s3:PutObject", stored["Statement"][0]["Action"])
    function = aws.client("lambda").get_function_configuration(FunctionName="checkout")
    _same("where its logs go", "s3://example-logs/overtime", function["Environment"]["Variables"]["OVERTIME_LOGS_S3"])
    denied = aws.client("iam").get_role_policy(RoleName="checkout", PolicyName="NoLogs")["PolicyDocument"]
    _same("the effect of the policy on logs", "Deny", denied["Statement"][0]["Effect"])
    say("functions and accounts added, upgraded and rolled back as the guides say")


def _attached(aws: StandIn, role: str) -> list[str]:
    found = aws.client("iam").list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    return [it["PolicyName"] for it in found]


def _policy_arn(aws: StandIn) -> str:
    (arn,) = [it["Arn"] for it in aws.client("iam").list_policies(Scope="Local")["Policies"]]
    return arn


def _of(made: dict, module: str) -> dict:
    return {at: it for at, it in made.items() if at.startswith(module)}


def _alike(snapshot: str, made: dict) -> None:
    template = of_template.inventory(json.loads((SNAPSHOTS / f"{snapshot}.json").read_text()))
    state = of_state.inventory(made)
    unlike = differences(("the CDK", "Terraform"), template, state)
    if unlike:
        raise Fault(f"the CDK's {snapshot}.json and Terraform differ:\n  " + "\n  ".join(unlike))
    say(f"{snapshot}: {len(state)} entries, the same from the CDK and from Terraform")


def _watched(values: dict) -> None:
    """A watched function is told the same by both, with everything that can be asked for."""
    resources = json.loads((SNAPSHOTS / "watched.json").read_text())["Resources"].values()
    functions = [it["Properties"] for it in resources if it["Type"] == "AWS::Lambda::Function"]
    told = {name: value for name, value in values["environment"][0]["variables"].items() if name != "OVERTIME_URL"}
    for function in functions:
        variables = dict(function["Environment"]["Variables"])
        variables.pop("OVERTIME_URL")
        _same("what a watched function is told", variables, told)


def _as_the_readme_says(made: dict) -> None:
    """The table of doors in infra/README.md."""
    rows = [line.split("|") for line in (INFRA / "README.md").read_text().splitlines() if line.startswith("| `")]
    cells = {row[1].strip(" `"): [cell.strip() for cell in row[2:5]] for row in rows if len(row) > 5}
    state = of_state.inventory(made)
    for door in DOORS:
        it = state[f"function {door}"]
        _same(f"the README's line about {door}", [str(it[name]) for name in ("memory", "timeout", "concurrency")], cells.get(door))


def _nothing_left_to_do(what: str, planned: dict, found: set[str], *known: dict[str, str]) -> dict:
    """Gives the resources as they are planned, which moto does not always say they are."""
    strange = unexpected(found, *known)
    if strange:
        raise Fault(f"{what}: a second plan is not empty:\n  " + "\n  ".join(sorted(strange)))
    say(f"{what}: a second plan changes nothing, beside {len(found)} attributes that moto does not keep as AWS does")
    return planned


def _nothing_left(aws: StandIn) -> None:
    iam, lambdas = aws.client("iam"), aws.client("lambda")
    # It was there before, and as it was.
    function = lambdas.get_function_configuration(FunctionName="checkout")
    _same("layers and variables that are left", ([], {}), (function.get("Layers", []), function.get("Environment", {}).get("Variables", {})))
    lambdas.delete_function(FunctionName="checkout")
    for policy in ("NoLogs", "StoreLogs"):
        iam.delete_role_policy(RoleName="checkout", PolicyName=policy)
    iam.delete_role(RoleName="checkout")
    _same("tables that are left", [], aws.client("dynamodb").list_tables()["TableNames"])
    _same("queues that are left", [], aws.client("sqs").list_queues().get("QueueUrls", []))
    _same("functions that are left", [], aws.client("lambda").list_functions()["Functions"])
    _same("roles that are left", [], aws.client("iam").list_roles()["Roles"])
    _same("alarms that are left", [], aws.client("cloudwatch").describe_alarms()["MetricAlarms"])
    # moto lists those that are deleted, too, whatever status is asked for.
    sets = aws.client("cloudformation").list_stack_sets()["Summaries"]
    _same("StackSets that are left", [], [it["StackSetName"] for it in sets if it["Status"] != "DELETED"])
    # Versions of layers stay for functions that use them.
    layers = aws.client("lambda").list_layers()["Layers"]
    _same("layers that are left", ["overtime-arm64", "overtime-x86_64"], sorted(it["LayerName"] for it in layers))


def _same(what: str, expected, found) -> None:
    if expected != found:
        raise Fault(f"{what}: expected {expected}, found {found}")


def _artefacts(place: Path) -> Path:
    """Files with the names of the zips: what is in them makes no difference to a deployment."""
    place.mkdir()
    for folder in ("aggregator", "layer"):
        for file in (INFRA / f"terraform/{folder}/tests/artefacts").iterdir():
            shutil.copy(file, place)
    return place


BEGAN = time.monotonic()


def say(text: str) -> None:
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)
