"""Damage to the request's body (RFC 8259, JSON)."""

import json
import random

from tests.hostile.mutations import random_bytes
from tests.hostile.mutations.base64_text import sound

ODD_TEXTS = (
    "",
    " ",
    "\0",
    "\x00" * 100,
    "\x1b[31m",
    "\r\nX-Injected: 1",
    "\u202e\u2066",
    "\ud800",
    "\ud83d\ude00",
    "\ufeff",
    "\uffff",
    "é" * 64,
    "e\u0301" * 64,
    "\u0663" * 64,
    "' OR 1=1 --",
    '{"$ne": null}',
    "${jndi:ldap://127.0.0.1/a}",
    "%n%s%x",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "a" * 100_000,
)
ODD_VALUES = (None, True, False, 0, -0.0, 1e400, 10**400, [], {}, {"$ne": None}, {"$gt": ""}, ["a"], [[[[]]]])


def sound_body(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    return json.dumps({"hash_id": hash_id, "selfie_image": sound(file)}).encode()


def odd_hash_id(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    value = rng.choice((*ODD_TEXTS, *ODD_VALUES, hash_id.upper(), hash_id + " ", hash_id[:-1], hash_id + "\0"))
    return json.dumps({"hash_id": value, "selfie_image": sound(file)}).encode()


def odd_image(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    return json.dumps({"hash_id": hash_id, "selfie_image": rng.choice((*ODD_TEXTS, *ODD_VALUES))}).encode()


def odd_names(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    body = {"hash_id": hash_id, "selfie_image": sound(file)}
    for _ in range(rng.choice((1, 3, 200))):
        body[rng.choice(ODD_TEXTS) + str(rng.randrange(1000))] = rng.choice(ODD_TEXTS[:-1])
    if rng.random() < 0.5:
        body.pop(rng.choice(("hash_id", "selfie_image")))
    return json.dumps(body).encode()


def names_twice(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    pairs = [
        ("hash_id", hash_id),
        ("hash_id", "x"),
        ("selfie_image", sound(file)),
        ("selfie_image", ""),
        ("__proto__", 1),
    ]
    rng.shuffle(pairs)
    return ("{" + ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in pairs) + "}").encode()


def no_object(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    depth = rng.choice((10, 199, 201, 5_000, 100_000))
    return rng.choice(
        (
            b"",
            b" \n",
            b"null",
            b"[]",
            b'"' + hash_id.encode() + b'"',
            b"NaN",
            b"-",
            b"1" * 100_000,
            b"1e" + b"9" * 1000,
            b"[" * depth,
            b'{"hash_id":' * depth,
            b'{"a":' * depth + b"1" + b"}" * depth,
            b"hash_id=" + hash_id.encode(),
            b'--x\r\nContent-Disposition: form-data; name="hash_id"\r\n\r\n' + hash_id.encode() + b"\r\n--x--",
            file,
        )
    )


def encodings(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    text = sound_body(rng, hash_id, file).decode()
    return rng.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-32"),
            b"\xef\xbb\xbf" + text.encode(),
            text.encode() + b"\0",
            text.encode().replace(b"hash_id", b"hash\\u005fid"),
            text.encode().replace(b'"hash_id"', b'"hash_id\xff"'),
            text.encode().replace(b": ", b":\x0c"),
            text.encode() + text.encode(),
            b'{"hash_id": "\xc0\x80\xed\xa0\x80"}',
            rb'{"hash_id": "\ud800", "selfie_image": "\udfff"}',
            rb'{"hash_id": "\u00"}',
            b'{"hash_id": "\x01"}',
        )
    )


def damaged(rng: random.Random, hash_id: str, file: bytes) -> bytes:
    return rng.choice(random_bytes.MUTATIONS)(rng, sound_body(rng, hash_id, file))


MUTATIONS = (sound_body, odd_hash_id, odd_image, odd_names, names_twice, no_object, encodings, damaged)
