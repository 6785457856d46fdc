-- Functions that the shapes and the query renderer share. ClickHouse writes each in place of its
-- call, so they cost nothing at run time; they are created anew whenever the engine starts.
-- Every one is total: no text that a sender can write makes it throw.

-- ---- Text of numbers ------------------------------------------------------------------------

-- A double as JSON has it; what JSON has no number for becomes a string, as protobuf's JSON does.
CREATE OR REPLACE FUNCTION meshseal_json_double AS (x) -> multiIf(
    isNaN(x), '"NaN"', isInfinite(x), if(x > 0, '"Infinity"', '"-Infinity"'), toString(x));

-- Milliseconds of at most twelve digits and six decimals as nanoseconds.
CREATE OR REPLACE FUNCTION meshseal_nanos AS (milliseconds) ->
    toUInt64OrZero(substringIndex(milliseconds, '.', 1)) * 1000000 + if(position(milliseconds, '.') = 0, 0,
        toUInt64OrZero(rightPad(substringIndex(milliseconds, '.', -1), 6, '0')));

-- Nanoseconds as milliseconds, without needless zeros: 12000000 -> '12', 1500 -> '0.0015'.
CREATE OR REPLACE FUNCTION meshseal_milliseconds AS (nanos) ->
    concat(toString(intDiv(nanos, 1000000)), if(nanos % 1000000 = 0, '', concat(
        '.', trim(TRAILING '0' FROM leftPad(toString(nanos % 1000000), 6, '0')))));

-- ---- Times ----------------------------------------------------------------------------------

-- ISO 8601 and its relatives as nanoseconds since the epoch; 0 for what is no time.
CREATE OR REPLACE FUNCTION meshseal_time AS (text) ->
    toUnixTimestamp64Nano(parseDateTime64BestEffortOrZero(text, 9, 'UTC'));

-- Nanoseconds since the epoch as Go writes a time of UTC: as many digits as it takes.
CREATE OR REPLACE FUNCTION meshseal_rfc3339 AS (nanos) -> concat(
    replaceOne(trim(TRAILING '.' FROM trim(TRAILING '0' FROM toString(fromUnixTimestamp64Nano(nanos, 'UTC')))), ' ', 'T'), 'Z');

-- A number since the epoch, in whichever unit makes it a date between 2001 and 2286.
CREATE OR REPLACE FUNCTION meshseal_epoch AS (text) -> multiIf(
    NOT match(text, '^[0-9]{9,19}([.][0-9]{1,9})?$'), 0,
    position(text, '.') > 0,
        toInt64OrZero(substringIndex(text, '.', 1)) * if(length(substringIndex(text, '.', 1)) <= 10, 1000000000, 1000000)
        + intDiv(toInt64OrZero(rightPad(substringIndex(text, '.', -1), 9, '0')), if(length(substringIndex(text, '.', 1)) <= 10, 1, 1000)),
    length(text) <= 10, toInt64OrZero(text) * 1000000000,
    length(text) <= 13, toInt64OrZero(text) * 1000000,
    length(text) <= 16, toInt64OrZero(text) * 1000,
    toInt64OrZero(text));

-- ---- Addresses ------------------------------------------------------------------------------

-- The host and the port, as text, of 'host', 'host:port', '[v6]' and '[v6]:port'; what has no port
-- of digits is a host altogether.
CREATE OR REPLACE FUNCTION meshseal_address AS (address) -> arrayMap(
    cut -> if(cut = 0, (trim(BOTH '[]' FROM address), ''),
        (trim(BOTH '[]' FROM substring(address, 1, cut - 1)), substring(address, cut + 1))),
    [if(
        (countSubstrings(address, ':') = 1 AND position(address, '://') = 0) OR match(address, '^\\[.*\\]:'),
        length(address) - length(substringIndex(address, ':', -1)), 0)])[1];

-- ---- Severity -------------------------------------------------------------------------------

