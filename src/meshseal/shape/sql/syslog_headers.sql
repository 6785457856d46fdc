-- What syslog messages say of themselves before their text: RFC 5424, RFC 3164 and their relatives.
-- What fits no form stays in the text. `sent` is 0 where there is no time; `origin` and `facts` are
-- pairs of what produced the message and of the rest.
-- Sources: RFC 5424 section 6, RFC 3164 section 4; OpenTelemetry logs data model, appendices A and B.
SELECT
    *,
    if(priority < 0, ('', 0), (
        ['emerg', 'alert', 'crit', 'err', 'warning', 'notice', 'info', 'debug'][bitAnd(priority, 7) + 1],
        [21, 19, 18, 17, 13, 10, 9, 5][bitAnd(priority, 7) + 1])) AS severity,
    arrayFilter(pair -> pair.2 != '', [
        ('host.name', host),
        ('service.name', app),
        ('process.pid', if(match(process, '^[0-9]+$'), process, ''))]) AS origin,
    arrayConcat(
        arrayFilter(pair -> pair.2 != '', [
            ('syslog.facility', if(priority < 0, '', [
                'kern', 'user', 'mail', 'daemon', 'auth', 'syslog', 'lpr', 'news', 'uucp', 'cron', 'authpriv', 'ftp', 'ntp',
                'audit', 'alert', 'clock', 'local0', 'local1', 'local2', 'local3', 'local4', 'local5', 'local6', 'local7'
            ][bitShiftRight(priority, 3) + 1])),
            ('syslog.version', version),
            ('syslog.procid', if(match(process, '^[0-9]+$'), '', process)),
            ('syslog.msgid', message_id),
            ('syslog.timestamp', if(sent = 0, concat(stamp, zone), '')),
            ('meta.sequenceId', sequence)]),
        meshseal_structured_data(structured)) AS facts
FROM (
    SELECT
        *,
        if(modern, meshseal_nil(parts[1]), '') AS version,
        if(modern, meshseal_nil(parts[2]), dated[3]) AS stamp,
        if(modern, '', dated[4]) AS zone,
        if(modern, meshseal_nil(parts[3]), tagged[2]) AS host,
        if(modern, meshseal_nil(parts[4]), tagged[3]) AS app,
        if(modern, meshseal_nil(parts[5]), concat(tagged[4], tagged[5])) AS process,
        if(modern, meshseal_nil(parts[6]), '') AS message_id,
        if(modern, '', dated[2]) AS sequence,
        multiIf(
            stamp = '' OR zone NOT IN ('', ' UTC', ' GMT'), 0,
            match(stamp, '^[0-9]'), if(match(stamp, '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-2][0-9]:[0-5][0-9]:[0-6][0-9]([.][0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?$'), meshseal_time(stamp), 0),
            meshseal_bsd_time(stamp, ReceivedUnixNano)) AS sent,
        if(modern,
            if(startsWith(behind, '\xEF\xBB\xBF'), substring(behind, 4), behind),
            substring(after, length(dated[1]) + length(tagged[1]) + 1)) AS text
    FROM (
        SELECT
            *,
            -- The structured data, if it is well formed, and the text behind it.
            if(modern AND startsWith(parts[7], '['),
                extract(substring(after, head + 1), '^(?:\\[[^ =\\]"]+(?: +[^ =\\]"]+="(?:[^"\\\\]|(?s:\\\\.))*")* *\\])+'), '') AS structured,
            substring(after, head + 1 + if(parts[7] = '-', 1, length(structured))) AS spaced,
            if(startsWith(spaced, ' ') AND (structured != '' OR parts[7] = '-'), substring(spaced, 2), spaced) AS behind,
            if(modern OR priority < 0, [], extractGroups(after, '^((?:([0-9]{1,10}): )?[*.]?((?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) {1,2}[0-9]{1,2} (?:[0-9]{4} )?[0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)(?:( [A-Z]{1,5})?(?:: | :|:$)| |$))')) AS dated,
            multiIf(
                modern OR priority < 0, [],
                empty(dated), extractGroups(after, '^(()([A-Za-z_/][A-Za-z0-9_./-]{0,127})(?:\\[([^\\] ]*)\\])?:(?: |$))'),
                endsWith(trim(TRAILING ' ' FROM dated[1]), ':'), [],
                meshseal_bsd_tag(substring(after, length(dated[1]) + 1))) AS tagged
        FROM (
            SELECT
                *,
                if(priority < 0, message, substring(message, position(message, '>') + 1)) AS after,
                if(priority < 0, [], splitByChar(' ', after, 7)) AS parts,
                length(parts) = 7 AND match(parts[1], '^[1-9][0-9]{0,2}$') AND match(parts[2], '^(-|[0-9]{4}-[0-9]{2}-[0-9]{2}T)')
                    AND (parts[7] = '-' OR startsWith(parts[7], '[')) AND NOT has(parts, '') AS modern,
                arraySum(arrayMap(part -> length(part) + 1, arraySlice(parts, 1, 6))) AS head
            FROM (
                SELECT
                    * EXCEPT (syslog_messages_messages),
                    toUInt32(first_seq + position - 1) AS Seq,
                    toInt64(received_unix_nano) AS ReceivedUnixNano,
                    message,
                    if(match(message, '^<(0|[1-9][0-9]?|1[0-8][0-9]|19[01])>'),
                        toInt16(toUInt8OrZero(substring(message, 2, position(message, '>') - 2))), -1) AS priority
                FROM envelopes
                ARRAY JOIN
                    syslog_messages_messages AS message,
                    arrayEnumerate(syslog_messages_messages) AS position
            )
        )
    )
)
