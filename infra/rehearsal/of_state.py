"""The inventory of what Terraform has made, from its state."""

import json

from artefacts.fault import Fault
from rehearsal.inventory import called, mapping, statements
from rehearsal.of_template import permission

# What else refers to, by type: the attribute, and what a reference to it is called.
REFERRED = {
    "aws_dynamodb_table": {"arn": "arn", "stream_arn": "stream", "name": "name"},
    "aws_sqs_queue": {"arn": "arn", "url": "url", "name": "name"},
    "aws_lambda_function": {"arn": "arn", "function_name": "name"},
    "aws_lambda_function_url": {"function_url": "url"},
    "aws_lambda_layer_version": {"arn": "arn"},
    "aws_cloudwatch_log_group": {"arn": "arn", "name": "name"},
    "aws_iam_role": {"arn": "arn", "name": "name"},
    "aws_cloudwatch_event_rule": {"arn": "arn", "name": "name"},
}


def inventory(resources: dict[str, dict]) -> dict[str, dict]:
    return Reading(resources).entries()


class Reading:
    def __init__(self, resources: dict[str, dict]):
        self._resources = [it for it in resources.values() if not it["address"].startswith("data.")]
        # Texts that are the same in no two resources, the longest first: some begin with others.
        self._unique: dict[str, str] = {}
        # Names, which are the same in resources of several types.
        self._names: dict[tuple[str, str], str] = {}
        for it in self._resources:
            for attribute, said in REFERRED.get(it["type"], {}).items():
                value = it["values"].get(attribute)
                reference = f"<{_name(it)} {said}>"
                if said == "name":
                    self._names[it["type"], value] = reference
                elif value:
                    self._unique[value] = reference
        self._longest_first = sorted(self._unique, key=len, reverse=True)

    def entries(self) -> dict[str, dict]:
        found = {}
        for it in self._resources:
            read = READERS.get(it["type"])
            if read is None:
                raise Fault(f"the state has {it['type']}, which is compared with nothing")
            for entry, properties in read(self, it, self._resolved(it["values"])):
                found[entry] = found.get(entry, {}) | properties
        return found

    def _resolved(self, value):
        if isinstance(value, list):
            return [self._resolved(it) for it in value]
        if isinstance(value, dict):
            return {name: self._resolved(it) for name, it in value.items()}
        if not isinstance(value, str):
            return value
        for text in self._longest_first:
            value = value.replace(text, self._unique[text])
        return value

    def named(self, kind: str, name: str) -> str:
        """A reference to what is called so."""
        return self._names.get((kind, name), name)


def _name(it: dict) -> str:
    """What a resource is for: its address says it."""
    key = it.get("index")
    match it["type"]:
        case "aws_dynamodb_table":
            return f"table {it['name']}"
        case "aws_sqs_queue":
            return f"queue {key}{' dead letters' if it['name'] == 'dead_letters' else ''}"
        case "aws_lambda_function":
            return f"function {key or it['name']}"
        case "aws_lambda_function_url":
            return f"url {it['name']}"
        case "aws_lambda_layer_version":
            return f"layer {key}"
        case "aws_cloudwatch_log_group":
            return f"log {key}"
        case "aws_iam_role":
            return f"role {key or it['name']}"
        case "aws_cloudwatch_event_rule":
            return "rule every-minute"
    return it["address"]


def _one(blocks):
    return blocks[0] if blocks else {}


def _table(reading: Reading, it: dict, values: dict):
    indexes = values["global_secondary_index"]
    encryption = _one(values["server_side_encryption"])
    ttl = _one(values["ttl"])
    yield _name(it), {
        "key": [values["hash_key"], values["range_key"]],
        "attributes": sorted([one["name"], one["type"]] for one in values["attribute"]),
        "indexes": sorted([one["name"], one["hash_key"], one["range_key"], one["projection_type"]] for one in indexes),
        "expires by": ttl.get("attribute_name") if ttl.get("enabled") else None,
        "stream": values["stream_view_type"] if values["stream_enabled"] else None,
        "billing": values["billing_mode"],
        "restorable": _one(values["point_in_time_recovery"]).get("enabled"),
        "protected": values["deletion_protection_enabled"],
        "encrypted with": encryption.get("kms_key_arn") or None,
    }


def _queue(reading: Reading, it: dict, values: dict):
    redrive = json.loads(values["redrive_policy"] or "{}")
    yield _name(it), {
        "visibility": values["visibility_timeout_seconds"],
        "retention": values["message_retention_seconds"],
        "encrypted": values["sqs_managed_sse_enabled"],
        "gives up to": [redrive["deadLetterTargetArn"], redrive["maxReceiveCount"]] if redrive else None,
    }


def _queue_policy(reading: Reading, it: dict, values: dict):
    yield f"queue {called(values['queue_url'])}", {"policy": [one | {"sid": ""} for one in statements(values["policy"])]}


def _function(reading: Reading, it: dict, values: dict):
    concurrency = values["reserved_concurrent_executions"]
    log = _one(values["logging_config"])
    variables = _one(values["environment"]).get("variables", {})
    yield _name(it), {
        "architectures": values["architectures"],
        "runtime": values["runtime"],
        "handler": values["handler"],
        "memory": values["memory_size"],
        "timeout": values["timeout"],
        "concurrency": None if concurrency == -1 else concurrency,
        "variables": {name: reading.named("aws_dynamodb_table", value) for name, value in variables.items()},
        "role": values["role"],
        "log": {
            "LogFormat": log.get("log_format"),
            "LogGroup": reading.named("aws_cloudwatch_log_group", log.get("log_group")),
        },
        "description": values["description"],
        "layers": len(values["layers"] or []),
    }


