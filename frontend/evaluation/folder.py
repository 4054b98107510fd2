"""A folder whose subfolders are the labels → labelled pictures."""

from pathlib import Path

from frontend.errors import InvalidImageSet
from frontend.evaluation.samples import LABELS, UNSPECIFIED, Sample, named

_SUFFIXES = {".png", ".jpg", ".jpeg"}
_LAYOUT = "live/… (or bona_fide/…), spoof/TYPE/… (or attack/TYPE/…), and noface/… if you like"


def read_folder(folder: Path) -> list[Sample]:
    """The pictures in `live`, `spoof/TYPE` and `noface` (or their other names in LABELS), in order of their names.

    An attack right in `spoof` has no type. Hidden files are passed over, and so is what is no picture beside the
    labelled folders. Raises InvalidImageSet when a picture has no label, or a file in a labelled folder is no PNG or
    JPEG by its name, or there is none.
    """
    samples: list[Sample] = []
    unlabelled: list[str] = []
    no_pictures: list[str] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in name.parts):
            continue
        label = LABELS.get(name.parts[0].lower()) if len(name.parts) > 1 else None
        is_picture = path.suffix.lower() in _SUFFIXES
        if label and is_picture:
            attack_type = ""
            if label == "attack":
                attack_type = name.parts[1] if len(name.parts) > 2 else UNSPECIFIED
            samples.append(Sample(path, name.as_posix(), label, attack_type))
        elif label:
            no_pictures.append(name.as_posix())
        elif is_picture:
            unlabelled.append(name.as_posix())
    if unlabelled:
        raise InvalidImageSet(f"unlabelled in {folder}: {named(unlabelled)}; put pictures into {_LAYOUT}")
    if no_pictures:
        raise InvalidImageSet(f"no PNG or JPEG in {folder}: {named(no_pictures)}; convert or remove what is none")
    if not samples:
        raise InvalidImageSet(f"no PNG or JPEG file in {folder}; put pictures into {_LAYOUT}")
    return samples
