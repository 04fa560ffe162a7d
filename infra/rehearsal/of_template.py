"""The inventory of a CloudFormation template, as the CDK makes it."""

import re

from artefacts.fault import Fault
from rehearsal.inventory import called, mapping, statements

# What a reference leads to, by type and attribute.
ATTRIBUTES = {
    "AWS::DynamoDB::Table": {"Ref": "name", "Arn": "arn", "StreamArn": "stream"},
    "AWS::SQS::Queue": {"Ref": "url", "Arn": "arn", "QueueName": "name"},
    "AWS::Lambda::Function": {"Ref": "name", "Arn": "arn"},
    "AWS::Lambda::Url": {"FunctionUrl": "url"},
    "AWS::Lambda::LayerVersion": {"Ref": "arn"},
    "AWS::Logs::LogGroup": {"Ref": "name", "Arn": "arn"},
    "AWS::IAM::Role": {"Ref": "name", "Arn": "arn"},
    "AWS::Events::Rule": {"Arn": "arn"},
}
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "<region>", "AWS::AccountId": "<account>", "AWS::NoValue": None}


def inventory(template: dict) -> dict[str, dict]:
    return Reading(template).entries()


class Reading:
    def __init__(self, template: dict):
        self._resources = template["Resources"]
        self._names = {at: _name(at, it) for at, it in self._resources.items()}

    def entries(self) -> dict[str, dict]:
        found = {}
        for at, it in self._resources.items():
            read = READERS.get(it["Type"])
            if read is None:
                raise Fault(f"the template has {it['Type']}, which is compared with nothing")
            entry, properties = read(self, at, self._resolved(it.get("Properties", {})))
            found[entry] = found.get(entry, {}) | properties
        return found

    def _resolved(self, value):
        """With every reference in one form."""
        if isinstance(value, list):
            return [self._resolved(it) for it in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return PSEUDO[value["Ref"]] if value["Ref"] in PSEUDO else self._reference(value["Ref"], "Ref")
        if "Fn::GetAtt" in value:
            return self._reference(*value["Fn::GetAtt"])
        if "Fn::Join" in value:
            between, parts = value["Fn::Join"]
            return between.join(self._resolved(it) for it in parts)
        return {name: self._resolved(it) for name, it in value.items()}

    def _reference(self, at: str, attribute: str) -> str:
        if at not in self._resources:
            return f"<parameter {at}>"
        kind = self._resources[at]["Type"]
        said = f"<{self._names[at]} {ATTRIBUTES[kind][attribute]}>"
        # CloudFormation's ARN of a log group includes its streams.
        return f"{said}:*" if (kind, attribute) == ("AWS::Logs::LogGroup", "Arn") else said

    def name(self, at: str) -> str:
        return self._names[at]


def _name(at: str, it: dict) -> str:
    """What a resource is for: from what it is, or from the name of the construct that it belongs to."""
    kind, properties = it["Type"], it.get("Properties", {})
    door = re.match(r"Overtime(Ingest|Evaluate|Deliver|Sweep|Console)", at)
    who = door[1].lower() if door else ""
    match kind:
        case "AWS::DynamoDB::Table":
            return "table facts" if "StreamSpecification" in properties else "table state"
        case "AWS::SQS::Queue":
            return f"queue {who}{' dead letters' if 'DeadLetters' in at else ''}"
        case "AWS::Lambda::Function":
            variables = properties.get("Environment", {}).get("Variables", {})
            return f"function {variables.get('OVERTIME_DOOR', at)}"
        case "AWS::Lambda::Url":
            return f"url {who}"
        case "AWS::Lambda::LayerVersion":
            return f"layer {properties['CompatibleArchitectures'][0]}"
        case "AWS::Logs::LogGroup":
            return f"log {who}"
        case "AWS::IAM::Role":
            return f"role {who or at}"
        case "AWS::Events::Rule":
            return "rule every-minute"
    return at


def _table(reading: Reading, at: str, it: dict):
    indexes = it.get("GlobalSecondaryIndexes", [])
    schema = lambda keys: [key["AttributeName"] for key in sorted(keys, key=lambda key: key["KeyType"])]
    kept = reading._resources[at].get("DeletionPolicy") == "Retain"
    return reading.name(at), {
        "key": schema(it["KeySchema"]),
        "attributes": sorted([one["AttributeName"], one["AttributeType"]] for one in it["AttributeDefinitions"]),
        "indexes": sorted([one["IndexName"], *schema(one["KeySchema"]), one["Projection"]["ProjectionType"]] for one in indexes),
        "expires by": it["TimeToLiveSpecification"]["AttributeName"] if it["TimeToLiveSpecification"]["Enabled"] else None,
        "stream": it.get("StreamSpecification", {}).get("StreamViewType"),
        "billing": it["BillingMode"],
        "restorable": it["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        "protected": it["DeletionProtectionEnabled"] and kept,
        "encrypted with": it.get("SSESpecification", {}).get("KMSMasterKeyId"),
    }


def _queue(reading: Reading, at: str, it: dict):
    redrive = it.get("RedrivePolicy")
    return reading.name(at), {
        # What CloudFormation takes where a template is silent.
        "visibility": it.get("VisibilityTimeout", 30),
        "retention": it.get("MessageRetentionPeriod", 345_600),
        "encrypted": it["SqsManagedSseEnabled"],
        "gives up to": [redrive["deadLetterTargetArn"], redrive["maxReceiveCount"]] if redrive else None,
    }


def _queue_policy(reading: Reading, at: str, it: dict):
    (queue,) = it["Queues"]
    return f"queue {called(queue)}", {"policy": [one | {"sid": ""} for one in statements(it["PolicyDocument"])]}


def _function(reading: Reading, at: str, it: dict):
    return reading.name(at), {
        "architectures": it.get("Architectures", ["x86_64"]),
        "runtime": it["Runtime"],
        "handler": it["Handler"],
        "memory": it.get("MemorySize", 128),
        "timeout": it.get("Timeout", 3),
        "concurrency": it.get("ReservedConcurrentExecutions"),
        "variables": it["Environment"]["Variables"],
        "role": it["Role"],
        "log": it.get("LoggingConfig"),
        "description": it.get("Description"),
        "layers": len(it.get("Layers", [])),
    }


def _role(reading: Reading, at: str, it: dict):
    return reading.name(at), {"assumed": statements(it["AssumeRolePolicyDocument"])}


def _policy(reading: Reading, at: str, it: dict):
    (role,) = it["Roles"]
    return f"role {called(role)}", {"may": statements(it["PolicyDocument"])}


def _managed_policy(reading: Reading, at: str, it: dict):
    return f"policy {it['ManagedPolicyName']}", {"may": statements(it["PolicyDocument"]), "description": it["Description"]}


def _log(reading: Reading, at: str, it: dict):
    return reading.name(at), {"days": it["RetentionInDays"]}


def _mapping(reading: Reading, at: str, it: dict):
    filters = it.get("FilterCriteria", {}).get("Filters", [])
    return mapping(
        function=called(it["FunctionName"]),
        source=it["EventSourceArn"],
        batch=it["BatchSize"],
        window=it.get("MaximumBatchingWindowInSeconds", 0),
        responses=it["FunctionResponseTypes"],
        at_most=it.get("ScalingConfig", {}).get("MaximumConcurrency"),
        pattern=filters[0]["Pattern"] if filters else None,
        starts=it.get("StartingPosition"),
        halves=it.get("BisectBatchOnFunctionError"),
        retries=it.get("MaximumRetryAttempts"),
        gives_up_to=it.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"),
    )


def _url(reading: Reading, at: str, it: dict):
    return reading.name(at), {"auth": it["AuthType"], "function": called(it["TargetFunctionArn"])}


def permission(reading, at: str, it: dict):
    return f"permission {it['Action']} {it['Principal']} {called(it['FunctionName'])}", {
        "function": called(it["FunctionName"]),
        "organization": it.get("PrincipalOrgID"),
        "auth": it.get("FunctionUrlAuthType"),
        "by url only": it.get("InvokedViaFunctionUrl", False),
        "source": it.get("SourceArn"),
    }


def _invoke(reading: Reading, at: str, it: dict):
    who = called(it["FunctionName"])
    return f"invoke {who}", {"age": it["MaximumEventAgeInSeconds"], "retries": it["MaximumRetryAttempts"]}


def _rule(reading: Reading, at: str, it: dict):
    (target,) = it["Targets"]
    return reading.name(at), {
        "schedule": it["ScheduleExpression"],
        "description": it["Description"],
        "target": called(target["Arn"]),
        "age": target["RetryPolicy"]["MaximumEventAgeInSeconds"],
        "retries": target["RetryPolicy"]["MaximumRetryAttempts"],
    }


def _alarm(reading: Reading, at: str, it: dict):
    return f"alarm {it['AlarmDescription']}", {
        "metric": [it["Namespace"], it["MetricName"], it["Statistic"]],
        "of": {one["Name"]: called(one["Value"]) for one in it["Dimensions"]},
        "period": it["Period"],
        "periods": it["EvaluationPeriods"],
        "threshold": it["Threshold"],
        "operator": it["ComparisonOperator"],
        "missing": it["TreatMissingData"],
        "announced to": it.get("AlarmActions", []),
    }


def _layer(reading: Reading, at: str, it: dict):
    return reading.name(at), {
        "architectures": it["CompatibleArchitectures"],
        "description": it["Description"],
        "license": it["LicenseInfo"],
        "kept": reading._resources[at].get("DeletionPolicy") == "Retain",
    }


def _layer_permission(reading: Reading, at: str, it: dict):
    return f"layer {called(it['LayerVersionArn'])}", {
        "shared": [it["Action"], it["Principal"], it["OrganizationId"]],
        "shared for good": reading._resources[at].get("DeletionPolicy") == "Retain",
    }


READERS = {
    "AWS::DynamoDB::Table": _table,
    "AWS::SQS::Queue": _queue,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::Lambda::Function": _function,
    "AWS::IAM::Role": _role,
    "AWS::IAM::Policy": _policy,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::Logs::LogGroup": _log,
    "AWS::Lambda::EventSourceMapping": _mapping,
    "AWS::Lambda::Url": _url,
    "AWS::Lambda::Permission": permission,
    "AWS::Lambda::EventInvokeConfig": _invoke,
    "AWS::Events::Rule": _rule,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::Lambda::LayerVersionPermission": _layer_permission,
}
