-- What the shape of Fluentd's events needs, beside ecs.sql. Every function is total, as those of
-- functions.sql are.

-- The bytes that a sender wrote: each may stand as U+10FFFF and two hexadecimal digits.
CREATE OR REPLACE FUNCTION meshseal_fluent_bytes AS (text) -> if(
    position(text, '\xF4\x8F\xBF\xBF') = 0, text,
    arrayStringConcat(arrayMap(
        (piece, place) -> if(place = 1, piece, concat(unhex(substring(piece, 1, 2)), substring(piece, 3))),
        splitByString('\xF4\x8F\xBF\xBF', text),
        arrayEnumerate(splitByString('\xF4\x8F\xBF\xBF', text)))));

-- A line without the end that Docker and Fluent Bit leave at it.
CREATE OR REPLACE FUNCTION meshseal_fluent_line AS (text) -> multiIf(
    endsWith(text, '\r\n'), substring(text, 1, length(text) - 2),
    endsWith(text, '\n'), substring(text, 1, length(text) - 1),
    text);

-- OpenTelemetry's names for what Docker's driver, FireLens and journald write, beside those that
-- meshseal_ecs_name knows.
-- Source: moby/moby, daemon/logger/fluentd; aws/amazon-ecs-agent, FireLens metadata.
CREATE OR REPLACE FUNCTION meshseal_fluent_name AS (key, value) -> multiIf(
    key = 'source' AND value IN ('stdout', 'stderr'), 'log.iostream',
    transform(key,
        ['container_id', 'container_name', 'docker.container_id', 'hostname', '_HOSTNAME', '_PID',
         'service_name', 'env', 'environment', 'ec2_instance_id',
         'ecs_task_arn', 'ecs_cluster', 'ecs_task_definition'],
        ['container.id', 'container.name', 'container.id', 'host.name', 'host.name', 'process.pid',
         'service.name', 'deployment.environment.name', 'deployment.environment.name', 'host.id',
         'aws.ecs.task.arn', 'aws.ecs.cluster.name', 'aws.ecs.task.definition'],
        key));

-- Whether an attribute says what produced the record.
CREATE OR REPLACE FUNCTION meshseal_fluent_is_resource AS (key) ->
    meshseal_ecs_is_resource(key) OR startsWith(key, 'aws.ecs.') OR startsWith(key, 'resource.attributes.');

-- Whether a key is one of an Istio access log, which becomes attributes by its format.
CREATE OR REPLACE FUNCTION meshseal_fluent_is_access AS (key) -> has($access_names, key);

-- A pair of the metadata that Fluent Bit keeps of OpenTelemetry's records: its own name and text, ids
-- in hexadecimal digits. What a record's resource says stays under `resource.attributes`.
-- Source: fluent/fluent-bit, plugins/in_opentelemetry and plugins/out_opentelemetry.
CREATE OR REPLACE FUNCTION meshseal_fluent_metadata AS (key, value) -> (
    multiIf(
        startsWith(key, 'otlp.attributes.'), substring(key, 17),
        key IN ('otlp.trace_id', 'otlp.span_id'), substring(key, 6),
        key),
    if((key = 'otlp.trace_id' AND length(value) = 16) OR (key = 'otlp.span_id' AND length(value) = 8), lower(hex(value)), value));

-- A severity number of OpenTelemetry's, or 0.
CREATE OR REPLACE FUNCTION meshseal_fluent_number AS (text) -> toUInt8(if(toUInt8OrZero(text) <= 24, toUInt8OrZero(text), 0));

-- Members of a record that are the same in all records of one place.
CREATE OR REPLACE FUNCTION meshseal_fluent_is_shared AS (key) -> key IN (
    'kubernetes', 'docker', 'container_id', 'container_name', 'host', 'hostname', '_HOSTNAME', 'cloud',
    'service', 'service_name', 'service.name', 'env', 'environment', 'ec2_instance_id',
    'ecs_cluster', 'ecs_task_arn', 'ecs_task_definition');

-- The pairs of raw members, in OpenTelemetry's words and as the sender wrote them.
CREATE OR REPLACE FUNCTION meshseal_fluent_named AS (members) -> arrayMap(
    pair -> (
        meshseal_fluent_name(meshseal_fluent_bytes(tupleElement(pair, 1)), tupleElement(pair, 2)),
        meshseal_fluent_bytes(if(tupleElement(pair, 1) = 'container_name', trim(LEADING '/' FROM tupleElement(pair, 2)), tupleElement(pair, 2)))),
    meshseal_ecs_named(members));

-- The service that resource attributes name, or ''. Of labels, those that Kubernetes' own tools set.
CREATE OR REPLACE FUNCTION meshseal_fluent_service AS (attributes) -> if(
    empty(attributes), '',
    arrayFirst(name -> name != '' AND NOT meshseal_sidecar(name), arrayConcat(
        arrayMap(key -> attributes[key], [
            'service.name', 'k8s.pod.label.app.kubernetes.io/name', 'k8s.pod.label.app', 'k8s.pod.label.k8s-app',
            'k8s.container.name', 'container.name']),
        [meshseal_service(attributes)])));
