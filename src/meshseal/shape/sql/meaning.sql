-- What the fields of every mesh mean in common. The first group is used while records are read from
-- their formats; the second on stored columns, by queries and by the mesh map. Every one is total.

-- ---- While reading --------------------------------------------------------------------------

-- Whether an address belongs to a proxy of one's own: those that are not routed on the internet.
CREATE OR REPLACE FUNCTION meshseal_trusted_proxy AS (address) -> match(
    address,
    '^(10\\.|127\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|169\\.254\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.|::1$|[fF][cCdD][0-9a-fA-F]{2}:|[fF][eE]80:)');

-- The client of a request: of `X-Forwarded-For`, the rightmost address that is no trusted proxy, for
-- what stands left of it is only the client's word; its first where all are trusted; and the remote
-- address where there is none.
CREATE OR REPLACE FUNCTION meshseal_client AS (forwarded_for, remote) -> multiIf(
    forwarded_for IN ('', '-'), remote,
    position(forwarded_for, ',') = 0, trim(BOTH ' ' FROM forwarded_for),
    meshseal_first([
        arrayLast(hop -> NOT meshseal_trusted_proxy(hop), arrayMap(hop -> trim(BOTH ' ' FROM hop), splitByChar(',', forwarded_for))),
        trim(BOTH ' ' FROM substringIndex(forwarded_for, ',', 1)),
        remote]));

-- The text of `mesh.mtls`: `proved_peer` is what the other end proved in TLS (a SPIFFE id, the subject of
-- its certificate), `secure` whether there was TLS, `known` whether the source says so at all.
CREATE OR REPLACE FUNCTION meshseal_mtls AS (proved_peer, secure, known) -> multiIf(
    proved_peer != '', 'mutual',
    known AND NOT secure, 'plaintext',
    '');

-- A trace id from whichever header carried it: W3C traceparent, B3 single, AWS X-Ray's `Root=`, 64 or
-- 128 bits in hex, Datadog's decimal number. 32 lower-case digits, or ''.
CREATE OR REPLACE FUNCTION meshseal_trace_id AS (text) -> multiIf(
    text IN ('', '-'), '',
    match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}'), meshseal_hex_id(substring(text, 4, 32), 32),
    match(text, '(?:^|;)(?:Root|Self)=1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}'),
        meshseal_hex_id(arrayStringConcat(extractGroups(text, 'Root=1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})')), 32),
    match(text, '^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{16})(?:-|$)'), meshseal_hex_id(substringIndex(text, '-', 1), 32),
    match(text, '^[0-9]{1,20}$') AND toUInt64OrZero(text) != 0, leftPad(lower(hex(toUInt64OrZero(text))), 32, '0'),
    '');

-- A span id from whichever header carried it; 16 lower-case digits, or ''.
CREATE OR REPLACE FUNCTION meshseal_span_id AS (text) -> multiIf(
    text IN ('', '-'), '',
    match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}'), meshseal_hex_id(substring(text, 37, 16), 16),
    match(text, '(?:^|;)Parent=[0-9a-fA-F]{16}'), meshseal_hex_id(extract(text, 'Parent=([0-9a-fA-F]{16})'), 16),
    match(text, '^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{16})-[0-9a-fA-F]{16}'), meshseal_hex_id(extract(text, '^[0-9a-fA-F]+-([0-9a-fA-F]{16})'), 16),
    match(text, '^[0-9a-fA-F]{16}$'), meshseal_hex_id(text, 16),
    match(text, '^[0-9]{1,20}$') AND toUInt64OrZero(text) != 0, leftPad(lower(hex(toUInt64OrZero(text))), 16, '0'),
    '');

-- ---- On stored columns ----------------------------------------------------------------------

-- The name by which the register of services knows a service.
CREATE OR REPLACE FUNCTION meshseal_alias AS (name) -> name;

-- The mesh or the proxy that a record tells of, or ''.
CREATE OR REPLACE FUNCTION meshseal_mesh AS (format, resource, other) -> meshseal_first([
    other['mesh.kind'],
    resource['mesh.kind'],
    transform(
        format,
        ['istio_json', 'istio_text', 'ztunnel', 'ztunnel_json', 'envoy_text', 'envoy_json', 'envoy_als', 'kuma_http', 'kuma_tcp',
         'linkerd_access', 'linkerd_access_json', 'linkerd_proxy', 'hubble', 'nginx_combined', 'nginx_error', 'ingress_nginx',
         'traefik_clf', 'traefik_json', 'haproxy_http', 'haproxy_tcp', 'haproxy_https', 'aws_alb', 'aws_vpc_flow', 'aws_vpc_lattice'],
        ['istio', 'istio', 'istio', 'istio', 'envoy', 'envoy', 'envoy', 'kuma', 'kuma',
         'linkerd', 'linkerd', 'linkerd', 'cilium', 'nginx', 'nginx', 'nginx',
         'traefik', 'traefik', 'haproxy', 'haproxy', 'haproxy', 'aws_alb', 'aws_vpc', 'vpc_lattice'],
        '')]);

-- What a record's source runs on, or ''.
CREATE OR REPLACE FUNCTION meshseal_platform AS (resource) -> multiIf(
    resource['k8s.pod.name'] != '' OR resource['k8s.namespace.name'] != '' OR resource['k8s.cluster.name'] != '', 'kubernetes',
    resource['cloud.provider'] != '', resource['cloud.provider'],
    resource['host.name'] != '', 'vm',
    '');

-- The cluster of a record's source, or ''.
CREATE OR REPLACE FUNCTION meshseal_cluster AS (resource) -> meshseal_first([
    resource['k8s.cluster.name'], resource['cluster'], resource['cluster_name']]);

-- The namespace of the service that reports, or ''.
CREATE OR REPLACE FUNCTION meshseal_namespace AS (resource, other) -> meshseal_first([
    other['service.namespace'], resource['service.namespace'], resource['k8s.namespace.name'], resource['namespace']]);
