#!/usr/bin/env python3
"""Train a generator of handwritten digits and save it as a TensorFlow SavedModel.

The data are scikit-learn's 1,797 digits of 8 x 8 pixels (BSD; from UCI's "Optical Recognition of
Handwritten Digits"). Each was made by counting the inked pixels in blocks of a larger bitmap, so
that a picture of 80 x 80 is a likely original again: enlarged smoothly and with its contrast raised.
A conditional variational autoencoder learns them; its decoder is what is saved.

    python scripts/export/digit_generator.py            # trains: a few minutes on two cores
    python scripts/export/digit_generator.py --check    # judges the committed model, writes nothing

Signature serving_default: label int32 [?], noise float32 [?, 16] -> picture float32 [?, 80, 80, 1]
from 0 (paper) to 1 (ink). Noise is meant to be drawn from the standard normal distribution.

The judge is another kind of model, a support vector machine on 8 x 8 means of blocks, fitted to the
same 80 % of the data that the generator learns. Nothing is written unless it recognises at least 97 %
of the other 20 % and 95 % of 1,000 generated pictures. Run twice on one kind of processor, the
weights are the same.
"""

import argparse
import json
import pathlib
import shutil
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import sklearn
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

SEED = 7
CLASSES = 10
NOISE = 16
# The data's 8 x 8 with a margin of one, what the network makes, and what that is enlarged to.
SMALL, COARSE, LARGE = 10, 20, 80
STEPS = 4000
BATCH = 128
# Weight of the divergence from the normal distribution: less draws sharper, more forgives odd noise.
DIVERGENCE = 0.5
# Noise is drawn this much closer to a digit's mean than the data lie: fewer blurred pictures.
SPREAD = 0.75
# How much steeper pixels turn from paper to ink than the network says: grey haze is its doubt.
CONTRAST = 1.6
HELD_OUT_LIMIT, GENERATED_LIMIT = 0.97, 0.95

MODEL_JSON = {
    "task": "image-generation",
    "inputs": {
        "label": {"label": {"classes": CLASSES}},
        "noise": {"noise": {"distribution": "normal"}},
    },
    "output": {"name": "picture", "valueRange": [0, 1]},
    "instances": 1,
}


def smooth(small: np.ndarray) -> np.ndarray:
    """[n, 8, 8] of 0..1 -> [n, 80, 80, 1]: enlarged, and grey turned into the edge of a stroke."""
    small = np.pad(small, ((0, 0), (1, 1), (1, 1)))  # strokes reach the rim: leave room for paper
    large = tf.image.resize(small[..., None], [LARGE, LARGE], method="bicubic")
    return tf.sigmoid(14.0 * (large - 0.45)).numpy()


def blocks(pictures: np.ndarray) -> np.ndarray:
    """[n, 80, 80, 1] -> [n, 100]: means of 8 x 8 blocks, as the data were made from their originals."""
    side = LARGE // SMALL
    return pictures.reshape(-1, SMALL, side, SMALL, side).mean(axis=(2, 4)).reshape(-1, SMALL**2)


class Layers(tf.Module):
    """Dense layers in plain operations: no Keras object is in the SavedModel."""

    def __init__(self, name: str, sizes: list[int]):
        super().__init__(name=name)
        random = np.random.default_rng([SEED, *sizes])
        self.kernels, self.biases = [], []
        for step, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
            kernel = random.standard_normal((inputs, outputs)) * (2.0 / inputs) ** 0.5
            self.kernels.append(tf.Variable(kernel.astype(np.float32), name=f"kernel{step}"))
            self.biases.append(tf.Variable(tf.zeros([outputs]), name=f"bias{step}"))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        for step, (kernel, bias) in enumerate(zip(self.kernels, self.biases)):
            x = tf.nn.bias_add(x @ kernel, bias)
            if step < len(self.kernels) - 1:
                x = tf.nn.leaky_relu(x)
        return x


