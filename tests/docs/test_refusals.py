"""Whatever a call may be refused with stands in the documentation, to the letter."""

import json

from frontend.errors import Abandoned
from frontend.routes.answers import FAULT, REFUSAL_MESSAGES, REFUSALS
from tests.docs.pages import ROOT


def test_contract_has_the_body_of_every_refusal() -> None:
    contract = (ROOT / "docs/contract.md").read_text()
    # Who went away reads no answer.
    sent = [FAULT, *(refusal for error, refusal in REFUSALS.items() if error is not Abandoned)]
    missing = [r.body for r in sent if f"| {r.status} | `{json.dumps(r.body)}` |" not in contract]
    assert missing == []


def test_reasons_have_their_messages() -> None:
    rows = [line for line in (ROOT / "docs/reasons.md").read_text().splitlines() if line.startswith("| `")]
    for reason, message in REFUSAL_MESSAGES.items():
        assert [row for row in rows if row.startswith(f"| `{reason.value}` |") and row.endswith(f"| `{message}` |")]
