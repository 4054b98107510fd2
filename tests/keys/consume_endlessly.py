"""A process of its own that consumes until it is killed: URL DIGEST; prints a dot after each success."""

import asyncio
import sys
from datetime import datetime, timezone

from frontend.keys.homes import key_store


async def main(url: str, digest: bytes) -> None:
    store = key_store(url, 5)
    await store.open()
    while True:
        await store.consume(digest, datetime.now(timezone.utc))
        print(".", end="", flush=True)


asyncio.run(main(sys.argv[1], bytes.fromhex(sys.argv[2])))
