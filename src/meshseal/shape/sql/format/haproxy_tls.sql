-- What `option httpslog` adds to HAProxy's HTTP log: the errors of the connection and of TLS, the server
-- name, the version and the cipher. That a certificate was asked for and shown, it does not tell.
-- Source: HAProxy configuration manual, section 8.2.4
SELECT
    * EXCEPT (parsed, secured, errors, `tls.established`),
    parsed AND length(errors) = 5 AND length(secured) >= 3 AS parsed,
    if(version != '', 'true', 'false') AS `tls.established`,
    if(version != '', 'tls', '') AS `tls.protocol.name`,
    meshseal_tls_number(version) AS `tls.protocol.version`,
    meshseal_cipher_name(meshseal_nil(secured[-1])) AS `tls.cipher`,
    meshseal_nil(arrayStringConcat(arraySlice(secured, 1, length(secured) - 2), '/')) AS `tls.client.server_name`,
    transform(errors[5], ['1', '0'], ['true', 'false'], '') AS `tls.resumed`,
    meshseal_mtls('', version != '', true) AS `mesh.mtls`,
    meshseal_nil(errors[1]) AS `haproxy.connection.error`,
    meshseal_nil(errors[2]) AS `haproxy.tls.error`,
    meshseal_nil(errors[3]) AS `haproxy.tls.client.error`,
    meshseal_nil(errors[4]) AS `haproxy.tls.client.ca_error`
FROM (
    SELECT
        *,
        splitByChar('/', splitByChar(' ', substringIndex(raw_row.Body, '"', -1))[2]) AS errors,
        splitByChar('/', splitByChar(' ', substringIndex(raw_row.Body, '"', -1))[3]) AS secured,
        meshseal_nil(secured[-2]) AS version
    FROM fields
)
