"""The health check of a frontend in a swarm: ready once, and from then on merely alive.

Swarm ends a task that is not healthy. A new frontend is to be ready before it replaces an old one, but one that has
judged is not to be ended because the database is away: it will judge again without a restart. Standard library only.
"""

import http.client
import sys
from pathlib import Path

HAS_BEEN_READY = Path("/tmp/has-been-ready")  # noqa: S108  a file system of the container's own, empty at each start


def main() -> int:
    """The exit status that Docker asks for."""
    path = "/healthz" if HAS_BEEN_READY.exists() else "/readyz"
    connection = http.client.HTTPConnection("127.0.0.1", 5001, timeout=8)
    connection.request("GET", path)
    answer = connection.getresponse()
    print(path, answer.status, answer.read().decode()[:300])
    if answer.status != http.client.OK:
        return 1
    HAS_BEEN_READY.touch()
    return 0


if __name__ == "__main__":
    sys.exit(main())
