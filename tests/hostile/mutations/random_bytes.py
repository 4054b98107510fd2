"""Damage that knows nothing of a file's structure."""

import random


def flip_bits(rng: random.Random, file: bytes) -> bytes:
    damaged = bytearray(file)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut_short(rng: random.Random, file: bytes) -> bytes:
    return file[: rng.randrange(len(file))]


def lose_a_piece(rng: random.Random, file: bytes) -> bytes:
    start = rng.randrange(len(file))
    return file[:start] + file[start + rng.choice((1, 2, 7, 300)) :]


def repeat_a_piece(rng: random.Random, file: bytes) -> bytes:
    start = rng.randrange(len(file))
    end = start + rng.choice((1, 4, 50, 1000))
    return file[:end] + file[start:end] * rng.choice((1, 3, 40)) + file[end:]


def insert_noise(rng: random.Random, file: bytes) -> bytes:
    at = rng.randrange(len(file))
    return file[:at] + rng.randbytes(rng.choice((1, 3, 20, 500))) + file[at:]


def fill_a_piece(rng: random.Random, file: bytes) -> bytes:
    start = rng.randrange(len(file))
    size = rng.choice((1, 2, 4, 60))
    return file[:start] + bytes([rng.choice((0x00, 0x7F, 0x80, 0xFF))]) * size + file[start + size :]


def append(rng: random.Random, file: bytes) -> bytes:
    return file + rng.choice((b"\0" * 1000, rng.randbytes(100), file, b"<?php ?>", b"PK\3\4"))


MUTATIONS = (flip_bits, cut_short, lose_a_piece, repeat_a_piece, insert_noise, fill_a_piece, append)
