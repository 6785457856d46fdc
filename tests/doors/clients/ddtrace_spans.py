"""What `tools/record_datadog.py` lets the tracer send: a trace of two spans, with everything."""

from __future__ import annotations

from ddtrace.trace import tracer

AT_NANOS = 1_789_899_072_123_456_789

root = tracer.start_span("web.request", service="shop", resource="GET /cart", span_type="web")
root.start_ns = AT_NANOS
root.set_tag("span.kind", "server")
root.set_tag("http.method", "GET")
root.set_tag("http.status_code", "502")
root.set_metric("items", 3.5)
span = tracer.start_span("sql.query", root, service="db", resource="SELECT 1", span_type="sql")
span.start_ns = AT_NANOS + 1000
span.set_tag("span.kind", "client")
try:
    exec(compile('raise ValueError("bad value")', "<shop>", "exec"))
except ValueError as error:
    # Where this file lies is nobody's business.
    trace = error.__traceback__
    assert trace is not None
    span.set_exc_info(ValueError, error, trace.tb_next)
span.set_link(
    trace_id=0x5B8EFFF798038103D269B633813FC60C,
    span_id=0xEEE19B7EC3C1B174,
    tracestate="a=b",
    flags=1,
    attributes={"k": "v"},
)
span._add_event("evt", {"a": 1, "b": "x", "c": [1, 2], "d": True, "e": 0.5}, AT_NANOS + 2000)
span.finish(finish_time=AT_NANOS / 10**9 + 0.25)
root.finish(finish_time=AT_NANOS / 10**9 + 0.5)
tracer.flush()
tracer.shutdown()
