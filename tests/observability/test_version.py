"""GET /version, where there is nothing to ask."""

import httpx

from tests.observability.conftest import Workers


def test_what_cannot_be_known_is_null(without_triton: Workers) -> None:
    """With no Triton there, and no model repository at hand."""
    answer = httpx.get(f"{without_triton.url}/version", timeout=20, trust_env=False).json()
    assert answer["model"] == {"name": "anti_spoof", "version": None, "sha256": None}
    assert answer["triton"] is None
    assert answer["service"]
