#!/usr/bin/env python3
"""Export a character-by-character text generator as a TensorFlow SavedModel.

The weights come from the PyPI package textgenrnn (MIT): an embedding, two LSTM layers of 128 and an
attention over the last 40 characters, trained on titles of internet posts. The network is rebuilt in
plain TensorFlow operations, and so is what the package does around it in Python: prompt to
characters, the loop, sampling, characters to text.

    pip download --no-deps --no-binary :all: --no-build-isolation textgenrnn==1.5.0
    tar xzf textgenrnn-1.5.0.tar.gz
    python scripts/export/text_generator.py --package textgenrnn-1.5.0
    python scripts/export/text_generator.py --package textgenrnn-1.5.0 --check   # writes nothing

Signature serving_default: prompt string [?] (UTF-8), length int32 [?] (characters to add, up to 400),
temperature float32 [?] (0 always takes the likeliest character) and seed int32 [?]
-> text string [?]: prompt and continuation. It ends early where the model says that a text ends.
Signature next: prompt string [?] -> probabilities float32 [?, 465] of the next character.

The reference is the package's own model file loaded by tf_keras (Keras 2, whose loader turns CuDNN's
weights into LSTM's), its loop and its windows of 40 characters. Unless the probabilities agree and
the likeliest continuations are the same, nothing is written.
"""

import argparse
import json
import pathlib
import sys

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import h5py
import numpy as np
import tensorflow as tf

WINDOW = 40
UNITS = 128
# Uniform numbers are drawn for so many characters whatever is asked for, so that a longer text
# starts as a shorter one with the same seed does.
LONGEST = 400
START = "<s>"
LIMIT = 1e-5
PROMPTS = ["", "T", "What is the", "Once upon a time there was", "é ☃ 漢字", "x" * 60]

MODEL_JSON = {
    "task": "text-generation",
    "inputs": {
        "prompt": {"text": {"maxLength": 200, "default": ""}},
        "length": {"number": {"minimum": 1, "maximum": LONGEST, "default": 100}},
        "temperature": {"number": {"minimum": 0, "maximum": 2, "default": 0.5}},
        "seed": {"seed": {}},
    },
    "output": {"name": "text"},
    "batching": {"maxBatchSize": 8, "queueTimeoutMs": 30000},
    "instances": 1,
}

