"""A folder whose subfolders are the labels → labelled pictures."""

import os
from pathlib import Path

from frontend.errors import InvalidImageSet
from frontend.evaluation.samples import LABELS, UNSPECIFIED, Sample, named

SUFFIXES = {".png", ".jpg", ".jpeg"}
_LAYOUT = "live/… (or bona_fide/…), spoof/TYPE/… (or attack/TYPE/…), and noface/… if you like"


def read_folder(folder: Path) -> list[Sample]:
    """The pictures in `live`, `spoof/TYPE` and `noface` (or their other names in LABELS), in order of their names.

    An attack right in `spoof` has no type. Hidden files are passed over, and so is what is no picture beside the
    labelled folders. Raises InvalidImageSet when a picture has no label, or a file in a labelled folder is no PNG or
    JPEG by its name, or there is none, or a folder cannot be read.
    """
    samples: list[Sample] = []
    unlabelled: list[str] = []
    no_pictures: list[str] = []
    for path in files_below(folder):
        # Bytes that are no UTF-8 as escapes: plots and JSON can hold those, and no two names become one.
        name = Path(os.fsencode(path.relative_to(folder)).decode(errors="backslashreplace"))
        label = LABELS.get(name.parts[0].lower()) if len(name.parts) > 1 else None
        is_picture = path.suffix.lower() in SUFFIXES and path.is_file()
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


def files_below(folder: Path) -> list[Path]:
    """All that is no folder in a folder and its subfolders, in order of their names; hidden ones are passed over.

    Links are followed. Raises InvalidImageSet when a folder cannot be read, or a link leads nowhere or in a circle, for
    the pictures there would be missing.
    """
    files: list[Path] = []
    try:
        for parent, subfolders, names in os.walk(folder, onerror=_raise, followlinks=True):
            subfolders[:] = [name for name in subfolders if not name.startswith(".")]
            for path in (Path(parent, name) for name in names if not name.startswith(".")):
                path.stat()
                files.append(path)
    except OSError as error:
        raise InvalidImageSet(f"cannot read {error.filename}: {error.strerror}; mend or remove it") from None
    return sorted(files)


def _raise(error: OSError) -> None:
    raise error
