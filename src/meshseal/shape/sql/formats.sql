-- What several formats have in common. Every function is total.

-- The time of the common log format and of HAProxy, `18/Mar/2023:15:00:00 +0000`, as nanoseconds since
-- the epoch; UTC where it names no zone, 0 for what is no time.
CREATE OR REPLACE FUNCTION meshseal_clf_time AS (text) -> if(
    substring(text, 3, 1) = '/' AND substring(text, 7, 1) = '/' AND substring(text, 12, 1) = ':',
    meshseal_time(concat(
        substring(text, 8, 4), '-',
        transform(substring(text, 4, 3),
            ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'],
            ['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12'], '-'),
        '-', substring(text, 1, 2), 'T', substring(text, 13))),
    0);

-- Text in which bytes stand as `\xHH`, as NGINX writes what could end a field: as it was.
-- Source: NGINX, ngx_http_log_module, `log_format escape=default`.
CREATE OR REPLACE FUNCTION meshseal_unescape_bytes AS (text) -> if(
    position(text, '\\x') = 0, text,
    arrayStringConcat(arrayMap(
        (part, place) -> if(
            place > 1 AND match(part, '^[0-9A-Fa-f]{2}'),
            concat(unhex(substring(part, 1, 2)), substring(part, 3)),
            concat(if(place > 1, '\\x', ''), part)),
        splitByString('\\x', text),
        arrayEnumerate(splitByString('\\x', text)))));

-- Of a line in the common log format, what stands before the request, cut at spaces: `host - user [time zone] `,
-- where the user's name may hold some. Whether it is that; its time; and the user's name, or ''.
CREATE OR REPLACE FUNCTION meshseal_is_clf AS (head) ->
    length(head) >= 6 AND length(head[-3]) = 21 AND startsWith(head[-3], '[') AND length(head[-2]) = 6;
CREATE OR REPLACE FUNCTION meshseal_clf_stamp AS (head) ->
    meshseal_clf_time(concat(substring(head[-3], 2), ' ', substring(head[-2], 1, 5)));
CREATE OR REPLACE FUNCTION meshseal_clf_user AS (head) ->
    meshseal_unescape_bytes(meshseal_nil(arrayStringConcat(arraySlice(head, 3, length(head) - 5), ' ')));

-- The same with `#HH`, as HAProxy writes it. Source: HAProxy configuration manual, section 8.6.
CREATE OR REPLACE FUNCTION meshseal_unescape_hashes AS (text) -> if(
    position(text, '#') = 0, text, meshseal_unescape_bytes(replaceAll(text, '#', '\\x')));

-- The parts of a line between its quotes. Where a program writes a quote as `\"`, that ends no part; it
-- stands there as the byte 1, and a backslash that was written twice as the byte 2.
CREATE OR REPLACE FUNCTION meshseal_quoted AS (line) -> splitByChar('"', if(
    position(line, '\\') = 0, line,
    replaceAll(replaceAll(line, '\\\\', '\x02'), '\\"', '\x01')));

-- A part that `meshseal_quoted` gave, with its quotes and backslashes: as it was; '' for `-`.
CREATE OR REPLACE FUNCTION meshseal_quoted_text AS (text) -> multiIf(
    text = '-', '',
    position(text, '\x01') = 0 AND position(text, '\x02') = 0, meshseal_unescape_bytes(text),
    replaceAll(replaceAll(text, '\x01', '"'), '\x02', '\\'));

-- The words of a request line: [method, target, protocol]. A target may hold spaces; a line that does
-- not end with a protocol is no request unless it is a method and a path, as HTTP 0.9 has it.
CREATE OR REPLACE FUNCTION meshseal_request AS (line) -> arrayMap(
    words -> multiIf(
        length(words) = 3 AND startsWith(words[3], 'HTTP/'), words,
        length(words) > 3 AND startsWith(words[-1], 'HTTP/'),
            [words[1], arrayStringConcat(arraySlice(words, 2, length(words) - 2), ' '), words[-1]],
        length(words) = 2 AND match(words[1], '^[A-Z]+$') AND startsWith(words[2], '/'), [words[1], words[2], ''],
        ['', '', '']),
    [splitByChar(' ', line)])[1];

-- Seconds with a decimal point, `0.050`, as milliseconds, `50`; '' for anything else.
CREATE OR REPLACE FUNCTION meshseal_milliseconds_of_seconds AS (text) -> if(
    match(text, '^[0-9]{1,9}([.][0-9]{1,9})?$'),
    meshseal_milliseconds(
        toUInt64OrZero(substringIndex(text, '.', 1)) * 1000000000 + if(position(text, '.') = 0, 0,
            toUInt64OrZero(rightPad(substringIndex(text, '.', -1), 9, '0')))),
    '');

