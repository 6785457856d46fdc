"""Floor 7: the store. One way to speak to it: ClickHouse's HTTP interface.

Embedded, what answers there is our own child process with the engine in it (`engine`, `face`);
in a cluster it is a ClickHouse server. Nothing above this floor can tell the difference.
"""
