-- Functions of Envoy's access log service. Every one is total.

-- An entry has no text in which a format could be recognised.
CREATE OR REPLACE FUNCTION meshseal_recognise_envoy_als AS (line, hint) -> 'envoy_als';

-- An `envoy.config.core.v3.Address` as Envoy writes it: 'host:port', '[v6]:port', a path or
-- 'envoy://listener/endpoint'.
CREATE OR REPLACE FUNCTION meshseal_envoy_address AS (address) -> multiIf(
    address.socket_address_address != '', concat(
        if(position(address.socket_address_address, ':') = 0, address.socket_address_address,
            concat('[', address.socket_address_address, ']')),
        multiIf(
            address.socket_address_port_value != 0, concat(':', toString(address.socket_address_port_value)),
            address.socket_address_named_port != '', concat(':', address.socket_address_named_port), '')),
    address.pipe_path != '', address.pipe_path,
    address.envoy_internal_address_server_listener_name != '',
        concat('envoy://', address.envoy_internal_address_server_listener_name, '/', address.envoy_internal_address_endpoint_id),
    '');

-- A google.protobuf.Duration in milliseconds; '' where there is none, and what is none as it stands.
CREATE OR REPLACE FUNCTION meshseal_envoy_duration AS (duration) -> multiIf(
    duration.seconds = 0 AND duration.nanos = 0, '',
    duration.seconds BETWEEN 0 AND 999999999 AND duration.nanos BETWEEN 0 AND 999999999,
        meshseal_milliseconds(toUInt64(duration.seconds * 1000000000 + duration.nanos)),
    concat(toString(duration.seconds), 's', toString(duration.nanos), 'ns'));

-- The bytes of a ResponseFlags as Envoy's short names; a flag of a later Envoy as its field number.
-- Every flag is a tag and a true, and the thirteenth is a message of its own.
-- Source: envoyproxy/envoy, source/extensions/access_loggers/grpc/grpc_access_log_utils.cc
CREATE OR REPLACE FUNCTION meshseal_envoy_flags AS (encoded) -> if(encoded = '', '', arrayStringConcat(
    arrayMap(
        token -> if(startsWith(token, '6A'), 'UAEX', transform(
            substring(token, 1, length(token) - 2),
            ['08', '10', '18', '20', '28', '30', '38', '40', '48', '50', '58', '60', '70', '78',
             '8001', '8801', '9001', '9801', 'A001', 'A801', 'B001', 'B801', 'C001', 'C801', 'D001', 'D801', 'E001'],
            ['LH', 'UH', 'UT', 'LR', 'UR', 'UF', 'UC', 'UO', 'NR', 'DI', 'FI', 'RL', 'RLSE', 'DC',
             'URX', 'SI', 'IH', 'DPE', 'UMSDR', 'RFCF', 'NFCF', 'DT', 'UPE', 'NC', 'OM', 'DF', 'DR'],
            concat('flag', toString(if(length(token) = 4,
                intDiv(reinterpretAsUInt8(unhex(substring(token, 1, 2))), 8),
                intDiv(reinterpretAsUInt8(unhex(substring(token, 1, 2))) % 128, 8)
                    + 16 * reinterpretAsUInt8(unhex(substring(token, 3, 2)))))))),
        arrayFilter(
            token -> startsWith(token, '6A0') OR (length(token) > 2 AND endsWith(token, '1')),
            extractAll(hex(encoded), '6A00|6A0208[0-9A-F]{2}|[0-7][08]0[01]|[89A-F][08][0-7][0-9A-F]0[01]|[0-9A-F]{2}'))),
    ','));

-- The first SPIFFE id among a certificate's names, or ''.
CREATE OR REPLACE FUNCTION meshseal_spiffe AS (names) ->
    arrayFirst(uri -> startsWith(uri, 'spiffe://'), names.uri);

-- A certificate's names in one text.
CREATE OR REPLACE FUNCTION meshseal_names AS (names) -> arrayStringConcat(
    arrayFilter(name -> name != '', arrayConcat(names.uri, names.dns)), ',');

-- When in the life of a request or a connection an entry was made.
CREATE OR REPLACE FUNCTION meshseal_access_log_type AS (number) -> transform(
    number, range(0, 14),
    ['', 'TcpUpstreamConnected', 'TcpPeriodic', 'TcpConnectionEnd', 'DownstreamStart', 'DownstreamPeriodic',
     'DownstreamEnd', 'UpstreamPoolReady', 'UpstreamPeriodic', 'UpstreamEnd',
     'DownstreamTunnelSuccessfullyEstablished', 'UdpTunnelUpstreamConnected', 'UdpPeriodic', 'UdpSessionEnd'],
    toString(number));

