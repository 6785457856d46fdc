// Sends orders with gelf-pro, so many at once.
// node gelf.js tcp|udp PORT COUNT BEGUN_UNIX
"use strict";
const log = require("gelf-pro");

const [port, count, begun] = process.argv.slice(3, 6).map(Number);
const protocol = process.argv[2];
log.setConfig({
    adapterName: protocol,
    adapterOptions: protocol === "udp" ? {host: "127.0.0.1", port, protocol: "udp4"} : {host: "127.0.0.1", port, family: 4},
});
let next = 0;

function one() {
    const n = next++;
    if (n >= count) {
        return;
    }
    const extra = {
        host: `host-${n % 11}`, timestamp: begun + n / 1000, level: n % 8, order: {id: n},
        // Some are larger than a datagram.
        note: Array.from({length: n % 50 === 0 ? 3000 : 3}, (_, i) => `${n * i}`).join(" "),
    };
    log.message(`part ${Math.floor(n / 1000)}: order ${n} costs 7 €`, n % 8, extra, (error) => {
        if (error) {
            console.error(String(error));
            process.exit(1);
        }
        setTimeout(one, 1);
    });
}

for (let i = 0; i < 20; i++) {
    one();
}
