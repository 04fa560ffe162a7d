"""What moto, which stands in for AWS, does not remember as AWS does, so that a second plan would set it again."""

import re

# Patterns of `ADDRESS: ATTRIBUTE`, and why.
EXPECTED_DIFFERENCES = {
    r"module\.overtime\.aws_lambda_function\.(console|door\[.*\]): logging_config": "moto does not keep a function's LoggingConfig.",
    r"module\.overtime\.aws_lambda_permission\.(url|console)\[.*\]: function_url_auth_type, replaced": "AWS makes the condition "
    "lambda:FunctionUrlAuthType of it, where the provider looks; moto writes it beside the conditions.",
    r"module\.overtime\.aws_sqs_queue\.mail\[.*\]: redrive_policy, blanks": "AWS gives the policy back without blanks, moto with some.",
    r"module\.overtime\.aws_sqs_queue_policy\.mail\[.*\]: create": "moto drops a queue's policy whenever something else of the queue is set.",
}

# The same, of what is changed when everything is asked for in place of the defaults.
CHANGES_NOT_MADE = {
    r"module\.overtime\.aws_dynamodb_table\.(facts|state): server_side_encryption": "moto does not change a table's encryption.",
    r"module\.overtime\.aws_lambda_event_source_mapping\.mail\[\"deliver\"\]: scaling_config": "moto does not take a mapping's limit away.",
    r"module\.overtime\.aws_lambda_function\.(console|door\[.*\]): (architectures\[0\]|last_modified)": "moto does not change a "
    "function's architecture with its code; it is modified because of that.",
}


def unexpected(found: set[str], *more: dict[str, str]) -> set[str]:
    known = {pattern for patterns in (EXPECTED_DIFFERENCES, *more) for pattern in patterns}
    return {it for it in found if not any(re.fullmatch(pattern, it) for pattern in known)}
