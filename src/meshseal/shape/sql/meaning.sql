-- What the fields of every mesh mean in common. The first group is used while records are read from
-- their formats; the second on stored columns, by queries and by the mesh map. Every one is total.

-- ---- While reading --------------------------------------------------------------------------

-- `meshseal_trusted_proxy(address)` is made by `networks.py` from the networks of the configuration.

CREATE OR REPLACE FUNCTION meshseal_is_address AS (text) -> isIPv4String(text) OR isIPv6String(text);

-- An entry of `X-Forwarded-For`, or a peer, without its port, brackets and quotes.
CREATE OR REPLACE FUNCTION meshseal_hop AS (text) -> if(
    meshseal_is_address(text), text, tupleElement(meshseal_address(trim(BOTH ' \t"' FROM text)), 1));

-- The client of a request: the peer, unless that is a trusted proxy. Then, of `X-Forwarded-For`, the
-- rightmost entry that is no trusted proxy, for what stands left of it is only the client's word; its
-- first where all are trusted. Where that entry is no address (`unknown`), the nearest hop that is known.
CREATE OR REPLACE FUNCTION meshseal_client AS (forwarded_for, remote) -> multiIf(
    forwarded_for IN ('', '-') AND position(remote, ':') = 0, remote,
    forwarded_for IN ('', '-'), meshseal_hop(remote),
    meshseal_is_address(remote) AND NOT meshseal_trusted_proxy(remote), remote,
    meshseal_is_address(remote) AND meshseal_is_address(forwarded_for), forwarded_for,
    meshseal_farthest(
        arrayFilter(hop -> hop != '', arrayMap(hop -> meshseal_hop(hop), splitByChar(',', forwarded_for))),
        meshseal_hop(remote)));

CREATE OR REPLACE FUNCTION meshseal_farthest AS (given, remote) -> arrayMap(
    hops -> arrayMap(
        last -> multiIf(
            meshseal_is_address(remote) AND NOT meshseal_trusted_proxy(remote), remote,
            empty(hops), remote,
            last = 0, hops[1],
            meshseal_is_address(hops[last]), hops[last],
            last < length(hops), hops[last + 1],
            remote),
        [arrayLastIndex(hop -> NOT meshseal_trusted_proxy(hop), hops)])[1],
    [given])[1];

-- The text of `mesh.mtls`: `proved_peer` is what the other end proved in TLS (a SPIFFE id, the subject of
-- its certificate), `secure` whether there was TLS, `known` whether the source says so at all.
CREATE OR REPLACE FUNCTION meshseal_mtls AS (proved_peer, secure, known) -> multiIf(
    proved_peer != '', 'mutual',
    known AND NOT secure, 'plaintext',
    '');

-- A trace id from whichever header carried it: W3C traceparent, B3 single, AWS X-Ray, Google's
-- `trace/span;o=1`, Jaeger's `trace:span:parent:flags`, 64 or 128 bits in hex, a decimal number. 32
-- lower-case digits, or ''. Of sixteen or 32 digits it cannot be seen that they are decimal.
CREATE OR REPLACE FUNCTION meshseal_trace_id AS (text) -> multiIf(
    text IN ('', '-'), '',
    match(text, '^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{16})(?:-|$)'), meshseal_hex_id(substringIndex(text, '-', 1), 32),
    match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)') AND NOT startsWith(text, 'ff'), meshseal_hex_id(substring(text, 4, 32), 32),
    match(text, '(?:^|[;, ])Root=1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}(?:[;, ]|$)'),
        meshseal_hex_id(arrayStringConcat(extractGroups(text, 'Root=1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})')), 32),
    match(text, '^(?:Self=)?1-[0-9a-fA-F]{8}-[0-9a-fA-F]{24}(?:;|$)'),
        meshseal_hex_id(arrayStringConcat(extractGroups(text, '1-([0-9a-fA-F]{8})-([0-9a-fA-F]{24})')), 32),
    match(text, '^[0-9a-fA-F]{32}/[0-9]{1,20}(?:;|$)'), meshseal_hex_id(substring(text, 1, 32), 32),
    match(text, '^[0-9a-fA-F]{1,32}:[0-9a-fA-F]{1,16}:[0-9a-fA-F]{1,16}:[0-9a-fA-F]{1,2}$'), meshseal_hex_id(leftPad(substringIndex(text, ':', 1), 32, '0'), 32),
    meshseal_decimal_id(text, 32));

