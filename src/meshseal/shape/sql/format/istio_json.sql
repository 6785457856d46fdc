-- Istio's and Consul's JSON access log: Envoy's fields by name. Numbers come as numbers or as
-- strings; what is unset is null, "-" or missing.
SELECT
    raw_row,
    JSONExtract(raw_row.Body, '$envoy_fields') AS fields,
    fields.start_time != '' OR fields.response_code != '' AS parsed
FROM raw
