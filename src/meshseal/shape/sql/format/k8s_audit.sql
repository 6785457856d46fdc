-- Kubernetes' audit log: who asked the API server for what, and what it answered.
-- Source: kubernetes/apiserver, pkg/apis/audit/v1/types.go
SELECT
    raw_row,
    f.auditID != '' AND f.stage != '' AS parsed,
    if(stamped != 0, stamped, received) AS time_unix_nano,
    multiIf(code >= 500 OR f.stage = 'Panic', 17, code >= 400, 13, 9) AS severity_number,
    multiIf(severity_number = 17, 'ERROR', severity_number = 13, 'WARN', 'INFO') AS severity_text,
    'kube-apiserver' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    f.user.username AS `user.name`,
    f.user.uid AS `user.id`,
    arrayStringConcat(f.user.groups, ',') AS `k8s.audit.user.groups`,
    f.impersonatedUser.username AS `k8s.audit.impersonatedUser.username`,
    arrayStringConcat(f.impersonatedUser.groups, ',') AS `k8s.audit.impersonatedUser.groups`,
    if(startsWith(f.user.username, 'system:serviceaccount:'), splitByChar(':', f.user.username)[4], '') AS `service.peer.name`,
    if(startsWith(f.user.username, 'system:serviceaccount:'), splitByChar(':', f.user.username)[3], '') AS `service.peer.namespace`,
    f.verb AS `k8s.audit.verb`,
    f.level AS `k8s.audit.level`,
    f.stage AS `k8s.audit.stage`,
    f.auditID AS `k8s.audit.auditID`,
    f.objectRef.resource AS `k8s.audit.objectRef.resource`,
    f.objectRef.namespace AS `k8s.audit.objectRef.namespace`,
    f.objectRef.name AS `k8s.audit.objectRef.name`,
    f.objectRef.subresource AS `k8s.audit.objectRef.subresource`,
    f.objectRef.apiGroup AS `k8s.audit.objectRef.apiGroup`,
    f.objectRef.apiVersion AS `k8s.audit.objectRef.apiVersion`,
    f.objectRef.uid AS `k8s.audit.objectRef.uid`,
    arrayStringConcat(f.sourceIPs, ',') AS `k8s.audit.sourceIPs`,
    if(length(f.sourceIPs) > 1,
        meshseal_client(arrayStringConcat(arraySlice(f.sourceIPs, 1, -1), ','), f.sourceIPs[-1]), f.sourceIPs[1]) AS `client.address`,
    f.sourceIPs[-1] AS `network.peer.address`,
    f.userAgent AS `user_agent.original`,
    substringIndex(f.requestURI, '?', 1) AS `url.path`,
    if(position(f.requestURI, '?') > 0, substring(f.requestURI, position(f.requestURI, '?') + 1), '') AS `url.query`,
    f.responseStatus.code AS `http.response.status_code`,
    f.responseStatus.reason AS `k8s.audit.responseStatus.reason`,
    f.responseStatus.message AS `error.message`,
    multiIf(code < 400, '', f.responseStatus.reason != '', f.responseStatus.reason, toString(code)) AS `error.type`,
    if(received != 0 AND stamped > received AND f.stage = 'ResponseComplete', meshseal_milliseconds(stamped - received), '') AS `mesh.duration_ms`,
    'inbound' AS `mesh.reporter`,
    f.annotations.`authorization.k8s.io/decision` AS `k8s.audit.decision`,
    f.annotations.`authorization.k8s.io/reason` AS `k8s.audit.reason`,
    arrayMap(
        key -> (concat('k8s.audit.annotations.', key), JSONExtractString(others, key)),
        arrayFilter(key -> NOT startsWith(key, 'authorization.k8s.io/'), JSONExtractKeys(others))) AS pairs
FROM (
    SELECT
        raw_row,
        f,
        toUInt16OrZero(f.responseStatus.code) AS code,
        meshseal_time(f.stageTimestamp) AS stamped,
        meshseal_time(f.requestReceivedTimestamp) AS received,
        if(position(raw_row.Body, '"annotations"') > 0, JSONExtractRaw(raw_row.Body, 'annotations'), '') AS others
    FROM (
        SELECT
            raw_row,
            JSONExtract(raw_row.Body, 'Tuple(level String, auditID String, stage String, requestURI String, verb String, user Tuple(username String, uid String, groups Array(String)), impersonatedUser Tuple(username String, groups Array(String)), sourceIPs Array(String), userAgent String, objectRef Tuple(resource String, namespace String, name String, uid String, apiGroup String, apiVersion String, subresource String), responseStatus Tuple(code String, reason String, message String), requestReceivedTimestamp String, stageTimestamp String, annotations Tuple(`authorization.k8s.io/decision` String, `authorization.k8s.io/reason` String))') AS f
        FROM raw
    )
)