-- OpenTelemetry's number for the usual words, and for the numbers that bunyan and pino write; 0 for
-- any other. Source: OpenTelemetry logs data model, appendix B; pino's documentation.
CREATE OR REPLACE FUNCTION meshseal_severity AS (word) -> transform(
    lower(word),
    ['trace', 'debug', 'dbg', 'd', 'verbose', 'info', 'information', 'informational', 'i', 'notice',
     'warn', 'warning', 'w', 'error', 'err', 'e', 'severe', 'critical', 'crit', 'alert', 'c',
     'fatal', 'f', 'emerg', 'emergency', 'panic',
     '10', '20', '30', '40', '50', '60'],
    [1, 5, 5, 5, 5, 9, 9, 9, 9, 10,
     13, 13, 13, 17, 17, 17, 17, 18, 18, 19, 18,
     21, 21, 21, 21, 21,
     1, 5, 9, 13, 17, 21],
    0);

-- The word for a number, one for each of OpenTelemetry's ranges.
CREATE OR REPLACE FUNCTION meshseal_level AS (number) -> multiIf(
    number = 0, 'unknown', number < 5, 'trace', number < 9, 'debug', number < 13, 'info',
    number < 17, 'warn', number < 21, 'error', 'fatal');

-- OpenTelemetry's number for a LogSeverity of Google Cloud; 0 for DEFAULT and any other.
-- Source: OpenTelemetry logs data model, appendix B, "Google Cloud Logging".
CREATE OR REPLACE FUNCTION meshseal_google_severity AS (word) -> transform(
    upper(word),
    ['DEBUG', 'INFO', 'NOTICE', 'WARNING', 'ERROR', 'CRITICAL', 'ALERT', 'EMERGENCY'],
    [5, 9, 10, 13, 17, 18, 21, 24],
    0);

-- A Duration of Google's JSON, '0.125s', as milliseconds, '125'; '' for anything else.
CREATE OR REPLACE FUNCTION meshseal_google_milliseconds AS (text) -> if(
    match(text, '^[0-9]{1,9}([.][0-9]{1,9})?s$'),
    meshseal_milliseconds(
        toUInt64OrZero(extract(text, '^[0-9]+')) * 1000000000
        + toUInt64OrZero(rightPad(extract(text, '[.]([0-9]+)'), 9, '0'))),
    '');

-- ---- Lines ----------------------------------------------------------------------------------

-- The lines of a text that are not empty. A line's end may be LF or CRLF.
CREATE OR REPLACE FUNCTION meshseal_lines AS (text) -> arrayFilter(line -> line != '', if(
    position(text, '\r') = 0,
    splitByChar('\n', text),
    arrayMap(line -> trim(TRAILING '\r' FROM line), splitByChar('\n', text))));

-- ---- Pairs ----------------------------------------------------------------------------------

-- The first value of a key in an array of (key, value), or ''.
CREATE OR REPLACE FUNCTION meshseal_value AS (pairs, wanted) ->
    tupleElement(arrayFirst(pair -> tupleElement(pair, 1) = wanted, pairs), 2);

-- Of several keys, the value of the first that has one.
CREATE OR REPLACE FUNCTION meshseal_first_value AS (pairs, wanted) ->
    arrayFirst(value -> value != '', arrayMap(key -> meshseal_value(pairs, key), wanted));

-- Of several texts, the first that is not empty.
CREATE OR REPLACE FUNCTION meshseal_first AS (texts) -> arrayFirst(text -> text != '', texts);

-- A record's own attributes, and those that the wrapper of its line gives. Where they contradict one
-- another, or the line cannot be had back from what is found, it is kept.
CREATE OR REPLACE FUNCTION meshseal_wrapped AS (attributes, found, line, is_usual) -> arrayConcat(
    attributes,
    arrayFilter(
        pair -> tupleElement(pair, 2) != '' AND NOT has(tupleElement(attributes, 1), tupleElement(pair, 1)),
        arrayPushBack(found, ('log.record.original', if(
            is_usual AND NOT arrayExists(
                pair -> tupleElement(pair, 2) != '' AND has(tupleElement(attributes, 1), tupleElement(pair, 1)) AND NOT has(attributes, pair),
                found),
            '', line)))));