class Encoder(tf.Module):
    """Picture and label -> mean and logarithm of the variance of its noise. Used in training only."""

    def __init__(self):
        super().__init__(name="encoder")
        self.layers = Layers("layers", [LARGE**2 // 16 + CLASSES, 512, 256, 2 * NOISE])

    def __call__(self, picture: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.nn.avg_pool2d(picture, 4, 4, "VALID")
        x = tf.concat([tf.reshape(pixels, [-1, LARGE**2 // 16]), tf.one_hot(label, CLASSES)], axis=1)
        mean, log_variance = tf.split(self.layers(x), 2, axis=1)
        return mean, log_variance * 0.1


class Decoder(tf.Module):
    """Label and noise -> the logit of every pixel.

    Logits of 20 x 20 pixels are enlarged, not pixels: their sigmoid has crisp edges at any size.
    """

    def __init__(self):
        super().__init__(name="decoder")
        self.layers = Layers("layers", [NOISE + CLASSES, 256, 256, COARSE**2])
        # Bicubic enlargement of one axis as a matrix: what it does to each unit vector.
        unit = tf.image.resize(tf.eye(COARSE)[:, :, None], [LARGE, COARSE], method="bicubic")
        self.enlarge = tf.Variable(unit[:, :, 0], name="enlarge", trainable=False)

    def __call__(self, label: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        x = self.layers(tf.concat([noise, tf.one_hot(label, CLASSES)], axis=1))
        x = tf.reshape(x, [-1, COARSE, COARSE])
        x = self.enlarge @ x @ tf.transpose(self.enlarge)
        return x[..., None]


class Generator(tf.Module):
    """What is saved: the decoder, noise of its own for every digit, and pictures from 0 to 1.

    The encoder's noise for the pictures of one digit is not quite normal. Each digit's mean and
    covariance turn the normal noise of a request into noise such as the decoder learned from.
    """

    def __init__(self, decoder: Decoder, means: np.ndarray, factors: np.ndarray):
        super().__init__(name="digit_generator")
        self.decoder = decoder
        self.means = tf.Variable(means, name="means")
        self.factors = tf.Variable(factors, name="factors")

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int32, name="label"),
            tf.TensorSpec([None, NOISE], tf.float32, name="noise"),
        ]
    )
    def serve(self, label: tf.Tensor, noise: tf.Tensor) -> dict[str, tf.Tensor]:
        shaped = tf.linalg.matvec(tf.gather(self.factors, label), noise)
        shaped += tf.gather(self.means, label)
        return {"picture": tf.sigmoid(CONTRAST * self.decoder(label, shaped))}


class Adam:
    """Kingma and Ba's optimiser, in plain variables."""

    def __init__(self, variables: list[tf.Variable]):
        self._variables = variables
        self._moments = [(tf.Variable(v * 0.0), tf.Variable(v * 0.0)) for v in variables]

    def apply(self, gradients: list[tf.Tensor], step: tf.Tensor, rate: tf.Tensor) -> None:
        correction = tf.sqrt(1.0 - 0.999**step) / (1.0 - 0.9**step)
        for variable, gradient, (first, second) in zip(self._variables, gradients, self._moments):
            first.assign(0.9 * first + 0.1 * gradient)
            second.assign(0.999 * second + 0.001 * gradient**2)
            variable.assign_sub(rate * correction * first / (tf.sqrt(second) + 1e-7))


def train(pictures: np.ndarray, labels: np.ndarray, steps: int) -> Generator:
    """Fit encoder and decoder to the data; every draw comes from SEED and the number of the step."""
    encoder, decoder = Encoder(), Decoder()
    variables = [*encoder.trainable_variables, *decoder.trainable_variables]
    adam = Adam(variables)
    pictures, labels = tf.constant(pictures), tf.constant(labels)

    @tf.function(
        input_signature=[tf.TensorSpec([], tf.int32, name="step"), tf.TensorSpec([BATCH], tf.int32)]
    )
    def learn(step, rows):
        picture, label = tf.gather(pictures, rows), tf.gather(labels, rows)
        draw = tf.random.stateless_normal([BATCH, NOISE], [SEED, step])
        with tf.GradientTape() as tape:
            mean, log_variance = encoder(picture, label)
            logits = decoder(label, mean + tf.exp(0.5 * log_variance) * draw)
            wrong = tf.nn.sigmoid_cross_entropy_with_logits(labels=picture, logits=logits)
            # Neighbours among 80 x 80 pixels say the same: count as many as 20 x 20 would.
            wrong = tf.reduce_mean(tf.reduce_sum(wrong, [1, 2, 3])) / (LARGE / COARSE) ** 2
            divergence = 0.5 * (tf.exp(log_variance) + mean**2 - 1.0 - log_variance)
            divergence = tf.reduce_mean(tf.reduce_sum(divergence, 1))
            loss = wrong + DIVERGENCE * divergence
        now = tf.cast(step, tf.float32) + 1.0
        rate = 1e-3 * 0.5 * (1.0 + tf.cos(np.pi * now / float(steps))) + 1e-6
        adam.apply(tape.gradient(loss, variables), now, rate)
        return wrong, divergence

    random = np.random.default_rng(SEED)
    for step in range(steps):
        rows = random.integers(0, len(labels), BATCH).astype(np.int32)
        wrong, divergence = learn(step, rows)
        if step % 500 == 499:
            print(f"step {step + 1}: pictures {wrong:.2f}, divergence {divergence:.2f}", flush=True)

    mean, log_variance = (part.numpy() for part in encoder(pictures, labels))
    means, factors = [], []
    for digit in range(CLASSES):
        of = labels.numpy() == digit
        means.append(mean[of].mean(axis=0))
        covariance = np.cov(mean[of].T) + np.diag(np.exp(log_variance[of]).mean(axis=0))
        factors.append(SPREAD * np.linalg.cholesky(covariance))
    return Generator(decoder, np.array(means, np.float32), np.array(factors, np.float32))


def judge(serve, data: tuple, count: int = 1000) -> tuple[float, float, float]:
    """The judge's accuracy on held-out pictures and on generated ones, and how much those differ.

    The third figure is the standard deviation among generated pictures of a digit (mean over pixels
    and digits) by that among real ones: 1 for as much variety as the data have.
    """
    train_x, test_x, train_y, test_y = data
    machine = SVC(gamma="scale", C=10.0, random_state=SEED).fit(blocks(train_x), train_y)
    held_out = machine.score(blocks(test_x), test_y)
    labels = np.arange(count, dtype=np.int32) % CLASSES
    noise = np.random.default_rng(SEED + 1).standard_normal((count, NOISE)).astype(np.float32)
    made = serve(label=tf.constant(labels), noise=tf.constant(noise))["picture"].numpy()
    assert made.shape == (count, LARGE, LARGE, 1) and 0.0 <= made.min() and made.max() <= 1.0

    def spread(pictures, of):
        return np.mean([blocks(pictures[of == digit]).std(axis=0).mean() for digit in range(CLASSES)])

    return held_out, machine.score(blocks(made), labels), spread(made, labels) / spread(train_x, train_y)


def write_means(images: np.ndarray, labels: np.ndarray, file: pathlib.Path) -> None:
    """The mean picture of each digit in the data, 8 x 8 of 0..16: what a test of the server compares with."""
    means = [images[labels == digit].mean(axis=0).round(2).reshape(-1) for digit in range(CLASSES)]
    lines = ",\n".join(f"  {json.dumps(mean.tolist())}" for mean in means)
    file.write_text(f"[\n{lines}\n]\n")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "saved_models" / "digit-generator",
        help="the model's folder in the model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    parser.add_argument(
        "--steps", type=int, default=STEPS, help="steps of training (default: %(default)s)"
    )
    parser.add_argument(
        "--check", action="store_true", help="judge the model that is there; write nothing"
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(SEED)

    digits = load_digits()
    pictures, labels = smooth((digits.images / 16.0).astype(np.float32)), digits.target.astype(np.int32)
    data = train_test_split(pictures, labels, test_size=0.2, random_state=SEED, stratify=labels)
    if arguments.check:
        loaded = tf.saved_model.load(str(folder))
        serve = loaded.signatures["serving_default"]
    else:
        generator = train(data[0], data[2], arguments.steps)
        serve = generator.serve
    held_out, generated, variety = judge(serve, data)
    print(
        f"judge: {held_out:.1%} of held-out digits, {generated:.1%} of generated ones; "
        f"variety {variety:.2f} of the data's"
    )
    if held_out < HELD_OUT_LIMIT or generated < GENERATED_LIMIT:
        sys.exit(f"too few: {HELD_OUT_LIMIT:.0%} and {GENERATED_LIMIT:.0%} are needed")
    if arguments.check:
        return
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_saved_model(generator, {"serving_default": generator.serve}, folder)
    (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    # The weights are this project's own; the data that they were trained on are not.
    shutil.copyfile(REPOSITORY_ROOT / "LICENSE", arguments.output / "LICENSE")
    licence = pathlib.Path(sklearn.__file__).parent.parent / f"scikit_learn-{sklearn.__version__}.dist-info"
    shutil.copyfile(licence / "licenses" / "COPYING", arguments.output / "LICENSE.data")
    write_means(digits.images, labels, REPOSITORY_ROOT / "test" / "fixtures" / "digits.json")
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
