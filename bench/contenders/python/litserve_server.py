"""LitServe with its dynamic batching: a worker a core with one TensorFlow thread each."""

import os
import sys

import litserve as ls
import numpy as np
from fastapi import Request

from pictures import decode_for_classifier, load_signature, top_five

MODEL = "efficientnet-lite0"
CORES = len(os.sched_getaffinity(0))


class Classifier(ls.LitAPI):
    def setup(self, device):
        import tensorflow as tf

        tf.config.threading.set_intra_op_parallelism_threads(1)
        self.tf = tf
        self.model, self.signature = load_signature(MODEL)
        # As this server does: no client meets a batch size for the first time.
        for rows in (1, 2, 4, 8):
            self.predict(np.zeros((rows, 224, 224, 3), np.float32))

    def decode_request(self, request: Request):
        return decode_for_classifier(request["image"].file.read())

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, batch):
        return self.signature(images=self.tf.constant(batch))["logits"].numpy()

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return top_five(output)


if __name__ == "__main__":
    api = Classifier(
        max_batch_size=8, batch_timeout=0.005, api_path=f"/models/{MODEL}/classify"
    )
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=CORES)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
