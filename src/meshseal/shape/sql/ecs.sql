-- The Elastic Common Schema in OpenTelemetry's words: what Beats and Logstash send, and what is
-- written to Elasticsearch. Every function is total, as those of functions.sql are.
-- Source: elastic/ecs, docs/reference/ecs-otel-alignment-details.md (ECS 9.3, OpenTelemetry 1.38);
-- open-telemetry/semantic-conventions, docs/resource/k8s; elastic/beats, fields of Filebeat;
-- fabric8io/fluent-plugin-kubernetes_metadata_filter for the flat names under `kubernetes`.

-- ---- Flattening -----------------------------------------------------------------------------

-- Whether a JSON value is an object that holds something.
CREATE OR REPLACE FUNCTION meshseal_ecs_nested AS (raw) -> startsWith(raw, '{') AND raw != '{}';

-- The members of those values that are objects, under their paths.
CREATE OR REPLACE FUNCTION meshseal_ecs_members AS (pairs) -> arrayFlatten(arrayMap(
    pair -> arrayMap(
        member -> (concat(tupleElement(pair, 1), '.', tupleElement(member, 1)), tupleElement(member, 2)),
        JSONExtractKeysAndValuesRaw(tupleElement(pair, 2))),
    arrayFilter(pair -> meshseal_ecs_nested(tupleElement(pair, 2)), pairs)));

-- Of four levels of pairs, all that stand for themselves; what is nested deeper stays JSON.
CREATE OR REPLACE FUNCTION meshseal_ecs_leaves AS (one, two, three, four) -> arrayConcat(
    arrayFilter(pair -> NOT meshseal_ecs_nested(tupleElement(pair, 2)), arrayConcat(one, two, three)), four);

-- A JSON value as text; only strings that escape something need decoding.
CREATE OR REPLACE FUNCTION meshseal_ecs_text AS (raw) -> multiIf(
    NOT startsWith(raw, '"'), raw,
    position(raw, '\\') = 0, substring(raw, 2, length(raw) - 2),
    JSONExtractString(concat('[', raw, ']'), 1));

-- ---- Names ----------------------------------------------------------------------------------

-- OpenTelemetry's name for a path; what has none keeps its own. Keys of labels follow their prefix.
CREATE OR REPLACE FUNCTION meshseal_ecs_name AS (key) -> multiIf(
    startsWith(key, 'kubernetes.'), multiIf(
        startsWith(key, 'kubernetes.labels.'), concat('k8s.pod.label.', substring(key, 19)),
        startsWith(key, 'kubernetes.annotations.'), concat('k8s.pod.annotation.', substring(key, 24)),
        startsWith(key, 'kubernetes.namespace_labels.'), concat('k8s.namespace.label.', substring(key, 29)),
        startsWith(key, 'kubernetes.namespace_annotations.'), concat('k8s.namespace.annotation.', substring(key, 34)),
        startsWith(key, 'kubernetes.node.labels.'), concat('k8s.node.label.', substring(key, 24)),
        startsWith(key, 'kubernetes.node.annotations.'), concat('k8s.node.annotation.', substring(key, 29)),
        transform(key,
            ['kubernetes.namespace', 'kubernetes.namespace.name', 'kubernetes.namespace_name',
             'kubernetes.pod.name', 'kubernetes.pod_name', 'kubernetes.pod.uid', 'kubernetes.pod_id',
             'kubernetes.pod.ip', 'kubernetes.pod_ip',
             'kubernetes.container.name', 'kubernetes.container_name',
             'kubernetes.node.name', 'kubernetes.host', 'kubernetes.node.uid',
             'kubernetes.deployment.name', 'kubernetes.replicaset.name', 'kubernetes.statefulset.name',
             'kubernetes.daemonset.name', 'kubernetes.job.name', 'kubernetes.cronjob.name',
             'kubernetes.container_image', 'kubernetes.docker_id'],
            ['k8s.namespace.name', 'k8s.namespace.name', 'k8s.namespace.name',
             'k8s.pod.name', 'k8s.pod.name', 'k8s.pod.uid', 'k8s.pod.uid',
             'k8s.pod.ip', 'k8s.pod.ip',
             'k8s.container.name', 'k8s.container.name',
             'k8s.node.name', 'k8s.node.name', 'k8s.node.uid',
             'k8s.deployment.name', 'k8s.replicaset.name', 'k8s.statefulset.name',
             'k8s.daemonset.name', 'k8s.job.name', 'k8s.cronjob.name',
             'container.image.name', 'container.id'],
            key)),
    startsWith(key, 'container.labels.'), concat('container.label.', substring(key, 18)),
    transform(key,
        ['host', 'host.architecture', 'host.os.full', 'host.os.name', 'host.os.type', 'host.os.version',
         'service', 'service.environment', 'service.node.name',
         'container.image.hash.all', 'container.image.tag', 'container.runtime',
         'cloud.service.name', 'cloud.machine.type',
         'orchestrator.cluster.name', 'orchestrator.cluster.id',
         'process.args', 'process.executable', 'process.parent.pid', 'process.thread.id', 'process.thread.name',
         'error.message', 'error.stack_trace',
         'faas.execution', 'faas.trigger.type',
         'http.request.body.bytes', 'http.request.bytes', 'http.response.body.bytes', 'http.response.bytes',
         'network.protocol', 'stream',
         'log.origin.file.name', 'log.origin.file.line', 'log.origin.function'],
        ['host.name', 'host.arch', 'os.description', 'os.name', 'os.type', 'os.version',
         'service.name', 'deployment.environment.name', 'service.instance.id',
         'container.image.repo_digests', 'container.image.tags', 'container.runtime.name',
         'cloud.platform', 'host.type',
         'k8s.cluster.name', 'k8s.cluster.uid',
         'process.command_args', 'process.executable.path', 'process.parent_pid', 'thread.id', 'thread.name',
         'exception.message', 'exception.stacktrace',
         'faas.invocation_id', 'faas.trigger',
         'http.request.body.size', 'http.request.size', 'http.response.body.size', 'http.response.size',
         'network.protocol.name', 'log.iostream',
         'code.file.path', 'code.line.number', 'code.function.name'],
        key));

