"""A folder of images: one folder for each label, one file for each row."""

from collections.abc import Iterator

from pipeline.data.formats.text_folder import labelled_files
from pipeline.data.places import EVERYTHING, Choice, Dialect, Place, Row

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff")


def records(place: Place, _: Dialect, choice: Choice = EVERYTHING) -> Iterator[Row]:
    """Path and label of every image, label by label in order."""
    for number, path in enumerate(labelled_files(place, SUFFIXES), start=1):
        if choice.wants(number):
            yield number, {"image": str(path), "label": path.parent.name}
