#!/usr/bin/env python3
"""Export ESRGAN-Slim 2x (super-resolution) as a TensorFlow SavedModel.

The weights come from the npm package @upscalerjs/esrgan-slim (MIT), a TensorFlow.js layers model
(model.json and a binary file). The network is rebuilt in plain TensorFlow operations by walking that
JSON, its weights as variables. Get the package first:

    npm pack @upscalerjs/esrgan-slim@1.0.0 && tar xzf upscalerjs-esrgan-slim-1.0.0.tgz
    python scripts/export/esrgan_slim_x2.py --package package

Signature serving_default: image uint8 [?, ?, ?, 3] (RGB) -> upscaled uint8 [?, 2H, 2W, 3].
Signature serving_int32: the same, with upscaled as int32, for programs that use tfjs-node 4.22 as it
is published: it cannot read uint8 outputs ("Unhandled TF_DataType: 4").
Every size is open: batch, height and width. Cast, rounding and clipping are part of the graph.

The package declares an input and output range of 0..255 for this network (its `rdn`
architecture), so pixels go in unscaled, and clips the output to that range. scripts/export/check-esrgan.mjs compares the result with
TensorFlow.js running the original; `--reference FILE` is how it gets this side's pixels.
"""

import argparse
import json
import pathlib
import shutil
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf

SCALE = 2
IMAGE = tf.TensorSpec([None, None, None, 3], tf.uint8, name="image")

MODEL_JSON = {
    "task": "image-to-image",
    "signature": "serving_default",
    "input": {
        "name": "image",
        "dynamic": {"minSize": 16, "maxSize": 1024, "multipleOf": 1},
        "normalization": "none",
    },
    "output": {"name": "upscaled", "valueRange": [0, 255]},
    "batching": {
        "maxBatchSize": 4,
        "maxQueueDelayMs": 0,
        "maxQueueSize": 64,
        "queueTimeoutMs": 30000,
    },
}


def read_weights(folder: pathlib.Path, manifest: list) -> dict[str, np.ndarray]:
    """name -> array, from a TensorFlow.js weights manifest: float32 values one after another."""
    weights = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            if entry["dtype"] != "float32" or "quantization" in entry:
                raise ValueError(f"{entry['name']}: only plain float32 weights are read here")
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(data, "<f4", count, offset)
            weights[entry["name"]] = values.reshape(entry["shape"]).copy()
            offset += 4 * count
        if offset != len(data):
            raise ValueError(
                f"{group['paths']}: {len(data)} bytes, the manifest describes {offset}"
            )
    return weights


