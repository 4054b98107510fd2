"""Where the service's log goes."""

import logging
import sys


def start_logging(level: str) -> None:
    """Log to stderr, one line a record; a second call in the same process changes nothing."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("pymongo").setLevel(logging.WARNING)  # at "debug" it prints commands, with digests of hash_ids
