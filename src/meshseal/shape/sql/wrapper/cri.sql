-- A line of a container's log as the kubelet reads it: time, stream, whether the line is whole, text.
-- The time is when the line was read from the container. It is the record's observed time, from
-- which its text can be had back; or else it stays as text.
-- Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md; containerd's writer
SELECT
    * REPLACE (
        if(is_observed, nanos, ObservedUnixNano) AS ObservedUnixNano,
        substring(Body, length(parts[1]) + length(parts[2]) + 5) AS Body,
        meshseal_wrapped(Attributes, [
            ('log.wrapper', 'cri'),
            ('log.iostream', parts[2]),
            ('log.partial', if(parts[3] = 'P', 'true', '')),
            ('log.timestamp', if(is_observed AND meshseal_rfc3339(nanos) = parts[1], '', parts[1]))], Body, true) AS Attributes)
FROM (
    SELECT
        *,
        meshseal_time(parts[1]) AS nanos,
        nanos != 0 AND ObservedUnixNano = ReceivedUnixNano AS is_observed
    FROM (
        SELECT
            *,
            splitByChar(' ', Body, 4) AS parts
        FROM raw
    )
)
