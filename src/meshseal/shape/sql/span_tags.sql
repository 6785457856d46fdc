-- What Zipkin's and Jaeger's spans mean in OpenTelemetry's words: both say most of it in tags.
-- Source: openzipkin/zipkin-api, zipkin2-api.yaml and zipkin.proto; jaegertracing/jaeger-idl,
-- model.proto; OpenTelemetry's specifications of its exporters to both, read backwards.

-- An id as so many hexadecimal digits; a longer one stays what it is.
CREATE OR REPLACE FUNCTION meshseal_filled_id AS (id, digits) -> if(
    id = '' OR length(id) >= digits, lower(id), leftPad(lower(id), digits, '0'));

-- OpenTelemetry's number of a kind. Zipkin and Jaeger have no word for a span within a process.
CREATE OR REPLACE FUNCTION meshseal_tagged_kind AS (kind, tags) -> transform(
    if(kind != '', kind, upper(meshseal_value(tags, 'span.kind'))),
    ['', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'],
    [1, 1, 2, 3, 4, 5],
    0);

-- OpenTelemetry's number of a status: its own tags before `error`.
CREATE OR REPLACE FUNCTION meshseal_tagged_status AS (tags) -> multiIf(
    upper(meshseal_value(tags, 'otel.status_code')) = 'ERROR', 2,
    upper(meshseal_value(tags, 'otel.status_code')) = 'OK', 1,
    has(tupleElement(tags, 1), 'error') AND lower(meshseal_value(tags, 'error')) != 'false', 2,
    0);

CREATE OR REPLACE FUNCTION meshseal_tagged_message AS (tags) -> meshseal_first([
    meshseal_value(tags, 'otel.status_description'),
    if(lower(meshseal_value(tags, 'error')) IN ('true', 'false'), '', meshseal_value(tags, 'error'))]);

-- ---- Zipkin -----------------------------------------------------------------------------------

-- The end of a span of which there is a beginning, in microseconds; what would not fit is the
-- beginning.
CREATE OR REPLACE FUNCTION meshseal_zipkin_end AS (timestamp, duration) -> if(
    timestamp = 0 OR duration > 9000000000000000 - least(timestamp, 9000000000000000),
    timestamp, timestamp + duration);

-- Microseconds as nanoseconds; what would not fit is no time.
CREATE OR REPLACE FUNCTION meshseal_micros AS (micros) ->
    if(micros > 9000000000000000, 0, toInt64(micros) * 1000);

-- What Zipkin keeps beside tags, as attributes. The span of a server that shares its id with its
-- client's is marked; a time that is shown nowhere is kept.
CREATE OR REPLACE FUNCTION meshseal_zipkin_attributes AS (
    local_ip, local_port, peer, peer_ip, peer_port, shared, debug, timestamp, duration) -> arrayFilter(
    pair -> tupleElement(pair, 2) NOT IN ('', '0'),
    [('network.local.address', local_ip),
     ('network.local.port', toString(local_port)),
     ('service.peer.name', peer),
     ('network.peer.address', peer_ip),
     ('network.peer.port', toString(peer_port)),
     ('zipkin.shared', if(shared, 'true', '')),
     ('zipkin.debug', if(debug, 'true', '')),
     ('zipkin.timestamp', if(timestamp > 9000000000000000, toString(timestamp), '')),
     ('zipkin.duration', if(duration != 0 AND meshseal_zipkin_end(timestamp, duration) = timestamp, toString(duration), ''))]);

-- An address given as four or sixteen bytes, as text; other bytes as hexadecimal digits.
CREATE OR REPLACE FUNCTION meshseal_ip AS (bytes) -> multiIf(
    length(bytes) = 4, IPv4NumToString(reinterpretAsUInt32(reverse(bytes))),
    length(bytes) = 16, IPv6NumToString(CAST(substring(bytes, 1, 16), 'FixedString(16)')),
    lower(hex(bytes)));

-- Of two addresses of one endpoint, those there are.
CREATE OR REPLACE FUNCTION meshseal_ips AS (v4, v6) ->
    if(v4 = '' OR v6 = '', concat(v4, v6), concat(v4, ',', v6));

-- ---- Jaeger -----------------------------------------------------------------------------------

CREATE OR REPLACE FUNCTION meshseal_jaeger_pairs AS (tags) -> arrayMap(
    tag -> (tag.key, multiIf(
        tag.v_type = 0, tag.v_str,
        tag.v_type = 1, if(tag.v_bool, 'true', 'false'),
        tag.v_type = 2, toString(tag.v_int64),
        tag.v_type = 3, toString(tag.v_float64),
        tag.v_type = 4, base64Encode(tag.v_binary),
        tag.v_str)),
    tags);

-- A log of a span as an event: its field `event`, or else `message`, is the name.
CREATE OR REPLACE FUNCTION meshseal_jaeger_event AS (nanos, pairs) -> arrayMap(
    named -> (
        nanos,
        if(named = 0, '', tupleElement(pairs[named], 2)),
        arrayFilter((pair, position) -> position != named, pairs, arrayEnumerate(pairs))),
    [if(has(tupleElement(pairs, 1), 'event'),
        indexOf(tupleElement(pairs, 1), 'event'), indexOf(tupleElement(pairs, 1), 'message'))])[1];

-- Seconds and nanoseconds as nanoseconds; what would not fit is no time.
CREATE OR REPLACE FUNCTION meshseal_jaeger_nanos AS (seconds, nanos) -> if(
    seconds BETWEEN -4000000000 AND 4000000000, seconds * 1000000000 + nanos, 0);

-- What would not fit, as text.
CREATE OR REPLACE FUNCTION meshseal_jaeger_lost AS (seconds, nanos) -> if(
    seconds BETWEEN -4000000000 AND 4000000000, '', concat(toString(seconds), '.', leftPad(toString(nanos), 9, '0'), 's'));

-- The pairs of a process: what made its spans.
CREATE OR REPLACE FUNCTION meshseal_jaeger_process AS (service, tags) -> arrayConcat(
    if(service = '', [], [('service.name', service)]),
    arrayMap(
        pair -> (transform(tupleElement(pair, 1), ['hostname', 'ip'], ['host.name', 'host.ip'], tupleElement(pair, 1)), tupleElement(pair, 2)),
        meshseal_jaeger_pairs(tags)));
