"""Sends documents with whichever `elasticsearch` is on the path: run as a program of its own.

    python elastic_sender.py ADDRESS_FILE [CHUNK]

Reads one bulk operation a line from its input, as `elasticsearch.helpers` takes them, and sends
CHUNK of them at once, again and again until the server acknowledges. The server's address is read
from ADDRESS_FILE before every try. Prints how many were acknowledged so far after each chunk.
"""

from __future__ import annotations

import importlib
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

CHUNK = 500
TRIES = 600


def main() -> int:
    """Send everything."""
    elasticsearch: Any = importlib.import_module("elasticsearch")
    helpers: Any = importlib.import_module("elasticsearch.helpers")
    # Version 7 has one class for all errors, later ones have two.
    errors = (
        elasticsearch.TransportError,
        getattr(elasticsearch, "ApiError", elasticsearch.TransportError),
    )
    logging.disable()
    address = Path(sys.argv[1])
    size = int(sys.argv[2]) if len(sys.argv) > 2 else CHUNK
    operations = [json.loads(line) for line in sys.stdin]
    done = 0
    while done < len(operations):
        chunk = operations[done : done + size]
        for _ in range(TRIES):
            client = elasticsearch.Elasticsearch(address.read_text(), max_retries=0)
            try:
                stored, failed = helpers.bulk(
                    client, [dict(one) for one in chunk], chunk_size=size, request_timeout=30
                )
            except errors:
                time.sleep(0.1)
                continue
            finally:
                client.close()
            if (stored, failed) != (len(chunk), []):
                print("failed", failed, flush=True)
                return 1
            break
        else:
            print("gave up", flush=True)
            return 1
        done += len(chunk)
        print(done, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
