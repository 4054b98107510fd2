"""Damage to the base64 text and its data URI (RFC 4648, RFC 2397)."""

import base64
import random


def sound(file: bytes) -> str:
    return base64.b64encode(file).decode()


def prefix(rng: random.Random, file: bytes) -> object:
    return rng.choice(
        (
            "data:image/jpeg;base64,",
            "data:image/png;base64,",
            "DATA:IMAGE/JPG;BASE64,",
            "data:;base64,",
            "data:image/jpeg;charset=utf-8;base64,",
            "data:image/svg+xml;base64,",
            "data:image/jpeg,",
            "data:image/jpeg;base64;base64,",
            "data:" + "x" * rng.choice((10, 230, 300, 60_000)) + ";base64,",
            "data:,;base64,",
            "data:image/jpeg;base64,data:image/jpeg;base64,",
            ";base64,",
            "\ufeffdata:image/jpeg;base64,",
            "file:///etc/passwd",
            "http://127.0.0.1:1/",
        )
    ) + sound(file)


def padding(rng: random.Random, file: bytes) -> object:
    return sound(file).rstrip("=") + rng.choice(("", "=", "==", "===", "====", "=a", "=\n="))


def white_space(rng: random.Random, file: bytes) -> object:
    text = sound(file)
    every = rng.choice((1, 4, 76, 1000))
    return rng.choice(("\n", "\r\n", " ", "\t", "\v", "\u00a0", "\u2028", "\0")).join(
        text[at : at + every] for at in range(0, len(text), every)
    )


def alphabet(rng: random.Random, file: bytes) -> object:
    text = sound(file)
    at = rng.randrange(len(text))
    odd = rng.choice(
        ("-", "_", "!", "\0", "\x7f", "é", "\u0430", "\U0001f600", "\ud800", "%2B", "\\n", "\uff0b", "\u0660")
    )
    return text[:at] + odd + text[at + 1 :]


def cut_short(rng: random.Random, file: bytes) -> object:
    text = sound(file)
    return text[: rng.randrange(len(text))]


def twice(rng: random.Random, file: bytes) -> object:
    return rng.choice((sound(sound(file).encode()), sound(file) * 2, sound(file)[::-1]))


def of_another_type(rng: random.Random, file: bytes) -> object:
    values = (
        None,
        True,
        0,
        -1,
        1e308,
        [],
        {},
        [sound(file)],
        {"selfie_image": sound(file)},
        "",
        " ",
        "\0",
        "null",
        "=",
    )
    return rng.choice(values)


MUTATIONS = (prefix, padding, white_space, alphabet, cut_short, twice, of_another_type)
