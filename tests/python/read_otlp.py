"""Reads OTLP with the official protobuf classes: a line of JSON for every request on stdin, `{"signal", "body"}`, the body in base64.

Answers with a line of JSON for every point and span, and fails where a request has anything in it that the classes do not know.
"""

import base64
import json
import sys

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

KINDS = {"metrics": ExportMetricsServiceRequest, "traces": ExportTraceServiceRequest}


def read(signal, body):
    request = KINDS[signal].FromString(body)
    known = KINDS[signal].FromString(body)
    known.DiscardUnknownFields()
    if known.ByteSize() != request.ByteSize():
        sys.exit(f"there is something unknown in {signal}")
    return request


def attributes(of):
    value = lambda it: getattr(it.value, it.value.WhichOneof("value"))
    return {it.key: value(it) for it in of.attributes}


def points(metric):
    kind = metric.WhichOneof("data")
    data = getattr(metric, kind)
    if data.aggregation_temporality != AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE:
        sys.exit(f"{metric.name} is not cumulative")
    if kind == "sum" and not data.is_monotonic:
        sys.exit(f"{metric.name} is not monotonic")
    for point in data.data_points:
        told = {"name": metric.name, "unit": metric.unit, "start": point.start_time_unix_nano, "time": point.time_unix_nano}
        if kind == "sum":
            yield {**told, "value": point.as_int}
        else:
            buckets = list(point.positive.bucket_counts)
            if point.count != point.zero_count + sum(buckets):
                sys.exit(f"{metric.name} has {point.count} and buckets of others")
            yield {**told, "value": point.count, "sum": point.sum, "max": point.max, "scale": point.scale}


def spans(span):
    yield {
        "name": span.name,
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "status": span.status.code,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "events": [it.name for it in span.events],
        "attributes": attributes(span),
    }


for line in sys.stdin:
    asked = json.loads(line)
    signal = asked["signal"]
    request = read(signal, base64.b64decode(asked["body"]))
    about = request.resource_metrics if signal == "metrics" else request.resource_spans
    for of in about:
        resource = attributes(of.resource)
        for scope in of.scope_metrics if signal == "metrics" else of.scope_spans:
            told = map(points, scope.metrics) if signal == "metrics" else map(spans, scope.spans)
            for it in (it for some in told for it in some):
                print(json.dumps({"signal": signal, "resource": resource, **it}))
