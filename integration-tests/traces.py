"""Prints each message of traces that is named as a JSON list of its spans, read by OpenTelemetry's own protocol."""

import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def attributes(pairs):
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


spans = []
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        message = ExportTraceServiceRequest.FromString(file.read())
    for of_resource in message.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                spans.append({
                    "resource": attributes(of_resource.resource.attributes),
                    "scope": of_scope.scope.name,
                    "trace": span.trace_id.hex(),
                    "span": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "name": span.name,
                    "kind": span.SpanKind.Name(span.kind),
                    "start": span.start_time_unix_nano,
                    "end": span.end_time_unix_nano,
                    "attributes": attributes(span.attributes),
                    "status": span.status.StatusCode.Name(span.status.code),
                    "message": span.status.message,
                })
json.dump(spans, sys.stdout)
