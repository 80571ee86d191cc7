"""What every Python contender does with a photo: Pillow, as saved_models/*/model.json says."""

import base64
import io
import json
import os

import numpy as np
from PIL import Image

REPOSITORY = os.environ["BENCH_REPOSITORY"]
SIZE = 224
CROP_FRACTION = 0.875


def decode_for_classifier(data):
    """JPEG to [224, 224, 3] float32, cut from the centre."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    width, height = image.size
    side = min(width, height) * CROP_FRACTION
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    image = image.resize((SIZE, SIZE), Image.BICUBIC, box=box)
    return (np.asarray(image, np.float32) - 127.0) / 128.0


def decode_as_is(data):
    """JPEG to [1, height, width, 3] uint8."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[None]


def encode_png(pixels):
    """[1, height, width, 3] uint8 to PNG, as much compressed as this server does it."""
    out = io.BytesIO()
    Image.fromarray(pixels[0]).save(out, "PNG", compress_level=3)
    return out.getvalue()


def top_five(logits):
    """Softmax and the five best of one row."""
    scores = np.exp(logits - logits.max())
    scores /= scores.sum()
    best = np.argsort(scores)[::-1][:5]
    return {"predictions": [{"index": int(i), "score": float(scores[i])} for i in best]}


def from_json(body):
    """The photo in {"image": {"b64": "…"}}."""
    return base64.b64decode(json.loads(body)["image"]["b64"])


def load_signature(name):
    """A model and its serving_default; the model must be kept, or its variables are freed."""
    import tensorflow as tf

    model = tf.saved_model.load(os.path.join(REPOSITORY, name, "1"))
    return model, model.signatures["serving_default"]
