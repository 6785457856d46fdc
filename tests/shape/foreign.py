"""What applications write, which is of no mesh: to be told from what is."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

_PROSE = (
    "The quick brown fox jumps over the lazy dog.",
    "We received {n} orders yesterday, and all but {m} were shipped.",
    "Connection to 10.0.{m}.7:5432 was lost; trying again in {n} seconds",
    "Listening on [::]:{n}",
    "user alice logged in from 192.0.2.{m}",
    'Started GET "/users/{n}" for 127.0.0.1 at 2024-05-06 07:08:09 +0000',
    "Completed 200 OK in {n}ms (Views: 1.2ms | ActiveRecord: {m}.4ms)",
    "cache: 200 entries, 10 hits, {n} misses - - [warm]",
    'upstream says "GET /health HTTP/1.1" 200 but the body was empty',
    "kafka consumer group orders: partition {m} offset {n} -> {n}",
    "The proxy wrote: connection complete, after {n} bytes stdout F and no more",
    "took {n}ms, sent {m} bytes, received: 0 bytes",
    "http://shop.example/cart/{n}?page={m} answered 503",
    "haproxy[{n}]: is what the tag would be",
    "--- checkpoint {n} ---",
    "* {n} items",
    "{n} 123 eni-abc is not a flow log",
    "2 be or not 2 be, that is the question {n}",
    "h2 and http are protocols; ws {n} too",
    'ERROR: relation "users_{n}" does not exist at character {m}',
    "[worker-{m}] started job {n}",
    "[INFO] 2024-05-06 07:08:09 - main - ready after {n} ms",
    "[Mon May  6 07:08:09 2024] [error] [client 127.0.0.1] File does not exist: /var/www/{n}",
    "[2024-05-06T07:08:09,{m}00][INFO ][o.e.n.Node] [node-{m}] started",
    "[2024-05-06 07:08:09.123][{n}][info][main] [source/server/server.cc:404] starting workers",
    '[2024-05-06T07:08:09.123Z] "quoted" words and {n} numbers',
    "[2024-05-06T07:08:09.123Z] worker {m}: done in {n}ms",
    'I0506 07:08:09.123456       1 controller.go:{n}] Starting workers count="{m}"',
    "ünïcödé ☃ 日本語 {n}",
)
_SQL = (
    "SELECT id, name FROM users WHERE id = {n} AND state = 'open' ORDER BY name LIMIT {m}",
    "INSERT INTO orders (id, total, method) VALUES ({n}, {m}.50, 'GET')",
    "UPDATE sessions SET response_code = {n} WHERE start_time < now()",
    "2024-05-06 07:08:09.123 UTC [{n}] LOG:  duration: {m}.123 ms  statement: SELECT 1",
    "# Query_time: {m}.000123  Lock_time: 0.000012 Rows_sent: {n}  Rows_examined: {n}",
    '-- migration {n}: create table "response_code" (start_time timestamptz)',
    "explain analyze select * from \"flow\" where verdict = 'DROPPED' and n > {n}",
)
_TRACES = (
    "java.lang.IllegalStateException: no such user {n} in table",
    "    at com.example.Shop.checkout(Shop.java:{n})",
    "Caused by: java.net.SocketTimeoutException: Read timed out after {n} ms",
    "Traceback (most recent call last):",
    '  File "/app/shop/cart.py", line {n}, in total',
    "    return sum(item.price for item in self.items[{m}])",
    "ValueError: invalid literal for int() with base 10: 'a{n}'",
    "panic: runtime error: index out of range [{n}] with length {m}",
    "goroutine {n} [running]:",
    "main.handle(0xc000{n}, {{0x4a, 0x3}})",
    "thread 'main' panicked at 'called `Option::unwrap()`', src/main.rs:{n}:{m}",
    "TypeError: Cannot read properties of undefined (reading 'price{n}')",
    "   at Shop.Cart.Total() in /src/Shop/Cart.cs:line {n}",
)
_DOCUMENTS: tuple[dict[str, object], ...] = (
    {"time": "2024-05-06T07:08:09Z", "level": "info", "msg": "handled", "status": 200, "took": 1.5},
    {"ts": 1714979289.123, "logger": "http", "caller": "main.go:12", "msg": "response_code"},
    {"response_code": 200, "message": "upstream answered", "start": "2024-05-06T07:08:09Z"},
    {"start_time": "2024-05-06T07:08:09Z", "job": "nightly", "method": "POST"},
    {"severity": "ERROR", "httpRequest": {"status": 500, "requestMethod": "GET"}, "trace": "a/b"},
    {"flow": "checkout", "verdict": "approved", "user": 7},
    {"event": "login", "client": {"addr": "192.0.2.1", "id": "web"}, "host": "shop.example"},
    {"method": "GET", "uri": "/a", "version": "1", "status": 200, "client": "curl"},
    {"kind": "Event", "apiVersion": "v1", "reason": "Scheduled", "message": "assigned default/a"},
    {"log": "a line in a member called log", "source": "stdout", "n": 1},
    {"stream": "orders", "log": "replicated", "time": 12.5, "lag": 3},
    {"type": "access", "Duration": "12ms", "Status": 200, "RequestPath": "/a"},
    {
        "scope": "checkout",
        "message": "connection complete",
        "bytes_sent": 1,
        "src": "a",
        "dst": "b",
    },
    {"quoted": 'a line: {"response_code":200,"start_time":"2024-05-06T07:08:09Z"}', "x": "y"},
    {"lines": ['[2024-05-06T07:08:09.123Z] "GET / HTTP/1.1" 200 - 0 0 1 1 "-"'], "count": 1},
    {"@timestamp": "2024-05-06T07:08:09Z", "log.level": "warn", "process.thread.name": "main"},
)
_LOGFMT = (
    'level=info ts=2024-05-06T07:08:09Z caller=main.go:{n} msg="listening" addr=:{m}080',
    'time="2024-05-06T07:08:09Z" level=warning msg="GET /a HTTP/1.1 200 {n}" component=web',
    'at=info method=GET path="/a/{n}" host=shop.example fwd="192.0.2.1" status=200 bytes={n}',
    'src.addr=10.0.0.1:{n} dst.addr=10.0.0.2:80 note="not from ztunnel"',
    "response_code={n} start_time=2024-05-06T07:08:09Z duration={m}ms",
    'severity=error error="dial tcp 10.0.0.{m}:5432: connect: connection refused" attempt={n}',
)


def foreign(seed: int, count: int) -> Iterator[str]:
    """Yield lines of applications, of each kind in turn."""
    dice = random.Random(seed)
    texts = (*_PROSE, *_SQL, *_TRACES, *_LOGFMT)
    for number in range(count):
        if number % 3 == 0:
            yield _document(_DOCUMENTS[number // 3 % len(_DOCUMENTS)], dice)
        else:
            text = texts[(number - number // 3) % len(texts)]
            yield text.format(n=dice.randrange(10, 10**6), m=dice.randrange(1, 10))


def _document(members: dict[str, object], dice: random.Random) -> str:
    pairs = [*members.items(), ("request", f"{dice.getrandbits(64):016x}")]
    dice.shuffle(pairs)
    separators = dice.choice([(",", ":"), (", ", ": ")])
    return json.dumps(dict(pairs), separators=separators, ensure_ascii=False)
