-- Flows of Cilium's Hubble, and what else its exporter writes: lost events, events of the agent, debug
-- events. A flow is a packet (or a message of layer 7), told by one end of a connection: with
-- `traffic_direction` EGRESS by the end that opened it, which is the source unless `is_reply`.
-- Without a direction it is not known which end tells, and so neither is named.
-- `auth_type` SPIRE on a verdict that forwards says that both ends have proved their identities; that the
-- packet was encrypted says nothing of identities, and its absence nothing at all.
-- Sources: cilium/cilium, api/v1/flow/flow.proto, api/v1/observer/observer.proto, bpf/lib/policy.h
SELECT
    raw_row,
    NOT one.empty OR f.lost_events.num_events_lost != '' OR f.agent_event.type != '' OR f.debug_event.type != '' AS parsed,
    meshseal_time(if(f.flow.time != '', f.flow.time, f.time)) AS time_unix_nano,
    multiIf(
        one.code >= 500 OR f.flow.verdict = 'ERROR' OR f.agent_event.type = 'ENDPOINT_REGENERATE_FAILURE', 17,
        one.code >= 400 OR f.flow.verdict = 'DROPPED' OR f.lost_events.num_events_lost != '', 13, 9) AS severity_number,
    multiIf(severity_number = 17, 'ERROR', severity_number = 13, 'WARN', 'INFO') AS severity_text,
    two.local.1 AS service_name,
    meshseal_trace_id(f.flow.trace_context.parent.trace_id) AS trace_id,
    '' AS span_id,
    one.reporter AS `mesh.reporter`,
    two.local.2 AS `service.namespace`,
    two.peer.1 AS `service.peer.name`,
    two.peer.2 AS `service.peer.namespace`,
    if(f.flow.auth_type = 'SPIRE' AND f.flow.verdict = 'FORWARDED', 'mutual', '') AS `mesh.mtls`,
    two.peer.3 AS `network.peer.address`,
    two.peer.4 AS `network.peer.port`,
    two.local.3 AS `network.local.address`,
    two.local.4 AS `network.local.port`,
    multiIf(one.reporter = '', '', ends.reply, ends.destination.3, ends.source.3) AS `client.address`,
    if(one.reporter = '', ends.source.3, '') AS `source.address`,
    if(one.reporter = '', ends.source.4, '') AS `source.port`,
    if(one.reporter = '', ends.destination.3, '') AS `destination.address`,
    if(one.reporter = '', ends.destination.4, '') AS `destination.port`,
    if(three.url_host.1 != '', three.url_host.1, '') AS `server.address`,
    multiIf(three.url_host.2 != '', three.url_host.2, ends.reply, ends.source.4, ends.destination.4) AS `server.port`,
    f.flow.l7.http.method AS `http.request.method`,
    substringIndex(three.target, '?', 1) AS `url.path`,
    if(position(three.target, '?') > 0, substring(three.target, position(three.target, '?') + 1), '') AS `url.query`,
    if(one.code = 0, '', toString(one.code)) AS `http.response.status_code`,
    multiIf(
        f.flow.l7.http.method != '' OR one.code != 0, 'http', f.flow.l7.dns.query != '', 'dns',
        f.flow.l7.kafka.api_key != '', 'kafka', '') AS `network.protocol.name`,
    if(startsWith(f.flow.l7.http.protocol, 'HTTP/'), transform(f.flow.l7.http.protocol, ['HTTP/2.0', 'HTTP/3.0'], ['2', '3'], substring(f.flow.l7.http.protocol, 6)), '') AS `network.protocol.version`,
    ends.transport AS `network.transport`,
    lower(if(f.flow.IP.ipVersion IN ('IPv4', 'IPv6'), f.flow.IP.ipVersion, '')) AS `network.type`,
    if(f.flow.l7.latency_ns IN ('', '0'), '', meshseal_milliseconds_of_nanos(f.flow.l7.latency_ns)) AS `mesh.duration_ms`,
    multiIf(
        f.flow.verdict = 'DROPPED', if(f.flow.drop_reason_desc IN ('', 'DROP_REASON_UNKNOWN'), 'DROPPED', f.flow.drop_reason_desc),
        f.flow.verdict = 'ERROR', 'ERROR',
        one.code >= 500, toString(one.code),
        f.flow.l7.dns.rcode IN ('', '0'), '',
        transform(f.flow.l7.dns.rcode, ['1', '2', '3', '4', '5'], ['FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'], f.flow.l7.dns.rcode)) AS `error.type`,
    if(empty(f.flow.l7.http.headers), '', tupleElement(arrayFirst(header -> lower(header.key) = 'user-agent', f.flow.l7.http.headers), 2)) AS `user_agent.original`,
    if(empty(f.flow.l7.http.headers), '', tupleElement(arrayFirst(header -> lower(header.key) = 'x-request-id', f.flow.l7.http.headers), 2)) AS `http.request.header.x-request-id`,
    f.flow.l7.dns.query AS `dns.question.name`,
    arrayStringConcat(f.flow.l7.dns.ips, ',') AS `dns.answers`,
    f.flow.l7.dns.rcode AS `dns.response_code`,
    arrayStringConcat(f.flow.l7.dns.qtypes, ',') AS `hubble.l7.dns.qtypes`,
    if(f.flow.l7.kafka.api_key != '', 'kafka', '') AS `messaging.system`,
    f.flow.l7.kafka.api_key AS `messaging.operation.name`,
    f.flow.l7.kafka.topic AS `messaging.destination.name`,
    f.flow.l7.kafka.error_code AS `hubble.l7.kafka.error_code`,
    f.flow.l7.kafka.correlation_id AS `hubble.l7.kafka.correlation_id`,
    f.flow.l7.type AS `hubble.l7.type`,
    f.flow.verdict AS `hubble.verdict`,
    f.flow.drop_reason_desc AS `hubble.drop_reason`,
    f.flow.Type AS `hubble.type`,
    if(f.flow.event_type.type = '', '', concat(f.flow.event_type.type, if(f.flow.event_type.sub_type = '', '', concat('.', f.flow.event_type.sub_type)))) AS `hubble.event_type`,
    f.flow.traffic_direction AS `hubble.traffic_direction`,
    if(isNull(f.flow.is_reply), '', if(ends.reply, 'true', 'false')) AS `hubble.is_reply`,
    f.flow.trace_observation_point AS `hubble.trace_observation_point`,
    f.flow.policy_match_type AS `hubble.policy_match_type`,
    if(empty(three.policies), '', arrayStringConcat(arrayMap(
        policy -> if(policy.namespace = '', policy.name, concat(policy.namespace, '/', policy.name)), three.policies), ',')) AS `hubble.policies`,
    f.flow.auth_type AS `hubble.auth_type`,
    if(f.flow.IP.encrypted, 'true', '') AS `hubble.ip.encrypted`,
    three.flags AS `hubble.tcp.flags`,
    f.flow.interface.name AS `network.interface.name`,
    f.flow.uuid AS `hubble.uuid`,
    f.flow.Summary AS `hubble.summary`,
    f.flow.source.identity AS `hubble.source.identity`,
    f.flow.source.pod_name AS `hubble.source.pod_name`,
    f.flow.source.namespace AS `hubble.source.namespace`,
    arrayStringConcat(f.flow.source.labels, ',') AS `hubble.source.labels`,
    arrayStringConcat(f.flow.source_names, ',') AS `hubble.source.names`,
    f.flow.destination.identity AS `hubble.destination.identity`,
    f.flow.destination.pod_name AS `hubble.destination.pod_name`,
    f.flow.destination.namespace AS `hubble.destination.namespace`,
    arrayStringConcat(f.flow.destination.labels, ',') AS `hubble.destination.labels`,
    arrayStringConcat(f.flow.destination_names, ',') AS `hubble.destination.names`,
    f.lost_events.num_events_lost AS `hubble.lost_events.num_events_lost`,
    f.lost_events.source AS `hubble.lost_events.source`,
    f.lost_events.cpu AS `hubble.lost_events.cpu`,
    f.agent_event.type AS `hubble.agent_event.type`,
    f.debug_event.type AS `hubble.debug_event.type`,
    f.debug_event.message AS `hubble.debug_event.message`,
    arrayFilter(pair -> pair.2 != '', [
        ('k8s.namespace.name', two.local.2),
        ('k8s.pod.name', multiIf(one.reporter = '', '', one.of_source, f.flow.source.pod_name, f.flow.destination.pod_name)),
        ('k8s.node.name', splitByChar('/', one.node)[-1]),
        ('k8s.cluster.name', if(position(one.node, '/') > 0, splitByChar('/', one.node)[1], ''))]) AS resource_pairs
