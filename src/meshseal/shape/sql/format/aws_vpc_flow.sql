-- AWS VPC flow logs: the default fields of version 2, and all fields of versions 3 to 5 in the order of
-- AWS's table behind them. The line with the names of the fields is one too. What a flow lasted is how long
-- it was counted, no latency. Only `flow-direction` says which end tells.
-- Source: AWS, "Flow log records", "Available fields"
SELECT
    raw_row,
    length(f) >= 14 AND (heading OR time_unix_nano != 0) AS parsed,
    time_unix_nano,
    if(heading, 9, if(rejected OR f[14] = 'SKIPDATA', 13, 9)) AS severity_number,
    if(severity_number = 13, 'WARN', 'INFO') AS severity_text,
    '' AS service_name,
    '' AS trace_id,
    '' AS span_id,
    if(heading, '', meshseal_nil(f[4])) AS `source.address`,
    if(heading, '', meshseal_nil(f[6])) AS `source.port`,
    if(heading, '', meshseal_nil(f[5])) AS `destination.address`,
    if(heading, '', meshseal_nil(f[7])) AS `destination.port`,
    if(heading, '', transform(f[8], ['1', '6', '17', '58', '132', '-'], ['icmp', 'tcp', 'udp', 'icmp', 'sctp', ''], f[8])) AS `network.transport`,
    lower(if(f[19] IN ('IPv4', 'IPv6'), f[19], '')) AS `network.type`,
    transform(f[28], ['ingress', 'egress'], ['inbound', 'outbound'], '') AS `mesh.reporter`,
    multiIf(f[28] = 'ingress', f[4], f[28] = 'egress', f[5], '') AS `network.peer.address`,
    multiIf(f[28] = 'ingress', f[6], f[28] = 'egress', f[7], '') AS `network.peer.port`,
    multiIf(f[28] = 'ingress', f[5], f[28] = 'egress', f[4], '') AS `network.local.address`,
    multiIf(f[28] = 'ingress', f[7], f[28] = 'egress', f[6], '') AS `network.local.port`,
    if(rejected, 'REJECT', '') AS `error.type`,
    if(heading, '', f[1]) AS `aws.vpc.flow.version`,
    if(heading, '', meshseal_nil(f[3])) AS `aws.vpc.flow.interface_id`,
    if(heading, '', meshseal_nil(f[9])) AS `aws.vpc.flow.packets`,
    if(heading, '', meshseal_nil(f[10])) AS `aws.vpc.flow.bytes`,
    if(heading, '', f[12]) AS `aws.vpc.flow.end`,
    if(heading, '', meshseal_nil(f[13])) AS `aws.vpc.flow.action`,
    if(heading, '', f[14]) AS `aws.vpc.flow.log_status`,
    if(heading, '', meshseal_nil(f[15])) AS `aws.vpc.id`,
    if(heading, '', meshseal_nil(f[16])) AS `aws.vpc.subnet_id`,
    if(heading, '', meshseal_nil(f[17])) AS `aws.ec2.instance_id`,
    if(heading, '', meshseal_nil(f[18])) AS `aws.vpc.flow.tcp_flags`,
    if(heading, '', meshseal_nil(f[20])) AS `aws.vpc.flow.pkt_srcaddr`,
    if(heading, '', meshseal_nil(f[21])) AS `aws.vpc.flow.pkt_dstaddr`,
    if(heading, '', meshseal_nil(f[24])) AS `aws.vpc.flow.sublocation_type`,
    if(heading, '', meshseal_nil(f[25])) AS `aws.vpc.flow.sublocation_id`,
    if(heading, '', meshseal_nil(f[26])) AS `aws.vpc.flow.pkt_src_aws_service`,
    if(heading, '', meshseal_nil(f[27])) AS `aws.vpc.flow.pkt_dst_aws_service`,
    if(heading, '', meshseal_nil(f[28])) AS `aws.vpc.flow.direction`,
    if(heading, '', meshseal_nil(f[29])) AS `aws.vpc.flow.traffic_path`,
    arrayFilter(pair -> pair.2 != '', [
        ('cloud.provider', 'aws'),
        ('cloud.region', if(heading, '', meshseal_nil(f[22]))),
        ('cloud.account.id', if(heading, '', meshseal_nil(f[2]))),
        ('cloud.availability_zone', if(heading, '', meshseal_nil(f[23])))]) AS resource_pairs
FROM (
    SELECT
        raw_row,
        splitByChar(' ', raw_row.Body) AS f,
        f[1] = 'version' AS heading,
        f[13] = 'REJECT' AS rejected,
        meshseal_epoch(f[11]) AS time_unix_nano
    FROM raw
)
