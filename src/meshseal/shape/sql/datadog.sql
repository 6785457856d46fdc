-- Functions that the shapes of Datadog's logs and spans share. Every one is total.
-- Sources: Datadog's unified tagging, its standard attributes of logs, and the tables of its
-- semantic mapping to OpenTelemetry; OpenTelemetry semantic conventions 1.44.

-- ---- Names ----------------------------------------------------------------------------------

-- The resource attribute that a tag is in OpenTelemetry, or ''.
CREATE OR REPLACE FUNCTION meshseal_datadog_resource AS (tag) -> transform(
    tag,
    ['env', 'version', 'service', 'host',
     'container_id', 'container_name', 'image_name', 'image_id', 'image_tag', 'runtime',
     'cloud_provider', 'region', 'zone', 'availability-zone', 'availability_zone', 'aws_account',
     'task_family', 'task_arn', 'task_version', 'ecs_cluster_name', 'ecs_container_name', 'functionname', 'function_arn',
     'kube_cluster_name', 'kube_namespace', 'pod_name', 'pod_uid', 'kube_container_name', 'kube_node', 'kube_deployment',
     'kube_replica_set', 'kube_stateful_set', 'kube_daemon_set', 'kube_job', 'kube_cronjob',
     'kube_app_name', 'kube_app_instance', 'kube_app_version', 'kube_app_component', 'kube_app_part_of', 'kube_app_managed_by',
     'runtime-id', 'runtime_version', 'process_id', 'language'],
    ['deployment.environment.name', 'service.version', 'service.name', 'host.name',
     'container.id', 'container.name', 'container.image.name', 'container.image.id', 'container.image.tags', 'container.runtime.name',
     'cloud.provider', 'cloud.region', 'cloud.availability_zone', 'cloud.availability_zone', 'cloud.availability_zone', 'cloud.account.id',
     'aws.ecs.task.family', 'aws.ecs.task.arn', 'aws.ecs.task.revision', 'aws.ecs.cluster.name', 'aws.ecs.container.name', 'faas.name', 'cloud.resource_id',
     'k8s.cluster.name', 'k8s.namespace.name', 'k8s.pod.name', 'k8s.pod.uid', 'k8s.container.name', 'k8s.node.name', 'k8s.deployment.name',
     'k8s.replicaset.name', 'k8s.statefulset.name', 'k8s.daemonset.name', 'k8s.job.name', 'k8s.cronjob.name',
     'app.kubernetes.io/name', 'app.kubernetes.io/instance', 'app.kubernetes.io/version', 'app.kubernetes.io/component', 'app.kubernetes.io/part-of', 'app.kubernetes.io/managed-by',
     'service.instance.id', 'process.runtime.version', 'process.pid', 'telemetry.sdk.language'],
    '');

-- What an attribute of a log or a span is called in OpenTelemetry; its own name if there is none.
CREATE OR REPLACE FUNCTION meshseal_datadog_attribute AS (key) -> multiIf(
    startsWith(key, 'http.request.headers.'), concat('http.request.header.', substring(key, 22)),
    startsWith(key, 'http.response.headers.'), concat('http.response.header.', substring(key, 23)),
    transform(
        key,
        ['http.method', 'http.status_code', 'http.url', 'http.route', 'http.version', 'http.useragent', 'http.client_ip',
         'http.referer', 'http.request_id', 'http.server_name', 'http.request.content_length', 'http.response.content_length',
         'http.url_details.path', 'http.url_details.host', 'http.url_details.port', 'http.url_details.scheme',
         'network.client.ip', 'network.client.port', 'network.destination.ip', 'network.destination.port', 'network.destination.name',
         'out.host', 'peer.hostname', 'peer.service',
         'db.type', 'db.operation', 'db.instance', 'db.name', 'db.sql.table', 'db.statement', 'db.user',
         'grpc.status.code', 'process_id', 'thread.id', 'thread.name', 'logger.name', 'logger.thread_name',
         'error.kind', 'error.msg', 'error.message', 'error.stack', 'error.stacktrace',
         'usr.id', 'usr.name', 'usr.email', 'lambda.request_id',
         'aws.s3.bucket_name', 'aws.response.request_id', 'aws.operation', 'messaging.destination'],
        ['http.request.method', 'http.response.status_code', 'url.full', 'http.route', 'network.protocol.version', 'user_agent.original', 'client.address',
         'http.request.header.referer', 'http.request.header.x-request-id', 'server.address', 'http.request.body.size', 'http.response.body.size',
         'url.path', 'url.domain', 'url.port', 'url.scheme',
         'client.address', 'client.port', 'network.peer.address', 'network.peer.port', 'server.address',
         'server.address', 'server.address', 'service.peer.name',
         'db.system.name', 'db.operation.name', 'db.namespace', 'db.namespace', 'db.collection.name', 'db.query.text', 'db.user',
         'rpc.grpc.status_code', 'process.pid', 'thread.id', 'thread.name', 'logger.name', 'thread.name',
         'error.type', 'exception.message', 'exception.message', 'exception.stacktrace', 'exception.stacktrace',
         'user.id', 'user.name', 'user.email', 'faas.invocation_id',
         'aws.s3.bucket', 'aws.request_id', 'rpc.method', 'messaging.destination.name'],
        key));