def _role(reading: Reading, it: dict, values: dict):
    yield _name(it), {"assumed": statements(values["assume_role_policy"])}


def _role_policy(reading: Reading, it: dict, values: dict):
    role = reading.named("aws_iam_role", values["role"])
    yield f"role {called(role)}", {"may": statements(values["policy"])}


def _managed_policy(reading: Reading, it: dict, values: dict):
    yield f"policy {values['name']}", {"may": statements(values["policy"]), "description": values["description"]}


def _log(reading: Reading, it: dict, values: dict):
    yield _name(it), {"days": values["retention_in_days"]}


def _mapping(reading: Reading, it: dict, values: dict):
    filters = _one(values["filter_criteria"]).get("filter", [])
    failed = _one(_one(values["destination_config"]).get("on_failure"))
    yield mapping(
        # Lambda gives the function's ARN back, whatever it was referred to by.
        function=called(values["function_arn"]),
        source=values["event_source_arn"],
        batch=values["batch_size"],
        window=values["maximum_batching_window_in_seconds"] or 0,
        responses=values["function_response_types"],
        at_most=_one(values["scaling_config"]).get("maximum_concurrency"),
        pattern=filters[0]["pattern"] if filters else None,
        starts=values["starting_position"],
        halves=values["bisect_batch_on_function_error"],
        retries=values["maximum_retry_attempts"],
        gives_up_to=failed.get("destination_arn"),
    )


def _url(reading: Reading, it: dict, values: dict):
    function = reading.named("aws_lambda_function", values["function_name"])
    yield _name(it), {"auth": values["authorization_type"], "function": called(function)}


def _permission(reading: Reading, it: dict, values: dict):
    yield permission(reading, it["address"], {
        "Action": values["action"],
        "Principal": values["principal"],
        "FunctionName": reading.named("aws_lambda_function", values["function_name"]),
        "PrincipalOrgID": values["principal_org_id"] or None,
        "FunctionUrlAuthType": values["function_url_auth_type"] or None,
        "SourceArn": values["source_arn"] or None,
    })


def _stack(reading: Reading, it: dict, values: dict):
    """What the provider leaves to CloudFormation."""
    for at, one in json.loads(values["template_body"])["Resources"].items():
        if one["Type"] != "AWS::Lambda::Permission":
            raise Fault(f"the stack {values['name']} makes {one['Type']}, which is compared with nothing")
        yield permission(reading, at, one["Properties"])


def _invoke(reading: Reading, it: dict, values: dict):
    function = reading.named("aws_lambda_function", values["function_name"])
    age, retries = values["maximum_event_age_in_seconds"], values["maximum_retry_attempts"]
    yield f"invoke {called(function)}", {"age": age, "retries": retries}


def _rule(reading: Reading, it: dict, values: dict):
    yield _name(it), {"schedule": values["schedule_expression"], "description": values["description"]}


def _target(reading: Reading, it: dict, values: dict):
    retry = _one(values["retry_policy"])
    rule = called(reading.named("aws_cloudwatch_event_rule", values["rule"]))
    yield f"rule {rule}", {
        "target": called(values["arn"]),
        "age": retry.get("maximum_event_age_in_seconds"),
        "retries": retry.get("maximum_retry_attempts"),
    }


def _alarm(reading: Reading, it: dict, values: dict):
    kinds = {"QueueName": "aws_sqs_queue", "FunctionName": "aws_lambda_function"}
    of = {name: called(reading.named(kinds[name], value)) for name, value in values["dimensions"].items()}
    yield f"alarm {values['alarm_description']}", {
        "metric": [values["namespace"], values["metric_name"], values["statistic"]],
        "of": of,
        "period": values["period"],
        "periods": values["evaluation_periods"],
        "threshold": values["threshold"],
        "operator": values["comparison_operator"],
        "missing": values["treat_missing_data"],
        "announced to": values["alarm_actions"] or [],
    }


def _layer(reading: Reading, it: dict, values: dict):
    yield _name(it), {
        "architectures": values["compatible_architectures"],
        "description": values["description"],
        "license": values["license_info"],
        "kept": values["skip_destroy"],
    }


def _layer_permission(reading: Reading, it: dict, values: dict):
    yield f"layer {it['index']}", {
        "shared": [values["action"], values["principal"], values["organization_id"]],
        "shared for good": values["skip_destroy"],
    }


READERS = {
    "aws_dynamodb_table": _table,
    "aws_sqs_queue": _queue,
    "aws_sqs_queue_policy": _queue_policy,
    "aws_lambda_function": _function,
    "aws_iam_role": _role,
    "aws_iam_role_policy": _role_policy,
    "aws_iam_policy": _managed_policy,
    "aws_cloudwatch_log_group": _log,
    "aws_lambda_event_source_mapping": _mapping,
    "aws_lambda_function_url": _url,
    "aws_lambda_permission": _permission,
    "aws_cloudformation_stack": _stack,
    "aws_lambda_function_event_invoke_config": _invoke,
    "aws_cloudwatch_event_rule": _rule,
    "aws_cloudwatch_event_target": _target,
    "aws_cloudwatch_metric_alarm": _alarm,
    "aws_lambda_layer_version": _layer,
    "aws_lambda_layer_version_permission": _layer_permission,
}
