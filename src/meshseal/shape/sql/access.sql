-- Functions of Meshseal's own access log. Every one is total.

-- The document of a record: its body, or its attributes where the body is a line for people. What a proxy
-- could not tell, which it writes as `-`, is empty there. (A quote inside a text stands behind a backslash.)
CREATE OR REPLACE FUNCTION meshseal_access_document AS (body, attributes) -> replaceAll(
    if(startsWith(body, '{'), body, toJSONString(meshseal_map(attributes))), ':"-"', ':""');

-- Seconds as NGINX writes them, `0.250`, of several the last, as milliseconds; '' for anything else.
CREATE OR REPLACE FUNCTION meshseal_seconds_as_milliseconds AS (text) -> if(
    match(text, '(^|[ ,:])[0-9]{1,9}[.][0-9]{3}$'),
    toString(toUInt64OrZero(replaceOne(substringIndex(text, ' ', -1), '.', ''))),
    '');

-- Whether an address is one of a network: no pipe, and no listener inside Envoy.
CREATE OR REPLACE FUNCTION meshseal_is_socket AS (address) -> NOT match(address, '^(-?$|/|@|unix:|envoy://)');

-- The number of a version of TLS as proxies name it: `TLSv1.3` -> `1.3`, `SSLv3` -> `3`.
CREATE OR REPLACE FUNCTION meshseal_tls_number AS (version) -> transform(
    version, ['TLSv1.3', 'TLSv1.2', 'TLSv1.1', 'TLSv1.0', 'TLSv1', 'SSLv3'], ['1.3', '1.2', '1.1', '1.0', '1.0', '3'], version);

-- The first SPIFFE id of a list of names, or ''.
CREATE OR REPLACE FUNCTION meshseal_spiffe_of AS (names) -> if(
    startsWith(names, 'spiffe://'), substringIndex(names, ',', 1), extract(names, ',(spiffe://[^,]*)'));

-- A time of a certificate as ISO 8601; what it cannot be read as stays as it is. Envoy writes ISO 8601,
-- NGINX `Nov 21 07:20:34 2026 GMT`, HAProxy `261121072034Z`.
CREATE OR REPLACE FUNCTION meshseal_certificate_time AS (text) -> multiIf(
    text IN ('', '-') OR substring(text, 5, 1) = '-', text,
    match(text, '^[0-9]{12}Z$'), replaceRegexpOne(
        text, '(..)(..)(..)(..)(..)(..)Z', if(text < '50', '20\\1-\\2-\\3T\\4:\\5:\\6.000Z', '19\\1-\\2-\\3T\\4:\\5:\\6.000Z')),
    match(text, '^[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} [0-9]{4} GMT$'),
        meshseal_iso_milliseconds(toUnixTimestamp64Nano(parseDateTime64BestEffortOrZero(
            replaceRegexpOne(text, '(...) (..) (.{8}) (.{4}) GMT', '\\2 \\1 \\4 \\3'), 9, 'UTC'))),
    text);

-- IANA's name of a TLS cipher suite from OpenSSL's; what has none stays as it is.
CREATE OR REPLACE FUNCTION meshseal_cipher_name AS (name) -> transform(
    name,
    ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
     'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-ECDSA-AES128-SHA', 'ECDHE-RSA-AES128-SHA',
     'ECDHE-ECDSA-AES256-SHA', 'ECDHE-RSA-AES256-SHA', 'AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'AES128-SHA', 'AES256-SHA', 'DES-CBC3-SHA',
     'DHE-RSA-AES128-GCM-SHA256', 'DHE-RSA-AES256-GCM-SHA384', 'DHE-RSA-CHACHA20-POLY1305'],
    ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
     'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
     'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256',
     'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA',
     'TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA',
     'TLS_RSA_WITH_AES_128_GCM_SHA256', 'TLS_RSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_AES_128_CBC_SHA', 'TLS_RSA_WITH_AES_256_CBC_SHA',
     'TLS_RSA_WITH_3DES_EDE_CBC_SHA', 'TLS_DHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_DHE_RSA_WITH_AES_256_GCM_SHA384',
     'TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
    name);

-- The name and the namespace of a service as Kuma has it: `cart_shop_svc_8080`, or a name alone.
CREATE OR REPLACE FUNCTION meshseal_kuma_service AS (text) ->
    if(position(text, '_svc_') = 0, [text, ''], splitByChar('_', text));

-- The service in a SPIFFE id of Consul, `spiffe://domain/ns/default/dc/dc1/svc/web`, or ''.
CREATE OR REPLACE FUNCTION meshseal_spiffe_service AS (id) -> extract(id, '^spiffe://.*/svc/([^/]+)$');
