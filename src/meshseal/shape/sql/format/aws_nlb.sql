-- AWS Network Load Balancer: connections to its TLS listeners. Times are milliseconds.
-- Source: AWS, "Access logs for your Network Load Balancer"
SELECT
    raw_row,
    length(f) >= 22 AND time_unix_nano != 0 AS parsed,
    time_unix_nano,
    splitByChar('/', f[4])[2] AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        '' AS method, '' AS target, '' AS protocol, '' AS status,
        if(f[12] IN ('', '-'), '', concat('tls_alert_', f[12])) AS failure,
        f[10] AS received,
        f[11] AS sent,
        meshseal_whole_milliseconds(f[8]) AS duration,
        '' AS upstream_duration,
        meshseal_address(f[6]).1 AS client,
        f[6] AS remote,
        f[7] AS upstream,
        '' AS authority, '' AS agent,
        'gateway' AS reporter) AS access,
    f[4] AS `aws.nlb.name`,
    f[5] AS `aws.nlb.listener`,
    meshseal_whole_milliseconds(f[9]) AS `aws.nlb.tls_handshake_time_ms`,
    meshseal_nil(f[13]) AS `aws.nlb.certificate_arn`,
    if(f[16] IN ('', '-'), '', 'tls') AS `tls.protocol.name`,
    transform(lower(f[16]), ['tlsv1', 'tlsv10', 'tlsv11', 'tlsv12', 'tlsv13', '-'], ['1.0', '1.0', '1.1', '1.2', '1.3', ''], meshseal_tls_number(f[16])) AS `tls.protocol.version`,
    meshseal_cipher_name(meshseal_nil(f[15])) AS `tls.cipher`,
    meshseal_nil(f[18]) AS `tls.client.server_name`,
    meshseal_nil(f[19]) AS `tls.next_protocol`,
    arrayFilter(pair -> pair.2 != '', [
        ('cloud.provider', 'aws'),
        ('cloud.region', splitByChar(':', f[13])[4]),
        ('cloud.account.id', splitByChar(':', f[13])[5])]) AS resource_pairs
FROM (
    SELECT
        raw_row,
        splitByChar(' ', raw_row.Body) AS f,
        meshseal_time(f[3]) AS time_unix_nano
    FROM raw
)