-- Nanoseconds in digits as milliseconds; '' for anything else.
CREATE OR REPLACE FUNCTION meshseal_milliseconds_of_nanos AS (text) -> if(
    match(text, '^[0-9]{1,18}$'), meshseal_milliseconds(toUInt64OrZero(text)), '');

-- The name and the namespace in a Kubernetes host, `web.shop.svc.cluster.local`; a name alone is that of
-- a service too, unless it is an address; any other host names none.
CREATE OR REPLACE FUNCTION meshseal_cluster_host AS (host) -> multiIf(
    position(host, '.svc.') > 0 OR endsWith(host, '.svc'), (splitByChar('.', host)[1], splitByChar('.', host)[2]),
    position(host, '.') = 0 AND position(host, ':') = 0, (host, ''),
    ('', ''));

-- A number of milliseconds in digits, which `+` may precede; '' for `-1`, which is none.
CREATE OR REPLACE FUNCTION meshseal_whole_milliseconds AS (text) -> if(
    match(text, '^[+]?[0-9]{1,12}$'), toString(toUInt64OrZero(trim(LEADING '+' FROM text))), '');

-- The client of HAProxy, `address:port`, the brackets of an IPv6 address put around it.
CREATE OR REPLACE FUNCTION meshseal_unbracketed AS (text) -> if(
    countSubstrings(text, ':') < 2, text,
    concat('[', substring(text, 1, length(text) - length(substringIndex(text, ':', -1)) - 1), ']:', substringIndex(text, ':', -1)));

-- How a session of HAProxy ended, in words, from its termination state; '' where nothing failed.
-- Source: HAProxy configuration manual, section 8.5.
CREATE OR REPLACE FUNCTION meshseal_haproxy_end AS (state) -> if(
    substring(state, 1, 1) IN ('-', 'L', ''), '',
    concat(
        transform(substring(state, 1, 1),
            ['C', 'S', 'P', 'R', 'I', 'D', 'U', 'K', 'c', 's'],
            ['client_abort', 'server_abort', 'proxy_abort', 'resource_exhausted', 'internal_error', 'server_down',
             'backup_superseded', 'killed_by_admin', 'client_timeout', 'server_timeout'],
            substring(state, 1, 1)),
        transform(substring(state, 2, 1),
            ['R', 'Q', 'C', 'H', 'D', 'L', 'T'],
            ['_request', '_queue', '_connection', '_headers', '_data', '_last_data', '_tarpit'],
            '')));

-- The workload of a pod: what is left of its name without the endings that a Deployment's ReplicaSet
-- gives it, `shell-6d8bcd654d-t88gp` -> `shell`. Source: kubernetes/apimachinery, pkg/util/rand.
CREATE OR REPLACE FUNCTION meshseal_pod_workload AS (pod) ->
    replaceRegexpOne(pod, '-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}$', '');

-- The name of an endpoint of Hubble: its workload, its label `app`, its pod, or what it is in Cilium's
-- own words, as `world`. Its tuple has `labels`, `workloads` and `pod_name`.
CREATE OR REPLACE FUNCTION meshseal_hubble_name AS (endpoint) -> multiIf(
    notEmpty(tupleElement(endpoint, 'workloads')), tupleElement(tupleElement(endpoint, 'workloads')[1], 'name'),
    arrayExists(label -> startsWith(label, 'k8s:app=') OR startsWith(label, 'k8s:app.kubernetes.io/name='), tupleElement(endpoint, 'labels')),
        extract(arrayFirst(label -> startsWith(label, 'k8s:app=') OR startsWith(label, 'k8s:app.kubernetes.io/name='), tupleElement(endpoint, 'labels')), '=(.*)'),
    tupleElement(endpoint, 'pod_name') != '', meshseal_pod_workload(tupleElement(endpoint, 'pod_name')),
    substring(arrayFirst(label -> startsWith(label, 'reserved:') AND label != 'reserved:unknown', tupleElement(endpoint, 'labels')), 10));

-- The fields of a line between spaces, where texts that hold spaces stand in quotes.
CREATE OR REPLACE FUNCTION meshseal_quoted_fields AS (line) -> arrayFlatten(arrayMap(
    (part, place) -> if(
        place % 2 = 0, [part],
        arrayFilter(field -> field != '', splitByChar(' ', part))),
    splitByChar('"', line),
    arrayEnumerate(splitByChar('"', line))));
