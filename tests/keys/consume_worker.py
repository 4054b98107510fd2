"""A process of its own that opens a home and consumes: URL DIGEST ATTEMPTS; prints how often it succeeded."""

import asyncio
import sys
from datetime import datetime, timezone

from frontend.errors import LimitReached
from frontend.keys.homes import key_store


async def main(url: str, digest: bytes, attempts: int) -> None:
    store = key_store(url, 30)
    await store.open()
    print("open", flush=True)
    sys.stdin.readline()
    now = datetime.now(timezone.utc)
    calls = (store.consume(digest, now) for _ in range(attempts))
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    await store.close()
    unexpected = [o for o in outcomes if o is not None and not isinstance(o, LimitReached)]
    print(unexpected or outcomes.count(None), flush=True)


asyncio.run(main(sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])))
