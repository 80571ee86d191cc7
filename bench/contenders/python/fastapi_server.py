"""FastAPI as its tutorial has it: `def` routes, which run in its thread pool; a run each request."""

import os
import sys

import tensorflow as tf
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from pictures import (
    REPOSITORY,
    decode_as_is,
    decode_for_classifier,
    encode_png,
    from_json,
    load_signature,
    top_five,
)

app = FastAPI()
models = {name: load_signature(name) for name in os.listdir(REPOSITORY)}


async def photo_of(request: Request) -> bytes:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/"):
        form = await request.form()
        return await form["image"].read()
    body = await request.body()
    return from_json(body) if kind == "application/json" else body


def run_classifier(name: str, data: bytes) -> dict:
    _, signature = models[name]
    logits = signature(images=tf.constant(decode_for_classifier(data)[None]))["logits"]
    return top_five(logits.numpy()[0])


def run_generator(name: str, data: bytes) -> bytes:
    _, signature = models[name]
    return encode_png(signature(image=tf.constant(decode_as_is(data)))["upscaled"].numpy())


@app.post("/models/{name}/classify")
async def classify(name: str, request: Request) -> dict:
    return await run_in_threadpool(run_classifier, name, await photo_of(request))


@app.post("/models/{name}/generate")
async def generate(name: str, request: Request) -> Response:
    png = await run_in_threadpool(run_generator, name, await photo_of(request))
    return Response(png, media_type="image/png")


@app.get("/health")
async def health() -> dict:
    return {"ok": True}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
