"""Reads metrics with the parsers of Prometheus' own Python client: `read_metrics.py openmetrics|text`, metrics on stdin.

Answers with a line of JSON for every sample, `[name, labels, value]`, and fails where the parser does.
"""

import json
import sys

import prometheus_client.openmetrics.parser as openmetrics
import prometheus_client.parser as text

parser = {"openmetrics": openmetrics, "text": text}[sys.argv[1]]
for family in parser.text_string_to_metric_families(sys.stdin.read()):
    if family.type not in ("counter", "gauge") or not family.documentation:
        sys.exit(f"{family.name} is {family.type}: {family.documentation}")
    for sample in family.samples:
        print(json.dumps([sample.name, sample.labels, sample.value]))
