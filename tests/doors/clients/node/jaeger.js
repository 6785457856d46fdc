// Sends orders as spans with jaeger-client.
// node jaeger.js udp|http PORT COUNT BEGUN_UNIX_MICROS
"use strict";
const {initTracer, opentracing} = require("jaeger-client");

const [port, count, begun] = process.argv.slice(3, 6).map(Number);
const reporter = {flushIntervalMs: 50};
if (process.argv[2] === "udp") {
    Object.assign(reporter, {agentHost: "127.0.0.1", agentPort: port});
} else {
    reporter.collectorEndpoint = `http://127.0.0.1:${port}/api/traces`;
}
const tracer = initTracer(
    {serviceName: "shop", sampler: {type: "const", param: 1}, reporter, traceId128bit: true},
    {tags: {region: "eu"}, logger: {info() {}, error: console.error}},
);
const kinds = ["server", "client", "producer"];
let parent = null;
let next = 0;

function some() {
    for (let i = 0; i < 100 && next < count; i++, next++) {
        const n = next;
        const at = (begun + n) / 1000;
        const references = [];
        if (n % 10 === 9) {
            references.push(opentracing.followsFrom(parent.context()));
        } else if (n % 10) {
            references.push(opentracing.childOf(parent.context()));
        }
        const span = tracer.startSpan(`order ${n}`, {
            references, startTime: at,
            tags: {"span.kind": kinds[n % 3], "order.id": n, "half": n / 2, "paid": n % 2 === 0},
        });
        if (n % 7 === 0) {
            span.setTag("error", true);
        }
        span.log({event: "paid", order: n}, at);
        span.finish(at + (n + 1) / 1000);
        parent = n % 10 ? parent : span;
    }
    if (next < count) {
        setTimeout(some, 30);
    } else {
        // What is being sent when the tracer is closed, is not waited for.
        setTimeout(() => tracer.close(() => setTimeout(() => {}, 300)), 500);
    }
}

some();
