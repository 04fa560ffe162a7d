"""The CDK's template, deployed into the stand-in by its CloudFormation, and looked at with the SDK.

moto makes most resources and passes over some without a word, so what is checked is what arrived: that what a door is told leads to
resources that are there.
"""

from artefacts.fault import Fault
from rehearsal.inventory import DOORS
from rehearsal.stand_in import StandIn

# What moto's CloudFormation cannot make.
NOT_MADE = {
    "AWS::CloudWatch::Alarm",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Url",
    "AWS::SQS::QueuePolicy",
}


def possible(template: dict) -> dict:
    """Without what moto cannot make, and with a text wherever that is referred to."""
    resources = template["Resources"]
    impossible = {at for at, it in resources.items() if it["Type"] in NOT_MADE}

    def without(value):
        if isinstance(value, list):
            return [without(it) for it in value]
        if not isinstance(value, dict):
            return value
        if value.get("Fn::GetAtt", [None])[0] in impossible:
            return "https://url.example/"
        return {name: without(it) for name, it in value.items()}

    kept = {at: without(it) for at, it in resources.items() if at not in impossible}
    return template | {"Resources": kept, "Outputs": without(template.get("Outputs", {}))}


def arrived(aws: StandIn, stack: str, template: dict) -> int:
    """Gives how many resources have arrived of all that can be made of a template."""
    clouds = aws.client("cloudformation")
    (found,) = clouds.describe_stacks(StackName=stack)["Stacks"]
    if found["StackStatus"] != "CREATE_COMPLETE":
        raise Fault(f"the stack {stack} is {found['StackStatus']}: {found.get('StackStatusReason')}")
    made = clouds.list_stack_resources(StackName=stack)["StackResourceSummaries"]
    missing = set(possible(template)["Resources"]) - {it["LogicalResourceId"] for it in made}
    if missing:
        raise Fault(f"CloudFormation has not made {sorted(missing)} of {stack}")
    return len(made)


def doors_lead_to_what_is_there(aws: StandIn) -> None:
    """What a door is told, and what feeds it."""
    lambdas = aws.client("lambda")
    tables = set(aws.client("dynamodb").list_tables()["TableNames"])
    # By name: moto lists a queue's URL by the address that it is asked at.
    queues = {it.rsplit("/")[-1] for it in aws.client("sqs").list_queues()["QueueUrls"]}
    doors = {}
    for it in lambdas.list_functions()["Functions"]:
        variables = it["Environment"]["Variables"]
        doors[variables["OVERTIME_DOOR"]] = it["FunctionArn"]
        for name, value in variables.items():
            there = tables if name.endswith("_TABLE") else queues if name.endswith("_QUEUE_URL") else {value}
            called = value.rsplit("/")[-1] if there is queues else value
            if called not in there:
                raise Fault(f"{variables['OVERTIME_DOOR']} is told {name}={value}, which is not there")
    if set(doors) != set(DOORS):
        raise Fault(f"the doors are {sorted(doors)}")
    fed = sorted(it["FunctionArn"] for it in lambdas.list_event_source_mappings()["EventSourceMappings"])
    if fed != sorted([doors["evaluate"]] * 3 + [doors["deliver"]]):
        raise Fault(f"the mappings feed {fed}")
