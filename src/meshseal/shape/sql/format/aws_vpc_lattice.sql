-- AWS VPC Lattice. What it says of a caller's certificate is from the caller's IAM session, not from TLS, so
-- it proves nothing of the connection; that there was no TLS it says where it has seen a request.
-- Source: AWS, "Access logs for Amazon VPC Lattice", "Access log contents"
SELECT
    raw_row,
    f.startTime != '' AND f.serviceNetworkArn != '' AS parsed,
    meshseal_time(f.startTime) AS time_unix_nano,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    tuple(
        meshseal_nil(f.requestMethod) AS method,
        meshseal_nil(f.requestPath) AS target,
        meshseal_nil(f.protocol) AS protocol,
        meshseal_nil(f.responseCode) AS status,
        meshseal_nil(f.failureReason) AS failure,
        meshseal_nil(f.bytesReceived) AS received,
        meshseal_nil(f.bytesSent) AS sent,
        meshseal_nil(f.duration) AS duration,
        '' AS upstream_duration,
        meshseal_address(f.sourceIpPort).1 AS client,
        f.sourceIpPort AS remote,
        f.targetIpPort AS upstream,
        meshseal_nil(f.hostHeader) AS authority,
        meshseal_nil(f.userAgent) AS agent,
        'gateway' AS reporter) AS access,
    substringIndex(meshseal_nil(f.serviceArn), '/', -1) AS `service.peer.name`,
    meshseal_nil(f.targetGroupArn) AS `mesh.upstream_cluster`,
    if(f.tlsVersion IN ('', '-'), '', 'tls') AS `tls.protocol.name`,
    meshseal_tls_number(meshseal_nil(f.tlsVersion)) AS `tls.protocol.version`,
    meshseal_cipher_name(meshseal_nil(f.sslCipher)) AS `tls.cipher`,
    meshseal_nil(f.serverNameIndication) AS `tls.client.server_name`,
    meshseal_mtls('', f.tlsVersion != '-', f.tlsVersion = '-' AND meshseal_nil(f.requestMethod) != '') AS `mesh.mtls`,
    meshseal_nil(f.resolvedUser) AS `aws.vpc_lattice.resolved_user`,
    meshseal_nil(f.callerPrincipal) AS `aws.vpc_lattice.caller_principal`,
    meshseal_nil(f.callerPrincipalOrgID) AS `aws.vpc_lattice.caller_principal_org_id`,
    meshseal_nil(f.callerX509IssuerOU) AS `aws.vpc_lattice.caller_x509_issuer_ou`,
    meshseal_nil(f.callerX509SubjectCN) AS `aws.vpc_lattice.caller_x509_subject_cn`,
    meshseal_nil(f.callerX509SANNameCN) AS `aws.vpc_lattice.caller_x509_san_name_cn`,
    meshseal_nil(f.callerX509SANDNS) AS `aws.vpc_lattice.caller_x509_san_dns`,
    meshseal_nil(f.callerX509SANURI) AS `aws.vpc_lattice.caller_x509_san_uri`,
    meshseal_nil(f.authDeniedReason) AS `aws.vpc_lattice.auth_denied_reason`,
    meshseal_nil(f.serviceArn) AS `aws.vpc_lattice.service_arn`,
    meshseal_nil(f.serviceNetworkArn) AS `aws.vpc_lattice.service_network_arn`,
    meshseal_nil(f.sourceVpcId) AS `aws.vpc_lattice.source_vpc_id`,
    meshseal_nil(f.sourceVpcArn) AS `aws.vpc_lattice.source_vpc_arn`,
    meshseal_nil(f.destinationVpcId) AS `aws.vpc_lattice.destination_vpc_id`,
    meshseal_nil(f.listenerId) AS `aws.vpc_lattice.listener_id`,
    meshseal_nil(f.listenerType) AS `aws.vpc_lattice.listener_type`,
    meshseal_nil(f.requestToTargetDuration) AS `aws.vpc_lattice.request_to_target_duration_ms`,
    meshseal_nil(f.responseFromTargetDuration) AS `aws.vpc_lattice.response_from_target_duration_ms`,
    meshseal_nil(f.grpcResponseCode) AS `rpc.grpc.status_code`,
    arrayFilter(pair -> pair.2 != '', [
        ('cloud.provider', 'aws'),
        ('cloud.region', splitByChar(':', f.serviceArn)[4]),
        ('cloud.account.id', splitByChar(':', f.serviceArn)[5])]) AS resource_pairs
FROM (
    SELECT
        raw_row,
        JSONExtract(raw_row.Body, 'Tuple(startTime String, serviceNetworkArn String, serviceArn String, targetGroupArn String, requestMethod String, requestPath String, protocol String, responseCode String, failureReason String, bytesReceived String, bytesSent String, duration String, sourceIpPort String, targetIpPort String, hostHeader String, userAgent String, tlsVersion String, sslCipher String, serverNameIndication String, resolvedUser String, callerPrincipal String, callerPrincipalOrgID String, callerX509IssuerOU String, callerX509SubjectCN String, callerX509SANNameCN String, callerX509SANDNS String, callerX509SANURI String, authDeniedReason String, sourceVpcId String, sourceVpcArn String, destinationVpcId String, listenerId String, listenerType String, requestToTargetDuration String, responseFromTargetDuration String, grpcResponseCode String)') AS f
    FROM raw
)