-- Attributes as a map.
CREATE OR REPLACE FUNCTION meshseal_map AS (pairs) ->
    CAST(pairs, 'Map(LowCardinality(String), String)');

-- ---- Spans ----------------------------------------------------------------------------------

-- What a span's sender left out, as attributes. Source: OpenTelemetry, "Mapping to non-OTLP formats".
CREATE OR REPLACE FUNCTION meshseal_dropped AS (attributes, events, links) -> arrayFilter(
    pair -> tupleElement(pair, 2) != '0',
    [('otel.dropped_attributes_count', toString(attributes)),
     ('otel.dropped_events_count', toString(events)),
     ('otel.dropped_links_count', toString(links))]);

-- The flags of a link, which have no column, as its attribute.
CREATE OR REPLACE FUNCTION meshseal_link_flags AS (flags) -> if(
    flags = 0, [], [('meshseal.link.flags', toString(flags))]);

-- ---- Loki -----------------------------------------------------------------------------------

-- A protobuf Timestamp as nanoseconds; -1, which is no time, where it does not fit.
CREATE OR REPLACE FUNCTION meshseal_loki_nanos AS (seconds, nanos) -> if(
    seconds BETWEEN -9000000000 AND 9000000000, seconds * 1000000000 + nanos, toInt64(-1));

-- The content of a quoted Go string.
CREATE OR REPLACE FUNCTION meshseal_unquote AS (text) -> if(
    position(text, '\\') = 0, text,
    if(isValidJSON(concat('"', text, '"')),
        JSONExtractString(concat('["', text, '"]'), 1),
        replaceAll(replaceAll(text, '\\"', '"'), '\\\\', '\\')));

-- ---- Services -------------------------------------------------------------------------------

-- Of several keys, the values that a map has, in the keys' order. Much faster than to ask the map for each.
CREATE OR REPLACE FUNCTION meshseal_ranked AS (attributes, wanted) -> tupleElement(
    arraySort(
        pair -> tupleElement(pair, 1),
        arrayFilter(
            pair -> tupleElement(pair, 1) != 0,
            arrayMap(
                (key, value) -> (if(value = '', 0, transform(key, wanted, arrayEnumerate(wanted), 0)), value),
                mapKeys(attributes), mapValues(attributes)))),
    2);

-- Whether a name is that of a proxy beside a service, which says nothing of the service itself.
CREATE OR REPLACE FUNCTION meshseal_sidecar AS (name) -> substringIndex(name, '/', -1) IN (
    'istio-proxy', 'linkerd-proxy', 'envoy', 'envoy-sidecar', 'consul-dataplane', 'consul-connect-envoy-sidecar', 'kuma-sidecar', 'kuma-dp');

-- The service that resource attributes name, or ''. The container of a sidecar names none.
-- Source: Loki's list of labels that become `service_name`, after OpenTelemetry's own key; labels of
-- pods and workloads as the k8s attributes of OpenTelemetry's conventions rank them.
CREATE OR REPLACE FUNCTION meshseal_service AS (attributes) -> if(
    empty(attributes), '', arrayFirst(name -> NOT meshseal_sidecar(name), meshseal_ranked(attributes, [
        'service.name', 'service_name', 'service', 'app', 'application', 'app_name', 'name',
        'app_kubernetes_io_name', 'app.kubernetes.io/name', 'k8s.pod.label.app.kubernetes.io/name', 'k8s.pod.label.app', 'compose_service',
        'container', 'container_name', 'k8s.container.name', 'k8s_container_name', 'container.name',
        'component', 'workload', 'k8s.deployment.name', 'k8s_deployment_name', 'k8s.statefulset.name', 'k8s.daemonset.name',
        'unit', 'systemd_unit', 'job', 'k8s.job.name', 'k8s_job_name'])));

