#!/usr/bin/env python3
"""Write the tiny SavedModels that the tests load, and check each one's answer.

half_plus_two, half_plus_three  y = 0.5 x + 2 (or 3): two weights, an answer a reader checks by hand
two_signatures                  serving_default as half_plus_two, and `sum`: a + b -> total
slow_add                        y = x + 1, after about half a second of arithmetic, for tests of long runs
assert_positive                 y = 2 x, but the run fails when any element of the batch is negative
every_type                      y = x in a signature for each type, and one signature of the usual types together;
                                `scalar` has no batch dimension
examples                        y = 0.5 x + 2 from serialised tf.Examples: `classify` (labels "low", "high") and
                                `regress`, as TensorFlow Serving's own toy model has them
keras_network                   as Keras exports one: convolutions, batch normalisation, dropout; 8 x 8 RGB -> 4 scores
control_flow                    `serving_default` and `twice` share a variable, read in a loop and in a branch
lookup_table                    words -> numbers, through a hash table
run_counter                     y = x + the number of runs so far, counted in a variable
lost_variables                  y = 0.5 x + 2 from a Keras 3 model saved by tf.saved_model.save, whose variables nothing
                                restores
image_bytes                     mean colours of a JPEG that the graph decodes, times a variable
xla_call                        y = 0.5 x + 2 in a function that XLA compiles, 1 added outside
tensorflow_1                    no serving_default: `weights` answers a variable by reference, `echo` its own input
random_start                    y = x + a variable that is drawn anew whenever the model is loaded

    python scripts/export/test_models.py
"""

import argparse
import pathlib
import shutil
import time

from savedmodel import REPOSITORY_ROOT, describe, write_saved_model  # first: it quiets TensorFlow

import numpy as np
import tensorflow as tf

VERSION = "1"
# 512 x 512 products in a row: each waits for the one before, so the run is long on any CPU.
SLOW_SIDE = 512
SLOW_STEPS = 700

VECTOR = tf.TensorSpec([None], tf.float32, name="x")


def half_plus(offset: float) -> tf.Module:
    """y = 0.5 x + offset."""
    module = tf.Module(name="half_plus")
    module.slope = tf.Variable(0.5, name="slope")
    module.offset = tf.Variable(offset, name="offset")

    @tf.function(input_signature=[VECTOR])
    def serve(x):
        return {"y": module.slope * x + module.offset}

    module.serve = serve
    return module


def two_signatures() -> tf.Module:
    """half_plus_two, and a second signature with two inputs."""
    module = half_plus(2.0)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 3], tf.float32, name="a"),
            tf.TensorSpec([None, 3], tf.float32, name="b"),
        ]
    )
    def add(a, b):
        return {"total": a + b}

    module.add = add
    return module


def slow_add() -> tf.Module:
    """y = x + 1, slowly."""
    module = tf.Module(name="slow_add")
    module.one = tf.Variable(1.0, name="one")

    @tf.function(input_signature=[VECTOR])
    def serve(x):
        # A matrix of 1 / side times itself is itself, exactly, since side is a power of two: the
        # values neither grow nor vanish. The loop starts from x by an amount too small to change it,
        # so that it cannot be computed once while the graph is optimised (a factor of 0 could be).
        filled = tf.fill([SLOW_SIDE, SLOW_SIDE], 1.0 / SLOW_SIDE)
        start = filled + 1e-30 * tf.reduce_sum(x)
        _, product = tf.while_loop(
            lambda step, _: step < SLOW_STEPS,
            lambda step, value: (step + 1, tf.matmul(value, filled)),
            [tf.constant(0), start],
            parallel_iterations=1,
        )
        # product is 1 / side everywhere; taking it away again leaves x + 1, but depends on the loop.
        return {"y": x + module.one + (tf.reduce_mean(product) - 1.0 / SLOW_SIDE)}

    module.serve = serve
    return module


