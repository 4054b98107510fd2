"""The fuzzer by itself: `python -m tests.hostile --cases 200000 --seed 7`."""

import argparse
import collections
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.hostile.cases import picture_case
from tests.hostile.verdicts import examine, limits

CHUNK = 500


def fuzz(seed: int, start: int, count: int) -> tuple[int, float, list[str]]:
    """How many of these cases were accepted, the longest in seconds, and what was found."""
    accepted, longest_s, findings = 0, 0.0, []
    bounds = limits()
    for number in range(start, start + count):
        name, file = picture_case(seed, number)
        taken, took_s, finding = examine(file, bounds)
        accepted += taken
        longest_s = max(longest_s, took_s)
        if finding:
            findings.append(f"case {number} of seed {seed} ({name}): {finding.what}")
    return accepted, longest_s, findings


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--cases", type=int, default=200_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    began_s = time.monotonic()
    starts = range(0, given.cases, CHUNK)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(fuzz, [given.seed] * len(starts), starts, [CHUNK] * len(starts)))
    findings = [finding for _, _, found in results for finding in found]
    print(*findings[:200], sep="\n")
    kinds = collections.Counter(finding.partition("): ")[2] for finding in findings)
    print(*(f"{count:6d} × {what}" for what, count in kinds.most_common(20)), sep="\n")
    print(
        f"{len(starts) * CHUNK} cases in {time.monotonic() - began_s:.0f} s: {sum(r[0] for r in results)} accepted, "
        f"longest {max(r[1] for r in results):.2f} s, {len(findings)} findings"
    )
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