-- The workload of the pod that resource attributes name: its name without the endings that a Deployment,
-- a DaemonSet or a StatefulSet gives it; `otherwise` where there is no pod.
-- Source: kubernetes/apimachinery, pkg/util/rand.
CREATE OR REPLACE FUNCTION meshseal_workload AS (resource, otherwise) -> if(
    empty(resource), otherwise, meshseal_first([
        replaceRegexpOne(
            meshseal_ranked(resource, ['k8s.pod.name', 'k8s_pod_name', 'pod', 'pod_name'])[1],
            '-(?:[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}|[bcdfghjklmnpqrstvwxz2456789]{5}|[0-9]{1,5})$',
            ''),
        otherwise]));

-- ---- Envoy ----------------------------------------------------------------------------------

-- A field of an Envoy access log, '' where it says that there is none.
CREATE OR REPLACE FUNCTION meshseal_envoy AS (field) -> if(field = '-', '', field);

-- The host in a cluster name of Istio, `outbound|8000|v1|httpbin.foo.svc.cluster.local`, or in a
-- server name made from one, `outbound_.8000_.v1_.httpbin.foo.svc.cluster.local`, or ''.
CREATE OR REPLACE FUNCTION meshseal_istio_host AS (cluster) -> multiIf(
    startsWith(cluster, 'inbound|') OR startsWith(cluster, 'outbound|'), splitByChar('|', cluster)[4],
    startsWith(cluster, 'outbound_.'), arrayStringConcat(arraySlice(splitByString('_.', cluster), 4), '_.'),
    '');

-- Which side of a call an Envoy cluster name shows its proxy to be on, or ''.
CREATE OR REPLACE FUNCTION meshseal_reporter AS (cluster) -> multiIf(
    startsWith(cluster, 'inbound|') OR startsWith(cluster, 'InboundPassthroughCluster') OR cluster = 'local_app',
        'inbound',
    startsWith(cluster, 'outbound|') OR endsWith(cluster, '.consul')
        OR cluster IN ('PassthroughCluster', 'BlackHoleCluster'),
        'outbound',
    '');

-- The long names of Envoy's response flags, for `error.type`.
-- Source: envoyproxy/envoy, source/common/stream_info/utility.h
CREATE OR REPLACE FUNCTION meshseal_response_flag AS (flags) -> transform(
    substringIndex(flags, ',', 1),
    ['LH', 'UH', 'UT', 'LR', 'UR', 'UF', 'UC', 'UO', 'NR', 'DI', 'FI', 'RL', 'UAEX', 'RLSE', 'DC',
     'URX', 'SI', 'IH', 'DPE', 'UMSDR', 'RFCF', 'NFCF', 'DT', 'UPE', 'NC', 'OM', 'DF', 'DO', 'DR'],
    ['FailedLocalHealthCheck', 'NoHealthyUpstream', 'UpstreamRequestTimeout', 'LocalReset',
     'UpstreamRemoteReset', 'UpstreamConnectionFailure', 'UpstreamConnectionTermination',
     'UpstreamOverflow', 'NoRouteFound', 'DelayInjected', 'FaultInjected', 'RateLimited',
     'UnauthorizedExternalService', 'RateLimitServiceError', 'DownstreamConnectionTermination',
     'UpstreamRetryLimitExceeded', 'StreamIdleTimeout', 'InvalidEnvoyRequestHeaders',
     'DownstreamProtocolError', 'UpstreamMaxStreamDurationReached', 'ResponseFromCacheFilter',
     'NoFilterConfigFound', 'DurationTimeout', 'UpstreamProtocolError', 'NoClusterFound',
     'OverloadManagerTerminated', 'DnsResolutionFailed', 'DropOverload', 'DownstreamRemoteReset'],
    substringIndex(flags, ',', 1));

