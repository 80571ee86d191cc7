#!/usr/bin/env python3
"""Compare a server's answers with those of TensorFlow's Python loader, for every signature of every model
of a repository, with 1, 3 and 7 rows. Prints a table in Markdown; exit code 1 when an answer differs, or a
model that Python runs is not served.

    python bench/proofs/corpus_answers.py REPOSITORY URL OUT

The server runs with --model-control explicit: models are loaded one after the other.
"""

import argparse
import json
import os
import pathlib
import re
import urllib.error
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

ROWS = (1, 3, 7)
# Stand for dimensions of any size, in turn, until the model accepts its inputs.
SIDES = (8, 32, 64, 1)
RANGES = ((0.0, 1.0), (-1.0, 1.0))
TOLERANCE = 1e-4
# Beside values of a mask, such as -1e9, everything else would be as good as equal.
MASK = 1e6
# What cannot be served, with what the server has to say about it.
NOT_SERVED = {
    "py-function": "PyFunc|pyfunc|py_func",
    "ragged-out": "made of several tensors",
    "tf1-sparse-sig": "sparse",
}
HALVES = {"bfloat16": 2.0**-6, "float16": 2.0**-9}
DATATYPES = {
    "float32": "FP32",
    "float64": "FP64",
    "float16": "FP16",
    "bfloat16": "BF16",
    "bool": "BOOL",
    "string": "BYTES",
    **{
        name: name.upper()
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    },
}


def strings_to_try() -> list[list[bytes]]:
    pixels = np.random.default_rng(5).integers(0, 256, (3, 12, 16, 3)).astype(np.uint8)
    jpegs = [tf.io.encode_jpeg(picture).numpy() for picture in pixels]
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[0.25]))
    example = tf.train.Example(features=tf.train.Features(feature={"a": feature}))
    return [
        jpegs,
        [tf.io.encode_base64(jpeg).numpy() for jpeg in jpegs],
        [example.SerializeToString()],
        [b"red", b"the cat sat", b"hello dog", b""],
    ]


STRINGS = strings_to_try()


def made(spec: tf.TensorSpec, rows: int, side: int, low: float, high: float, strings: list[bytes], seed: int):
    """A value for one input; the same for the same arguments."""
    random = np.random.default_rng(seed)
    dims = [rows] if spec.shape.rank is None else spec.shape.as_list()
    shape = [size if size is not None else rows if at == 0 else side for at, size in enumerate(dims)]
    if spec.dtype == tf.string:
        count = int(np.prod(shape))
        return np.array([strings[at % len(strings)] for at in range(count)], dtype=object).reshape(shape)
    if spec.dtype == tf.bool:
        return random.integers(0, 2, shape).astype(bool)
    if spec.dtype == tf.uint8:
        return random.integers(0, 256, shape).astype(np.uint8)
    if spec.dtype.is_integer:
        return random.integers(0, 2, shape).astype(spec.dtype.as_numpy_dtype)
    return random.uniform(low, high, shape).astype(spec.dtype.as_numpy_dtype)


def cases(function, rows: int):
    """Inputs that the function may accept."""
    _, specs = function.structured_input_signature
    for strings in STRINGS if any(spec.dtype == tf.string for spec in specs.values()) else STRINGS[:1]:
        for side in SIDES:
            for low, high in RANGES:
                yield {
                    name: made(spec, rows, side, low, high, strings, seed=rows * 100 + at)
                    for at, (name, spec) in enumerate(sorted(specs.items()))
                }


def run_python(function, inputs: dict) -> dict:
    outputs = function(**{name: tf.constant(value) for name, value in inputs.items()})
    tensors = {name: value.numpy() for name, value in outputs.items() if isinstance(value, tf.Tensor)}
    # A string without dimensions comes as bytes.
    return {
        name: np.array(value, object) if isinstance(value, bytes) else value
        for name, value in tensors.items()
    }


def accepted(function, rows: int) -> tuple[dict, dict]:
    """The first inputs that the function takes, and what it answers."""
    failure: Exception | None = None
    for inputs in cases(function, rows):
        try:
            return inputs, run_python(function, inputs)
        except Exception as error:  # noqa: BLE001 - TensorFlow raises many kinds
            failure = error
    raise ValueError(f"Python runs it on no input that was tried: {failure}")