class LayersModel(tf.Module):
    """A Keras functional model read from its JSON, for the kinds of layer that this family uses."""

    def __init__(self, model_json: dict, weights: dict[str, np.ndarray]):
        super().__init__(name="esrgan_slim_x2")
        config = model_json["modelTopology"]["model_config"]["config"]
        self._layers = config["layers"]
        self._input = config["input_layers"][0][0]
        self._output = config["output_layers"][0][0]
        self.weights = {
            name: tf.Variable(value, name=name, trainable=False) for name, value in weights.items()
        }
        needed = {
            f"{layer['name']}/{part}"
            for layer in self._layers
            if layer["class_name"] == "Conv2D"
            for part in ("kernel", "bias")
        }
        if needed != set(weights):
            raise ValueError(f"weights and layers differ: {sorted(needed ^ set(weights))}")

    def _apply(self, layer: dict, inputs: list[tf.Tensor]) -> tf.Tensor:
        kind, name, config = layer["class_name"], layer["name"], layer["config"]
        x = inputs[0]
        if kind == "Conv2D":
            plain = (
                config["strides"],
                config["dilation_rate"],
                config["activation"],
                config["use_bias"],
            )
            if plain != ([1, 1], [1, 1], "linear", True):
                raise ValueError(f"{name}: a convolution of a kind not handled here")
            kernel, bias = self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"]
            return tf.nn.bias_add(tf.nn.conv2d(x, kernel, 1, config["padding"].upper()), bias)
        if kind == "Activation" and config["activation"] == "relu":
            return tf.nn.relu(x)
        if kind == "Concatenate":
            return tf.concat(inputs, axis=config["axis"])
        if kind == "Add":
            return tf.add_n(inputs)
        if kind == "UpSampling2D" and config["interpolation"] == "nearest":
            return nearest_upsample(x, config["size"])
        # Nor are the custom layers of UpscalerJS's `rrdn` networks (MultiplyBeta, PixelShuffle): the slim
        # ones have none, and those take 0..1 where this takes 0..255, so they need more than a branch.
        raise ValueError(f"{name}: layers of the kind {kind} are not handled here")

    def run(self, pixels: tf.Tensor) -> tf.Tensor:
        """The network itself: float32 0..255 in, float32 out, not yet rounded or clipped."""
        done = {self._input: pixels}
        for layer in self._layers:  # the JSON lists layers in an order in which they can run
            if layer["class_name"] != "InputLayer":
                sources = [done[node[0]] for node in layer["inbound_nodes"][0]]
                done[layer["name"]] = self._apply(layer, sources)
        return done[self._output]

    def _upscale(self, image: tf.Tensor, dtype: tf.DType) -> dict[str, tf.Tensor]:
        result = self.run(tf.cast(image, tf.float32))
        # Clip first: a cast of a value outside 0..255 to uint8 wraps or is undefined.
        return {"upscaled": tf.cast(tf.round(tf.clip_by_value(result, 0.0, 255.0)), dtype)}

    @tf.function(input_signature=[IMAGE])
    def serve(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._upscale(image, tf.uint8)

    @tf.function(input_signature=[IMAGE])
    def serve_int32(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
        return self._upscale(image, tf.int32)


def nearest_upsample(x: tf.Tensor, size: list[int]) -> tf.Tensor:
    """Repeat every pixel size[0] x size[1] times, whatever the (open) height and width are."""
    shape = tf.shape(x)
    return tf.compat.v1.image.resize_nearest_neighbor(x, [shape[1] * size[0], shape[2] * size[1]])


def upscale_reference(folder: pathlib.Path, reference: pathlib.Path) -> None:
    """Run the SavedModel on the raw pixels that `reference` (JSON) lists, and write its answers beside.

    Each entry has `input` and `output` (raw uint8 NHWC files, relative to the JSON) and `shape`.
    """
    loaded = tf.saved_model.load(str(folder))
    for entry in json.loads(reference.read_text()):
        pixels = np.fromfile(reference.parent / entry["input"], np.uint8).reshape(entry["shape"])
        image = tf.constant(pixels)
        result = loaded.signatures["serving_default"](image=image)["upscaled"].numpy()
        as_int32 = loaded.signatures["serving_int32"](image=image)["upscaled"].numpy()
        np.testing.assert_array_equal(as_int32, result)
        result.tofile(reference.parent / entry["output"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "esrgan-slim-x2",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--package", type=pathlib.Path, help="unpacked npm package: export from it")
    what.add_argument(
        "--reference",
        type=pathlib.Path,
        help="JSON list of raw images to run the SavedModel on (check-esrgan.mjs writes it)",
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)

    if arguments.reference:
        upscale_reference(folder, arguments.reference)
        return

    source = arguments.package / "models" / f"x{SCALE}"
    if not (source / "model.json").is_file():
        sys.exit(f"no model in {source}: is {arguments.package} the unpacked npm package?")
    model_json = json.loads((source / "model.json").read_text())
    module = LayersModel(model_json, read_weights(source, model_json["weightsManifest"]))

    arguments.output.mkdir(parents=True, exist_ok=True)
    signatures = {"serving_default": module.serve, "serving_int32": module.serve_int32}
    write_saved_model(module, signatures, folder)
    (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    shutil.copyfile(arguments.package / "LICENSE", arguments.output / "LICENSE")
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