LICENSE = """MIT License

Copyright (c) Max Woolf

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def lstm_weights(group: h5py.Group) -> tuple[np.ndarray, np.ndarray]:
    """CuDNN's weights of an LSTM layer as BlockLSTMV2 takes them.

    There are four gates, in the order i, f, c, o on both sides. CuDNN keeps each one's kernels as
    [units, inputs], and two biases that are added up. BlockLSTMV2 wants one kernel
    [inputs + units, 4 x units] and one bias.
    """
    inputs = [k.T.reshape(k.shape, order="F") for k in np.split(group["kernel:0"][()], 4, axis=1)]
    states = [k.T for k in np.split(group["recurrent_kernel:0"][()], 4, axis=1)]
    kernel = np.concatenate([np.concatenate(inputs, axis=1), np.concatenate(states, axis=1)])
    return kernel, group["bias:0"][()].reshape(2, -1).sum(axis=0)


class TextGenerator(tf.Module):
    """The network, its characters and the loop around it."""

    def __init__(self, weights: pathlib.Path, vocabulary: dict[str, int]):
        super().__init__(name="text_generator")

        def variable(name: str, value: np.ndarray) -> tf.Variable:
            return tf.Variable(value, name=name, trainable=False)

        with h5py.File(weights) as file:
            self.embedding = variable("embedding", file["embedding/embedding/embeddings:0"][()])
            self.layers = []
            for name in ("rnn_1", "rnn_2"):
                kernel, bias = lstm_weights(file[f"{name}/{name}"])
                layer = (variable(f"{name}/kernel", kernel), variable(f"{name}/bias", bias))
                self.layers.append(layer)
            attention = file["attention/attention/attention_W:0"][()]
            self.attention = variable("attention", attention[:, 0])
            self.kernel = variable("output/kernel", file["output/output/kernel:0"][()])
            self.bias = variable("output/bias", file["output/output/bias:0"][()])
        self.start = vocabulary[START]
        characters = {text: index for text, index in vocabulary.items() if text != START}
        if any(len(text) != 1 for text in characters):
            raise ValueError("an entry of the vocabulary is not one character")
        # Code points in order, to be searched, and the index of each. A hash table would do as well,
        # but is state outside the graph, which fewer programs can load.
        points = sorted(ord(text) for text in characters)
        self.points = tf.constant(points, tf.int32)
        self.indices = tf.constant([characters[chr(point)] for point in points], tf.int32)
        texts = [""] * (len(vocabulary) + 1)  # index 0 is padding
        for text, index in characters.items():
            texts[index] = text
        self.texts = tf.constant(texts)

    def encode(self, prompt: tf.Tensor) -> tf.Tensor:
        """[rows] of UTF-8 -> int32 [rows, WINDOW]: start and characters, the last ones, 0 before them."""
        points = tf.strings.unicode_decode(prompt, "UTF-8")
        place = tf.minimum(tf.searchsorted(self.points, points.values), len(self.points) - 1)
        known = tf.gather(self.points, place) == points.values
        indices = tf.where(known, tf.gather(self.indices, place), 0)
        rows = tf.concat([tf.fill([tf.shape(prompt)[0], 1], self.start), points.with_values(indices)], 1)
        # From the end: the last character first, then cut or padded to the window, then turned again.
        turned = tf.reverse_sequence(rows.to_tensor(), rows.row_lengths(), seq_axis=1)
        turned = tf.pad(turned, [[0, 0], [0, WINDOW]])[:, :WINDOW]
        return tf.reverse(turned, [1])

    def network(self, window: tf.Tensor) -> tf.Tensor:
        """int32 [rows, WINDOW] -> probabilities [rows, 465] of the next character."""
        x = tf.gather(self.embedding, tf.transpose(window))  # [WINDOW, rows, 100]
        zeros, none = tf.zeros([tf.shape(window)[0], UNITS]), tf.zeros([UNITS])
        parts = [x]
        for kernel, bias in self.layers:
            x = tf.raw_ops.BlockLSTMV2(
                seq_len_max=tf.constant(WINDOW, tf.int64),
                x=x,
                cs_prev=zeros,
                h_prev=zeros,
                w=kernel,
                wci=none,
                wcf=none,
                wco=none,
                b=bias,
            ).h
            parts.append(x)
        everything = tf.concat(parts, axis=2)
        share = tf.nn.softmax(tf.linalg.matvec(everything, self.attention), axis=0)
        summary = tf.reduce_sum(everything * share[..., None], axis=0)
        return tf.nn.softmax(summary @ self.kernel + self.bias)

    def choose(self, probabilities: tf.Tensor, temperature: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        """One character for each row, by its uniform number; never padding."""
        allowed = probabilities * tf.one_hot(0, tf.shape(probabilities)[1], 0.0, 1.0)
        # Powers relative to the likeliest: those of the probabilities themselves could all be 0.
        relative = allowed / tf.reduce_max(allowed, axis=1, keepdims=True)
        weights = relative ** (1.0 / tf.maximum(temperature, 1e-3))[:, None]
        until = tf.cumsum(weights, axis=1)
        drawn = tf.reduce_sum(tf.cast(until <= uniform[:, None] * until[:, -1:], tf.int32), axis=1)
        likeliest = tf.argmax(allowed, axis=1, output_type=tf.int32)
        return tf.where(temperature > 0.0, drawn, likeliest)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="prompt")])
    def next(self, prompt: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"probabilities": self.network(self.encode(prompt))}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="prompt"),
            tf.TensorSpec([None], tf.int32, name="length"),
            tf.TensorSpec([None], tf.float32, name="temperature"),
            tf.TensorSpec([None], tf.int32, name="seed"),
        ]
    )
    def serve(
        self, prompt: tf.Tensor, length: tf.Tensor, temperature: tf.Tensor, seed: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        length = tf.clip_by_value(length, 0, LONGEST)
        # From each row's own seed: a text does not depend on which others share its run.
        uniform = tf.map_fn(
            lambda one: tf.random.stateless_uniform([LONGEST], tf.stack([one, 0])),
            seed,
            fn_output_signature=tf.TensorSpec([LONGEST], tf.float32),
        )

        def go_on(step, window, ended, written):
            return tf.logical_not(tf.reduce_all(ended))

        def write(step, window, ended, written):
            chosen = self.choose(self.network(window), temperature, uniform[:, step])
            ended = tf.logical_or(ended, chosen == self.start)
            chosen = tf.where(ended, 0, chosen)
            written = written.write(step, chosen)
            ended = tf.logical_or(ended, step + 1 >= length)
            return step + 1, tf.concat([window[:, 1:], chosen[:, None]], axis=1), ended, written

        # The first row stands for none: without it an empty batch, or lengths of 0, could not be stacked.
        written = tf.TensorArray(tf.int32, size=1, dynamic_size=True, element_shape=[None])
        written = written.write(0, tf.zeros_like(length))
        state = [tf.constant(0), self.encode(prompt), length <= 0, written]
        written = tf.while_loop(go_on, write, state, parallel_iterations=1)[3]
        texts = tf.gather(self.texts, tf.transpose(written.stack()))
        return {"text": tf.strings.join([prompt, tf.strings.reduce_join(texts, axis=1)])}


class Reference:
    """The package's network and loop, on Keras 2."""

    def __init__(self, weights: pathlib.Path, vocabulary: dict[str, int]):
        import tf_keras as keras

        class AttentionWeightedAverage(keras.layers.Layer):
            def build(self, shape):
                self.W = self.add_weight(shape=(shape[2], 1), name="attention_W")

            def call(self, x):
                exponential = tf.exp(tf.squeeze(x @ self.W, 2))
                share = exponential / tf.reduce_sum(exponential, axis=1, keepdims=True)
                return tf.reduce_sum(x * share[..., None], axis=1)

        size = len(vocabulary) + 1
        window = keras.Input([WINDOW], name="input")
        embedded = keras.layers.Embedding(size, 100, name="embedding")(window)
        layers = [embedded]
        for name in ("rnn_1", "rnn_2"):
            layer = keras.layers.LSTM(UNITS, return_sequences=True, name=name)
            layers.append(layer(layers[-1]))
        x = AttentionWeightedAverage(name="attention")(keras.layers.concatenate(layers))
        output = keras.layers.Dense(size, activation="softmax", name="output")(x)
        self._model = keras.Model(window, output)
        self._model.load_weights(str(weights), by_name=True)
        self._vocabulary = vocabulary
        self._characters = {index: text for text, index in vocabulary.items()}

    def next(self, text: list[str]) -> np.ndarray:
        encoded = [self._vocabulary.get(one, 0) for one in text[-WINDOW:]]
        window = np.array([[0] * (WINDOW - len(encoded)) + encoded])
        return self._model(window).numpy()[0]

    def likeliest(self, prompt: str, length: int) -> str:
        text = [START, *prompt]
        while len(text) < 1 + len(prompt) + length:
            probabilities = self.next(text)
            chosen = self._characters[int(np.argmax(probabilities[1:])) + 1]
            if chosen == START:
                break
            text.append(chosen)
        return "".join(text[1:])


