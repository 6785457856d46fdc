"""Floor 14: the console, one page rendered by the server.

The state of the page is its address. The server renders all of it, so that it works without
JavaScript; htmx replaces parts of it, and a few modules under `static/` add the chart, completion,
the keyboard and the live mode. Nothing here speaks to the store but through `api.reading`.
"""
