"""Plain proxies: NGINX, HAProxy, Traefik."""

from __future__ import annotations

from meshseal.shape.families.format import Format

_MONTH = "[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2}"
# What it begins with is no host but a date, that of a syslog message around the line.
_IN_SYSLOG = "match(line, '^[A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} ')"
_CLF = (
    rf"match(line, '^[^ <{{\\[\"]+ [^ ]+ [^\"]*\\[{_MONTH} [+-][0-9]{{4}}\\] \"') "
    f"AND NOT {_IN_SYSLOG}"
)
_CLF_TELLING = ('0] "', '5] "')
"""Every zone's offset ends so."""

_HAPROXY = rf"match(line, '^[^ ]+:[0-9]+ \\[{_MONTH}[.][0-9]{{3}}\\] "
_HAPROXY_STARTS = "0123456789abcdefABCDEF:u"
_TIMERS = r"[^ ]+ [^ ]+/[^ ]+ (-?[0-9]+/){4}[+]?-?[0-9]+ "

FORMATS: tuple[Format, ...] = (
    Format(
        name="traefik_clf",
        check=f"endsWith(line, 'ms') AND match(line, '\" [0-9]+ms$') AND {_CLF}",
        files=("traefik_clf", "proxy_access"),
        closed=True,
        mesh=True,
        title="Traefik access log, common log format",
        telling=_CLF_TELLING,
    ),
    Format(
        name="ingress_nginx",
        check=rf"match(line, '\" [0-9]+ [0-9.]+ \\[[^\\]]*\\] ') AND {_CLF}",
        files=("ingress_nginx", "proxy_access"),
        closed=True,
        mesh=True,
        title="ingress-nginx access log",
        telling=_CLF_TELLING,
    ),
    Format(
        name="nginx_combined",
        check=_CLF,
        files=("nginx_combined", "proxy_access"),
        closed=True,
        mesh=True,
        title="Common and combined log format: NGINX, Apache httpd",
        telling=_CLF_TELLING,
    ),
    Format(
        name="traefik_json",
        check="startsWith(line, '{') AND position(line, '\"DownstreamStatus\"') > 0 "
        "AND position(line, '\"Duration\"') > 0",
        files=("traefik_json", "proxy_access"),
        closed=True,
        mesh=True,
        title="Traefik access log, JSON",
        telling=('"DownstreamStatus"',),
        extra=True,
        silent=True,
    ),
    Format(
        name="nginx_error",
        check=r"match(line, '^[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} \\[[a-z]+\\] "
        "[0-9]+#[0-9]+: ')",
        files=("nginx_error",),
        closed=True,
        mesh=True,
        title="NGINX error log",
        starts="0123456789",
    ),
    Format(
        name="haproxy_https",
        check=rf"{_HAPROXY}{_TIMERS}.*\" [0-9-]+/[^ /]*/[^ /]*/[^ /]*/[01-] [^ ]*/[^ /]+/[^ /]+$')",
        files=("haproxy_http", "haproxy_tls", "proxy_access"),
        closed=True,
        mesh=True,
        title="HAProxy HTTPS log",
        starts=_HAPROXY_STARTS,
    ),
    Format(
        name="haproxy_http",
        check=f"{_HAPROXY}{_TIMERS}.* \"')",
        files=("haproxy_http", "proxy_access"),
        closed=True,
        mesh=True,
        title="HAProxy HTTP log",
        starts=_HAPROXY_STARTS,
    ),
    Format(
        name="haproxy_tcp",
        check=f"{_HAPROXY}[^ ]+(: |/[^ ]+: | [^ ]+/[^ ]+ -?[0-9]+/-?[0-9]+/[+]?-?[0-9]+ )')",
        files=("haproxy_tcp", "proxy_access"),
        closed=True,
        mesh=True,
        title="HAProxy TCP log, and connections that failed",
        starts=_HAPROXY_STARTS,
    ),
)
