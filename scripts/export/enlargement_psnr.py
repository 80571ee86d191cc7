#!/usr/bin/env python3
"""Measure what a model that enlarges gains over bicubic enlargement: PSNR on a folder of photos.

Each photo is halved by Pillow's bicubic filter (sides cut to even numbers first) and enlarged again, by
the model and by the same filter. Means over the photos in dB: on luma (BT.601) without the outermost two
pixels, as papers on super-resolution have it, and on RGB as it is.

    python scripts/export/enlargement_psnr.py --images FOLDER
"""

import argparse
import pathlib
import sys

from savedmodel import REPOSITORY_ROOT  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf
from PIL import Image

SCALE = 2
LUMA = np.array([65.481, 128.553, 24.966]) / 255.0


def luma_inside(pixels: np.ndarray) -> np.ndarray:
    return (pixels @ LUMA)[SCALE:-SCALE, SCALE:-SCALE]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255.0**2 / np.mean((a - b) ** 2)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=pathlib.Path, required=True, help="folder of photos")
    parser.add_argument(
        "--model",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "span-x2" / "1",
        help="SavedModel: image float32 0..255 -> upscaled (default: %(default)s)",
    )
    arguments = parser.parse_args()
    photos = sorted(
        path
        for path in arguments.images.iterdir()
        if path.suffix.lower() in {".jpg", ".jpeg", ".png"}
    )
    if not photos:
        sys.exit(f"no photos in {arguments.images}")
    serve = tf.saved_model.load(str(arguments.model)).signatures["serving_default"]
    rows = []
    for path in photos:
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        half = (image.width // SCALE, image.height // SCALE)
        size = (SCALE * half[0], SCALE * half[1])
        image = image.crop((0, 0, *size))
        small = image.resize(half, Image.BICUBIC)
        fed = tf.constant(np.asarray(small)[None], tf.float32)
        answer = np.round(serve(image=fed)["upscaled"].numpy()[0]).astype(np.float64)
        bicubic = np.asarray(small.resize(size, Image.BICUBIC), np.float64)
        truth = np.asarray(image, np.float64)
        rows.append(
            (
                psnr(luma_inside(bicubic), luma_inside(truth)),
                psnr(luma_inside(answer), luma_inside(truth)),
                psnr(bicubic, truth),
                psnr(answer, truth),
            )
        )
    table = np.array(rows)
    for name, first in (("luma", 0), ("RGB", 2)):
        bicubic, model = table[:, first].mean(), table[:, first + 1].mean()
        better = int((table[:, first + 1] > table[:, first]).sum())
        print(
            f"{name}: bicubic {bicubic:.2f} dB, model {model:.2f} dB, gain {model - bicubic:.2f} dB; "
            f"better on {better} of {len(rows)} photos"
        )


if __name__ == "__main__":
    main()
