-- The distinct values of any kind in Envoy's entries, for `meshseal.shape.wellknown` to make text of.
SELECT DISTINCT arrayJoin(arrayConcat(
    arrayMap(pair -> concat('y', pair.value), common_properties.filter_state_objects),
    if(common_properties.metadata = '', [], [concat('e', common_properties.metadata)])))
FROM (
    SELECT arrayJoin(arrayConcat(envoy_als_http_logs_log_entry, envoy_als_tcp_logs_log_entry)).common_properties AS common_properties
    FROM envelopes
)
