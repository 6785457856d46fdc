from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Envelope(_message.Message):
    __slots__ = ("tenant", "received_unix_nano", "door", "source", "format", "labels", "chunk", "records", "delivery", "refused", "deduplicated", "batch", "first_seq", "otlp_logs", "otlp_traces", "loki_push", "envoy_als", "zipkin_spans", "documents", "lines", "otlp_logs_json", "loki_push_json", "otlp_traces_json", "zipkin_spans_json", "jaeger_spans", "beats_events", "elastic_documents", "datadog_logs", "datadog_spans", "splunk_events", "gelf_messages", "cloudwatch_logs", "pubsub_messages", "azure_records", "syslog_messages", "fluent_events")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    TENANT_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    DOOR_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    FORMAT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    DEDUPLICATED_FIELD_NUMBER: _ClassVar[int]
    BATCH_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    OTLP_LOGS_FIELD_NUMBER: _ClassVar[int]
    OTLP_TRACES_FIELD_NUMBER: _ClassVar[int]
    LOKI_PUSH_FIELD_NUMBER: _ClassVar[int]
    ENVOY_ALS_FIELD_NUMBER: _ClassVar[int]
    ZIPKIN_SPANS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    OTLP_LOGS_JSON_FIELD_NUMBER: _ClassVar[int]
    LOKI_PUSH_JSON_FIELD_NUMBER: _ClassVar[int]
    OTLP_TRACES_JSON_FIELD_NUMBER: _ClassVar[int]
    ZIPKIN_SPANS_JSON_FIELD_NUMBER: _ClassVar[int]
    JAEGER_SPANS_FIELD_NUMBER: _ClassVar[int]
    BEATS_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ELASTIC_DOCUMENTS_FIELD_NUMBER: _ClassVar[int]
    DATADOG_LOGS_FIELD_NUMBER: _ClassVar[int]
    DATADOG_SPANS_FIELD_NUMBER: _ClassVar[int]
    SPLUNK_EVENTS_FIELD_NUMBER: _ClassVar[int]
    GELF_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    CLOUDWATCH_LOGS_FIELD_NUMBER: _ClassVar[int]
    PUBSUB_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    AZURE_RECORDS_FIELD_NUMBER: _ClassVar[int]
    SYSLOG_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    FLUENT_EVENTS_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    received_unix_nano: int
    door: str
    source: str
    format: str
    labels: _containers.ScalarMap[str, str]
    chunk: Chunk
    records: int
    delivery: str
    refused: int
    deduplicated: int
    batch: int
    first_seq: int
    otlp_logs: OtlpLogs
    otlp_traces: OtlpTraces
    loki_push: LokiPush
    envoy_als: EnvoyAls
    zipkin_spans: ZipkinSpans
    documents: bytes
    lines: bytes
    otlp_logs_json: bytes
    loki_push_json: bytes
    otlp_traces_json: bytes
    zipkin_spans_json: bytes
    jaeger_spans: JaegerSpans
    beats_events: bytes
    elastic_documents: bytes
    datadog_logs: bytes
    datadog_spans: DatadogSpans
    splunk_events: bytes
    gelf_messages: bytes
    cloudwatch_logs: bytes
    pubsub_messages: bytes
    azure_records: bytes
    syslog_messages: SyslogMessages
    fluent_events: FluentEvents
    def __init__(self, tenant: _Optional[str] = ..., received_unix_nano: _Optional[int] = ..., door: _Optional[str] = ..., source: _Optional[str] = ..., format: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., chunk: _Optional[_Union[Chunk, _Mapping]] = ..., records: _Optional[int] = ..., delivery: _Optional[str] = ..., refused: _Optional[int] = ..., deduplicated: _Optional[int] = ..., batch: _Optional[int] = ..., first_seq: _Optional[int] = ..., otlp_logs: _Optional[_Union[OtlpLogs, _Mapping]] = ..., otlp_traces: _Optional[_Union[OtlpTraces, _Mapping]] = ..., loki_push: _Optional[_Union[LokiPush, _Mapping]] = ..., envoy_als: _Optional[_Union[EnvoyAls, _Mapping]] = ..., zipkin_spans: _Optional[_Union[ZipkinSpans, _Mapping]] = ..., documents: _Optional[bytes] = ..., lines: _Optional[bytes] = ..., otlp_logs_json: _Optional[bytes] = ..., loki_push_json: _Optional[bytes] = ..., otlp_traces_json: _Optional[bytes] = ..., zipkin_spans_json: _Optional[bytes] = ..., jaeger_spans: _Optional[_Union[JaegerSpans, _Mapping]] = ..., beats_events: _Optional[bytes] = ..., elastic_documents: _Optional[bytes] = ..., datadog_logs: _Optional[bytes] = ..., datadog_spans: _Optional[_Union[DatadogSpans, _Mapping]] = ..., splunk_events: _Optional[bytes] = ..., gelf_messages: _Optional[bytes] = ..., cloudwatch_logs: _Optional[bytes] = ..., pubsub_messages: _Optional[bytes] = ..., azure_records: _Optional[bytes] = ..., syslog_messages: _Optional[_Union[SyslogMessages, _Mapping]] = ..., fluent_events: _Optional[_Union[FluentEvents, _Mapping]] = ...) -> None: ...

class SyslogMessages(_message.Message):
    __slots__ = ("messages",)
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, messages: _Optional[_Iterable[bytes]] = ...) -> None: ...