-- A span id from whichever header carried it; 16 lower-case digits, or ''.
CREATE OR REPLACE FUNCTION meshseal_span_id AS (text) -> multiIf(
    text IN ('', '-'), '',
    match(text, '^[0-9a-fA-F]{16}$'), meshseal_hex_id(text, 16),
    match(text, '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)') AND NOT startsWith(text, 'ff'), meshseal_hex_id(substring(text, 37, 16), 16),
    match(text, '^(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{16})-[0-9a-fA-F]{16}(?:-|$)'), meshseal_hex_id(extract(text, '^[0-9a-fA-F]+-([0-9a-fA-F]{16})'), 16),
    match(text, '(?:^|[;, ])Parent=[0-9a-fA-F]{16}(?:[;, ]|$)'), meshseal_hex_id(extract(text, 'Parent=([0-9a-fA-F]{16})'), 16),
    match(text, '^[0-9a-fA-F]{32}/[0-9]{1,20}(?:;|$)'), meshseal_decimal_id(extract(text, '/([0-9]{1,20})'), 16),
    match(text, '^[0-9a-fA-F]{1,32}:[0-9a-fA-F]{1,16}:[0-9a-fA-F]{1,16}:[0-9a-fA-F]{1,2}$'), meshseal_hex_id(leftPad(splitByChar(':', text)[2], 16, '0'), 16),
    meshseal_decimal_id(text, 16));

-- An id that is a decimal number of at most 64 bits, as Datadog writes them, in so many hexadecimal
-- digits; '' for any other.
CREATE OR REPLACE FUNCTION meshseal_decimal_id AS (text, digits) -> if(
    match(text, '^[0-9]{1,20}$') AND toString(toUInt64OrZero(text)) = replaceRegexpOne(text, '^0+([0-9])', '\\1') AND toUInt64OrZero(text) != 0,
    leftPad(lower(hex(toUInt64OrZero(text))), digits, '0'),
    '');

-- Datadog's ids, `dd.trace_id` and `dd.span_id`: decimal, or a trace's 128 bits in hex.
CREATE OR REPLACE FUNCTION meshseal_datadog_id AS (text, digits) -> if(
    length(text) = 32, meshseal_hex_id(text, digits), meshseal_decimal_id(text, digits));

-- ---- On stored columns ----------------------------------------------------------------------

-- The name by which a tenant's register of services knows a service, or the name itself. Asked with
-- the tenant as a bound value it is cheapest; the column `Tenant` will do. `register.py` makes this and
-- the next anew whenever the register changes.
CREATE OR REPLACE FUNCTION meshseal_alias AS (tenant, name) -> name;

-- A label that the register has for a service, by the service's own name there, or ''.
CREATE OR REPLACE FUNCTION meshseal_service_label AS (tenant, service, label) -> '';

