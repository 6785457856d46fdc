-- AWS Application Load Balancer. Times are seconds, -1 where a step was not reached. Newer lines have more
-- fields at their end than are known here.
-- Source: AWS, "Access logs for your Application Load Balancer"; vectordotdev/vrl, parse_aws_alb_log
SELECT
    raw_row,
    length(f) >= 20 AND time_unix_nano != 0 AND match(f[9], '^([0-9]{3}|-)$') AS parsed,
    time_unix_nano,
    splitByChar('/', f[3])[2] AS service_name,
    meshseal_trace_id(f[18]) AS trace_id,
    meshseal_span_id(f[18]) AS span_id,
    tuple(
        request[1] AS method,
        request[2] AS target,
        request[3] AS protocol,
        meshseal_nil(f[9]) AS status,
        multiIf(NOT f[25] IN ('', '-'), f[25], f[9] = '460', 'client_closed_request', '') AS failure,
        f[11] AS received,
        f[12] AS sent,
        if(has([f[6], f[7], f[8]], '-1'), '', meshseal_milliseconds(arraySum(
            seconds -> toUInt64OrZero(seconds[1]) * 1000000000 + toUInt64OrZero(rightPad(seconds[2], 9, '0')),
            arrayMap(text -> splitByChar('.', concat(text, '.0')), [f[6], f[7], f[8]])))) AS duration,
        meshseal_milliseconds_of_seconds(f[7]) AS upstream_duration,
        meshseal_address(f[4]).1 AS client,
        f[4] AS remote,
        f[5] AS upstream,
        '' AS authority,
        meshseal_unescape_bytes(meshseal_nil(f[14])) AS agent,
        'gateway' AS reporter) AS access,
    f[1] AS `aws.alb.type`,
    f[3] AS `aws.alb.name`,
    meshseal_milliseconds_of_seconds(f[6]) AS `aws.alb.request_processing_time_ms`,
    meshseal_milliseconds_of_seconds(f[8]) AS `aws.alb.response_processing_time_ms`,
    meshseal_nil(f[10]) AS `aws.alb.target_status_code`,
    splitByChar('/', f[17])[2] AS `service.peer.name`,
    meshseal_nil(f[17]) AS `mesh.upstream_cluster`,
    if(f[16] IN ('', '-'), '', 'tls') AS `tls.protocol.name`,
    meshseal_tls_number(meshseal_nil(f[16])) AS `tls.protocol.version`,
    meshseal_cipher_name(meshseal_nil(f[15])) AS `tls.cipher`,
    meshseal_nil(f[19]) AS `tls.client.server_name`,
    meshseal_nil(f[20]) AS `aws.alb.certificate_arn`,
    meshseal_mtls('', f[16] != '-', f[1] IN ('http', 'ws') AND f[16] = '-') AS `mesh.mtls`,
    meshseal_nil(f[18]) AS `aws.alb.trace_id`,
    meshseal_nil(f[21]) AS `aws.alb.rule_priority`,
    meshseal_nil(f[22]) AS `aws.alb.request_creation_time`,
    meshseal_nil(f[23]) AS `aws.alb.actions_executed`,
    meshseal_nil(f[24]) AS `aws.alb.redirect_url`,
    meshseal_nil(f[26]) AS `aws.alb.target_list`,
    meshseal_nil(f[27]) AS `aws.alb.target_status_code_list`,
    meshseal_nil(f[28]) AS `aws.alb.classification`,
    meshseal_nil(f[29]) AS `aws.alb.classification_reason`,
    meshseal_nil(f[30]) AS `aws.alb.connection_trace_id`,
    arrayFilter(pair -> pair.2 != '', [
        ('cloud.provider', 'aws'),
        ('cloud.region', splitByChar(':', f[17])[4]),
        ('cloud.account.id', splitByChar(':', f[17])[5])]) AS resource_pairs
FROM (
    SELECT
        raw_row,
        f,
        meshseal_time(f[2]) AS time_unix_nano,
        meshseal_request(f[13]) AS request
    FROM (
        SELECT
            raw_row,
            meshseal_quoted_fields(raw_row.Body) AS f
        FROM raw
    )
)