-- ---- JSON -----------------------------------------------------------------------------------

-- One level of nesting taken away: an object's members stand under `key.member`.
CREATE OR REPLACE FUNCTION meshseal_flatten AS (pairs) -> if(
    arrayExists(pair -> startsWith(tupleElement(pair, 2), '{'), pairs),
    arrayFlatten(arrayMap(
        pair -> if(
            startsWith(tupleElement(pair, 2), '{') AND tupleElement(pair, 2) != '{}',
            arrayMap(
                member -> (concat(tupleElement(pair, 1), '.', tupleElement(member, 1)), tupleElement(member, 2)),
                JSONExtractKeysAndValuesRaw(tupleElement(pair, 2))),
            [pair]),
        pairs)),
    pairs);

-- A JSON value as text: strings without quotes, everything else as it stands. Only strings that
-- escape something need decoding.
CREATE OR REPLACE FUNCTION meshseal_json_scalar AS (raw) -> multiIf(
    NOT startsWith(raw, '"'), raw,
    position(raw, '\\') = 0, substring(raw, 2, length(raw) - 2),
    JSONExtractString(concat('[', raw, ']'), 1));

-- A trace or span id of so many hexadecimal digits, in lower case, or '' for anything else. A
-- 64-bit trace id is filled up with zeros, as OpenTelemetry does.
CREATE OR REPLACE FUNCTION meshseal_hex_id AS (text, digits) -> if(
    match(text, '^([0-9a-fA-F]{16}|[0-9a-fA-F]{32})$') AND length(text) <= digits
        AND NOT match(text, '^0+$'),
    leftPad(lower(text), digits, '0'),
    '');

-- The pairs of a JSON object: every value under its path, joined by dots, four levels deep. What is
-- no JSON object has none.
CREATE OR REPLACE FUNCTION meshseal_json_object AS (text) -> arrayMap(
    pair -> (tupleElement(pair, 1), meshseal_json_scalar(tupleElement(pair, 2))),
    arrayFilter(
        pair -> tupleElement(pair, 2) != 'null',
        meshseal_flatten(meshseal_flatten(meshseal_flatten(JSONExtractKeysAndValuesRaw(text))))));

-- The pairs of members that `JSONExtractKeysAndValuesRaw` gave: as `meshseal_json_object` has them.
CREATE OR REPLACE FUNCTION meshseal_json_pairs AS (members) -> arrayMap(
    pair -> (tupleElement(pair, 1), meshseal_json_scalar(tupleElement(pair, 2))),
    arrayFilter(
        pair -> tupleElement(pair, 2) != 'null',
        meshseal_flatten(meshseal_flatten(meshseal_flatten(members)))));

-- Whether an attribute says what produced a record, and so is one of its resource.
-- Source: OpenTelemetry semantic conventions 1.44, resource attributes.
CREATE OR REPLACE FUNCTION meshseal_of_resource AS (key) ->
    position(key, '.') > 0
    AND substringIndex(key, '.', 1) IN ('cloud', 'container', 'deployment', 'faas', 'host', 'k8s', 'os', 'process', 'service', 'telemetry')
    AND NOT startsWith(key, 'service.peer.');

