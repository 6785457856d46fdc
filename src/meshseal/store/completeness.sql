SELECT
    Tenant,
    Source,
    Door,
    ServiceName,
    multiIf(
        ResourceAttributes['service.instance.id'] != '', ResourceAttributes['service.instance.id'],
        ResourceAttributes['k8s.pod.name'] != '', ResourceAttributes['k8s.pod.name'],
        ResourceAttributes['host.name']
    ) AS Instance,
    count() AS Records,
    {bytes} AS Bytes,
    {lost} AS Lost,
    toUnixTimestamp64Nano(min(Timestamp)) AS FirstEvent,
    toUnixTimestamp64Nano(max(Timestamp)) AS LastEvent
FROM {stage}
GROUP BY Tenant, Source, Door, ServiceName, Instance
