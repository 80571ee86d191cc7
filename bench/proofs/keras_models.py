#!/usr/bin/env python3
"""Export the models that keras-models.mjs rewrites, a SavedModel folder each.

mobilenet_v2, resnet50, efficientnet_b0  of keras.applications, with random weights and statistics
shared_variable                          a tf.function behind two signatures that share a variable
lookup_table                             words -> numbers, through a hash table: to be left alone

    python bench/proofs/keras_models.py OUT
"""

import argparse
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf

NETWORKS = {
    "mobilenet_v2": keras.applications.MobileNetV2,
    "resnet50": keras.applications.ResNet50,
    "efficientnet_b0": keras.applications.EfficientNetB0,
}


def randomize_statistics(model: keras.Model) -> None:
    """Fresh batch normalisation does nothing, which a wrong rewrite of it would not show."""
    random = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    random.uniform(0.5, 1.5, gamma.shape),
                    random.normal(0, 0.1, beta.shape),
                    random.normal(0, 0.1, mean.shape),
                    random.uniform(0.5, 1.5, variance.shape),
                ]
            )


def shared_variable() -> tuple[tf.Module, dict]:
    module = tf.Module(name="shared_variable")
    random = np.random.default_rng(2)
    module.kernel = tf.Variable(random.normal(0, 0.1, (3, 3, 3, 64)), dtype=tf.float32, name="kernel")
    image = tf.TensorSpec([None, 32, 32, 3], tf.float32, name="image")

    @tf.function
    def features(x):
        return tf.nn.relu(tf.nn.conv2d(x, module.kernel, strides=1, padding="SAME"))

    @tf.function(input_signature=[image])
    def serve(image):
        return {"features": features(image)}

    @tf.function(input_signature=[image])
    def pooled(image):
        return {"means": tf.reduce_mean(features(image), axis=[1, 2])}

    module.serve, module.pooled = serve, pooled
    return module, {"serving_default": serve, "pooled": pooled}


def lookup_table() -> tuple[tf.Module, dict]:
    module = tf.Module(name="lookup_table")
    pairs = tf.lookup.KeyValueTensorInitializer(["cat", "dog"], tf.constant([1, 2], tf.int64))
    module.table = tf.lookup.StaticHashTable(pairs, default_value=-1)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="word")])
    def serve(word):
        return {"number": module.table.lookup(word)}

    module.serve = serve
    return module, {"serving_default": serve}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=pathlib.Path, help="folder to write the models into")
    out = parser.parse_args().out
    keras.utils.set_random_seed(0)
    for name, network in NETWORKS.items():
        model = network(weights=None)
        randomize_statistics(model)
        model.export(str(out / name), format="tf_saved_model", verbose=False)
        print(name, flush=True)
    for name, make in {"shared_variable": shared_variable, "lookup_table": lookup_table}.items():
        module, signatures = make()
        tf.saved_model.save(module, str(out / name), signatures=signatures)
        print(name, flush=True)


if __name__ == "__main__":
    main()