-- A JSON record's time, its member `time` or `timestamp`, as nanoseconds, 0 for what is none: seconds since the epoch, or a finer unit. The
-- engine reads a number as a double, so that its last digits are had from the record's own text.
CREATE OR REPLACE FUNCTION meshseal_stamp AS (stamp, line) -> multiIf(
    stamp IN ('', '0'), 0,
    length(stamp) > 15 AND match(stamp, '^[0-9]+[.][0-9]+$'),
        meshseal_epoch(extract(arrayFirst(
            text -> toFloat64OrZero(text) = toFloat64OrZero(stamp),
            arrayPushBack(extractAll(line, '"time(?:stamp)?"\\s*:\\s*"?([0-9]+[.][0-9]+)'), stamp)), '^[0-9]+[.][0-9]{1,9}')),
    match(stamp, '^[0-9.]+[eE][+]?[0-9]+$') AND toFloat64OrZero(stamp) BETWEEN 1e8 AND 1e10,
        toInt64(toFloat64OrZero(stamp) * 1e6) * 1000,
    match(stamp, '^[0-9]{4}-'), meshseal_time(stamp),
    meshseal_epoch(stamp));

-- OpenTelemetry's severity number from its text; 0 for what is none.
CREATE OR REPLACE FUNCTION meshseal_number_of_severity AS (text) -> if(
    toUInt8OrZero(text) <= 24, toUInt8OrZero(text), 0);

-- The pairs of a logfmt line: key=value between spaces, values quoted where they hold one.
CREATE OR REPLACE FUNCTION meshseal_logfmt AS (text) -> arrayMap(
    groups -> (
        groups[1],
        if(startsWith(groups[2], '"'), meshseal_unquote(substring(groups[2], 2, length(groups[2]) - 2)), groups[2])),
    extractAllGroupsVertical(text, '([A-Za-z_@][A-Za-z0-9_.@/-]*)=("(?:[^"\\\\]|\\\\.)*"|[^\\s"]*)'));

-- ---- Syslog -----------------------------------------------------------------------------------

-- A field of an RFC 5424 header, '' where it says that there is none.
CREATE OR REPLACE FUNCTION meshseal_nil AS (field) -> if(field = '-', '', field);

-- The time of RFC 3164, `Mmm dd [yyyy] hh:mm:ss[.fraction]`, as nanoseconds since the epoch; 0 for
-- what is no time. UTC. Without a year it is of the latest that leaves it no more than a week or so
-- after `received`, in nanoseconds: no record is from the future, and few clocks are that wrong.
CREATE OR REPLACE FUNCTION meshseal_bsd_time AS (stamp, received) -> arrayMap(
    (words, month, now) -> meshseal_time(concat(
        if(length(words) = 4, words[3], toString(toYear(now) + multiIf(
            (month - toMonth(now)) * 31 + toUInt8OrZero(words[2]) - toDayOfMonth(now) > 10, -1,
            (month - toMonth(now)) * 31 + toUInt8OrZero(words[2]) - toDayOfMonth(now) < -361, 1,
            0))),
        '-', leftPad(toString(month), 2, '0'), '-', leftPad(words[2], 2, '0'), ' ', words[-1])),
    [splitByWhitespace(stamp)],
    [intDiv(position('JanFebMarAprMayJunJulAugSepOctNovDec', substring(stamp, 1, 3)) + 2, 3)],
    [fromUnixTimestamp64Nano(received, 'UTC')])[1];

-- What RFC 3164 has between the time and the text: all of it, the host, the tag and the process.
-- Either may be missing. What ends with a colon is a tag; so is what has a number in brackets, for
-- rsyslog writes no colon where it had none.
CREATE OR REPLACE FUNCTION meshseal_bsd_tag AS (text) -> arrayMap(
    found -> if(notEmpty(found), found, extractGroups(text, '^(([^ \\[\\]]*[^ :\\[\\]])(?: : | ()()|$))')),
    [extractGroups(text, '^((?:([^ \\[\\]]*[^ :\\[\\]]) +)?([^ :%\\[\\]]*[^ :%\\[\\]0-9*][^ :\\[\\]]*)(?:\\[([0-9]+)\\](?:: ?| |$)|\\[([^\\] ]*)\\]: ?|:(?: |$)))')])[1];