-- The pairs of raw members of an object: their paths in OpenTelemetry's words, and text.
CREATE OR REPLACE FUNCTION meshseal_ecs_named AS (members) -> arrayMap(
    pair -> (meshseal_ecs_name(tupleElement(pair, 1)), meshseal_ecs_text(tupleElement(pair, 2))),
    arrayFilter(pair -> tupleElement(pair, 2) != 'null', meshseal_ecs_leaves(
        members,
        meshseal_ecs_members(members),
        meshseal_ecs_members(meshseal_ecs_members(members)),
        meshseal_ecs_members(meshseal_ecs_members(meshseal_ecs_members(members))))));

-- The pairs of a document: every value under its path, joined by dots, four levels deep, in
-- OpenTelemetry's words. What is no JSON object has none; what is null is not there.
CREATE OR REPLACE FUNCTION meshseal_ecs_pairs AS (document) ->
    meshseal_ecs_named(JSONExtractKeysAndValuesRaw(document));

-- ---- What pairs mean ------------------------------------------------------------------------

-- Whether an attribute says what produced the record, by OpenTelemetry's name for it.
CREATE OR REPLACE FUNCTION meshseal_ecs_is_resource AS (key) -> substringIndex(key, '.', 1) IN (
    'service', 'host', 'os', 'container', 'k8s', 'cloud', 'deployment', 'process', 'faas', 'device',
    'orchestrator', 'kubernetes');

-- Whether a member of a document is likely to be the same in many others of its shipper.
CREATE OR REPLACE FUNCTION meshseal_ecs_is_shared AS (key) -> key IN (
    '@metadata', '@version', 'agent', 'beat', 'cloud', 'container', 'data_stream', 'ecs', 'fields', 'fileset',
    'host', 'input', 'kubernetes', 'labels', 'orchestrator', 'prospector', 'service', 'stream', 'tags', 'type');

-- The value of a key, or ''. The same as meshseal_value, and faster where there are many pairs.
CREATE OR REPLACE FUNCTION meshseal_ecs_value AS (pairs, key) ->
    tupleElement(pairs, 2)[indexOf(tupleElement(pairs, 1), key)];

-- When it happened, in nanoseconds; 0 where nothing says so.
CREATE OR REPLACE FUNCTION meshseal_ecs_time AS (pairs) -> if(
    meshseal_epoch(meshseal_ecs_value(pairs, '@timestamp')) != 0,
    meshseal_epoch(meshseal_ecs_value(pairs, '@timestamp')),
    meshseal_time(meshseal_ecs_value(pairs, '@timestamp')));

-- The level as the source wrote it, or ''.
CREATE OR REPLACE FUNCTION meshseal_ecs_level AS (pairs) -> tupleElement(pairs, 2)[arrayFirst(
    place -> place != 0,
    [indexOf(tupleElement(pairs, 1), 'log.level'), indexOf(tupleElement(pairs, 1), 'level'),
     indexOf(tupleElement(pairs, 1), 'severity'), indexOf(tupleElement(pairs, 1), 'loglevel'),
     indexOf(tupleElement(pairs, 1), 'log_level'), indexOf(tupleElement(pairs, 1), 'log.syslog.severity.name')])];

-- The message, or where there is none, the whole document.
CREATE OR REPLACE FUNCTION meshseal_ecs_body AS (pairs, document) -> if(
    meshseal_ecs_value(pairs, 'message') != '', meshseal_ecs_value(pairs, 'message'), document);

-- The trace's and the span's id in OpenTelemetry's form, or ''.
CREATE OR REPLACE FUNCTION meshseal_ecs_trace AS (pairs) -> meshseal_hex_id(meshseal_ecs_value(pairs, 'trace.id'), 32);
CREATE OR REPLACE FUNCTION meshseal_ecs_span AS (pairs) -> meshseal_hex_id(meshseal_ecs_value(pairs, 'span.id'), 16);

-- The pairs that say what produced the record.
CREATE OR REPLACE FUNCTION meshseal_ecs_resource AS (pairs) ->
    arrayFilter(pair -> meshseal_ecs_is_resource(tupleElement(pair, 1)), pairs);

-- The other pairs, without those that a column holds to the letter: the time, the message, the
-- level and the ids. Of keys that come twice, the columns hold the first.
CREATE OR REPLACE FUNCTION meshseal_ecs_attributes AS (pairs) -> arrayFilter(
    (pair, place) -> NOT meshseal_ecs_is_resource(tupleElement(pair, 1))
        AND place != if(meshseal_ecs_time(pairs) = 0, 0, indexOf(tupleElement(pairs, 1), '@timestamp'))
        AND place != indexOf(tupleElement(pairs, 1), 'log.level')
        AND place != if(meshseal_ecs_value(pairs, 'message') = '', 0, indexOf(tupleElement(pairs, 1), 'message'))
        AND place != if(meshseal_ecs_trace(pairs) != meshseal_ecs_value(pairs, 'trace.id'), 0, indexOf(tupleElement(pairs, 1), 'trace.id'))
        AND place != if(meshseal_ecs_span(pairs) != meshseal_ecs_value(pairs, 'span.id'), 0, indexOf(tupleElement(pairs, 1), 'span.id')),
    pairs, arrayEnumerate(pairs));