class FluentEvents(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[FluentGroup]
    def __init__(self, groups: _Optional[_Iterable[_Union[FluentGroup, _Mapping]]] = ...) -> None: ...

class FluentGroup(_message.Message):
    __slots__ = ("tag", "times", "records", "metadata")
    TAG_FIELD_NUMBER: _ClassVar[int]
    TIMES_FIELD_NUMBER: _ClassVar[int]
    RECORDS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    tag: bytes
    times: _containers.RepeatedScalarFieldContainer[int]
    records: bytes
    metadata: bytes
    def __init__(self, tag: _Optional[bytes] = ..., times: _Optional[_Iterable[int]] = ..., records: _Optional[bytes] = ..., metadata: _Optional[bytes] = ...) -> None: ...

class DatadogSpans(_message.Message):
    __slots__ = ("host_name", "env", "tracer_payloads", "tags", "agent_version", "idx_tracer_payloads", "tracer_json")
    HOST_NAME_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    TRACER_PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    IDX_TRACER_PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    TRACER_JSON_FIELD_NUMBER: _ClassVar[int]
    host_name: bytes
    env: bytes
    tracer_payloads: _containers.RepeatedCompositeFieldContainer[DatadogTracer]
    tags: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    agent_version: bytes
    idx_tracer_payloads: _containers.RepeatedScalarFieldContainer[bytes]
    tracer_json: bytes
    def __init__(self, host_name: _Optional[bytes] = ..., env: _Optional[bytes] = ..., tracer_payloads: _Optional[_Iterable[_Union[DatadogTracer, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ..., agent_version: _Optional[bytes] = ..., idx_tracer_payloads: _Optional[_Iterable[bytes]] = ..., tracer_json: _Optional[bytes] = ...) -> None: ...

class DatadogIdxTracer(_message.Message):
    __slots__ = ("strings", "container_id", "language_name", "language_version", "tracer_version", "runtime_id", "env", "hostname", "app_version", "attributes", "chunks")
    STRINGS_FIELD_NUMBER: _ClassVar[int]
    CONTAINER_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACER_VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    APP_VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    strings: _containers.RepeatedScalarFieldContainer[bytes]
    container_id: int
    language_name: int
    language_version: int
    tracer_version: int
    runtime_id: int
    env: int
    hostname: int
    app_version: int
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    chunks: _containers.RepeatedCompositeFieldContainer[DatadogIdxChunk]
    def __init__(self, strings: _Optional[_Iterable[bytes]] = ..., container_id: _Optional[int] = ..., language_name: _Optional[int] = ..., language_version: _Optional[int] = ..., tracer_version: _Optional[int] = ..., runtime_id: _Optional[int] = ..., env: _Optional[int] = ..., hostname: _Optional[int] = ..., app_version: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ..., chunks: _Optional[_Iterable[_Union[DatadogIdxChunk, _Mapping]]] = ...) -> None: ...

class DatadogIdxChunk(_message.Message):
    __slots__ = ("priority", "origin", "attributes", "spans", "trace_id", "decision_maker")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    DECISION_MAKER_FIELD_NUMBER: _ClassVar[int]
    priority: int
    origin: int
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    spans: _containers.RepeatedCompositeFieldContainer[DatadogIdxSpan]
    trace_id: bytes
    decision_maker: int
    def __init__(self, priority: _Optional[int] = ..., origin: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ..., spans: _Optional[_Iterable[_Union[DatadogIdxSpan, _Mapping]]] = ..., trace_id: _Optional[bytes] = ..., decision_maker: _Optional[int] = ...) -> None: ...

class DatadogIdxSpan(_message.Message):
    __slots__ = ("service", "name", "resource", "span_id", "parent_id", "start", "duration", "error", "attributes", "type", "span_links", "span_events", "env", "version", "component", "kind")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SPAN_LINKS_FIELD_NUMBER: _ClassVar[int]
    SPAN_EVENTS_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    service: int
    name: int
    resource: int
    span_id: int
    parent_id: int
    start: int
    duration: int
    error: bool
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    type: int
    span_links: _containers.RepeatedCompositeFieldContainer[DatadogIdxLink]
    span_events: _containers.RepeatedCompositeFieldContainer[DatadogIdxEvent]
    env: int
    version: int
    component: int
    kind: int
    def __init__(self, service: _Optional[int] = ..., name: _Optional[int] = ..., resource: _Optional[int] = ..., span_id: _Optional[int] = ..., parent_id: _Optional[int] = ..., start: _Optional[int] = ..., duration: _Optional[int] = ..., error: _Optional[bool] = ..., attributes: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ..., type: _Optional[int] = ..., span_links: _Optional[_Iterable[_Union[DatadogIdxLink, _Mapping]]] = ..., span_events: _Optional[_Iterable[_Union[DatadogIdxEvent, _Mapping]]] = ..., env: _Optional[int] = ..., version: _Optional[int] = ..., component: _Optional[int] = ..., kind: _Optional[int] = ...) -> None: ...

class DatadogIdxLink(_message.Message):
    __slots__ = ("trace_id", "span_id", "attributes", "tracestate", "flags")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: int
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    tracestate: int
    flags: int
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ..., tracestate: _Optional[int] = ..., flags: _Optional[int] = ...) -> None: ...

class DatadogIdxEvent(_message.Message):
    __slots__ = ("time", "name", "attributes")
    TIME_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    time: int
    name: int
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    def __init__(self, time: _Optional[int] = ..., name: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ...) -> None: ...

class DatadogIdxEntry(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: int
    value: DatadogIdxValue
    def __init__(self, key: _Optional[int] = ..., value: _Optional[_Union[DatadogIdxValue, _Mapping]] = ...) -> None: ...

class DatadogIdxValue(_message.Message):
    __slots__ = ("string_ref", "bool_value", "double_value", "int_value", "bytes_value", "array_value", "map_value")
    STRING_REF_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_VALUE_FIELD_NUMBER: _ClassVar[int]
    MAP_VALUE_FIELD_NUMBER: _ClassVar[int]
    string_ref: int
    bool_value: bool
    double_value: float
    int_value: int
    bytes_value: bytes
    array_value: DatadogIdxArray
    map_value: DatadogIdxMap
    def __init__(self, string_ref: _Optional[int] = ..., bool_value: _Optional[bool] = ..., double_value: _Optional[float] = ..., int_value: _Optional[int] = ..., bytes_value: _Optional[bytes] = ..., array_value: _Optional[_Union[DatadogIdxArray, _Mapping]] = ..., map_value: _Optional[_Union[DatadogIdxMap, _Mapping]] = ...) -> None: ...

class DatadogIdxArray(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[DatadogIdxValue]
    def __init__(self, values: _Optional[_Iterable[_Union[DatadogIdxValue, _Mapping]]] = ...) -> None: ...

class DatadogIdxMap(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[DatadogIdxEntry]
    def __init__(self, values: _Optional[_Iterable[_Union[DatadogIdxEntry, _Mapping]]] = ...) -> None: ...

class DatadogTracer(_message.Message):
    __slots__ = ("container_id", "language_name", "language_version", "tracer_version", "runtime_id", "chunks", "tags", "env", "hostname", "app_version")
    CONTAINER_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_NAME_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TRACER_VERSION_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    APP_VERSION_FIELD_NUMBER: _ClassVar[int]
    container_id: bytes
    language_name: bytes
    language_version: bytes
    tracer_version: bytes
    runtime_id: bytes
    chunks: _containers.RepeatedCompositeFieldContainer[DatadogChunk]
    tags: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    env: bytes
    hostname: bytes
    app_version: bytes
    def __init__(self, container_id: _Optional[bytes] = ..., language_name: _Optional[bytes] = ..., language_version: _Optional[bytes] = ..., tracer_version: _Optional[bytes] = ..., runtime_id: _Optional[bytes] = ..., chunks: _Optional[_Iterable[_Union[DatadogChunk, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ..., env: _Optional[bytes] = ..., hostname: _Optional[bytes] = ..., app_version: _Optional[bytes] = ...) -> None: ...

class DatadogChunk(_message.Message):
    __slots__ = ("priority", "origin", "spans", "tags")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    priority: int
    origin: bytes
    spans: _containers.RepeatedCompositeFieldContainer[DatadogSpan]
    tags: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    def __init__(self, priority: _Optional[int] = ..., origin: _Optional[bytes] = ..., spans: _Optional[_Iterable[_Union[DatadogSpan, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ...) -> None: ...

class DatadogSpan(_message.Message):
    __slots__ = ("service", "name", "resource", "trace_id", "span_id", "parent_id", "start", "duration", "error", "meta", "metrics", "type", "meta_struct", "span_links", "span_events")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    START_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    META_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    META_STRUCT_FIELD_NUMBER: _ClassVar[int]
    SPAN_LINKS_FIELD_NUMBER: _ClassVar[int]
    SPAN_EVENTS_FIELD_NUMBER: _ClassVar[int]
    service: bytes
    name: bytes
    resource: bytes
    trace_id: int
    span_id: int
    parent_id: int
    start: int
    duration: int
    error: int
    meta: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    metrics: _containers.RepeatedCompositeFieldContainer[DatadogMetric]
    type: bytes
    meta_struct: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    span_links: _containers.RepeatedCompositeFieldContainer[DatadogLink]
    span_events: _containers.RepeatedCompositeFieldContainer[DatadogEvent]
    def __init__(self, service: _Optional[bytes] = ..., name: _Optional[bytes] = ..., resource: _Optional[bytes] = ..., trace_id: _Optional[int] = ..., span_id: _Optional[int] = ..., parent_id: _Optional[int] = ..., start: _Optional[int] = ..., duration: _Optional[int] = ..., error: _Optional[int] = ..., meta: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ..., metrics: _Optional[_Iterable[_Union[DatadogMetric, _Mapping]]] = ..., type: _Optional[bytes] = ..., meta_struct: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ..., span_links: _Optional[_Iterable[_Union[DatadogLink, _Mapping]]] = ..., span_events: _Optional[_Iterable[_Union[DatadogEvent, _Mapping]]] = ...) -> None: ...

class DatadogTag(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class DatadogMetric(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: float
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[float] = ...) -> None: ...

class DatadogLink(_message.Message):
    __slots__ = ("trace_id", "trace_id_high", "span_id", "attributes", "tracestate", "flags")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_HIGH_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    TRACESTATE_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    trace_id: int
    trace_id_high: int
    span_id: int
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogTag]
    tracestate: bytes
    flags: int
    def __init__(self, trace_id: _Optional[int] = ..., trace_id_high: _Optional[int] = ..., span_id: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[DatadogTag, _Mapping]]] = ..., tracestate: _Optional[bytes] = ..., flags: _Optional[int] = ...) -> None: ...

class DatadogEvent(_message.Message):
    __slots__ = ("time_unix_nano", "name", "attributes")
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: int
    name: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[DatadogEventAttribute]
    def __init__(self, time_unix_nano: _Optional[int] = ..., name: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[DatadogEventAttribute, _Mapping]]] = ...) -> None: ...

class DatadogEventAttribute(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: DatadogValue
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[_Union[DatadogValue, _Mapping]] = ...) -> None: ...

class DatadogValue(_message.Message):
    __slots__ = ("type", "string_value", "bool_value", "int_value", "double_value", "array_value")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_VALUE_FIELD_NUMBER: _ClassVar[int]
    type: int
    string_value: bytes
    bool_value: bool
    int_value: int
    double_value: float
    array_value: DatadogArray
    def __init__(self, type: _Optional[int] = ..., string_value: _Optional[bytes] = ..., bool_value: _Optional[bool] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., array_value: _Optional[_Union[DatadogArray, _Mapping]] = ...) -> None: ...

class DatadogArray(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[DatadogScalar]
    def __init__(self, values: _Optional[_Iterable[_Union[DatadogScalar, _Mapping]]] = ...) -> None: ...

class DatadogScalar(_message.Message):
    __slots__ = ("type", "string_value", "bool_value", "int_value", "double_value")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    type: int
    string_value: bytes
    bool_value: bool
    int_value: int
    double_value: float
    def __init__(self, type: _Optional[int] = ..., string_value: _Optional[bytes] = ..., bool_value: _Optional[bool] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ...) -> None: ...

class Chunk(_message.Message):
    __slots__ = ("agent", "epoch", "sequence")
    AGENT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    agent: str
    epoch: int
    sequence: int
    def __init__(self, agent: _Optional[str] = ..., epoch: _Optional[int] = ..., sequence: _Optional[int] = ...) -> None: ...

class OtlpLogs(_message.Message):
    __slots__ = ("resource_logs",)
    RESOURCE_LOGS_FIELD_NUMBER: _ClassVar[int]
    resource_logs: _containers.RepeatedCompositeFieldContainer[ResourceLogs]
    def __init__(self, resource_logs: _Optional[_Iterable[_Union[ResourceLogs, _Mapping]]] = ...) -> None: ...

class ResourceLogs(_message.Message):
    __slots__ = ("resource", "scope_logs", "schema_url")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_LOGS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_URL_FIELD_NUMBER: _ClassVar[int]
    resource: Resource
    scope_logs: _containers.RepeatedCompositeFieldContainer[ScopeLogs]
    schema_url: bytes
    def __init__(self, resource: _Optional[_Union[Resource, _Mapping]] = ..., scope_logs: _Optional[_Iterable[_Union[ScopeLogs, _Mapping]]] = ..., schema_url: _Optional[bytes] = ...) -> None: ...

class OtlpTraces(_message.Message):
    __slots__ = ("resource_spans",)
    RESOURCE_SPANS_FIELD_NUMBER: _ClassVar[int]
    resource_spans: _containers.RepeatedCompositeFieldContainer[ResourceSpans]
    def __init__(self, resource_spans: _Optional[_Iterable[_Union[ResourceSpans, _Mapping]]] = ...) -> None: ...

class ResourceSpans(_message.Message):
    __slots__ = ("resource", "scope_spans", "schema_url")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_SPANS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_URL_FIELD_NUMBER: _ClassVar[int]
    resource: Resource
    scope_spans: _containers.RepeatedCompositeFieldContainer[ScopeSpans]
    schema_url: bytes
    def __init__(self, resource: _Optional[_Union[Resource, _Mapping]] = ..., scope_spans: _Optional[_Iterable[_Union[ScopeSpans, _Mapping]]] = ..., schema_url: _Optional[bytes] = ...) -> None: ...

class ScopeSpans(_message.Message):
    __slots__ = ("scope", "spans", "schema_url")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_URL_FIELD_NUMBER: _ClassVar[int]
    scope: InstrumentationScope
    spans: _containers.RepeatedCompositeFieldContainer[Span]
    schema_url: bytes
    def __init__(self, scope: _Optional[_Union[InstrumentationScope, _Mapping]] = ..., spans: _Optional[_Iterable[_Union[Span, _Mapping]]] = ..., schema_url: _Optional[bytes] = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("trace_id", "span_id", "trace_state", "parent_span_id", "name", "kind", "start_time_unix_nano", "end_time_unix_nano", "attributes", "dropped_attributes_count", "events", "dropped_events_count", "links", "dropped_links_count", "status", "flags")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_STATE_FIELD_NUMBER: _ClassVar[int]
    PARENT_SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    START_TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    END_TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ATTRIBUTES_COUNT_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_EVENTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_LINKS_COUNT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: bytes
    trace_state: bytes
    parent_span_id: bytes
    name: bytes
    kind: int
    start_time_unix_nano: int
    end_time_unix_nano: int
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    dropped_attributes_count: int
    events: _containers.RepeatedCompositeFieldContainer[SpanEvent]
    dropped_events_count: int
    links: _containers.RepeatedCompositeFieldContainer[SpanLink]
    dropped_links_count: int
    status: SpanStatus
    flags: int
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., trace_state: _Optional[bytes] = ..., parent_span_id: _Optional[bytes] = ..., name: _Optional[bytes] = ..., kind: _Optional[int] = ..., start_time_unix_nano: _Optional[int] = ..., end_time_unix_nano: _Optional[int] = ..., attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., dropped_attributes_count: _Optional[int] = ..., events: _Optional[_Iterable[_Union[SpanEvent, _Mapping]]] = ..., dropped_events_count: _Optional[int] = ..., links: _Optional[_Iterable[_Union[SpanLink, _Mapping]]] = ..., dropped_links_count: _Optional[int] = ..., status: _Optional[_Union[SpanStatus, _Mapping]] = ..., flags: _Optional[int] = ...) -> None: ...

class SpanEvent(_message.Message):
    __slots__ = ("time_unix_nano", "name", "attributes", "dropped_attributes_count")
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ATTRIBUTES_COUNT_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: int
    name: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    dropped_attributes_count: int
    def __init__(self, time_unix_nano: _Optional[int] = ..., name: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., dropped_attributes_count: _Optional[int] = ...) -> None: ...

class SpanLink(_message.Message):
    __slots__ = ("trace_id", "span_id", "trace_state", "attributes", "dropped_attributes_count", "flags")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    TRACE_STATE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    DROPPED_ATTRIBUTES_COUNT_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: bytes
    trace_state: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    dropped_attributes_count: int
    flags: int
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., trace_state: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., dropped_attributes_count: _Optional[int] = ..., flags: _Optional[int] = ...) -> None: ...

class SpanStatus(_message.Message):
    __slots__ = ("message", "code")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    message: bytes
    code: int
    def __init__(self, message: _Optional[bytes] = ..., code: _Optional[int] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("attributes",)
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class ScopeLogs(_message.Message):
    __slots__ = ("scope", "log_records", "schema_url")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    LOG_RECORDS_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_URL_FIELD_NUMBER: _ClassVar[int]
    scope: InstrumentationScope
    log_records: _containers.RepeatedCompositeFieldContainer[LogRecord]
    schema_url: bytes
    def __init__(self, scope: _Optional[_Union[InstrumentationScope, _Mapping]] = ..., log_records: _Optional[_Iterable[_Union[LogRecord, _Mapping]]] = ..., schema_url: _Optional[bytes] = ...) -> None: ...

class InstrumentationScope(_message.Message):
    __slots__ = ("name", "version", "attributes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    version: bytes
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    def __init__(self, name: _Optional[bytes] = ..., version: _Optional[bytes] = ..., attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ...) -> None: ...

class LogRecord(_message.Message):
    __slots__ = ("time_unix_nano", "severity_number", "severity_text", "body", "attributes", "flags", "trace_id", "span_id", "observed_time_unix_nano", "event_name")
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_NUMBER_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_TEXT_FIELD_NUMBER: _ClassVar[int]
    BODY_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    EVENT_NAME_FIELD_NUMBER: _ClassVar[int]
    time_unix_nano: int
    severity_number: int
    severity_text: bytes
    body: AnyValue
    attributes: _containers.RepeatedCompositeFieldContainer[KeyValue]
    flags: int
    trace_id: bytes
    span_id: bytes
    observed_time_unix_nano: int
    event_name: bytes
    def __init__(self, time_unix_nano: _Optional[int] = ..., severity_number: _Optional[int] = ..., severity_text: _Optional[bytes] = ..., body: _Optional[_Union[AnyValue, _Mapping]] = ..., attributes: _Optional[_Iterable[_Union[KeyValue, _Mapping]]] = ..., flags: _Optional[int] = ..., trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., observed_time_unix_nano: _Optional[int] = ..., event_name: _Optional[bytes] = ...) -> None: ...

class AnyValue(_message.Message):
    __slots__ = ("string_value", "bool_value", "int_value", "double_value", "array_value", "kvlist_value", "bytes_value")
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_VALUE_FIELD_NUMBER: _ClassVar[int]
    KVLIST_VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    string_value: bytes
    bool_value: bool
    int_value: int
    double_value: float
    array_value: bytes
    kvlist_value: bytes
    bytes_value: bytes
    def __init__(self, string_value: _Optional[bytes] = ..., bool_value: _Optional[bool] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., array_value: _Optional[bytes] = ..., kvlist_value: _Optional[bytes] = ..., bytes_value: _Optional[bytes] = ...) -> None: ...

class KeyValue(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: AnyValue
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[_Union[AnyValue, _Mapping]] = ...) -> None: ...

class LokiPush(_message.Message):
    __slots__ = ("streams",)
    STREAMS_FIELD_NUMBER: _ClassVar[int]
    streams: _containers.RepeatedCompositeFieldContainer[Stream]
    def __init__(self, streams: _Optional[_Iterable[_Union[Stream, _Mapping]]] = ...) -> None: ...

class Stream(_message.Message):
    __slots__ = ("labels", "entries")
    LABELS_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    labels: bytes
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, labels: _Optional[bytes] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("timestamp", "line", "structured_metadata")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    STRUCTURED_METADATA_FIELD_NUMBER: _ClassVar[int]
    timestamp: Timestamp
    line: bytes
    structured_metadata: _containers.RepeatedCompositeFieldContainer[LabelPair]
    def __init__(self, timestamp: _Optional[_Union[Timestamp, _Mapping]] = ..., line: _Optional[bytes] = ..., structured_metadata: _Optional[_Iterable[_Union[LabelPair, _Mapping]]] = ...) -> None: ...

class LabelPair(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: bytes
    value: bytes
    def __init__(self, name: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class Timestamp(_message.Message):
    __slots__ = ("seconds", "nanos")
    SECONDS_FIELD_NUMBER: _ClassVar[int]
    NANOS_FIELD_NUMBER: _ClassVar[int]
    seconds: int
    nanos: int
    def __init__(self, seconds: _Optional[int] = ..., nanos: _Optional[int] = ...) -> None: ...

class EnvoyAls(_message.Message):
    __slots__ = ("http_logs", "tcp_logs")
    HTTP_LOGS_FIELD_NUMBER: _ClassVar[int]
    TCP_LOGS_FIELD_NUMBER: _ClassVar[int]
    http_logs: EnvoyHttpLogs
    tcp_logs: EnvoyTcpLogs
    def __init__(self, http_logs: _Optional[_Union[EnvoyHttpLogs, _Mapping]] = ..., tcp_logs: _Optional[_Union[EnvoyTcpLogs, _Mapping]] = ...) -> None: ...

class EnvoyHttpLogs(_message.Message):
    __slots__ = ("log_entry",)
    LOG_ENTRY_FIELD_NUMBER: _ClassVar[int]
    log_entry: _containers.RepeatedCompositeFieldContainer[EnvoyHttpEntry]
    def __init__(self, log_entry: _Optional[_Iterable[_Union[EnvoyHttpEntry, _Mapping]]] = ...) -> None: ...

class EnvoyTcpLogs(_message.Message):
    __slots__ = ("log_entry",)
    LOG_ENTRY_FIELD_NUMBER: _ClassVar[int]
    log_entry: _containers.RepeatedCompositeFieldContainer[EnvoyTcpEntry]
    def __init__(self, log_entry: _Optional[_Iterable[_Union[EnvoyTcpEntry, _Mapping]]] = ...) -> None: ...

class EnvoyHttpEntry(_message.Message):
    __slots__ = ("common_properties", "protocol_version", "request", "response")
    COMMON_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FIELD_NUMBER: _ClassVar[int]
    common_properties: EnvoyCommon
    protocol_version: int
    request: EnvoyRequest
    response: EnvoyResponse
    def __init__(self, common_properties: _Optional[_Union[EnvoyCommon, _Mapping]] = ..., protocol_version: _Optional[int] = ..., request: _Optional[_Union[EnvoyRequest, _Mapping]] = ..., response: _Optional[_Union[EnvoyResponse, _Mapping]] = ...) -> None: ...

class EnvoyTcpEntry(_message.Message):
    __slots__ = ("common_properties", "connection_properties")
    COMMON_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    common_properties: EnvoyCommon
    connection_properties: EnvoyConnection
    def __init__(self, common_properties: _Optional[_Union[EnvoyCommon, _Mapping]] = ..., connection_properties: _Optional[_Union[EnvoyConnection, _Mapping]] = ...) -> None: ...

class EnvoyConnection(_message.Message):
    __slots__ = ("received_bytes", "sent_bytes")
    RECEIVED_BYTES_FIELD_NUMBER: _ClassVar[int]
    SENT_BYTES_FIELD_NUMBER: _ClassVar[int]
    received_bytes: int
    sent_bytes: int
    def __init__(self, received_bytes: _Optional[int] = ..., sent_bytes: _Optional[int] = ...) -> None: ...

class EnvoyCommon(_message.Message):
    __slots__ = ("sample_rate", "downstream_remote_address", "downstream_local_address", "tls_properties", "start_time", "time_to_last_rx_byte", "time_to_first_upstream_tx_byte", "time_to_last_upstream_tx_byte", "time_to_first_upstream_rx_byte", "time_to_last_upstream_rx_byte", "time_to_first_downstream_tx_byte", "time_to_last_downstream_tx_byte", "upstream_remote_address", "upstream_local_address", "upstream_cluster", "response_flags", "metadata", "upstream_transport_failure_reason", "route_name", "downstream_direct_remote_address", "filter_state_objects", "custom_tags", "duration", "upstream_request_attempt_count", "connection_termination_details", "stream_id", "intermediate_log_entry", "downstream_transport_failure_reason", "downstream_wire_bytes_sent", "downstream_wire_bytes_received", "upstream_wire_bytes_sent", "upstream_wire_bytes_received", "access_log_type")
    SAMPLE_RATE_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_LOCAL_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    TLS_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LAST_RX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_FIRST_UPSTREAM_TX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LAST_UPSTREAM_TX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_FIRST_UPSTREAM_RX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LAST_UPSTREAM_RX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_FIRST_DOWNSTREAM_TX_BYTE_FIELD_NUMBER: _ClassVar[int]
    TIME_TO_LAST_DOWNSTREAM_TX_BYTE_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_LOCAL_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_CLUSTER_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_FLAGS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_TRANSPORT_FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    ROUTE_NAME_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    FILTER_STATE_OBJECTS_FIELD_NUMBER: _ClassVar[int]
    CUSTOM_TAGS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_REQUEST_ATTEMPT_COUNT_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_TERMINATION_DETAILS_FIELD_NUMBER: _ClassVar[int]
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    INTERMEDIATE_LOG_ENTRY_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_TRANSPORT_FAILURE_REASON_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_WIRE_BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_WIRE_BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_WIRE_BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_WIRE_BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    ACCESS_LOG_TYPE_FIELD_NUMBER: _ClassVar[int]
    sample_rate: float
    downstream_remote_address: EnvoyAddress
    downstream_local_address: EnvoyAddress
    tls_properties: EnvoyTls
    start_time: Timestamp
    time_to_last_rx_byte: Timestamp
    time_to_first_upstream_tx_byte: Timestamp
    time_to_last_upstream_tx_byte: Timestamp
    time_to_first_upstream_rx_byte: Timestamp
    time_to_last_upstream_rx_byte: Timestamp
    time_to_first_downstream_tx_byte: Timestamp
    time_to_last_downstream_tx_byte: Timestamp
    upstream_remote_address: EnvoyAddress
    upstream_local_address: EnvoyAddress
    upstream_cluster: bytes
    response_flags: bytes
    metadata: bytes
    upstream_transport_failure_reason: bytes
    route_name: bytes
    downstream_direct_remote_address: EnvoyAddress
    filter_state_objects: _containers.RepeatedCompositeFieldContainer[EnvoyPair]
    custom_tags: _containers.RepeatedCompositeFieldContainer[EnvoyPair]
    duration: Timestamp
    upstream_request_attempt_count: int
    connection_termination_details: bytes
    stream_id: bytes
    intermediate_log_entry: bool
    downstream_transport_failure_reason: bytes
    downstream_wire_bytes_sent: int
    downstream_wire_bytes_received: int
    upstream_wire_bytes_sent: int
    upstream_wire_bytes_received: int
    access_log_type: int
    def __init__(self, sample_rate: _Optional[float] = ..., downstream_remote_address: _Optional[_Union[EnvoyAddress, _Mapping]] = ..., downstream_local_address: _Optional[_Union[EnvoyAddress, _Mapping]] = ..., tls_properties: _Optional[_Union[EnvoyTls, _Mapping]] = ..., start_time: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_last_rx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_first_upstream_tx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_last_upstream_tx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_first_upstream_rx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_last_upstream_rx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_first_downstream_tx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., time_to_last_downstream_tx_byte: _Optional[_Union[Timestamp, _Mapping]] = ..., upstream_remote_address: _Optional[_Union[EnvoyAddress, _Mapping]] = ..., upstream_local_address: _Optional[_Union[EnvoyAddress, _Mapping]] = ..., upstream_cluster: _Optional[bytes] = ..., response_flags: _Optional[bytes] = ..., metadata: _Optional[bytes] = ..., upstream_transport_failure_reason: _Optional[bytes] = ..., route_name: _Optional[bytes] = ..., downstream_direct_remote_address: _Optional[_Union[EnvoyAddress, _Mapping]] = ..., filter_state_objects: _Optional[_Iterable[_Union[EnvoyPair, _Mapping]]] = ..., custom_tags: _Optional[_Iterable[_Union[EnvoyPair, _Mapping]]] = ..., duration: _Optional[_Union[Timestamp, _Mapping]] = ..., upstream_request_attempt_count: _Optional[int] = ..., connection_termination_details: _Optional[bytes] = ..., stream_id: _Optional[bytes] = ..., intermediate_log_entry: _Optional[bool] = ..., downstream_transport_failure_reason: _Optional[bytes] = ..., downstream_wire_bytes_sent: _Optional[int] = ..., downstream_wire_bytes_received: _Optional[int] = ..., upstream_wire_bytes_sent: _Optional[int] = ..., upstream_wire_bytes_received: _Optional[int] = ..., access_log_type: _Optional[int] = ...) -> None: ...

class EnvoyPair(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class EnvoyAddress(_message.Message):
    __slots__ = ("socket_address", "pipe", "envoy_internal_address")
    SOCKET_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PIPE_FIELD_NUMBER: _ClassVar[int]
    ENVOY_INTERNAL_ADDRESS_FIELD_NUMBER: _ClassVar[int]
    socket_address: EnvoySocketAddress
    pipe: EnvoyPipe
    envoy_internal_address: EnvoyInternalAddress
    def __init__(self, socket_address: _Optional[_Union[EnvoySocketAddress, _Mapping]] = ..., pipe: _Optional[_Union[EnvoyPipe, _Mapping]] = ..., envoy_internal_address: _Optional[_Union[EnvoyInternalAddress, _Mapping]] = ...) -> None: ...

class EnvoySocketAddress(_message.Message):
    __slots__ = ("protocol", "address", "port_value", "named_port")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    PORT_VALUE_FIELD_NUMBER: _ClassVar[int]
    NAMED_PORT_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    address: bytes
    port_value: int
    named_port: bytes
    def __init__(self, protocol: _Optional[int] = ..., address: _Optional[bytes] = ..., port_value: _Optional[int] = ..., named_port: _Optional[bytes] = ...) -> None: ...

class EnvoyPipe(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: bytes
    def __init__(self, path: _Optional[bytes] = ...) -> None: ...

class EnvoyInternalAddress(_message.Message):
    __slots__ = ("server_listener_name", "endpoint_id")
    SERVER_LISTENER_NAME_FIELD_NUMBER: _ClassVar[int]
    ENDPOINT_ID_FIELD_NUMBER: _ClassVar[int]
    server_listener_name: bytes
    endpoint_id: bytes
    def __init__(self, server_listener_name: _Optional[bytes] = ..., endpoint_id: _Optional[bytes] = ...) -> None: ...

class EnvoyTls(_message.Message):
    __slots__ = ("tls_version", "tls_cipher_suite", "tls_sni_hostname", "local_certificate_properties", "peer_certificate_properties", "tls_session_id", "ja3_fingerprint")
    TLS_VERSION_FIELD_NUMBER: _ClassVar[int]
    TLS_CIPHER_SUITE_FIELD_NUMBER: _ClassVar[int]
    TLS_SNI_HOSTNAME_FIELD_NUMBER: _ClassVar[int]
    LOCAL_CERTIFICATE_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    PEER_CERTIFICATE_PROPERTIES_FIELD_NUMBER: _ClassVar[int]
    TLS_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    JA3_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    tls_version: int
    tls_cipher_suite: EnvoyUInt32
    tls_sni_hostname: bytes
    local_certificate_properties: EnvoyCertificate
    peer_certificate_properties: EnvoyCertificate
    tls_session_id: bytes
    ja3_fingerprint: bytes
    def __init__(self, tls_version: _Optional[int] = ..., tls_cipher_suite: _Optional[_Union[EnvoyUInt32, _Mapping]] = ..., tls_sni_hostname: _Optional[bytes] = ..., local_certificate_properties: _Optional[_Union[EnvoyCertificate, _Mapping]] = ..., peer_certificate_properties: _Optional[_Union[EnvoyCertificate, _Mapping]] = ..., tls_session_id: _Optional[bytes] = ..., ja3_fingerprint: _Optional[bytes] = ...) -> None: ...

class EnvoyUInt32(_message.Message):
    __slots__ = ("value",)
    VALUE_FIELD_NUMBER: _ClassVar[int]
    value: int
    def __init__(self, value: _Optional[int] = ...) -> None: ...

class EnvoyCertificate(_message.Message):
    __slots__ = ("subject_alt_name", "subject", "issuer")
    SUBJECT_ALT_NAME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    ISSUER_FIELD_NUMBER: _ClassVar[int]
    subject_alt_name: _containers.RepeatedCompositeFieldContainer[EnvoyName]
    subject: bytes
    issuer: bytes
    def __init__(self, subject_alt_name: _Optional[_Iterable[_Union[EnvoyName, _Mapping]]] = ..., subject: _Optional[bytes] = ..., issuer: _Optional[bytes] = ...) -> None: ...

class EnvoyName(_message.Message):
    __slots__ = ("uri", "dns")
    URI_FIELD_NUMBER: _ClassVar[int]
    DNS_FIELD_NUMBER: _ClassVar[int]
    uri: bytes
    dns: bytes
    def __init__(self, uri: _Optional[bytes] = ..., dns: _Optional[bytes] = ...) -> None: ...

class EnvoyRequest(_message.Message):
    __slots__ = ("request_method", "scheme", "authority", "port", "path", "user_agent", "referer", "forwarded_for", "request_id", "original_path", "request_headers_bytes", "request_body_bytes", "request_headers", "upstream_header_bytes_sent", "downstream_header_bytes_received")
    REQUEST_METHOD_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    USER_AGENT_FIELD_NUMBER: _ClassVar[int]
    REFERER_FIELD_NUMBER: _ClassVar[int]
    FORWARDED_FOR_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ORIGINAL_PATH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HEADERS_BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    REQUEST_HEADERS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_HEADER_BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_HEADER_BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    request_method: int
    scheme: bytes
    authority: bytes
    port: EnvoyUInt32
    path: bytes
    user_agent: bytes
    referer: bytes
    forwarded_for: bytes
    request_id: bytes
    original_path: bytes
    request_headers_bytes: int
    request_body_bytes: int
    request_headers: _containers.RepeatedCompositeFieldContainer[EnvoyPair]
    upstream_header_bytes_sent: int
    downstream_header_bytes_received: int
    def __init__(self, request_method: _Optional[int] = ..., scheme: _Optional[bytes] = ..., authority: _Optional[bytes] = ..., port: _Optional[_Union[EnvoyUInt32, _Mapping]] = ..., path: _Optional[bytes] = ..., user_agent: _Optional[bytes] = ..., referer: _Optional[bytes] = ..., forwarded_for: _Optional[bytes] = ..., request_id: _Optional[bytes] = ..., original_path: _Optional[bytes] = ..., request_headers_bytes: _Optional[int] = ..., request_body_bytes: _Optional[int] = ..., request_headers: _Optional[_Iterable[_Union[EnvoyPair, _Mapping]]] = ..., upstream_header_bytes_sent: _Optional[int] = ..., downstream_header_bytes_received: _Optional[int] = ...) -> None: ...

class EnvoyResponse(_message.Message):
    __slots__ = ("response_code", "response_headers_bytes", "response_body_bytes", "response_headers", "response_trailers", "response_code_details", "upstream_header_bytes_received", "downstream_header_bytes_sent")
    RESPONSE_CODE_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HEADERS_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_BODY_BYTES_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_HEADERS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_TRAILERS_FIELD_NUMBER: _ClassVar[int]
    RESPONSE_CODE_DETAILS_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_HEADER_BYTES_RECEIVED_FIELD_NUMBER: _ClassVar[int]
    DOWNSTREAM_HEADER_BYTES_SENT_FIELD_NUMBER: _ClassVar[int]
    response_code: EnvoyUInt32
    response_headers_bytes: int
    response_body_bytes: int
    response_headers: _containers.RepeatedCompositeFieldContainer[EnvoyPair]
    response_trailers: _containers.RepeatedCompositeFieldContainer[EnvoyPair]
    response_code_details: bytes
    upstream_header_bytes_received: int
    downstream_header_bytes_sent: int
    def __init__(self, response_code: _Optional[_Union[EnvoyUInt32, _Mapping]] = ..., response_headers_bytes: _Optional[int] = ..., response_body_bytes: _Optional[int] = ..., response_headers: _Optional[_Iterable[_Union[EnvoyPair, _Mapping]]] = ..., response_trailers: _Optional[_Iterable[_Union[EnvoyPair, _Mapping]]] = ..., response_code_details: _Optional[bytes] = ..., upstream_header_bytes_received: _Optional[int] = ..., downstream_header_bytes_sent: _Optional[int] = ...) -> None: ...

class NestedArray(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[NestedAny]
    def __init__(self, values: _Optional[_Iterable[_Union[NestedAny, _Mapping]]] = ...) -> None: ...

class NestedMap(_message.Message):
    __slots__ = ("values",)
    VALUES_FIELD_NUMBER: _ClassVar[int]
    values: _containers.RepeatedCompositeFieldContainer[NestedEntry]
    def __init__(self, values: _Optional[_Iterable[_Union[NestedEntry, _Mapping]]] = ...) -> None: ...

class NestedEntry(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: NestedAny
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[_Union[NestedAny, _Mapping]] = ...) -> None: ...

class NestedAny(_message.Message):
    __slots__ = ("string_value", "bool_value", "int_value", "double_value", "array_value", "kvlist_value", "bytes_value")
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    ARRAY_VALUE_FIELD_NUMBER: _ClassVar[int]
    KVLIST_VALUE_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    string_value: bytes
    bool_value: bool
    int_value: int
    double_value: float
    array_value: NestedArray
    kvlist_value: NestedMap
    bytes_value: bytes
    def __init__(self, string_value: _Optional[bytes] = ..., bool_value: _Optional[bool] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., array_value: _Optional[_Union[NestedArray, _Mapping]] = ..., kvlist_value: _Optional[_Union[NestedMap, _Mapping]] = ..., bytes_value: _Optional[bytes] = ...) -> None: ...

class ZipkinSpans(_message.Message):
    __slots__ = ("spans",)
    SPANS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[ZipkinSpan]
    def __init__(self, spans: _Optional[_Iterable[_Union[ZipkinSpan, _Mapping]]] = ...) -> None: ...

class ZipkinSpan(_message.Message):
    __slots__ = ("trace_id", "parent_id", "id", "kind", "name", "timestamp", "duration", "local_endpoint", "remote_endpoint", "annotations", "tags", "debug", "shared")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    LOCAL_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    REMOTE_ENDPOINT_FIELD_NUMBER: _ClassVar[int]
    ANNOTATIONS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DEBUG_FIELD_NUMBER: _ClassVar[int]
    SHARED_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    parent_id: bytes
    id: bytes
    kind: int
    name: bytes
    timestamp: int
    duration: int
    local_endpoint: ZipkinEndpoint
    remote_endpoint: ZipkinEndpoint
    annotations: _containers.RepeatedCompositeFieldContainer[ZipkinAnnotation]
    tags: _containers.RepeatedCompositeFieldContainer[ZipkinTag]
    debug: bool
    shared: bool
    def __init__(self, trace_id: _Optional[bytes] = ..., parent_id: _Optional[bytes] = ..., id: _Optional[bytes] = ..., kind: _Optional[int] = ..., name: _Optional[bytes] = ..., timestamp: _Optional[int] = ..., duration: _Optional[int] = ..., local_endpoint: _Optional[_Union[ZipkinEndpoint, _Mapping]] = ..., remote_endpoint: _Optional[_Union[ZipkinEndpoint, _Mapping]] = ..., annotations: _Optional[_Iterable[_Union[ZipkinAnnotation, _Mapping]]] = ..., tags: _Optional[_Iterable[_Union[ZipkinTag, _Mapping]]] = ..., debug: _Optional[bool] = ..., shared: _Optional[bool] = ...) -> None: ...

class ZipkinEndpoint(_message.Message):
    __slots__ = ("service_name", "ipv4", "ipv6", "port")
    SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    IPV4_FIELD_NUMBER: _ClassVar[int]
    IPV6_FIELD_NUMBER: _ClassVar[int]
    PORT_FIELD_NUMBER: _ClassVar[int]
    service_name: bytes
    ipv4: bytes
    ipv6: bytes
    port: int
    def __init__(self, service_name: _Optional[bytes] = ..., ipv4: _Optional[bytes] = ..., ipv6: _Optional[bytes] = ..., port: _Optional[int] = ...) -> None: ...

class ZipkinAnnotation(_message.Message):
    __slots__ = ("timestamp", "value")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    timestamp: int
    value: bytes
    def __init__(self, timestamp: _Optional[int] = ..., value: _Optional[bytes] = ...) -> None: ...

class ZipkinTag(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    value: bytes
    def __init__(self, key: _Optional[bytes] = ..., value: _Optional[bytes] = ...) -> None: ...

class JaegerSpans(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _containers.RepeatedCompositeFieldContainer[JaegerBatch]
    def __init__(self, batch: _Optional[_Iterable[_Union[JaegerBatch, _Mapping]]] = ...) -> None: ...

class JaegerBatch(_message.Message):
    __slots__ = ("spans", "process")
    SPANS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    spans: _containers.RepeatedCompositeFieldContainer[JaegerSpan]
    process: JaegerProcess
    def __init__(self, spans: _Optional[_Iterable[_Union[JaegerSpan, _Mapping]]] = ..., process: _Optional[_Union[JaegerProcess, _Mapping]] = ...) -> None: ...

class JaegerSpan(_message.Message):
    __slots__ = ("trace_id", "span_id", "operation_name", "references", "flags", "start_time", "duration", "tags", "logs", "process", "process_id", "warnings")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_NAME_FIELD_NUMBER: _ClassVar[int]
    REFERENCES_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    LOGS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: bytes
    operation_name: bytes
    references: _containers.RepeatedCompositeFieldContainer[JaegerRef]
    flags: int
    start_time: Timestamp
    duration: Timestamp
    tags: _containers.RepeatedCompositeFieldContainer[JaegerTag]
    logs: _containers.RepeatedCompositeFieldContainer[JaegerLog]
    process: JaegerProcess
    process_id: bytes
    warnings: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., operation_name: _Optional[bytes] = ..., references: _Optional[_Iterable[_Union[JaegerRef, _Mapping]]] = ..., flags: _Optional[int] = ..., start_time: _Optional[_Union[Timestamp, _Mapping]] = ..., duration: _Optional[_Union[Timestamp, _Mapping]] = ..., tags: _Optional[_Iterable[_Union[JaegerTag, _Mapping]]] = ..., logs: _Optional[_Iterable[_Union[JaegerLog, _Mapping]]] = ..., process: _Optional[_Union[JaegerProcess, _Mapping]] = ..., process_id: _Optional[bytes] = ..., warnings: _Optional[_Iterable[bytes]] = ...) -> None: ...

class JaegerRef(_message.Message):
    __slots__ = ("trace_id", "span_id", "ref_type")
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    SPAN_ID_FIELD_NUMBER: _ClassVar[int]
    REF_TYPE_FIELD_NUMBER: _ClassVar[int]
    trace_id: bytes
    span_id: bytes
    ref_type: int
    def __init__(self, trace_id: _Optional[bytes] = ..., span_id: _Optional[bytes] = ..., ref_type: _Optional[int] = ...) -> None: ...

class JaegerProcess(_message.Message):
    __slots__ = ("service_name", "tags")
    SERVICE_NAME_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    service_name: bytes
    tags: _containers.RepeatedCompositeFieldContainer[JaegerTag]
    def __init__(self, service_name: _Optional[bytes] = ..., tags: _Optional[_Iterable[_Union[JaegerTag, _Mapping]]] = ...) -> None: ...

class JaegerLog(_message.Message):
    __slots__ = ("timestamp", "fields")
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    timestamp: Timestamp
    fields: _containers.RepeatedCompositeFieldContainer[JaegerTag]
    def __init__(self, timestamp: _Optional[_Union[Timestamp, _Mapping]] = ..., fields: _Optional[_Iterable[_Union[JaegerTag, _Mapping]]] = ...) -> None: ...

class JaegerTag(_message.Message):
    __slots__ = ("key", "v_type", "v_str", "v_bool", "v_int64", "v_float64", "v_binary")
    KEY_FIELD_NUMBER: _ClassVar[int]
    V_TYPE_FIELD_NUMBER: _ClassVar[int]
    V_STR_FIELD_NUMBER: _ClassVar[int]
    V_BOOL_FIELD_NUMBER: _ClassVar[int]
    V_INT64_FIELD_NUMBER: _ClassVar[int]
    V_FLOAT64_FIELD_NUMBER: _ClassVar[int]
    V_BINARY_FIELD_NUMBER: _ClassVar[int]
    key: bytes
    v_type: int
    v_str: bytes
    v_bool: bool
    v_int64: int
    v_float64: float
    v_binary: bytes
    def __init__(self, key: _Optional[bytes] = ..., v_type: _Optional[int] = ..., v_str: _Optional[bytes] = ..., v_bool: _Optional[bool] = ..., v_int64: _Optional[int] = ..., v_float64: _Optional[float] = ..., v_binary: _Optional[bytes] = ...) -> None: ...
