// Sends orders as spans with zipkin and zipkin-transport-http.
// node zipkin.js URL COUNT
"use strict";
const {Tracer, BatchRecorder, ExplicitContext, Annotation, InetAddress, jsonEncoder} = require("zipkin");
const {HttpLogger} = require("zipkin-transport-http");

const [url, count] = [process.argv[2], Number(process.argv[3])];
const encoder = url.includes("/v1/") ? jsonEncoder.JSON_V1 : jsonEncoder.JSON_V2;
const logger = new HttpLogger({endpoint: url, jsonEncoder: encoder, httpInterval: 50, timeout: 30000});
logger.on("error", (error) => {
    console.error(String(error).slice(0, 500));
    process.exit(1);
});
const tracer = new Tracer({
    ctxImpl: new ExplicitContext(), recorder: new BatchRecorder({logger}), localServiceName: "shop",
    traceId128Bit: true,
});
let next = 0;

function some() {
    for (let i = 0; i < 100 && next < count; i++, next++) {
        const n = next;
        tracer.scoped(() => {
            tracer.setId(tracer.createRootId());
            tracer.recordServiceName("shop");
            tracer.recordRpc(`order ${n}`);
            tracer.recordAnnotation(new Annotation.ServerRecv());
            tracer.recordAnnotation(new Annotation.ClientAddr({
                serviceName: "web", host: new InetAddress("10.0.0.9"), port: 4000,
            }));
            tracer.recordBinary("order.id", String(n));
            tracer.recordBinary("region", "eu");
            if (n % 7 === 0) {
                tracer.recordBinary("error", "late");
            }
            tracer.recordMessage("paid");
            tracer.recordAnnotation(new Annotation.ServerSend());
        });
    }
    if (next < count) {
        setTimeout(some, 20);
    } else {
        // The logger's own timer does not keep the process alive.
        setTimeout(() => {}, 2000);
    }
}

some();
