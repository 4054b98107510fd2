"""What folders and manifests say, and what is refused in them, by name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from frontend.errors import InvalidImageSet
from frontend.evaluation.folder import read_folder
from frontend.evaluation.manifest import read_manifest
from frontend.evaluation.samples import require_both_classes


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


@contextmanager
def as_nobody() -> Iterator[None]:
    """Without root's power to read what is closed."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)


def manifest(folder: Path, *lines: str, **options: object) -> list[tuple[str, str, str]]:
    (folder / "m.csv").write_text("\n".join(lines))
    given = {"renamed": {}, "ignored": [], "splits": []} | options
    return [(s.name, s.label, s.attack_type) for s in read_manifest(folder / "m.csv", **given)]  # type: ignore[arg-type]


def test_folders_are_labels_and_attack_types(tmp_path: Path) -> None:
    touch(tmp_path, "live/a.jpg", "bona_fide/sub/b.PNG", "spoof/print/s1/c.jpeg", "attack/d.jpg", "noface/e.png")
    touch(tmp_path, "notes.txt", ".hidden/f.jpg", "live/.DS_Store")
    assert [(s.name, s.label, s.attack_type) for s in read_folder(tmp_path)] == [
        ("attack/d.jpg", "attack", "unspecified"),
        ("bona_fide/sub/b.PNG", "bona_fide", ""),
        ("live/a.jpg", "bona_fide", ""),
        ("noface/e.png", "no_face", ""),
        ("spoof/print/s1/c.jpeg", "attack", "print"),
    ]


def test_folders_by_links_and_names_of_any_bytes(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.jpg", os.fsdecode(b"pictures/spoof/pr\xe9/b\xe9.jpg"), "pictures/spoof/pr\u00e9/b.jpg")
    (tmp_path / "pictures/live").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "pictures/live/.#lock").symlink_to("nowhere")  # as editors make them
    assert [(s.name, s.attack_type) for s in read_folder(tmp_path / "pictures")] == [
        ("live/a.jpg", ""),
        ("spoof/pr\u00e9/b.jpg", "pr\u00e9"),
        (r"spoof/pr\xe9/b\xe9.jpg", r"pr\xe9"),
    ]


@pytest.mark.parametrize(
    ("link", "target", "words"),
    [
        ("live/b.jpg", "nowhere", r"cannot read .*live/b\.jpg: No such file"),
        ("spoof/phone", "/nowhere/phone", r"cannot read .*spoof/phone: No such file"),
        ("live/round", "..", r"cannot read .*live/round: Too many levels of symbolic links"),
        ("live/pipe.jpg", "/dev/null", r"no PNG or JPEG in .*live/pipe\.jpg"),
    ],
)
def test_links_that_lead_to_no_picture_are_refused(tmp_path: Path, link: str, target: str, words: str) -> None:
    touch(tmp_path, "live/a.jpg", "spoof/print/a.jpg")
    (tmp_path / link).symlink_to(target)
    with pytest.raises(InvalidImageSet, match=words):
        read_folder(tmp_path)


def test_folder_that_cannot_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "live/a.jpg", "spoof/print/a.jpg", "spoof/phone/a.jpg", ".hidden/a.jpg")
    closed = (tmp_path / "spoof/phone", tmp_path / ".hidden")
    for folder in closed:
        folder.chmod(0)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # nobody may not get here from the root
    with as_nobody(), pytest.raises(InvalidImageSet, match=r"cannot read \./spoof/phone: Permission denied"):
        read_folder(Path())
    for folder in closed:
        folder.chmod(0o700)  # so that whoever is not root can clean up


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["live/a.jpg", "lvie/b.jpg", "c.jpg"], r"unlabelled .*c\.jpg, lvie/b\.jpg; put pictures into live/"),
        (["live/a.jpg", "live/b.heic"], r"no PNG or JPEG in .*live/b\.heic; convert or remove"),
        (["notes.txt"], r"no PNG or JPEG file"),
    ],
)
def test_folders_that_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    touch(tmp_path, *names)
    with pytest.raises(InvalidImageSet, match=words):
        read_folder(tmp_path)


def test_manifest_with_other_columns_and_splits(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    lines = ("file,label,pai,split,width", "a.jpg,live,none,val,3", "b.jpg,Spoof,print,val,3", "c.jpg,attack,,train,3")
    options = {"renamed": {"file": "path", "pai": "attack_type"}, "ignored": ["width"]}
    assert manifest(tmp_path, *lines, **options, splits=["val"]) == [
        ("a.jpg", "bona_fide", ""),
        ("b.jpg", "attack", "print"),
    ]
    assert manifest(tmp_path, *lines, **options)[2] == ("c.jpg", "attack", "unspecified")


def test_ignored_columns_are_passed_over_whatever_they_are(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "b.jpg")
    lines = ("path,label,attack_type,pai", "a.jpg,live,screen,", "b.jpg,spoof,screen,print")
    assert manifest(tmp_path, *lines, ignored=["attack_type", "pai"])[1] == ("b.jpg", "attack", "unspecified")
    instead = {"renamed": {"pai": "attack_type"}, "ignored": ["attack_type"]}
    assert manifest(tmp_path, *lines, **instead)[1] == ("b.jpg", "attack", "print")
    with pytest.raises(InvalidImageSet, match=r"missing columns: label; they are needed: .* do not ignore them"):
        manifest(tmp_path, *lines, ignored=["label", "pai"])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            ["path,label,width,hash", "a.jpg,live,1,2"],
            r"unknown columns: width, hash; .*--ignore-column width --ignore",
        ),
        (["path", "a.jpg"], r"missing columns: label"),
        (["path,label", "a.jpg,real"], r"unlabelled: a\.jpg \(real\); a label is one of live, bona_fide, spoof"),
        (["path,label", "a.jpg,"], r"unlabelled: a\.jpg \(empty\)"),
        (["path,label", "a.jpg,live", "a.jpg,spoof"], r"listed more than once: a\.jpg"),
        (["path,label", "a.jpg,live", "./a.jpg,spoof"], r"listed more than once: a\.jpg"),
        (["path,label", "no.jpg,live"], r"not there: no\.jpg; paths are relative to"),
        (["path,label", f"{'a' * 300}.jpg,live"], r"not there: a+\.jpg"),
        (["path,label", "a.jpg,live,x"], r"rows with more or fewer fields than the header: line 2"),
        (["path,label", ",live"], r"rows without a path: line 2"),
        (["path,label,attack_type", "a.jpg,live,print"], r"no attacks, yet with an attack_type: a\.jpg"),
        (["path,label"], r"has no rows"),
        (["path,label", '"a.jpg,live'], r"cannot read .* as UTF-8 CSV"),
    ],
)
def test_manifests_that_are_refused(tmp_path: Path, lines: list[str], words: str) -> None:
    touch(tmp_path, "a.jpg")
    with pytest.raises(InvalidImageSet, match=words):
        manifest(tmp_path, *lines)


def test_options_that_fit_no_column_or_split_are_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    lines = ("path,label,split", "a.jpg,live,train")
    with pytest.raises(InvalidImageSet, match="no rows of split val; there are: train"):
        manifest(tmp_path, *lines, splits=["val"])
    with pytest.raises(InvalidImageSet, match="no such columns: width"):
        manifest(tmp_path, *lines, ignored=["width"])


def test_one_class_alone_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, *(f"live/{n}.jpg" for n in range(12)))
    with pytest.raises(InvalidImageSet, match=r"no attack \(spoof\) pictures: at least 10"):
        require_both_classes(read_folder(tmp_path))
