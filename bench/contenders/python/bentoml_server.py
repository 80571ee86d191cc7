"""BentoML with its adaptive batching: one service decodes, the other runs the batches."""

from __future__ import annotations

import os
from pathlib import Path

import bentoml
import numpy as np

from pictures import decode_for_classifier, load_signature, top_five

MODEL = "efficientnet-lite0"
CORES = len(os.sched_getaffinity(0))


@bentoml.service(workers=CORES, traffic={"timeout": 60})
class Runner:
    def __init__(self) -> None:
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        self.tf = tf
        self.model, self.signature = load_signature(MODEL)
        for rows in (1, 2, 4, 8):
            self.signature(images=tf.zeros((rows, 224, 224, 3)))

    @bentoml.api(batchable=True, max_batch_size=8, max_latency_ms=60_000)
    def run(self, images: np.ndarray) -> np.ndarray:
        return self.signature(images=self.tf.constant(images))["logits"].numpy()


@bentoml.service(workers=CORES, traffic={"timeout": 60})
class Front:
    runner = bentoml.depends(Runner)

    @bentoml.api(route=f"/models/{MODEL}/classify")
    async def classify(self, image: Path) -> dict:
        pixels = decode_for_classifier(image.read_bytes())
        logits = await self.runner.to_async.run(pixels[None])
        return top_five(logits[0])
