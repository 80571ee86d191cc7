#!/usr/bin/env python3
"""Write the photos that the tests use: freely licensed ones that scikit-image ships, as small JPEGs.

The shipped model was trained on ImageNet, but ImageNet's photos may not be passed on: these may.

    python scripts/export/test_photos.py
"""

import argparse
import importlib.util
import pathlib

from PIL import Image

REPOSITORY_ROOT = pathlib.Path(__file__).resolve().parents[2]
QUALITY = 90
LARGEST_BYTES = 100_000

# name -> (file in skimage/data, crop box or None, what it is, licence as scikit-image states it)
PHOTOS = {
    "astronaut.jpg": (
        "astronaut.png",
        (48, 0, 432, 512),
        "Eileen Collins, NASA Great Images database (https://flic.kr/p/r9qvLn); cropped to a portrait",
        "Public domain: no known copyright restrictions, released into the public domain by NASA",
    ),
    "camera-grey.jpg": (
        "camera.png",
        None,
        "A man at a camera on a tripod, by Lav Varshney; one grey channel",
        "CC0 by the photographer",
    ),
    "chelsea.jpg": (
        "chelsea.png",
        None,
        "Chelsea the cat, by Stefan van der Walt",
        "CC0 by the photographer",
    ),
    "coffee.jpg": (
        "coffee.png",
        None,
        "A cup of coffee at Pikolo Espresso Bar, by Rachel Michetti",
        "CC0 by the photographer",
    ),
    "rocket.jpg": (
        "rocket.jpg",
        None,
        "Launch of DSCOVR on a Falcon 9, by SpaceX (flickr.com/photos/spacexphotos/16511594820)",
        "Public domain: released by SpaceX",
    ),
}


def data_folder() -> pathlib.Path:
    """skimage/data of the installed package, found without importing it."""
    package = importlib.util.find_spec("skimage")
    if package is None or package.origin is None:
        raise SystemExit("scikit-image is not installed: see scripts/export/README.md")
    return pathlib.Path(package.origin).parent / "data"


def licence_table() -> str:
    """LICENSE.md: source and licence of every photo."""
    rows = [
        f"| `{name}` | `skimage/data/{source}` | {what} | {licence} |"
        for name, (source, _, what, licence) in sorted(PHOTOS.items())
    ]
    return "\n".join(
        [
            "# Where these photos come from",
            "",
            "All are taken from the PyPI package scikit-image 0.26.0, which states their sources and",
            "licences in `skimage/data/_fetchers.py`, and saved as JPEG by `scripts/export/test_photos.py`.",
            "",
            "| photo | file in the package | what it shows, and by whom | licence |",
            "| --- | --- | --- | --- |",
            *rows,
            "",
            "`reference.json` holds the five best classes of each from Pillow and PyTorch: written by",
            "`scripts/export/reference.py`.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "test" / "fixtures" / "photos",
        help="folder for the photos (default: %(default)s)",
    )
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for name, (source, box, _, _) in PHOTOS.items():
        with Image.open(data_folder() / source) as opened:
            image = opened.convert("L" if opened.mode == "L" else "RGB")
        if box:
            image = image.crop(box)
        path = folder / name
        # No metadata is passed on: a colour profile or an orientation has fixtures of its own.
        image.save(path, "JPEG", quality=QUALITY, optimize=True)
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise SystemExit(f"{path} has {size} bytes, more than {LARGEST_BYTES}")
        print(f"{name}: {image.width}x{image.height} {image.mode}, {size} bytes")
    (folder / "LICENSE.md").write_text(licence_table())


if __name__ == "__main__":
    main()
