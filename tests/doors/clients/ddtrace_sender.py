"""Sends spans with Datadog's tracer: `python ddtrace_sender.py TRACES SPANS_OF_EACH BEGUN_NANOS`.

Every span has a number, and its times follow from it. When half of the traces are sent it says so,
and goes on after a line of input.
"""

from __future__ import annotations

import sys

from ddtrace.trace import tracer

_FLUSH_AFTER = 100


def main() -> None:
    traces, spans, begun = map(int, sys.argv[1:])
    for trace in range(traces):
        parent = None
        opened = []
        for place in range(spans):
            number = trace * spans + place
            span = tracer.start_span(
                "shop.order",
                child_of=parent,
                service=f"shop-{number % 3}",
                resource=f"order {number}",
                span_type="worker",
            )
            span.start_ns = begun + number * 1_000_000
            span.set_tag("span.kind", ("server", "client", "internal")[number % 3])
            span.set_tag("customer", f"c{number}")
            span.set_metric("order.id", number)
            span.error = int(number % 7 == 0)
            opened.append(span)
            parent = parent or span
        for span in reversed(opened):
            span.finish(finish_time=span.start_ns / 10**9 + 0.25)
        if trace % _FLUSH_AFTER == _FLUSH_AFTER - 1:
            tracer.flush()
        if trace == traces // 2 - 1:
            tracer.flush()
            print("half", flush=True)
            sys.stdin.readline()
    tracer.flush()
    tracer.shutdown()


if __name__ == "__main__":
    main()
