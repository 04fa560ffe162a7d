"""What `npx aws-cdk` does of it, for the guides: it synthesizes the example, and deploys stacks by CloudFormation.

`python -m rehearsal.cdk synth|bootstrap|deploy …`, in the folder of the app. The CDK's own tool wants more of AWS than moto is.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3

from rehearsal.through_cloudformation import possible

OUT = Path("cdk.out")


def synth() -> None:
    subprocess.run(["node", "dist/example/app.js"], env=os.environ | {"CDK_OUTDIR": str(OUT)}, check=True)


def bootstrap() -> None:
    """A bucket for assets, and the parameter by which templates know that there is one."""
    boto3.client("s3").create_bucket(Bucket=_bucket(), CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    boto3.client("ssm").put_parameter(Name="/cdk-bootstrap/hnb659fds/version", Value="21", Type="String")


def deploy(stacks: list[str]) -> None:
    synth()
    clouds = boto3.client("cloudformation")
    for stack in stacks:
        template = json.loads((OUT / f"{stack}.template.json").read_text())
        for asset in json.loads((OUT / f"{stack}.assets.json").read_text())["files"].values():
            for destination in asset["destinations"].values():
                boto3.client("s3").put_object(Bucket=_bucket(), Key=destination["objectKey"], Body=b"any")
        body = json.dumps(possible(template), separators=(",", ":"))
        clouds.create_stack(StackName=stack, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])


def _bucket() -> str:
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"cdk-hnb659fds-assets-{account}-eu-west-1"


def main(arguments: list[str]) -> int:
    match [it for it in arguments if not it.startswith("--")]:
        case ["aws-cdk", "synth", *_]:
            synth()
        case ["aws-cdk", "bootstrap"]:
            bootstrap()
        case ["aws-cdk", "deploy", *stacks] if stacks:
            deploy(stacks)
        case _:
            print(f"npx {' '.join(arguments)}: unexpected", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
