-- Who called whom: the client's service account is in the identity that it proved, in Linkerd's own form
-- `name.namespace.serviceaccount.identity.…` or as a SPIFFE id; the service is in the host that was asked
-- for, where that is a host of Kubernetes.
SELECT
    * EXCEPT (identity, host),
    service.1 AS service_name,
    service.2 AS `service.namespace`,
    if(startsWith(proved, 'spiffe://'), extract(proved, '/sa/([^/]+)'), splitByChar('.', proved)[1]) AS `service.peer.name`,
    if(startsWith(proved, 'spiffe://'), extract(proved, '/ns/([^/]+)'), splitByChar('.', proved)[2]) AS `service.peer.namespace`,
    proved AS `mesh.peer.spiffe_id`,
    meshseal_mtls(proved, false, false) AS `mesh.mtls`
FROM (
    SELECT
        *,
        meshseal_nil(identity) AS proved,
        meshseal_cluster_host(`server.address`) AS service
    FROM fields
)
