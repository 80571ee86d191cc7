#!/usr/bin/env python3
"""Drive a server with NVIDIA's own client, tritonclient.http, as a service written for Triton does.

    python triton_http_client.py HOST:PORT PHOTO

The server must have half_plus_two, every_type, two_signatures and classifier (the shipped one, with labels),
be started with explicit model control, and have spare in its repository, not loaded. Ends with "all passed".
"""

import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


def tensor(name, array, binary=True, datatype=None):
    given = triton.InferInput(name, list(array.shape), datatype or np_to_triton_dtype(array.dtype))
    given.set_data_from_numpy(array, binary_data=binary)
    return given


def refused(work, status, *words):
    """The error that the server answers, with its status and words of its message."""
    try:
        work()
    except InferenceServerException as error:
        assert error.status() == str(status), error
        for word in words:
            assert word in error.message(), error
        return
    raise AssertionError(f"not refused: expected {status} {words}")


def check_health_and_metadata(client):
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready("half_plus_two")
    assert client.is_model_ready("half_plus_two", "1")
    assert not client.is_model_ready("nothing")
    server = client.get_server_metadata()
    assert server["name"] == "tfjs-serving", server
    assert {"binary_tensor_data", "classification", "statistics", "model_repository"} <= set(
        server["extensions"]
    ), server
    metadata = client.get_model_metadata("two_signatures")
    assert metadata["platform"] == "tensorflow_savedmodel", metadata
    assert metadata["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1]}], metadata
    config = client.get_model_config("classifier", "1")
    assert config["max_batch_size"] >= 1, config
    assert config["input"][0]["data_type"] == "TYPE_FP32", config
    assert config["input"][0]["dims"] == [224, 224, 3], config
    refused(lambda: client.get_model_metadata("nothing"), 404, "nothing")


def check_forms_of_a_tensor(client):
    x = np.array([1.0, 2.0, 5.0], np.float32)
    expected = x * 0.5 + 2
    for binary_in in (True, False):
        for outputs in (
            None,
            [triton.InferRequestedOutput("y", binary_data=True)],
            [triton.InferRequestedOutput("y", binary_data=False)],
        ):
            result = client.infer(
                "half_plus_two",
                [tensor("x", x, binary_in)],
                outputs=outputs,
                request_id="mine",
                priority=1,
                timeout=10_000_000,
            )
            np.testing.assert_array_equal(result.as_numpy("y"), expected)
            response = result.get_response()
            assert response["id"] == "mine", response
            assert (response["model_name"], response["model_version"]) == ("half_plus_two", "1")
    for algorithm in ("gzip", "deflate"):
        result = client.infer(
            "half_plus_two",
            [tensor("x", x)],
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        np.testing.assert_array_equal(result.as_numpy("y"), expected)
    # More rows than a batch may have.
    many = np.arange(100, dtype=np.float32)
    result = client.infer("half_plus_two", [tensor("x", many)], model_version="1")
    np.testing.assert_array_equal(result.as_numpy("y"), many * 0.5 + 2)
    # Four at once.
    pending = [client.async_infer("half_plus_two", [tensor("x", x + i)]) for i in range(4)]
    for i, one in enumerate(pending):
        np.testing.assert_array_equal(one.get_result().as_numpy("y"), (x + i) * 0.5 + 2)


def check_every_type(client):
    arrays = {
        "bool": np.array([[True, False], [False, True]]),
        "float32": np.array([[1.5, -0.1], [3e38, 1e-40]], np.float32),
        "int32": np.array([[-(2**31), 2**31 - 1], [0, 7]], np.int32),
        "int64": np.array([[-(2**63), 2**63 - 1], [2**53 + 1, 0]], np.int64),
        "string": np.array([["a", "déjà"], ["", "x" * 300]], np.object_),
        "uint8": np.array([[0, 255], [1, 2]], np.uint8),
    }
    for binary_in in (True, False):
        for binary_out in (True, False):
            result = client.infer(
                "every_type",
                [tensor(f"{name}_in", array, binary_in) for name, array in arrays.items()],
                outputs=[
                    triton.InferRequestedOutput(f"{name}_out", binary_data=binary_out)
                    for name in arrays
                ],
            )
            for name, array in arrays.items():
                answered = result.as_numpy(f"{name}_out")
                if name == "string":
                    answered = np.vectorize(
                        lambda text: text.decode() if isinstance(text, bytes) else text,
                        otypes=[np.object_],
                    )(answered)
                np.testing.assert_array_equal(answered, array, f"{name} {binary_in} {binary_out}")
    # Some inputs and outputs binary, others not; bytes that are no text.
    raw = np.array([[b"\xff\x00", b"\xfe"], [b"", b"\x80"]], np.object_)
    result = client.infer(
        "every_type",
        [
            tensor("string_in", raw),
            *(
                tensor(f"{name}_in", arrays[name], binary_in)
                for name, binary_in in (
                    ("bool", False),
                    ("float32", True),
                    ("int32", False),
                    ("int64", True),
                    ("uint8", False),
                )
            ),
        ],
        outputs=[
            triton.InferRequestedOutput("int64_out", binary_data=False),
            triton.InferRequestedOutput("string_out", binary_data=True),
            triton.InferRequestedOutput("bool_out", binary_data=True),
        ],
    )
    np.testing.assert_array_equal(result.as_numpy("string_out"), raw)
    np.testing.assert_array_equal(result.as_numpy("int64_out"), arrays["int64"])
    np.testing.assert_array_equal(result.as_numpy("bool_out"), arrays["bool"])
    assert result.as_numpy("uint8_out") is None
    # Other types, where every number stays the same.
    for dtype in (np.float64, np.float16, np.int8, np.uint16, np.int64):
        x = np.array([1, 2, 100], dtype)
        result = client.infer("half_plus_two", [tensor("x", x)])
        np.testing.assert_array_equal(result.as_numpy("y"), x.astype(np.float32) * 0.5 + 2)
    refused(
        lambda: client.infer("half_plus_two", [tensor("x", np.array([0.1], np.float64))]),
        400,
        '"x"',
        "FP64",
    )


def check_images(client, photo):
    with open(photo, "rb") as file:
        jpeg = file.read()
    image = np.array([jpeg], np.object_)
    metadata = client.get_model_metadata("classifier")
    name, output = metadata["inputs"][0]["name"], metadata["outputs"][0]["name"]
    top = [triton.InferRequestedOutput(output, class_count=3)]
    result = client.infer("classifier", [tensor(name, image)], outputs=top)
    classes = result.as_numpy(output)
    assert classes.shape == (1, 3), classes
    value, index, label = classes[0][0].decode().split(":", 2)
    assert (index, label) == ("967", "espresso"), classes
    logits = client.infer("classifier", [tensor(name, image)]).as_numpy(output)
    assert logits.shape == (1, 1000)
    assert int(logits.argmax()) == 967
    assert abs(float(value) - float(logits.max())) < 1e-3
    # Two pictures, one below the other.
    two = np.array([[jpeg], [jpeg]], np.object_)
    result = client.infer(
        "classifier",
        [tensor(name, two)],
        outputs=[triton.InferRequestedOutput(output, binary_data=False, class_count=1)],
    )
    assert result.as_numpy(output).shape == (2, 1)
    # The picture as numbers.
    pixels = np.zeros((1, 224, 224, 3), np.float32)
    assert client.infer("classifier", [tensor(name, pixels)]).as_numpy(output).shape == (1, 1000)


def check_image_client(client):
    """What Triton's example image_client.py wants of metadata and configuration, and what it sends."""
    metadata = client.get_model_metadata("classifier")
    config = client.get_model_config("classifier")
    assert len(metadata["inputs"]) == len(metadata["outputs"]) == len(config["input"]) == 1
    assert metadata["outputs"][0]["datatype"] == "FP32", metadata
    shape = metadata["inputs"][0]["shape"]
    assert config["max_batch_size"] > 0 and len(shape) == 4, (config, shape)
    assert config["input"][0]["format"] == "FORMAT_NHWC", config
    height, width, channels = shape[1:]
    assert (height, width, channels) == (224, 224, 3), shape
    batch = np.stack([np.zeros((height, width, channels), np.float32)] * 2, axis=0)
    output = metadata["outputs"][0]["name"]
    result = client.infer(
        "classifier",
        [tensor(metadata["inputs"][0]["name"], batch)],
        outputs=[triton.InferRequestedOutput(output, class_count=2)],
    )
    classes = result.as_numpy(output)
    assert len(classes) == 2, classes
    for row in classes:
        for one in row:
            value, index, label = one.decode().split(":", 2)
            assert float(value) and index.isdigit() and label, one


def check_errors(client):
    x = np.array([1.0], np.float32)
    refused(lambda: client.infer("nothing", [tensor("x", x)]), 404, "nothing")
    refused(lambda: client.infer("half_plus_two", [tensor("x", x)], model_version="9"), 404, "9")
    refused(lambda: client.infer("half_plus_two", [tensor("z", x)]), 400, '"z"', '"x"')
    refused(
        lambda: client.infer("half_plus_two", [tensor("x", np.ones((2, 2), np.float32))]),
        400,
        '"x"',
        "[?]",
        "[2, 2]",
    )
    refused(
        lambda: client.infer(
            "half_plus_two", [tensor("x", x)], outputs=[triton.InferRequestedOutput("z")]
        ),
        400,
        '"z"',
    )
    refused(
        lambda: client.infer(
            "half_plus_two", [tensor("x", x)], sequence_id=5, sequence_start=True
        ),
        400,
        "sequence",
    )
    refused(client.get_system_shared_memory_status, 404)


def check_statistics(client):
    before = client.get_inference_statistics("half_plus_two", "1")["model_stats"][0]
    for _ in range(3):
        client.infer("half_plus_two", [tensor("x", np.ones(2, np.float32))])
    after = client.get_inference_statistics("half_plus_two")["model_stats"][0]
    assert after["inference_count"] - before["inference_count"] == 6, after
    assert after["execution_count"] - before["execution_count"] == 3, after
    success = after["inference_stats"]["success"]
    assert success["count"] - before["inference_stats"]["success"]["count"] == 3, after
    assert success["ns"] > before["inference_stats"]["success"]["ns"], after
    assert any(batch["batch_size"] == 2 for batch in after["batch_stats"]), after
    assert len(client.get_inference_statistics()["model_stats"]) >= 4


def check_repository(client):
    def states():
        return {one["name"]: one["state"] for one in client.get_model_repository_index()}

    assert states()["half_plus_two"] == "READY"
    assert states()["spare"] == "UNAVAILABLE"
    x = np.ones(1, np.float32)
    refused(lambda: client.infer("spare", [tensor("x", x)]), 404, "spare")
    client.load_model("spare")
    assert states()["spare"] == "READY"
    assert client.is_model_ready("spare")
    assert client.infer("spare", [tensor("x", x)]).as_numpy("y")[0] == 3.5
    client.unload_model("spare")
    assert states()["spare"] == "UNAVAILABLE"
    assert not client.is_model_ready("spare")
    refused(lambda: client.load_model("missing"), 404, "missing")
    refused(lambda: client.load_model("spare", config="{}"), 400, "config")
    refused(
        lambda: client.load_model("spare", config="{}", files={"file:1/saved_model.pb": b"x"}),
        400,
        "not supported",
    )


def main():
    address, photo = sys.argv[1:]
    with triton.InferenceServerClient(address, concurrency=4) as client:
        check_health_and_metadata(client)
        check_forms_of_a_tensor(client)
        check_every_type(client)
        check_images(client, photo)
        check_image_client(client)
        check_errors(client)
        check_statistics(client)
        check_repository(client)
    print("all passed")


if __name__ == "__main__":
    main()