class Server:
    """The Open Inference Protocol in binary form."""

    def __init__(self, url: str):
        self.url = url

    def post(self, path: str, body: bytes, headers: dict | None = None) -> tuple[dict, bytes]:
        request = urllib.request.Request(
            self.url + path, body, headers or {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as response:
                answer, length = response.read(), response.headers.get("Inference-Header-Content-Length")
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            raise RuntimeError(json.loads(text).get("error", text)) from error
        size = len(answer) if length is None else int(length)
        return json.loads(answer[:size] or b"{}"), answer[size:]

    def infer(self, model: str, signature: str, inputs: dict, dtypes: dict) -> dict:
        parts, described = [], []
        for name, value in inputs.items():
            data = packed(value)
            parts.append(data)
            described.append(
                {
                    "name": name,
                    "shape": list(value.shape),
                    "datatype": DATATYPES[dtypes[name]],
                    "parameters": {"binary_data_size": len(data)},
                }
            )
        parameters = {"signature_name": signature, "binary_data_output": True}
        head = json.dumps({"inputs": described, "parameters": parameters}).encode()
        headers = {
            "Content-Type": "application/octet-stream",
            "Inference-Header-Content-Length": str(len(head)),
        }
        answer, binary = self.post(f"/v2/models/{model}/infer", head + b"".join(parts), headers)
        return unpacked(answer["outputs"], binary)


def packed(value: np.ndarray) -> bytes:
    if value.dtype != object:
        return value.tobytes()
    return b"".join(len(text).to_bytes(4, "little") + text for text in value.ravel())


def unpacked(outputs: list[dict], binary: bytes) -> dict:
    values, at = {}, 0
    names = {datatype: name for name, datatype in DATATYPES.items()}
    for output in outputs:
        size = output["parameters"]["binary_data_size"]
        data, at = binary[at : at + size], at + size
        dtype = names[output["datatype"]]
        if dtype == "string":
            texts, place = [], 0
            while place < len(data):
                length = int.from_bytes(data[place : place + 4], "little")
                texts.append(data[place + 4 : place + 4 + length])
                place += 4 + length
            value = np.array(texts, dtype=object)
        else:
            value = np.frombuffer(data, tf.as_dtype(dtype).as_numpy_dtype)
        values[output["name"]] = value.reshape(output["shape"])
    return values


def difference(expected: np.ndarray, actual: np.ndarray) -> float:
    """Largest difference, as a share of the largest value; infinite where no tolerance helps."""
    if expected.shape != actual.shape or expected.dtype != actual.dtype:
        return np.inf
    if expected.dtype == object or expected.dtype == bool:
        return 0.0 if (expected == actual).all() else np.inf
    a, b = expected.astype(np.float64), actual.astype(np.float64)
    finite = np.isfinite(a)
    if not np.array_equal(np.where(finite, 0, a), np.where(np.isfinite(b), 0, b), equal_nan=True):
        return np.inf
    a, b = a[finite], b[finite]
    if a.size == 0:
        return 0.0
    usual = np.abs(a) < MASK
    groups = [usual, ~usual] if usual.any() else [~usual]
    worst = max(
        (np.abs(a - b)[group].max() / max(np.abs(a[group]).max(), 1e-6) for group in groups if group.any()),
        default=0.0,
    )
    return max(0.0, worst - HALVES.get(str(expected.dtype), 0.0))


def compare(server: Server, model: str, folder: pathlib.Path) -> tuple[str, str]:
    """@returns the outcome, and remarks"""
    loaded = tf.saved_model.load(str(folder), tags=["serve"])
    worst, by_shape, left_out = 0.0, False, set()
    for signature, function in loaded.signatures.items():
        _, specs = function.structured_input_signature
        dtypes = {name: spec.dtype.name for name, spec in specs.items()}
        for rows in ROWS:
            inputs, expected = accepted(function, rows)
            again = run_python(function, inputs)
            actual = server.infer(model, signature, inputs, dtypes)
            if not actual:
                raise ValueError(f"{signature}: nothing was answered")
            left_out |= set(function.structured_outputs) - set(actual)
            for name, value in actual.items():
                if difference(expected[name], again[name]) > TOLERANCE:
                    by_shape = True
                    if expected[name].ndim != value.ndim:
                        raise ValueError(f"{signature}, {rows} rows: {name} has the shape {value.shape}")
                    continue
                found = difference(expected[name], value)
                if found > TOLERANCE:
                    raise ValueError(f"{signature}, {rows} rows: {name} differs by {found:.1e}")
                worst = max(worst, found)
    remarks = (["varies from run to run: compared by shape"] if by_shape else []) + (
        [f"not answered: {', '.join(sorted(left_out))}"] if left_out else []
    )
    return f"equal, within {worst:.0e}" if worst > 0 else "equal", "; ".join(remarks)


def how_it_runs(server: Server, model: str) -> str:
    with urllib.request.urlopen(f"{server.url}/models/{model}") as response:
        optimization = json.load(response)["servable"]["optimization"]
    if optimization["state"] != "optimized":
        return f"as it is: {optimization['reason']}"
    repair = optimization.get("repair")
    if repair is None:
        return "rewritten"
    rest = "" if repair.get("notOptimized") is None else f"; otherwise as it is: {repair['notOptimized']}"
    return f"repaired, {repair['variables']} variables{rest}"


def check(server: Server, model: str, folder: pathlib.Path) -> tuple[bool, str, str]:
    """@returns whether it is as it should be, how it runs, and the outcome"""
    wanted = NOT_SERVED.get(model)
    try:
        server.post(f"/v2/repository/models/{model}/load", b"{}")
    except RuntimeError as error:
        return wanted is not None and bool(re.search(wanted, str(error))), "", f"not loaded: {error}"
    try:
        runs = how_it_runs(server, model)
        outcome, remarks = compare(server, model, folder)
        return wanted is None, runs, outcome if remarks == "" else f"{outcome}; {remarks}"
    except Exception as error:  # noqa: BLE001 - each model is reported
        text = str(error).splitlines()[0]
        return wanted is not None and bool(re.search(wanted, text)), runs, f"**{text}**"
    finally:
        server.post(f"/v2/repository/models/{model}/unload", b"{}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("repository", type=pathlib.Path)
    parser.add_argument("url")
    parser.add_argument("out", type=pathlib.Path, help="file for the table")
    parser.add_argument("names", nargs="*", help="models to check; all when empty")
    arguments = parser.parse_args()
    server = Server(arguments.url)
    models = sorted(path.parents[1] for path in arguments.repository.glob("*/1/saved_model.pb"))
    lines, wrong = ["| Model | Runs | Answers |", "| --- | --- | --- |"], 0
    for model in (one for one in models if not arguments.names or one.name in arguments.names):
        right, runs, outcome = check(server, model.name, model / "1")
        wrong += not right
        cells = [model.name, runs, outcome if right else f"WRONG: {outcome}"]
        lines.append("| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |")
        print(lines[-1], flush=True)
    arguments.out.write_text("\n".join(lines) + "\n")
    print("all as expected" if wrong == 0 else f"{wrong} are not as they should be")
    raise SystemExit(0 if wrong == 0 else 1)


if __name__ == "__main__":
    main()