-- ---- Tags -----------------------------------------------------------------------------------

-- The tags of 'k:v,k2:v2,bare' as (key, value); one without a key has the key ''. A key that stands
-- more than once has all its values, between commas.
CREATE OR REPLACE FUNCTION meshseal_datadog_tags AS (text) -> arrayMap(
    tags -> if(
        length(arrayDistinct(tags.1)) = length(tags),
        tags,
        arrayMap(
            key -> (key, arrayStringConcat(arrayFilter((value, other) -> other = key, tags.2, tags.1), ',')),
            arrayDistinct(tags.1))),
    [arrayMap(
        tag -> if(
            position(tag, ':') > 1,
            (substring(tag, 1, position(tag, ':') - 1), substring(tag, position(tag, ':') + 1)),
            ('', tag)),
        arrayFilter(tag -> tag != '', arrayMap(tag -> trimBoth(tag), splitByChar(',', text))))])[1];

-- Tags written as a JSON array, as some clients do, as they are otherwise written.
CREATE OR REPLACE FUNCTION meshseal_datadog_tag_text AS (text) -> if(
    startsWith(text, '[') AND isValidJSON(text),
    arrayStringConcat(JSONExtract(text, 'Array(String)'), ','),
    text);

-- ---- Ids ------------------------------------------------------------------------------------

-- A trace id, of 64 bits in decimal or of 128 or 64 in hexadecimal digits, as 32 of these; or ''.
CREATE OR REPLACE FUNCTION meshseal_datadog_trace_id AS (text) -> multiIf(
    text = '' OR match(text, '^0+$'), '',
    match(text, '^[0-9a-fA-F]{32}$'), lower(text),
    toUInt64OrZero(text) != 0, leftPad(lower(hex(toUInt64OrZero(text))), 32, '0'),
    match(text, '^[0-9a-fA-F]{16}$'), leftPad(lower(text), 32, '0'),
    '');

-- A span id, of 64 bits in decimal or hexadecimal digits, as 16 of these; or ''.
CREATE OR REPLACE FUNCTION meshseal_datadog_span_id AS (text) -> multiIf(
    text = '' OR match(text, '^0+$'), '',
    toUInt64OrZero(text) != 0, leftPad(lower(hex(toUInt64OrZero(text))), 16, '0'),
    match(text, '^[0-9a-fA-F]{16}$'), lower(text),
    '');

-- ---- Status ---------------------------------------------------------------------------------

-- OpenTelemetry's number for a status that is a number of syslog or says that all is well; 0 for
-- any other, whose word says it.
CREATE OR REPLACE FUNCTION meshseal_datadog_status AS (status) -> transform(
    lower(status),
    ['0', '1', '2', '3', '4', '5', '6', '7', 'ok', 'success'],
    [21, 19, 18, 17, 13, 10, 9, 5, 9, 9],
    0);

-- ---- Spans ----------------------------------------------------------------------------------

-- A scalar of a span's event as text, and as JSON inside an array.
CREATE OR REPLACE FUNCTION meshseal_datadog_scalar AS (given) -> multiIf(
    given.type = 0, given.string_value,
    given.type = 1, toString(given.bool_value),
    given.type = 2, toString(given.int_value),
    given.type = 3, toString(given.double_value),
    '');

CREATE OR REPLACE FUNCTION meshseal_datadog_element AS (given) -> multiIf(
    given.type = 0, toJSONString(given.string_value),
    given.type = 3, meshseal_json_double(given.double_value),
    meshseal_datadog_scalar(given));

-- A value of a span's event as text; an array as JSON.
CREATE OR REPLACE FUNCTION meshseal_datadog_value AS (given) -> if(
    given.type = 4,
    concat('[', arrayStringConcat(arrayMap(element -> meshseal_datadog_element(element), given.array_value.values), ','), ']'),
    meshseal_datadog_scalar(given));

-- A number of 64 bits as 16 hexadecimal digits; '' for 0.
CREATE OR REPLACE FUNCTION meshseal_datadog_hex AS (number) -> if(
    number = 0, '', leftPad(lower(hex(number)), 16, '0'));

-- The upper 64 bits of a trace id, as a tracer writes them, as 16 hexadecimal digits.
CREATE OR REPLACE FUNCTION meshseal_datadog_upper AS (text) -> if(
    match(text, '^[0-9a-fA-F]{1,16}$'), leftPad(lower(text), 16, '0'), '0000000000000000');

-- OpenTelemetry's word for the language of a tracer.
CREATE OR REPLACE FUNCTION meshseal_datadog_language AS (language) -> transform(
    language, ['.NET', 'javascript', 'c++'], ['dotnet', 'nodejs', 'cpp'], language);

-- OpenTelemetry's number for what a span does, of its tag `span.kind` and, where that says nothing,
-- of its type.
CREATE OR REPLACE FUNCTION meshseal_datadog_kind AS (kind, type) -> toInt32(transform(
    lower(kind),
    ['internal', 'server', 'client', 'producer', 'consumer'],
    [1, 2, 3, 4, 5],
    multiIf(type = 'web', 2, type = 'http', 3, 0)));
