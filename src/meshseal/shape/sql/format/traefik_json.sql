-- Traefik's access log in JSON. Durations are nanoseconds; headers are members of their own, with
-- `request_`, `origin_` or `downstream_` before their name. What is unset is "-" or missing.
-- Sources: traefik/traefik, pkg/middlewares/accesslog/logdata.go, logger.go
SELECT
    raw_row,
    concat(f.DownstreamStatus, f.Duration, f.RequestMethod, f.RequestPath, f.RouterName, f.ServiceName) != '' AS parsed,
    meshseal_time(if(f.StartUTC != '', f.StartUTC, if(f.StartLocal != '', f.StartLocal, f.time))) AS time_unix_nano,
    '' AS service_name,
    meshseal_trace_id(meshseal_first([f.trace_id, f.TraceId, f.`request_Traceparent`, f.`request_X-B3-Traceid`])) AS trace_id,
    meshseal_span_id(meshseal_first([f.span_id, f.SpanId, f.`request_Traceparent`, f.`request_X-B3-Spanid`])) AS span_id,
    tuple(
        meshseal_nil(f.RequestMethod) AS method,
        f.RequestPath AS target,
        f.RequestProtocol AS protocol,
        f.DownstreamStatus AS status,
        if(f.DownstreamStatus = '499', 'client_closed_request', '') AS failure,
        f.RequestContentSize AS received,
        f.DownstreamContentSize AS sent,
        meshseal_milliseconds_of_nanos(f.Duration) AS duration,
        meshseal_milliseconds_of_nanos(f.OriginDuration) AS upstream_duration,
        meshseal_client(f.`request_X-Forwarded-For`, f.ClientHost) AS client,
        f.ClientAddr AS remote,
        f.ServiceAddr AS upstream,
        f.RequestAddr AS authority,
        f.`request_User-Agent` AS agent,
        if(parsed, 'gateway', '') AS reporter) AS access,
    arrayMap(
        pair -> (
            if(startsWith(pair.1, 'request_'),
                concat('http.request.header.', lower(substring(pair.1, 9))),
                concat('http.response.header.', lower(substring(pair.1, position(pair.1, '_') + 1)))),
            pair.2),
        arrayFilter(
            pair -> (startsWith(pair.1, 'request_') OR startsWith(pair.1, 'downstream_')) AND pair.1 NOT IN ('request_User-Agent', 'request_X-Request-Id'),
            headers)) AS pairs,
    meshseal_nil(f.ClientUsername) AS `user.name`,
    f.RequestScheme AS `url.scheme`,
    f.`request_X-Request-Id` AS `http.request.header.x-request-id`,
    f.RouterName AS `mesh.route`,
    f.ServiceName AS `mesh.upstream_cluster`,
    if(f.KubernetesServiceName != '', f.KubernetesServiceName, substringIndex(f.ServiceName, '@', 1)) AS `service.peer.name`,
    if(f.KubernetesServiceName = '', '', meshseal_first([f.KubernetesIngressNamespace, f.KubernetesIngressRouteNamespace])) AS `service.peer.namespace`,
    f.RetryAttempts AS `mesh.retries`,
    if(f.TLSVersion != '', 'tls', '') AS `tls.protocol.name`,
    f.TLSVersion AS `tls.protocol.version`,
    f.TLSCipher AS `tls.cipher`,
    f.TLSClientSubject AS `tls.client.subject`,
    meshseal_mtls(f.TLSClientSubject, f.TLSVersion != '', f.RequestScheme = 'http') AS `mesh.mtls`,
    f.entryPointName AS `traefik.entry_point`,
    f.OriginStatus AS `traefik.origin.status`,
    f.OriginContentSize AS `traefik.origin.content_size`,
    meshseal_milliseconds_of_nanos(f.Overhead) AS `traefik.overhead_ms`,
    f.GzipRatio AS `traefik.gzip_ratio`,
    f.RequestCount AS `traefik.request.count`,
    f.KubernetesIngressName AS `k8s.ingress.name`,
    f.KubernetesIngressRouteName AS `traefik.kubernetes.ingress_route`,
    f.KubernetesServicePort AS `traefik.kubernetes.service_port`
FROM (
    SELECT
        raw_row,
        if(position(raw_row.Body, '"request_') > 0 OR position(raw_row.Body, '"downstream_') > 0,
            JSONExtractKeysAndValues(raw_row.Body, 'String'), []) AS headers,
        JSONExtract(raw_row.Body, 'Tuple(StartUTC String, StartLocal String, time String, Duration String, RouterName String, ServiceName String, ServiceAddr String, ClientAddr String, ClientHost String, ClientUsername String, RequestAddr String, RequestMethod String, RequestPath String, RequestProtocol String, RequestScheme String, RequestContentSize String, RequestCount String, OriginDuration String, OriginContentSize String, OriginStatus String, DownstreamStatus String, DownstreamContentSize String, GzipRatio String, Overhead String, RetryAttempts String, TLSVersion String, TLSCipher String, TLSClientSubject String, TraceId String, SpanId String, trace_id String, span_id String, entryPointName String, KubernetesIngressNamespace String, KubernetesIngressName String, KubernetesServiceName String, KubernetesServicePort String, KubernetesIngressRouteNamespace String, KubernetesIngressRouteName String, `request_User-Agent` String, `request_X-Forwarded-For` String, `request_X-Request-Id` String, request_Traceparent String, `request_X-B3-Traceid` String, `request_X-B3-Spanid` String)') AS f
    FROM raw
)
