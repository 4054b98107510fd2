import json

import pytest

from benchmarks.lib.corpus import Picture, corpus
from benchmarks.peers.plain import PlainModel


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    return corpus()


def test_the_plain_way_gives_the_verdict_of_the_service(client, hash_id, pictures):
    plain = PlainModel()
    for picture in pictures:
        body = picture.body(hash_id)
        ours = client.post("/liveness", content=body).json()["liveness_result"]
        theirs = plain.judge(json.loads(body)["selfie_image"])["liveness_result"]
        assert theirs["is_live"] == ours["is_live"] == 1, picture.name
        assert theirs["liveness_score"] == pytest.approx(ours["liveness_score"], abs=0.02), picture.name


def test_the_corpus_is_of_the_sizes_that_its_goals_name(pictures):
    sizes = {picture.name: len(picture.data) for picture in pictures}
    assert 225_000 <= sizes["jpeg-1280x960"] <= 260_000
    assert 1_400_000 <= sizes["jpeg-4032x3024"] <= 1_600_000
