"""What `tools/record_datadog.py` lets the tracer send: a trace of two spans, with everything."""

from __future__ import annotations

import sys

from ddtrace import tracer

AT_NANOS = 1_789_899_072_123_456_789

with tracer.trace("web.request", service="shop", resource="GET /cart", span_type="web") as root:
    root.set_tag("span.kind", "server")
    root.set_tag("http.method", "GET")
    root.set_tag("http.status_code", "502")
    root.set_metric("items", 3.5)
    with tracer.trace("sql.query", service="db", resource="SELECT 1", span_type="sql") as span:
        span.set_tag("span.kind", "client")
        try:
            raise ValueError("bad value")
        except ValueError:
            span.set_exc_info(*sys.exc_info())  # type: ignore[arg-type]
        span.set_link(
            trace_id=0x5B8EFFF798038103D269B633813FC60C,
            span_id=0xEEE19B7EC3C1B174,
            tracestate="a=b",
            flags=1,
            attributes={"k": "v"},
        )
        span._add_event("evt", {"a": 1, "b": "x", "c": [1, 2], "d": True, "e": 0.5}, AT_NANOS)
tracer.flush()
tracer.shutdown()
