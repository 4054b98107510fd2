"""What is held back can be evaluated by the service's own command."""

from pathlib import Path

from frontend.evaluation.manifest import read_manifest
from frontend.evaluation.samples import Sample
from training.manifest import write_manifest


def test_a_written_manifest_reads_as_what_was_written(tmp_path, monkeypatch):
    for name in ("a, b.jpg", "c.jpg"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    faces = [
        Sample(Path("a, b.jpg"), "a, b.jpg", "bona_fide", "", "s1", "1", "one", "front", "train"),
        Sample(tmp_path / "c.jpg", "c.jpg", "attack", "print", source="ö"),
    ]
    (tmp_path / "elsewhere").mkdir()
    write_manifest(tmp_path / "elsewhere" / "m.csv", faces)
    read = read_manifest(tmp_path / "elsewhere" / "m.csv", renamed={}, ignored=(), splits=())
    assert [(s.path, s.label, s.attack_type, s.subject, s.source, s.camera, s.split) for s in read] == [
        (tmp_path / "a, b.jpg", "bona_fide", "", "s1", "one", "front", "train"),
        (tmp_path / "c.jpg", "attack", "print", "", "ö", "", ""),
    ]
    assert not list((tmp_path / "elsewhere").glob("*.part"))
