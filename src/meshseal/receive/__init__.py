"""Floor 2: doors. Sockets, TLS, limits, decompression; bytes in and bytes out, no protocol."""