-- The mesh or the proxy that a record tells of, or ''.
CREATE OR REPLACE FUNCTION meshseal_mesh AS (format, cluster, resource, other) -> meshseal_first([
    other['mesh.kind'],
    resource['mesh.kind'],
    -- Consul writes Envoy's fields as Istio does: only the names of its clusters tell.
    if(format = 'istio_json' AND (endsWith(cluster, '.consul') OR cluster = 'local_app'), 'consul', ''),
    transform(
        format,
        ['istio_json', 'istio_text', 'istio_text_old', 'ztunnel', 'ztunnel_json', 'envoy_text', 'envoy_json', 'envoy_als', 'kuma_http', 'kuma_tcp',
         'linkerd_access', 'linkerd_access_json', 'linkerd_proxy', 'hubble', 'nginx_combined', 'nginx_error', 'ingress_nginx',
         'traefik_clf', 'traefik_json', 'haproxy_http', 'haproxy_tcp', 'haproxy_https', 'aws_alb', 'aws_nlb', 'aws_vpc_flow', 'aws_vpc_lattice'],
        ['istio', 'istio', 'istio', 'istio', 'istio', 'envoy', 'envoy', 'envoy', 'kuma', 'kuma',
         'linkerd', 'linkerd', 'linkerd', 'cilium', 'nginx', 'nginx', 'nginx',
         'traefik', 'traefik', 'haproxy', 'haproxy', 'haproxy', 'aws_alb', 'aws_nlb', 'aws_vpc', 'vpc_lattice'],
        '')]);

-- What a record's source runs on: `kubernetes`, the cloud, `docker` or `vm`; or ''. A cloud's own
-- Kubernetes is Kubernetes.
CREATE OR REPLACE FUNCTION meshseal_platform AS (resource) -> multiIf(
    empty(resource), '',
    hasAny(mapKeys(resource), [
        'k8s.pod.name', 'k8s.namespace.name', 'k8s.cluster.name', 'k8s.pod.uid', 'k8s.node.name', 'k8s.deployment.name',
        'k8s_pod_name', 'k8s_namespace_name', 'k8s_cluster_name', 'pod', 'pod_name', 'kube_namespace', 'kubernetes_namespace'])
        OR resource['cloud.platform'] IN ('aws_eks', 'gcp_kubernetes_engine', 'azure.aks', 'azure_aks', 'alibaba_cloud_ack', 'tencent_cloud_tke', 'ibm_cloud_openshift', 'aws_openshift', 'azure.openshift', 'gcp_openshift'),
        'kubernetes',
    resource['cloud.provider'] != '', resource['cloud.provider'],
    resource['cloud_provider'] != '', resource['cloud_provider'],
    arrayExists(key -> startsWith(key, 'aws.'), mapKeys(resource)), 'aws',
    arrayExists(key -> startsWith(key, 'gcp.'), mapKeys(resource)), 'gcp',
    arrayExists(key -> startsWith(key, 'azure.'), mapKeys(resource)), 'azure',
    hasAny(mapKeys(resource), ['container.id', 'container.name', 'container_id', 'container_name', 'compose_service', 'swarm_service']), 'docker',
    hasAny(mapKeys(resource), ['host.name', 'host.id', 'host_name', 'host', 'hostname', 'instance', 'unit', 'systemd_unit']), 'vm',
    '');

-- The cluster of a record's source, or ''. Of ECS it is the last part of its ARN.
CREATE OR REPLACE FUNCTION meshseal_cluster AS (resource) -> if(
    empty(resource), '', replaceRegexpOne(
        meshseal_ranked(resource, [
            'k8s.cluster.name', 'k8s_cluster_name', 'cluster', 'cluster_name', 'kube_cluster_name', 'kubernetes_cluster',
            'orchestrator.cluster.name', 'aws.ecs.cluster.name', 'aws.ecs.cluster.arn'])[1],
        '^arn:.*/', ''));

-- The namespace of the service that reports, or ''.
CREATE OR REPLACE FUNCTION meshseal_namespace AS (resource, other) -> multiIf(
    other['service.namespace'] != '', other['service.namespace'],
    empty(resource), '',
    meshseal_ranked(resource, [
        'service.namespace', 'service_namespace', 'k8s.namespace.name', 'k8s_namespace_name',
        'namespace', 'namespace_name', 'kube_namespace', 'kubernetes_namespace'])[1]);
