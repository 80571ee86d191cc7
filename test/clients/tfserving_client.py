"""What clients of TensorFlow Serving do, with nothing but requests: python tfserving_client.py URL PHOTO"""

import base64
import json
import math
import sys

import requests

BASE, PHOTO = sys.argv[1] + "/v1/models", sys.argv[2]
session = requests.Session()


def predict(address: str, **body):
    # As in TensorFlow's own tutorials: JSON as text, with or without its Content-Type.
    response = session.post(f"{BASE}/{address}:predict", data=json.dumps(body))
    response.raise_for_status()
    return response.json()


def refused(status: int, response: requests.Response) -> str:
    assert response.status_code == status, (response.status_code, response.text)
    return response.json()["error"]


# Wait for the model, as start-up scripts do.
state = session.get(f"{BASE}/half").json()["model_version_status"]
assert [(v["version"], v["state"], v["status"]["error_code"]) for v in state] == [
    ("2", "AVAILABLE", "OK"),
    ("1", "AVAILABLE", "OK"),
], state

# Read the signature, and make the request from it.
metadata = session.get(f"{BASE}/half/versions/1/metadata").json()
assert metadata["model_spec"]["version"] == "1"
signature = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]
[(name, info)] = signature["inputs"].items()
assert info["dtype"] == "DT_FLOAT" and info["tensor_shape"]["dim"][0]["size"] == "-1"

assert predict("half", instances=[1.0, 2.0, 5.0]) == {"predictions": [2.5, 3.0, 4.5]}
assert predict("half", instances=[{name: 1.0}]) == {"predictions": [2.5]}
assert predict("half", inputs={name: [1.0]}) == {"outputs": [2.5]}
assert predict("half/versions/1", instances=[2]) == {"predictions": [3.0]}
assert predict("half/labels/stable", instances=[2]) == {"predictions": [3.0]}

# Python's json writes and reads the tokens, too.
[nan, infinity] = predict("half", instances=[float("nan"), float("inf")])["predictions"]
assert math.isnan(nan) and infinity == math.inf
big = 2**63 - 1
assert predict("types", signature_name="int64", instances=[big]) == {"predictions": [big]}

photo = base64.b64encode(open(PHOTO, "rb").read()).decode()
[scores] = predict("photos", instances=[{"b64": photo}])["predictions"]
print("class", scores.index(max(scores)))

classified = session.post(
    f"{BASE}/examples:classify",
    json={"signature_name": "classify", "examples": [{"x": 1.0}]},
).json()
assert classified == {"results": [[["low", 0.5], ["high", 2.5]]]}, classified
regressed = session.post(f"{BASE}/examples:regress", json={"examples": [{"x": 6.0}]}).json()
assert regressed == {"results": [5.0]}, regressed

missing = session.post(f"{BASE}/nobody:predict", json={"instances": [1]})
assert "Servable not found for request: Latest(nobody)" in refused(404, missing)
wrong = session.post(f"{BASE}/half:predict", json={"instances": ["text"]})
assert "not of expected type: float" in refused(400, wrong)
assert refused(400, session.get(BASE)) == "Missing model name in request."
print("all right")
