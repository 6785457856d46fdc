-- What an entry proves of both ends of its connection, and what Istio says of the other end.
SELECT
    * EXCEPT (`service.peer.name`, `service.peer.namespace`),
    proved[1] AS `mesh.mtls`,
    proved[2] AS `mesh.peer.spiffe_id`,
    proved[3] AS `mesh.local.spiffe_id`,
    if(named != '', named, meshseal_first_text([
        JSONExtractString(proved[4], 'service'), JSONExtractString(proved[4], 'app'), JSONExtractString(proved[4], 'workload')])) AS `service.peer.name`,
    if(spaced != '', spaced, meshseal_first_text([
        JSONExtractString(proved[4], 'namespace'), extract(proved[2], '^spiffe://[^/]+/ns/([^/]+)/')])) AS `service.peer.namespace`
FROM (
    SELECT
        *,
        `service.peer.name` AS named,
        `service.peer.namespace` AS spaced,
        arraySlice(raw_row.Attributes.2, 25, 4) AS proved
    FROM fields
)