def assert_positive() -> tf.Module:
    """y = 2 x; InvalidArgument at run time for a negative element anywhere in the batch."""
    module = tf.Module(name="assert_positive")
    module.factor = tf.Variable(2.0, name="factor")

    @tf.function(input_signature=[tf.TensorSpec([None, 4], tf.float32, name="x")])
    def serve(x):
        positive = tf.debugging.Assert(
            tf.reduce_all(x >= 0.0), ["assert_positive: x has a negative element"]
        )
        with tf.control_dependencies([positive]):
            return {"y": module.factor * x}

    module.serve = serve
    return module


def every_type() -> tuple[tf.Module, dict]:
    """y = x for each type."""
    module = tf.Module(name="every_type")
    # A model without variables has no variables folder, which some loaders want.
    module.unused = tf.Variable(0.0, name="unused")
    dtypes = {
        "float32": tf.float32,
        "int32": tf.int32,
        "int64": tf.int64,
        "uint8": tf.uint8,
        "bool": tf.bool,
        "string": tf.string,
    }
    rarer = {
        name: tf.as_dtype(name)
        for name in (
            *("float64", "float16", "bfloat16"),
            *("int8", "int16", "uint16", "uint32", "uint64"),
        )
    }

    def same(x):
        return {"y": tf.identity(x)}

    signatures = {
        name: tf.function(same, input_signature=[tf.TensorSpec([None], dtype, name="x")])
        for name, dtype in {**dtypes, **rarer}.items()
    }
    signatures["scalar"] = tf.function(
        same, input_signature=[tf.TensorSpec([], tf.float32, name="x")]
    )
    signatures["matrix"] = tf.function(
        same, input_signature=[tf.TensorSpec([None, None], tf.float32, name="x")]
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def text(text):
        return {"text": tf.identity(text), "text_bytes": tf.identity(text)}

    together = tf.function(
        lambda *inputs: {f"{name}_out": tf.identity(x) for name, x in zip(dtypes, inputs)},
        input_signature=[
            tf.TensorSpec([None, 2], dtype, name=f"{name}_in") for name, dtype in dtypes.items()
        ],
    )

    signatures["text"] = text
    signatures["serving_default"] = together
    module.functions = list(signatures.values())
    return module, signatures


def write_examples(folder: pathlib.Path) -> None:
    """Signatures of the methods classify and regress, which only TensorFlow 1's builder writes."""
    if folder.exists():
        shutil.rmtree(folder)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        serialized = v1.placeholder(tf.string, [None], name="tf_example")
        parsed = tf.io.parse_example(serialized, {"x": tf.io.FixedLenFeature([1], tf.float32)})
        slope = v1.get_variable("slope", initializer=0.5, use_resource=True)
        y = parsed["x"] * slope + 2.0
        labels = tf.tile(tf.constant([["low", "high"]]), [tf.shape(y)[0], 1])
        scores = tf.concat([3.0 - y, y], axis=1)
        classify = v1.saved_model.classification_signature_def(serialized, labels, scores)
        regress = v1.saved_model.regression_signature_def(serialized, y)
        session.run(v1.global_variables_initializer())
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={
                "serving_default": regress,
                "classify": classify,
                "regress": regress,
            },
        )
        builder.save()


def export_keras_network(folder: pathlib.Path) -> None:
    """As `model.export` writes it, with statistics that batch normalisation does something with."""
    import shutil

    import keras

    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input([8, 8, 3], name="image")
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False)(image)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    x = layers.Activation("silu")(layers.BatchNormalization()(x))
    x = layers.Dropout(0.5)(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, layers.Dense(4, activation="softmax")(x))
    random = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.set_weights([random.uniform(0.5, 1.5, w.shape) for w in layer.get_weights()])
    if folder.exists():
        shutil.rmtree(folder)
    model.export(str(folder), format="tf_saved_model", verbose=False)
    if (folder / "assets").is_dir():
        (folder / "assets").rmdir()


