#!/usr/bin/env python3
"""Run a SavedModel of one input and one output on raw float32 tensors: for the checks written in JavaScript.

The JSON file lists entries of `input` and `output` (raw files, relative to it) and `shape`.
"""

import argparse
import json
import os
import pathlib

# oneDNN rounds more coarsely on some processors: what is checked is the graph.
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import savedmodel  # noqa: F401  first: it quiets TensorFlow

import numpy as np
import tensorflow as tf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of the version")
    parser.add_argument("--list", type=pathlib.Path, required=True, help="the JSON file")
    arguments = parser.parse_args()
    serve = tf.saved_model.load(str(arguments.model)).signatures["serving_default"]
    (name,) = serve.structured_input_signature[1]
    for entry in json.loads(arguments.list.read_text()):
        fed = np.fromfile(arguments.list.parent / entry["input"], np.float32)
        (output,) = serve(**{name: tf.constant(fed.reshape(entry["shape"]))}).values()
        output.numpy().astype(np.float32).tofile(arguments.list.parent / entry["output"])


if __name__ == "__main__":
    main()
