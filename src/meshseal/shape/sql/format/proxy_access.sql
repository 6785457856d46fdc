-- What the fields of a request that a proxy has logged mean, whichever way they were written. The format
-- gives `access`, a tuple of texts by these names ('' for what it does not tell):
--   method, target (path, or URL), protocol (`HTTP/1.1`), status, failure (`error.type`, where the source
--   says so), received, sent (bytes), duration, upstream_duration (milliseconds), client (address),
--   remote, upstream, authority (host:port), agent, reporter.
-- `upstream` is `-` where there is one whose address is not told: the other end is not `remote` then.
-- and attributes of its own as columns, which stay.
SELECT
    * EXCEPT (access, one, two),
    multiIf(one.code >= 500, 17, one.code >= 400 OR two.failed, 13, 9) AS severity_number,
    multiIf(one.code >= 500, 'ERROR', one.code >= 400 OR two.failed, 'WARN', 'INFO') AS severity_text,
    access.method AS `http.request.method`,
    two.path AS `url.path`,
    substring(one.target, length(two.path) + 2) AS `url.query`,
    one.scheme AS `url.scheme`,
    access.status AS `http.response.status_code`,
    if(one.http, 'http', '') AS `network.protocol.name`,
    if(one.http, transform(access.protocol, ['HTTP/2.0', 'HTTP/3.0'], ['2', '3'], substring(access.protocol, 6)), '') AS `network.protocol.version`,
    access.duration AS `mesh.duration_ms`,
    access.upstream_duration AS `mesh.upstream_service_time_ms`,
    access.received AS `http.request.body.size`,
    access.sent AS `http.response.body.size`,
    multiIf(access.failure != '', access.failure, one.code >= 500, access.status, '') AS `error.type`,
    two.server.1 AS `server.address`,
    two.server.2 AS `server.port`,
    access.client AS `client.address`,
    two.peer.1 AS `network.peer.address`,
    two.peer.2 AS `network.peer.port`,
    if(access.upstream != '' AND access.remote != access.client, access.remote, '') AS `mesh.downstream_remote_address`,
    access.agent AS `user_agent.original`,
    access.reporter AS `mesh.reporter`
FROM (
    SELECT
        *,
        tuple(
            one.code = 0 AND access.failure != '' AS failed,
            substringIndex(one.target, '?', 1) AS path,
            meshseal_address(one.authority) AS server,
            meshseal_address(multiIf(access.upstream = '-', '', access.upstream != '', access.upstream, access.remote)) AS peer) AS two
    FROM (
        SELECT
            *,
            tuple(
                toUInt16OrZero(access.status) AS code,
                startsWith(access.protocol, 'HTTP/') AS http,
                if(startsWith(access.target, 'http') AND position(access.target, '://') BETWEEN 5 AND 6,
                    substringIndex(access.target, ':', 1), '') AS scheme,
                substringIndex(substring(access.target, length(scheme) + 4), '/', 1) AS host,
                multiIf(
                    scheme != '', substringIndex(host, '?', 1),
                    access.method = 'CONNECT', access.target,
                    access.authority) AS authority,
                multiIf(
                    scheme != '', substring(access.target, length(scheme) + 4 + length(authority)),
                    access.method = 'CONNECT', '',
                    access.target) AS target) AS one
        FROM fields
    )
)