def control_flow() -> tf.Module:
    """y = x + 3 w, in a loop that reads w; twice: y = 2 w x for a positive sum of x, else w x."""
    module = tf.Module(name="control_flow")
    module.w = tf.Variable([1.0, 2.0], name="w")
    rows = tf.TensorSpec([None, 2], tf.float32, name="x")

    @tf.function
    def scaled(x, factor):
        return factor * module.w * x

    @tf.function(input_signature=[rows])
    def serve(x):
        _, y = tf.while_loop(
            lambda step, _: step < 3,
            lambda step, value: (step + 1, value + module.w),
            [tf.constant(0), x],
        )
        return {"y": y}

    @tf.function(input_signature=[rows])
    def twice(x):
        y = tf.cond(tf.reduce_sum(x) > 0.0, lambda: scaled(x, 2.0), lambda: scaled(x, 1.0))
        return {"y": y}

    module.serve, module.twice = serve, twice
    return module


def lookup_table() -> tf.Module:
    """one -> 1, two -> 2, else -1; plus a variable."""
    module = tf.Module(name="lookup_table")
    module.offset = tf.Variable(0.0, name="offset")
    module.table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["one", "two"], [1.0, 2.0]), -1.0
    )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def serve(word):
        return {"number": module.table.lookup(word) + module.offset}

    module.serve = serve
    return module


def run_counter() -> tf.Module:
    """y = x + runs."""
    module = tf.Module(name="run_counter")
    module.runs = tf.Variable(0.0, name="runs")

    @tf.function(input_signature=[VECTOR])
    def serve(x):
        return {"y": x + module.runs.assign_add(1.0)}

    module.serve = serve
    return module


def export_lost_variables(folder: pathlib.Path) -> None:
    """The graph has each variable twice: signatures read one, the saver restores the other."""
    import keras

    model = keras.Sequential([keras.Input([1]), keras.layers.Dense(1, name="line")])
    model.layers[0].set_weights([np.array([[0.5]]), np.array([2.0])])
    module = tf.Module(name="lost_variables")
    module.model = model

    @tf.function(input_signature=[tf.TensorSpec([None, 1], tf.float32, name="x")])
    def serve(x):
        return {"y": model(x)}

    module.serve = serve
    write_saved_model(module, {"serving_default": serve}, folder)


def image_bytes() -> tf.Module:
    """Strings in, so that made-up inputs must be pictures."""
    module = tf.Module(name="image_bytes")
    module.factor = tf.Variable(2.0, name="factor")

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="jpeg")])
    def serve(jpeg):
        mean = tf.map_fn(
            lambda one: tf.reduce_mean(tf.cast(tf.io.decode_jpeg(one, 3), tf.float32), [0, 1]),
            jpeg,
            fn_output_signature=tf.TensorSpec([3], tf.float32),
        )
        return {"mean": mean * module.factor}

    module.serve = serve
    return module


def xla_call() -> tf.Module:
    """y = 0.5 x + 3, of which XLA compiles all but the last addition."""
    module = tf.Module(name="xla_call")
    module.slope = tf.Variable(0.5, name="slope")
    module.one = tf.Variable(1.0, name="one")

    @tf.function(jit_compile=True)
    def line(x):
        return module.slope * x + 2.0

    @tf.function(input_signature=[VECTOR])
    def serve(x):
        return {"y": line(x) + module.one}

    module.serve = serve
    return module


def write_tensorflow_1(folder: pathlib.Path) -> None:
    """Signatures as only TensorFlow 1's builder writes them, none of them serving_default."""
    if folder.exists():
        shutil.rmtree(folder)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        key = v1.placeholder(tf.string, [None], name="key")
        weights = v1.get_variable("weights", initializer=[1.0, 2.0, 3.0], use_resource=False)
        session.run(v1.global_variables_initializer())
        info = v1.saved_model.build_tensor_info
        define = v1.saved_model.build_signature_def
        predict = "tensorflow/serving/predict"
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={
                "echo": define({"key": info(key)}, {"key": info(key)}, predict),
                "weights": define({}, {"weights": info(weights)}, predict),
            },
        )
        builder.save()


