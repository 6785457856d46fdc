-- The rows of `edges` for records of one or several batches. `$source` has them as `logs` does;
-- `$where` is what makes them edges.
--
-- The inner level finds both ends: an inbound record is told by the destination, and so is one of a
-- gateway that names no upstream, whose caller is nobody known; all others are told by the source.
-- The level above adds up minutes, cuts names that are longer than anybody reads, and adds up once
-- more all of a batch and a day: that, which has no tenant, becomes the note that the batch is
-- counted. The outermost gives each row once for every resolution; the engine adds up what then has
-- the same key when it writes the part.
SELECT
    $columns
FROM (
    SELECT
        *,
        Resolution,
        toDateTime(intDiv(toUInt32(if(Tenant = '', toDateTime(Day, 'UTC'), Minute)), Resolution) * Resolution, 'UTC') AS Start
    FROM (
        SELECT
            Tenant, Minute, Day, Batch,
            reporter AS Reporter,
            toValidUTF8(substring(source, 1, 255)) AS Source,
            toValidUTF8(substring(destination, 1, 255)) AS Destination,
            toValidUTF8(substring(source_namespace, 1, 255)) AS SourceNamespace,
            toValidUTF8(substring(destination_namespace, 1, 255)) AS DestinationNamespace,
            toValidUTF8(substring(mesh, 1, 255)) AS Mesh,
            toValidUTF8(substring(cluster, 1, 255)) AS Cluster,
            toValidUTF8(substring(protocol, 1, 255)) AS Protocol,
            count() AS Requests,
            countIf(HttpResponseStatusCode BETWEEN 400 AND 499) AS Errors4xx,
            countIf(HttpResponseStatusCode >= 500) AS Errors5xx,
            countIf(HttpResponseStatusCode = 0 AND (ResponseFlags != '' OR ErrorType != '')) AS Failed,
            sum(ifNull(HttpRequestBodySize, 0)) AS RequestBytes,
            sum(ifNull(HttpResponseBodySize, 0)) AS ResponseBytes,
            countIf(mtls = 'mutual') AS Mutual,
            countIf(mtls = 'plaintext') AS Plaintext,
            countIf(mtls = 'unknown') AS Unknown,
            sum(retries) AS Retries,
            $latency AS Latency,
            sumMap(flags) AS Flags,
            min(Timestamp) AS FirstSeen,
            max(Timestamp) AS LastSeen
        FROM (
            SELECT
                Tenant,
                Batch,
                Timestamp,
                toStartOfMinute(Timestamp) AS Minute,
                toDate(Timestamp) AS Day,
                if(ServiceName = $unknown, '', ServiceName) AS service,
                multiIf(
                    Reporter IN ('inbound', 'outbound'), Reporter,
                    -- Who names whom it calls is the caller, even if nothing names it.
                    service = '', 'outbound',
                    Reporter = 'gateway', 'gateway',
                    '') AS reporter,
                if(service = '', '', meshseal_namespace(ResourceAttributes, OtherAttributes)) AS namespace,
                if(PeerService = '', '', PeerNamespace) AS peer_namespace,
                reporter = 'inbound' OR (PeerService = '' AND reporter != 'outbound') AS told_by_destination,
                if(told_by_destination, PeerService, service) AS source,
                if(told_by_destination, service, PeerService) AS destination,
                if(told_by_destination, peer_namespace, namespace) AS source_namespace,
                if(told_by_destination, namespace, peer_namespace) AS destination_namespace,
                meshseal_mesh(Format, UpstreamCluster, ResourceAttributes, OtherAttributes) AS mesh,
                meshseal_cluster(ResourceAttributes) AS cluster,
                NetworkProtocolName AS protocol,
                HttpResponseStatusCode, ResponseFlags, ErrorType, HttpRequestBodySize, HttpResponseBodySize, DurationNanos,
                -- A gateway tells how its caller came, not how the call went on from it.
                if(reporter = 'gateway' AND NOT told_by_destination, 'unknown', toString(Mtls)) AS mtls,
                toUInt64(toUInt32OrZero(OtherAttributes['mesh.retries'])) AS retries,
                -- No sender can make the map long: of a record, at most eight flags of at most forty letters.
                CAST(if(ResponseFlags = '', [], arrayMap(flag -> (toValidUTF8(substring(flag, 1, 40)), toUInt64(1)), arraySlice(splitByChar(',', ResponseFlags), 1, 8))), 'Map(String, UInt64)') AS flags
            FROM $source AS logs
            WHERE $where
        )
        GROUP BY GROUPING SETS (
            (Tenant, Minute, source, destination, source_namespace, destination_namespace, reporter, mesh, cluster, protocol),
            (Batch, Day)
        )
    )
    ARRAY JOIN if(Tenant = '', $noted, $resolutions) AS Resolution
)
