// Sends orders to Loki's push API.
// node loki.js URL FIRST END BEGUN_MS
"use strict";
const host = process.argv[2];
const [first, end, begun] = process.argv.slice(3, 6).map(Number);
const text = (n) => `part ${Math.floor(n / 1000)}: order ${n} costs 7 €`;

const {pinoLoki} = require("pino-loki");
const stream = pinoLoki({
    host, batching: {interval: 0.2, maxBufferSize: 0}, labels: {service_name: "shop"}, propsToLabels: ["host"],
    structuredMetaKey: "meta",
});
const logger = require("pino")({level: "debug", timestamp: false, base: {}}, stream);
const levels = ["debug", "info", "warn", "error"];
for (let n = first; n < end; n++) {
    logger[levels[n % 4]](
        {time: begun + n, host: `host-${n % 11}`, order: n, meta: {order_id: `${n}`}}, text(n));
}
stream.end();
