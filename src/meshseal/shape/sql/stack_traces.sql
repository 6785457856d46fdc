-- Exceptions with their stack traces, as programs write them into the text of a record. Every function is
-- total, and each gives (type, message, trace), empty where there is none.

CREATE OR REPLACE FUNCTION meshseal_stack_trace AS (text) -> multiIf(
    position(text, '\n') = 0, ('', '', ''),
    position(text, 'Traceback (most recent call last):') > 0, meshseal_python_trace(text),
    position(text, '\ngoroutine ') > 0, meshseal_go_trace(text),
    match(text, '\\n[\\t ]+at '), meshseal_frames_trace(text),
    ('', '', ''));

-- Python: what the last traceback ends with is what was raised, for those before it are its causes. The
-- lines of a traceback are indented.
CREATE OR REPLACE FUNCTION meshseal_python_trace AS (text) -> arrayMap(
    ending -> (
        substringIndex(substringIndex(ending, '\n', 1), ':', 1),
        if(position(ending, ': ') > 0, trim(TRAILING '\n' FROM substring(ending, position(ending, ': ') + 2)), ''),
        substring(text, position(text, 'Traceback (most recent call last):'))),
    [extract(
        arrayElement(splitByString('Traceback (most recent call last):\n', text), -1),
        '(?s)^(?:[ \\t][^\\n]*(?:\\n|$)|\\n)*([A-Za-z_].*)$')])[1];

-- Go: `panic: text` or `fatal error: text`, and behind it the goroutines.
CREATE OR REPLACE FUNCTION meshseal_go_trace AS (text) -> arrayMap(
    found -> if(
        empty(found), ('', '', ''),
        (
            multiIf(found[1] = 'fatal error', found[1], startsWith(found[2], 'runtime error: '), 'runtime.Error', found[1]),
            trim(BOTH '\n ' FROM found[2]),
            substring(text, position(text, concat(found[1], ': ', found[2]))))),
    [extractGroups(text, '(?:^|\\n)(panic|fatal error): ((?s).*?)\\n(?:\\n|\\[signal [^\\n]*\\n)*goroutine ')])[1];

-- Java, Node, .NET: `type: text`, and behind it lines that begin with `at`. A type is a qualified name at
-- the beginning of a line, or ends as exceptions do.
CREATE OR REPLACE FUNCTION meshseal_frames_trace AS (text) -> arrayMap(
    found -> if(
        empty(found), ('', '', ''),
        (
            concat(found[2], found[3]),
            trim(BOTH '\n' FROM found[4]),
            substring(text, position(text, trim(LEADING '\n\t :' FROM found[1]))))),
    [extractGroups(text, '((?:(?:^|\\n)(?:Exception in thread "[^"\\n]*" |Unhandled exception[.:] |Uncaught |Caused by: )?((?:[A-Za-z_$][A-Za-z0-9_$`]*[.+])+[A-Za-z_$][A-Za-z0-9_$`]*)|(?:^|[\\n :\\t])((?:[A-Za-z_$][A-Za-z0-9_$.]*)?(?:Error|Exception|Throwable)))(?: \\[[A-Z0-9_]+\\])?(?:: ((?s:.*?)))?(?:\\n[\\t ]+---> [^\\n]*)*\\n[\\t ]+at )')])[1];
