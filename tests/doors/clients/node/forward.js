// Sends events with a client of the Forward protocol, and waits until each is acknowledged.
// node forward.js fluent-org|fluent-logger OPTIONS EVENTS
// OPTIONS are the client's own, as JSON, and `tag` and `parallel` beside them. The file EVENTS has
// an event a line: [label, record, seconds, nanoseconds].
"use strict";
const fs = require("fs");

const [client, given, file] = process.argv.slice(2);
const {tag, parallel = 1000, ...options} = JSON.parse(given);

function fluentOrg() {
    const {FluentClient, EventTime} = require("@fluent-org/logger");
    const logger = new FluentClient(tag, options);
    return {
        send: (label, record, seconds, nanos) =>
            logger.emit(label, record, new EventTime(seconds, nanos)),
        close: () => logger.disconnect(),
    };
}

function fluentLogger() {
    const {EventTime, createFluentSender} = require("fluent-logger");
    const sender = createFluentSender(tag, {...options, internalLogger: {info() {}, error() {}}});
    sender.on("error", () => {});
    return {
        send: (label, record, seconds, nanos) =>
            new Promise((resolve, reject) => {
                const done = (error) => (error ? reject(error) : resolve());
                sender.emit(label, record, new EventTime(seconds, nanos), done);
            }),
        close: () => sender.end(),
    };
}

async function main() {
    const events = fs.readFileSync(file, "utf8").trimEnd().split("\n").map(JSON.parse);
    const {send, close} = client === "fluent-org" ? fluentOrg() : fluentLogger();
    for (let at = 0; at < events.length; at += parallel) {
        await Promise.all(events.slice(at, at + parallel).map((event) => send(...event)));
        console.log(Math.min(at + parallel, events.length));
    }
    await close();
}

main().catch((error) => {
    console.log(`failed: ${error.message}`);
    process.exit(1);
});
