// Sends orders to Loki's push API, and ends when all of them are answered.
// node loki.js pino|winston-json|winston-protobuf URL FIRST END BEGUN_MS
"use strict";
const [how, host] = process.argv.slice(2, 4);
const [first, end, begun] = process.argv.slice(4, 7).map(Number);
const levels = ["debug", "info", "warn", "error"];
const text = (n) => `part ${Math.floor(n / 1000)}: order ${n} costs 7 €`;

function pino() {
    const {pinoLoki} = require("pino-loki");
    const stream = pinoLoki({
        host, batching: {interval: 0.2, maxBufferSize: 0}, labels: {service_name: "shop"}, propsToLabels: ["host"],
        structuredMetaKey: "meta",
    });
    const logger = require("pino")({level: "debug", timestamp: false, base: {}}, stream);
    for (let n = first; n < end; n++) {
        logger[levels[n % 4]](
            {time: begun + n, host: `host-${n % 11}`, order: n, meta: {order_id: `${n}`}}, text(n));
    }
    stream.end();
}

async function winston() {
    const {createLogger} = require("winston");
    const Loki = require("winston-loki");
    const transport = new Loki({
        host, interval: 0.2, json: how === "winston-json", replaceTimestamp: false, timeout: 60000,
        labels: {service_name: "shop"},
        onConnectionError: (error) => console.log(`failed: ${error.message}`),
    });
    const logger = createLogger({level: "debug", transports: [transport]});
    for (let n = first; n < end; n++) {
        logger.log({
            level: levels[n % 4], message: text(n), timestamp: begun + n, order: n,
            labels: {host: `host-${n % 11}`},
        });
        if (n % 500 === 499) await transport.flush();
    }
    await transport.flush();
    await transport.close();
}

if (how === "pino") pino();
else winston();
