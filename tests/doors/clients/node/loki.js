// Sends orders to Loki's push API.
// node loki.js winston-json|winston-protobuf|pino URL COUNT BEGUN_MS
// winston-loki sends the second half when a line comes on its input; pino-loki, all at once.
"use strict";
const [how, host] = process.argv.slice(2, 4);
const [count, begun] = process.argv.slice(4, 6).map(Number);
const text = (n) => `part ${Math.floor(n / 1000)}: order ${n} costs 7 €`;

async function winston() {
    const {createLogger} = require("winston");
    const Loki = require("winston-loki");
    const transport = new Loki({
        host, interval: 0.2, json: how === "winston-json", replaceTimestamp: false, timeout: 5000,
        labels: {service_name: "shop"}, gracefulShutdown: false,
    });
    const logger = createLogger({level: "debug", transports: [transport]});
    const levels = ["debug", "info", "warn", "error"];
    const send = (from, to) => {
        for (let n = from; n < to; n++) {
            logger.log({
                level: levels[n % 4], message: text(n), timestamp: begun + n, order: n,
                labels: {host: `host-${n % 11}`},
            });
        }
    };
    send(0, count / 2);
    await transport.flush();
    console.log("half");
    await new Promise((go) => process.stdin.once("data", go));
    send(count / 2, count);
    for (;;) {
        try {
            await transport.flush();
            break;
        } catch {
            await new Promise((go) => setTimeout(go, 200));
        }
    }
    process.exit(0);
}

function pino() {
    const {pinoLoki} = require("pino-loki");
    const stream = pinoLoki({
        host, batching: {interval: 0.2, maxBufferSize: 0}, labels: {service_name: "shop"}, propsToLabels: ["host"],
        structuredMetaKey: "meta",
    });
    const logger = require("pino")({level: "debug", timestamp: false, base: {}}, stream);
    const levels = ["debug", "info", "warn", "error"];
    for (let n = 0; n < count; n++) {
        logger[levels[n % 4]](
            {time: begun + n, host: `host-${n % 11}`, order: n, meta: {order_id: `${n}`}}, text(n));
    }
    stream.end();
}

how === "pino" ? pino() : winston();