-- The name of a TLS cipher suite; the number of one that Envoy does not offer.
-- Source: IANA, TLS Cipher Suites.
CREATE OR REPLACE FUNCTION meshseal_cipher AS (number) -> if(number = 0, '', transform(
    number,
    [0x1301, 0x1302, 0x1303, 0xC02B, 0xC02F, 0xC02C, 0xC030, 0xCCA9, 0xCCA8, 0xC009, 0xC013, 0xC00A, 0xC014,
     0x009C, 0x009D, 0x002F, 0x0035, 0x000A, 0xC035, 0xC036, 0xCCAC, 0x008C, 0x008D],
    ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
     'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
     'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
     'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
     'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
     'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
     'TLS_RSA_WITH_AES_128_GCM_SHA256', 'TLS_RSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_AES_128_CBC_SHA',
     'TLS_RSA_WITH_AES_256_CBC_SHA', 'TLS_RSA_WITH_3DES_EDE_CBC_SHA', 'TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA',
     'TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA', 'TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256',
     'TLS_PSK_WITH_AES_128_CBC_SHA', 'TLS_PSK_WITH_AES_256_CBC_SHA'],
    concat('0x', hex(toUInt16(number)))));

-- A time as Envoy writes it, in milliseconds.
CREATE OR REPLACE FUNCTION meshseal_iso_milliseconds AS (unix_nano) -> concat(
    replaceOne(toString(fromUnixTimestamp64Milli(intDiv(unix_nano, 1000000), 'UTC')), ' ', 'T'), 'Z');

-- What a trace's headers say: its id, the span's, and the flags of `traceparent`.
-- Source: W3C Trace Context; openzipkin/b3-propagation
CREATE OR REPLACE FUNCTION meshseal_trace AS (headers) -> multiIf(
    empty(headers), [],
    meshseal_value(headers, 'traceparent') != '',
        arraySlice(splitByChar('-', meshseal_value(headers, 'traceparent')), 2, 3),
    position(meshseal_value(headers, 'b3'), '-') > 0,
        arraySlice(splitByChar('-', meshseal_value(headers, 'b3')), 1, 2),
    [meshseal_value(headers, 'x-b3-traceid'), meshseal_value(headers, 'x-b3-spanid')]);

-- The pairs of Metadata's text: one for each filter, its name behind a dot. What is no object is one.
CREATE OR REPLACE FUNCTION meshseal_envoy_metadata AS (text) -> if(
    startsWith(text, '{'),
    arrayMap(
        pair -> (concat('envoy.metadata.', tupleElement(pair, 1)), meshseal_json_scalar(tupleElement(pair, 2))),
        JSONExtractKeysAndValuesRaw(text)),
    [('envoy.metadata', text)]);

-- A custom tag as an attribute. What `meshseal mesh config` has Envoy say of TLS to the upstream is, of an
-- outbound proxy, the connection that its entry speaks of.
CREATE OR REPLACE FUNCTION meshseal_envoy_tag AS (key, value, outbound) -> (
    multiIf(
        NOT startsWith(key, 'mesh'), key,
        key = 'meshseal', 'mesh.kind',
        NOT outbound, key,
        key IN ('mesh.upstream.spiffe_id', 'mesh.upstream.local_spiffe_id') AND meshseal_spiffe_of(value) = value, '',
        transform(key, ['mesh.upstream.tls_version', 'mesh.upstream.tls_cipher', 'mesh.upstream.tls_subject'],
            ['tls.protocol.version', 'tls.cipher', 'tls.server.subject'], key)),
    multiIf(
        key = 'mesh.upstream.tls_version', meshseal_tls_number(value),
        key = 'mesh.upstream.tls_cipher', meshseal_cipher_name(value),
        key = 'meshseal', 'envoy',
        value));

-- The first text of several that is not empty, or ''.
CREATE OR REPLACE FUNCTION meshseal_first_text AS (texts) -> arrayFirst(text -> text != '', texts);

-- A text as a JSON string.
CREATE OR REPLACE FUNCTION meshseal_json_text AS (text) -> replaceAll(toJSONString(text), '\\/', '/');

-- Names and values as a JSON object, without those that have no value; `numbers` stand unquoted.
CREATE OR REPLACE FUNCTION meshseal_json_line AS (names, values, numbers) -> concat('{', arrayStringConcat(
    arrayFilter(member -> member != '', arrayMap(
        (name, value) -> if(value = '', '', concat('"', name, '":', if(
            has(numbers, name) AND match(value, '^(0|[1-9][0-9]*)([.][0-9]+)?$'), value, meshseal_json_text(value)))),
        names, values)),
    ','), '}');
