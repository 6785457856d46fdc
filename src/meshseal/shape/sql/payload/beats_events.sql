-- Events of Beats and Logstash, one JSON document a line.
--
-- What a shipper writes about itself and its surroundings is the same in thousands of documents, and
-- it is most of them: it is taken apart once for all that have it in common.
SELECT
    one.tenant AS Tenant,
    one.batch AS Batch,
    one.seq AS Seq,
    one.door AS Door,
    one.source AS Source,
    if(Body = one.document AND meshseal_recognise_mesh(Body, '') = 'otlp', 'unparsed', one.format) AS Hint,
    one.received AS ReceivedUnixNano,
    ReceivedUnixNano AS ObservedUnixNano,
    meshseal_ecs_time(own) AS TimeUnixNano,
    meshseal_ecs_trace(own) AS TraceId,
    meshseal_ecs_span(own) AS SpanId,
    meshseal_ecs_level(own) AS SeverityText,
    if(empty(own_resource), shared_resource,
        meshseal_map(arrayConcat(own_resource, CAST(shared_resource, 'Array(Tuple(String, String))')))) AS ResourceAttributes,
    if(empty(own_resource), shared_service, meshseal_service(ResourceAttributes)) AS ServiceName,
    arrayConcat(meshseal_ecs_attributes(own), shared_attributes) AS Attributes,
    meshseal_ecs_body(own, one.document) AS Body
FROM (
    SELECT
        one,
        shared_resource,
        shared_service,
        shared_attributes,
        meshseal_ecs_named(one.members) AS own,
        meshseal_ecs_resource(own) AS own_resource
    FROM (
        SELECT
            ones,
            meshseal_ecs_named(shared) AS pairs,
            meshseal_map(meshseal_ecs_resource(pairs)) AS shared_resource,
            meshseal_service(shared_resource) AS shared_service,
            arrayFilter(pair -> NOT meshseal_ecs_is_resource(tupleElement(pair, 1)), pairs) AS shared_attributes
        FROM (
            SELECT
                arrayFilter(member -> meshseal_ecs_is_shared(tupleElement(member, 1)), members) AS shared,
                groupArray(CAST((tenant, batch, seq, door, source, format, received, document,
                    arrayFilter(member -> NOT meshseal_ecs_is_shared(tupleElement(member, 1)), members)),
                    'Tuple(tenant String, batch UInt64, seq UInt32, door String, source String, format String, received Int64, document String, members Array(Tuple(String, String)))')) AS ones
            FROM (
                SELECT
                    tenant, batch, door, source, format, document,
                    toUInt32(first_seq + position - 1) AS seq,
                    toInt64(received_unix_nano) AS received,
                    JSONExtractKeysAndValuesRaw(document) AS members
                FROM (
                    SELECT *, splitByChar('\n', beats_events) AS documents FROM envelopes
                )
                ARRAY JOIN
                    documents AS document,
                    arrayEnumerate(documents) AS position
            )
            GROUP BY shared
        )
    )
    ARRAY JOIN ones AS one
)
