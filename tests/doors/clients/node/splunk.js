// Sends orders with Splunk's own library, a batch after the other; half-way it waits for a
// line.
// node splunk.js PORT FIRST COUNT BEGUN_UNIX TOKEN
"use strict";
const {Logger} = require("splunk-logging");

const [port, first, count, begun] = process.argv.slice(2, 6).map(Number);
const severities = ["debug", "info", "warn", "error"];
const logger = new Logger({
    token: process.argv[6],
    url: `http://127.0.0.1:${port}`,
    maxBatchCount: 0,
    maxRetries: 30,
});
logger.error = (error) => {
    console.error(String(error));
    process.exit(1);
};

function batch(number) {
    if (number >= first + count) {
        return;
    }
    if (number === first + count / 2 && !process.stdin.destroyed) {
        process.stdin.once("data", () => {
            process.stdin.destroy();
            batch(number);
        });
        return;
    }
    for (let n = number; n < Math.min(number + 100, first + count); n++) {
        logger.send({
            message: {message: `part ${Math.floor(n / 1000)}: order ${n} costs 7 €`, order: {id: n, "a}{b": "}{"}},
            severity: severities[n % 4],
            metadata: {time: begun + n / 1000, host: `host-${n % 11}`, source: "node", sourcetype: "orders", index: "main"},
        });
    }
    logger.flush((error, response, body) => {
        if (error || body.code !== 0) {
            console.error(String(error), JSON.stringify(body));
            process.exit(1);
        }
        setTimeout(batch, 5, number + 100);
    });
}

batch(first);
