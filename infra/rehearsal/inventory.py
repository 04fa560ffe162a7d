"""What a deployment consists of, in a form in which two tools can be compared.

An inventory has an entry for each resource, named after what it is for (`queue evaluate`, `function ingest`), with what matters of
it and in one way of saying it. A reference to another resource is `<queue evaluate arn>`, whatever the tool calls it. What one tool
needs for itself and the other does not know, such as names of resources, is left out.
"""

import json
import re

DOORS = ("ingest", "evaluate", "deliver", "sweep", "console")


def statements(document) -> list[dict]:
    """The statements of a policy, each with lists where there may be one or many."""
    document = json.loads(document) if isinstance(document, str) else document
    found = [_statement(it) for it in document["Statement"]]
    return sorted(found, key=lambda it: json.dumps(it, sort_keys=True))


def _statement(it: dict) -> dict:
    conditions = {
        test: {variable: _many(values) for variable, values in of.items()} for test, of in it.get("Condition", {}).items()
    }
    principals = it.get("Principal", {})
    return {
        "sid": it.get("Sid") or "",
        "effect": it["Effect"],
        "actions": _many(it["Action"]),
        "resources": _many(it.get("Resource", [])),
        "principals": {kind: _many(who) for kind, who in principals.items()},
        "conditions": conditions,
    }


def _many(value) -> list[str]:
    # "false" and false are the same to IAM.
    values = value if isinstance(value, list) else [value]
    return sorted(it if isinstance(it, str) else json.dumps(it) for it in values)


def called(reference: str) -> str:
    """Which function, or rule, a reference leads to, by whatever it is referred to."""
    found = re.fullmatch(r"<\w+ ([^<>]+) \w+>", reference or "")
    return found[1] if found else reference


def mapping(**properties) -> tuple[str, dict]:
    """An event source mapping and what it is called: after its source, and what of it passes."""
    pattern = properties.get("pattern")
    source = properties["source"]
    if not pattern:
        # Of queues nothing else is said.
        kept = ("function", "source", "batch", "window", "responses", "at_most")
        return f"mapping {source}", {name: properties[name] for name in kept}
    pattern = json.loads(pattern)
    return f"mapping {source} {json.dumps(pattern['dynamodb'])}", properties | {"pattern": pattern}


def differences(names: tuple[str, str], first: dict, second: dict) -> list[str]:
    """What is not the same, a line each."""
    found = []
    for entry in sorted(first.keys() | second.keys()):
        for name, there, here in zip(names, (first, second), (second, first)):
            if entry not in there:
                found.append(f"{entry}: {name} has none")
        if entry in first and entry in second:
            found += [f"{entry}: {line}" for line in _unlike(names, first[entry], second[entry])]
    return found


def _unlike(names: tuple[str, str], first: dict, second: dict) -> list[str]:
    found = []
    for name in sorted(first.keys() | second.keys()):
        one, other = first.get(name), second.get(name)
        if one == other:
            continue
        if isinstance(one, list) and isinstance(other, list):
            one, other = [it for it in one if it not in other], [it for it in other if it not in one]
        said = [f"{who} {json.dumps(it, sort_keys=True)}" for who, it in zip(names, (one, other))]
        found.append(f"{name}: {', '.join(said)}")
    return found
