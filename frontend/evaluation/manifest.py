"""A CSV file that lists pictures and their labels → labelled pictures."""

import csv
import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from frontend.errors import InvalidImageSet
from frontend.evaluation.samples import LABELS, UNSPECIFIED, Label, Sample, named

REQUIRED = ("path", "label")
OPTIONAL = ("attack_type", "subject", "session", "source", "camera", "split")
_NO_TYPE = {"", "none", "live", "bona_fide"}


def read_manifest(
    path: Path, *, renamed: Mapping[str, str], ignored: Collection[str], splits: Collection[str]
) -> list[Sample]:
    """The pictures that a UTF-8 CSV file with a header lists; paths are relative to the file's folder.

    Columns are REQUIRED and OPTIONAL, under other names where `renamed` (theirs → ours) says so; those that are named
    in `ignored` are passed over, whatever they are. With `splits`, only rows of these.

    Raises InvalidImageSet when the file cannot be read, has other columns, or a row that is incomplete, has no known
    label, repeats a path or names no file.
    """
    rows = _rows(path, renamed, ignored)
    if splits:
        rows = _of_splits(rows, splits)
    _refuse(path, "rows without a path", [str(row["line"]) for row in rows if not row["path"]], "complete them")
    unknown = [f"{row['path']} ({row['label'] or 'empty'})" for row in rows if row["label"].lower() not in LABELS]
    _refuse(path, "unlabelled", unknown, f"a label is one of {', '.join(LABELS)}")
    times = Counter(os.path.normpath(row["path"]) for row in rows)
    _refuse(path, "listed more than once", [name for name, n in times.items() if n > 1], "list each picture once")
    typed = [
        row["path"]
        for row in rows
        if LABELS[row["label"].lower()] != "attack" and row.get("attack_type", "").lower() not in _NO_TYPE
    ]
    _refuse(path, "no attacks, yet with an attack_type", typed, "leave it empty, or mend the label")
    samples = [_sample(path.parent, row) for row in rows]
    missing = [sample.name for sample in samples if not os.path.isfile(sample.path)]  # noqa: PTH113  # raises nothing
    _refuse(path, "not there", missing, f"paths are relative to {path.parent}")
    return samples


def _rows(path: Path, renamed: Mapping[str, str], ignored: Collection[str]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = list(csv.reader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidImageSet(f"cannot read {path} as UTF-8 CSV: {error}") from None
    if len(lines) < 2:
        raise InvalidImageSet(f"{path} has no rows: a header and one line a picture are needed")
    header = [column.strip() for column in lines[0]]
    columns = {at: renamed.get(name, name) for at, name in enumerate(header) if name not in ignored}
    _check_columns(path, header, list(columns.values()), renamed, ignored)
    filled = [(number, fields) for number, fields in enumerate(lines[1:], 2) if fields]
    uneven = [f"line {number}" for number, fields in filled if len(fields) != len(header)]
    _refuse(path, "rows with more or fewer fields than the header", uneven, "quote fields that hold a comma")
    return [
        {column: fields[at].strip() for at, column in columns.items()} | {"line": f"line {number}"}
        for number, fields in filled
    ]


def _check_columns(
    path: Path, header: Sequence[str], columns: Sequence[str], renamed: Mapping[str, str], ignored: Collection[str]
) -> None:
    absent = [name for name in (*renamed, *ignored) if name not in header]
    _refuse(path, "no such columns", absent, "--map and --ignore-column name columns of the manifest")
    unknown = [c for c in columns if c not in {*REQUIRED, *OPTIONAL}]
    mend = " ".join(f"--ignore-column {column}" for column in unknown)
    known = ", ".join((*REQUIRED, *OPTIONAL))
    _refuse(path, "unknown columns", unknown, f"known are {known}; add --map {'|'.join(unknown)}=KNOWN, or {mend}")
    missing = [c for c in REQUIRED if c not in columns]
    _refuse(path, "missing columns", missing, "they are needed: add them, --map OLD=NEW, or do not ignore them")
    twice = [column for column, n in Counter(columns).items() if n > 1]
    _refuse(path, "columns given more than once", twice, "keep one of each")


def _of_splits(rows: list[dict[str, str]], splits: Collection[str]) -> list[dict[str, str]]:
    there = {row.get("split", "") for row in rows} - {""}
    absent = sorted(set(splits) - there)
    if absent:
        raise InvalidImageSet(f"no rows of split {', '.join(absent)}; there are: {', '.join(sorted(there)) or 'none'}")
    return [row for row in rows if row["split"] in splits]


def _sample(folder: Path, row: Mapping[str, str]) -> Sample:
    label: Label = LABELS[row["label"].lower()]
    others = {column: row.get(column, "") for column in OPTIONAL if column != "attack_type"}
    attack_type = (row.get("attack_type") or UNSPECIFIED) if label == "attack" else ""
    return Sample(folder / row["path"], row["path"], label, attack_type, **others)


def _refuse(path: Path, what: str, names: Sequence[str], mend: str) -> None:
    if names:
        raise InvalidImageSet(f"{path}: {what}: {named(names)}; {mend}")
