"""Case number N of seed S: always the same picture file, whichever process asks."""

import random
from collections.abc import Callable
from functools import cache

from tests.hostile.mutations import jpeg, png, random_bytes
from tests.hostile.seeds import jpeg_seeds, png_seeds, small_picture

Mutation = Callable[[random.Random, bytes], bytes]


@cache
def seeds() -> tuple[list[bytes], list[bytes]]:
    picture = small_picture()
    return jpeg_seeds(picture), png_seeds(picture)


def picture_case(seed: int, number: int) -> tuple[str, bytes]:
    """The name of what was done, and the file: one to three mutations, of the structure and of the bytes."""
    rng = random.Random(f"{seed}:{number}")
    kind = rng.randrange(2)
    file = rng.choice(seeds()[kind])
    structural: tuple[Mutation, ...] = (jpeg.MUTATIONS, png.MUTATIONS)[kind]
    names = []
    first = rng.choice((*structural, rng.choice(random_bytes.MUTATIONS)))
    for mutation in (first, *rng.choices(random_bytes.MUTATIONS, k=rng.choice((0, 0, 0, 1, 2)))):
        if file:
            file = mutation(rng, file)
            names.append(mutation.__name__)
    return "+".join((("jpeg", "png")[kind], *names)), file
