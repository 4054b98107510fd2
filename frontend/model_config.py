"""Changes to a model's `config.pbtxt` that leave everything else in it, comments included, as it is."""

import re

from frontend.errors import StartRefused

_COUNT = re.compile(r"(\binstance_group\s*\[[^\]]*?\bcount\s*:\s*)\d+")
_THREADS = re.compile(r'(\bkey\s*:\s*"intra_op_thread_count"\s*value\s*:?\s*\{\s*string_value\s*:\s*")\d+(")')


def with_instances(config: str, instances: int, threads: int) -> str:
    """The text with this many instances of the model, each with this many threads; StartRefused if it sets neither."""
    return _replaced(_THREADS, _replaced(_COUNT, config, rf"\g<1>{instances}"), rf"\g<1>{threads}\g<2>")


def instances_in(config: str) -> tuple[int, int]:
    """Instances of the model and threads of each, as the text sets them; StartRefused if it does not."""
    return _number(_COUNT, config), _number(_THREADS, config)


def _replaced(pattern: re.Pattern[str], config: str, replacement: str) -> str:
    changed, found = pattern.subn(replacement, config)
    if found != 1:
        raise _unusual()
    return changed


def _number(pattern: re.Pattern[str], config: str) -> int:
    if (match := pattern.search(config)) is None:
        raise _unusual()
    return int("".join(filter(str.isdigit, match[0].removeprefix(match[1]))))


def _unusual() -> StartRefused:
    return StartRefused("config.pbtxt must set one instance_group with a count, and intra_op_thread_count, once each")