def check(serve, following, reference: Reference) -> None:
    """One step's probabilities, likeliest texts, and that a text depends on nothing but its row."""

    def write(prompts, lengths, temperatures, seeds) -> list[str]:
        answer = serve(
            prompt=tf.constant(prompts),
            length=tf.constant(lengths, tf.int32),
            temperature=tf.constant(temperatures, tf.float32),
            seed=tf.constant(seeds, tf.int32),
        )
        return [text.decode() for text in answer["text"].numpy()]

    made = following(prompt=tf.constant(PROMPTS))["probabilities"].numpy()
    expected = np.stack([reference.next([START, *prompt]) for prompt in PROMPTS])
    difference = np.abs(made - expected).max()
    print(f"probabilities of the next character, {len(PROMPTS)} prompts: differ by up to {difference:.1e}")
    if difference > LIMIT:
        sys.exit(f"that is more than {LIMIT}: not the same network")

    count = len(PROMPTS)
    likeliest = write(PROMPTS, [30] * count, [0.0] * count, [0] * count)
    for prompt, text in zip(PROMPTS, likeliest):
        if text != reference.likeliest(prompt, 30):
            sys.exit(f"{prompt!r}: {text!r} is not the reference's {reference.likeliest(prompt, 30)!r}")
    print(f"likeliest 30 characters after each: the same, such as {likeliest[2]!r}")

    together = write(["What"] * 3, [60, 20, 60], [0.5] * 3, [1, 1, 2])
    assert together[0].startswith(together[1]) and together[0] != together[2], together
    assert write(["What"], [60], [0.5], [1]) == together[:1]
    assert write(["a"], [0], [0.5], [1]) == ["a"]
    for text in write(["What", "The best", "I just"], [80] * 3, [0.5] * 3, [3, 4, 5]):
        print(f"  {text}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "test" / "fixtures" / "models" / "text_generator",
        help="the model's folder in a model repository (default: %(default)s)",
    )
    parser.add_argument(
        "--version", type=int, default=1, help="version folder (default: %(default)s)"
    )
    parser.add_argument(
        "--package", type=pathlib.Path, required=True, help="unpacked source package textgenrnn 1.5.0"
    )
    parser.add_argument(
        "--check", action="store_true", help="compare the model that is there; write nothing"
    )
    arguments = parser.parse_args()
    folder = arguments.output / str(arguments.version)
    source = arguments.package / "textgenrnn"
    weights = source / "textgenrnn_weights.hdf5"
    if not weights.is_file():
        sys.exit(f"no weights in {source}: is {arguments.package} the unpacked source package?")
    vocabulary = json.loads((source / "textgenrnn_vocab.json").read_text())
    reference = Reference(weights, vocabulary)

    if arguments.check:
        loaded = tf.saved_model.load(str(folder))
        check(loaded.signatures["serving_default"], loaded.signatures["next"], reference)
        return
    module = TextGenerator(weights, vocabulary)
    check(module.serve, module.next, reference)
    arguments.output.mkdir(parents=True, exist_ok=True)
    write_saved_model(module, {"serving_default": module.serve, "next": module.next}, folder)
    (arguments.output / "model.json").write_text(json.dumps(MODEL_JSON, indent=2) + "\n")
    (arguments.output / "LICENSE").write_text(LICENSE)
    print("\n".join(describe(folder)))


if __name__ == "__main__":
    main()