-- The pairs of an RFC 5424 message's structured data, `id.parameter`; an element without parameters
-- is a pair without a value.
CREATE OR REPLACE FUNCTION meshseal_structured_data AS (text) -> if(
    text = '', [],
    arrayFlatten(arrayMap(
        element -> if(
            element[2] = '', [(element[1], '')],
            arrayMap(
                parameter -> (
                    concat(element[1], '.', parameter[1]),
                    if(position(parameter[2], '\\') = 0, parameter[2], replaceRegexpAll(parameter[2], '\\\\(["\\\\\\]])', '\\1'))),
                extractAllGroupsVertical(element[2], '([^ =\\]"]+)="((?:[^"\\\\]|(?s:\\\\.))*)"'))),
        extractAllGroupsVertical(text, '\\[([^ =\\]"]+)((?: +[^ =\\]"]+="(?:[^"\\\\]|(?s:\\\\.))*")*) *\\]'))));

-- ---- Labels of the query languages ------------------------------------------------------------

-- An attribute's key as a label; `model.identifiers.label_name` does the same.
CREATE OR REPLACE FUNCTION meshseal_label AS (key) -> if(
    match(key, '^[0-9]'),
    concat('_', replaceRegexpAll(key, '[^A-Za-z0-9_]', '_')),
    replaceRegexpAll(key, '[^A-Za-z0-9_]', '_'));

-- Pairs as labels, in the order of their names, without empty ones.
CREATE OR REPLACE FUNCTION meshseal_labels AS (pairs) -> mapSort(mapFilter(
    (name, value) -> value != '',
    CAST(arrayMap(pair -> (meshseal_label(tupleElement(pair, 1)), tupleElement(pair, 2)), pairs), 'Map(String, String)')));

-- Attributes as they are shown: what is not UTF-8 is replaced.
CREATE OR REPLACE FUNCTION meshseal_shown AS (attributes) -> mapApply(
    (name, value) -> (toValidUTF8(name), toValidUTF8(value)),
    CAST(attributes, 'Map(String, String)'));

-- A label of a JSON line: read from the key of its name if there is a scalar, or else `otherwise`.
CREATE OR REPLACE FUNCTION meshseal_json_label AS (line, name, otherwise) -> if(
    toString(JSONType(line, name)) IN ('Int64', 'UInt64', 'Double', 'String', 'Bool'),
    meshseal_json_scalar(JSONExtractRaw(line, name)),
    otherwise);

-- A duration such as '1h2m3.5s' in nanoseconds; NULL for anything else.
CREATE OR REPLACE FUNCTION meshseal_duration AS (text) -> if(
    match(text, '^-?([0-9]+([.][0-9]+)?(ns|us|µs|μs|ms|s|m|h))+$') OR text = '0',
    if(startsWith(text, '-'), -1, 1) * arraySum(arrayMap(
        groups -> toFloat64OrZero(groups[1]) * transform(groups[2],
            ['ns', 'us', 'µs', 'μs', 'ms', 's', 'm', 'h'],
            [1., 1e3, 1e3, 1e3, 1e6, 1e9, 60e9, 3600e9], 0.),
        extractAllGroupsVertical(text, '([0-9]+(?:[.][0-9]+)?)(ns|us|µs|μs|ms|s|m|h)'))),
    NULL);

-- A size such as '1.5KB' or '20MiB' in bytes; NULL for anything else.
CREATE OR REPLACE FUNCTION meshseal_bytes AS (text) -> if(
    match(text, '^[0-9]+([.][0-9]+)? ?([kKmMgGtTpPeE]?[iI]?[bB])?$'),
    toFloat64OrZero(extract(text, '^[0-9.]+')) * transform(lower(extract(text, '[A-Za-z]+$')),
        ['', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'eb', 'kib', 'mib', 'gib', 'tib', 'pib', 'eib'],
        [1., 1., 1e3, 1e6, 1e9, 1e12, 1e15, 1e18,
         1024., 1048576., 1073741824., 1099511627776., 1125899906842624., 1152921504606846976.], 0.),
    NULL);