def write_random_start(folder: pathlib.Path) -> None:
    """The main operation writes a variable after it was restored."""
    if folder.exists():
        shutil.rmtree(folder)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None], name="x")
        offset = v1.get_variable("offset", initializer=0.0, use_resource=True)
        y = x + offset
        draw = offset.assign(v1.random_uniform([], 1.0, 2.0), read_value=False)
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(
            session,
            [v1.saved_model.tag_constants.SERVING],
            signature_def_map={"serving_default": signature},
            main_op=draw,
        )
        builder.save()


def check(folder: pathlib.Path) -> None:
    """Run the written models and compare with the answers they are named for."""

    def signature(model: str, name: str = "serving_default"):
        loaded = tf.saved_model.load(str(folder / model / VERSION))
        function = loaded.signatures[name]
        function.owner = loaded  # a signature does not keep its model's variables alive
        return function

    x = np.array([0.0, 1.0, -4.0], np.float32)
    for model, offset in (
        ("half_plus_two", 2.0),
        ("half_plus_three", 3.0),
        ("two_signatures", 2.0),
    ):
        np.testing.assert_array_equal(signature(model)(x=tf.constant(x))["y"], 0.5 * x + offset)
    rows = np.arange(6, dtype=np.float32).reshape(2, 3)
    total = signature("two_signatures", "sum")(a=tf.constant(rows), b=tf.constant(rows * 10))[
        "total"
    ]
    np.testing.assert_array_equal(total, rows * 11)

    slow = signature("slow_add")
    slow(x=tf.constant(x))  # the first run pays for the graph's preparation
    began = time.perf_counter()
    np.testing.assert_array_equal(slow(x=tf.constant(x))["y"], x + 1.0)
    print(f"slow_add: {time.perf_counter() - began:.2f} s a run on this machine")

    positive = signature("assert_positive")
    good = np.ones([2, 4], np.float32)
    np.testing.assert_array_equal(positive(x=tf.constant(good))["y"], 2.0 * good)
    bad = good.copy()
    bad[1, 2] = -1.0
    try:
        positive(x=tf.constant(bad))
    except tf.errors.InvalidArgumentError:
        print("assert_positive: a negative element fails the run with InvalidArgument")
    else:
        raise AssertionError("assert_positive let a negative element pass")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=REPOSITORY_ROOT / "test" / "fixtures" / "models",
        help="folder for the models (default: %(default)s)",
    )
    folder = parser.parse_args().output

    two, three, both = half_plus(2.0), half_plus(3.0), two_signatures()
    slow, positive = slow_add(), assert_positive()
    flow, table, counter = control_flow(), lookup_table(), run_counter()
    pictures, compiled = image_bytes(), xla_call()
    models = {
        "half_plus_two": (two, {"serving_default": two.serve}),
        "half_plus_three": (three, {"serving_default": three.serve}),
        "two_signatures": (both, {"serving_default": both.serve, "sum": both.add}),
        "slow_add": (slow, {"serving_default": slow.serve}),
        "assert_positive": (positive, {"serving_default": positive.serve}),
        "every_type": every_type(),
        "control_flow": (flow, {"serving_default": flow.serve, "twice": flow.twice}),
        "lookup_table": (table, {"serving_default": table.serve}),
        "run_counter": (counter, {"serving_default": counter.serve}),
        "image_bytes": (pictures, {"serving_default": pictures.serve}),
        "xla_call": (compiled, {"serving_default": compiled.serve}),
    }
    for name, (module, signatures) in models.items():
        write_saved_model(module, signatures, folder / name / VERSION)
        print("\n".join(describe(folder / name / VERSION)))
    write_examples(folder / "examples" / VERSION)
    export_lost_variables(folder / "lost_variables" / VERSION)
    write_tensorflow_1(folder / "tensorflow_1" / VERSION)
    write_random_start(folder / "random_start" / VERSION)
    export_keras_network(folder / "keras_network" / VERSION)
    print("\n".join(describe(folder / "keras_network" / VERSION)))
    check(folder)


if __name__ == "__main__":
    main()