FROM (
    SELECT
        *,
        tuple(
            multiIf(one.reporter = '', ('', '', '', ''), one.of_source, ends.source, ends.destination) AS local,
            multiIf(one.reporter = '', ('', '', '', ''), one.of_source, ends.destination, ends.source) AS peer) AS two,
        tuple(
            arrayConcat(f.flow.egress_allowed_by, f.flow.ingress_allowed_by, f.flow.egress_denied_by, f.flow.ingress_denied_by) AS policies,
            arrayStringConcat(arrayFilter(flag -> flag != '', [
                if(f.flow.l4.TCP.flags.SYN, 'SYN', ''), if(f.flow.l4.TCP.flags.ACK, 'ACK', ''), if(f.flow.l4.TCP.flags.FIN, 'FIN', ''),
                if(f.flow.l4.TCP.flags.RST, 'RST', ''), if(f.flow.l4.TCP.flags.PSH, 'PSH', '')]), ',') AS flags,
            if(startsWith(f.flow.l7.http.url, 'http'), meshseal_address(extract(f.flow.l7.http.url, '^https?://([^/?]*)')), ('', '')) AS url_host,
            if(startsWith(f.flow.l7.http.url, 'http'), replaceRegexpOne(f.flow.l7.http.url, '^https?://[^/?]*', ''), f.flow.l7.http.url) AS target) AS three
    FROM (
        SELECT
            raw_row,
            f,
            ends,
            tuple(
                ends.source.1 = '' AND ends.source.3 = '' AND f.flow.verdict = '' AND f.flow.time = '' AS empty,
                toUInt16OrZero(f.flow.l7.http.code) AS code,
                ends.direction = 'EGRESS' AS outbound,
                transform(ends.direction, ['EGRESS', 'INGRESS'], ['outbound', 'inbound'], '') AS reporter,
                if(f.node_name != '', f.node_name, f.flow.node_name) AS node,
                outbound != ends.reply AS of_source) AS one
        FROM (
            SELECT
                raw_row,
                f,
                tuple(
                    f.flow.traffic_direction AS direction,
                    ifNull(f.flow.is_reply, f.flow.l7.type = 'RESPONSE') AS reply,
                    multiIf(
                        f.flow.l4.TCP.destination_port != '', 'tcp', f.flow.l4.UDP.destination_port != '', 'udp',
                        f.flow.l4.SCTP.destination_port != '', 'sctp', f.flow.l4.ICMPv4.type != '' OR f.flow.l4.ICMPv6.type != '', 'icmp', '') AS transport,
                    (
                        if(f.flow.source_service.name != '', f.flow.source_service.name, meshseal_hubble_name(f.flow.source)),
                        if(f.flow.source_service.namespace != '', f.flow.source_service.namespace, f.flow.source.namespace),
                        f.flow.IP.source,
                        concat(f.flow.l4.TCP.source_port, f.flow.l4.UDP.source_port, f.flow.l4.SCTP.source_port)) AS source,
                    (
                        if(f.flow.destination_service.name != '', f.flow.destination_service.name, meshseal_hubble_name(f.flow.destination)),
                        if(f.flow.destination_service.namespace != '', f.flow.destination_service.namespace, f.flow.destination.namespace),
                        f.flow.IP.destination,
                        concat(f.flow.l4.TCP.destination_port, f.flow.l4.UDP.destination_port, f.flow.l4.SCTP.destination_port)) AS destination) AS ends
            FROM (
                SELECT
                    raw_row,
                    JSONExtract(raw_row.Body, 'Tuple(
                        time String,
                        node_name String,
                        flow Tuple(
                            time String, uuid String, verdict String, drop_reason_desc String, auth_type String, Type String, node_name String,
                            traffic_direction String, is_reply Nullable(Bool), policy_match_type String, trace_observation_point String, Summary String,
                            IP Tuple(source String, destination String, ipVersion String, encrypted Bool),
                            l4 Tuple(
                                TCP Tuple(source_port String, destination_port String, flags Tuple(SYN Bool, ACK Bool, FIN Bool, RST Bool, PSH Bool)),
                                UDP Tuple(source_port String, destination_port String),
                                SCTP Tuple(source_port String, destination_port String),
                                ICMPv4 Tuple(type String, code String), ICMPv6 Tuple(type String, code String)),
                            source Tuple(identity String, namespace String, labels Array(String), pod_name String, workloads Array(Tuple(name String, kind String))),
                            destination Tuple(identity String, namespace String, labels Array(String), pod_name String, workloads Array(Tuple(name String, kind String))),
                            source_names Array(String), destination_names Array(String),
                            source_service Tuple(name String, namespace String), destination_service Tuple(name String, namespace String),
                            event_type Tuple(type String, sub_type String), interface Tuple(name String),
                            trace_context Tuple(parent Tuple(trace_id String)),
                            egress_allowed_by Array(Tuple(name String, namespace String)), ingress_allowed_by Array(Tuple(name String, namespace String)),
                            egress_denied_by Array(Tuple(name String, namespace String)), ingress_denied_by Array(Tuple(name String, namespace String)),
                            l7 Tuple(
                                type String, latency_ns String,
                                dns Tuple(query String, ips Array(String), rcode String, qtypes Array(String)),
                                http Tuple(code String, method String, url String, protocol String, headers Array(Tuple(key String, value String))),
                                kafka Tuple(error_code String, api_key String, correlation_id String, topic String))),
                        lost_events Tuple(source String, num_events_lost String, cpu String),
                        agent_event Tuple(type String),
                        debug_event Tuple(type String, message String))') AS f
                FROM raw
            )
        )
    )
)
