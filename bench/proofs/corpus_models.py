#!/usr/bin/env python3
"""Export about ninety small SavedModels of every kind that model-corpus.mjs serves: Keras 3 and 2,
tf.Module and TensorFlow 1; detection with NMS, text, audio, video, tables, strings, all element types,
dynamic ranks, control flow, and exports whose variables nothing restores.

    python bench/proofs/corpus_models.py OUT [NAME...]

NAME: only these. What is there already is kept. A model that this TensorFlow cannot export is named and
left out.
"""

import argparse
import os
import pathlib
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

rng = np.random.default_rng(7)
TS = tf.TensorSpec


def shake(m):
    """Fresh batch normalisation does nothing, which a wrong rewrite of it would not show."""
    for l in m._flatten_layers():
        if "Normalization" in type(l).__name__ and l.weights:
            for w in l.weights:
                p = getattr(w, "path", w.name)
                a = np.array(w)
                if a.dtype.kind != "f":
                    continue
                if "variance" in p:
                    w.assign(rng.uniform(0.3, 3, a.shape))
                elif "gamma" in p:
                    w.assign(rng.uniform(0.5, 1.5, a.shape))
                else:
                    w.assign(rng.normal(0, 0.2, a.shape))


R = {}


def case(f):
    R[f.__name__.replace("_", "-")] = f
    return f


def W(*s, sc=0.2):
    return tf.Variable(rng.normal(0, sc, s).astype("float32"))


def save(m, d, sigs):
    tf.saved_model.save(m, d, signatures=sigs)


@case
def vit(d):
    i = L.Input((64, 64, 3))
    x = L.Conv2D(64, 8, 8)(i)
    x = L.Reshape((64, 64))(x)
    pos = L.Embedding(64, 64)(np.arange(64)[None]) if False else None
    for _ in range(3):
        y = L.LayerNormalization(epsilon=1e-6)(x)
        y = L.MultiHeadAttention(4, 16)(y, y)
        x = L.Add()([x, y])
        y = L.LayerNormalization(epsilon=1e-6)(x)
        y = L.Dense(128, activation="gelu")(y)
        y = L.Dense(64)(y)
        x = L.Add()([x, y])
    x = L.GlobalAveragePooling1D()(x)
    o = L.Dense(10, activation="softmax")(x)
    m = keras.Model(i, o)
    shake(m)
    m.export(d, verbose=False)


@case
def unet_seg(d):
    i = L.Input((None, None, 3))

    def cb(x, f, dl=1):
        x = L.Conv2D(f, 3, padding="same", dilation_rate=dl, use_bias=False)(x)
        x = L.BatchNormalization()(x)
        return L.ReLU()(x)

    a = cb(i, 16)
    b = cb(L.MaxPool2D()(a), 32)
    c = cb(L.MaxPool2D()(b), 64, 2)
    x = L.Conv2DTranspose(32, 2, 2, padding="same")(c)
    x = L.BatchNormalization()(x)
    x = cb(L.Concatenate()([x, b]), 32)
    x = L.UpSampling2D()(x)
    x = cb(L.Concatenate()([x, a]), 16)
    o = L.Conv2D(21, 1, activation="softmax")(x)
    m = keras.Model(i, o)
    shake(m)
    m.export(d, verbose=False)


@case
def ssd_nms(d):
    i = L.Input((96, 96, 3))
    x = i
    for f in (16, 32, 64):
        x = L.Conv2D(f, 3, 2, padding="same", use_bias=False)(x)
        x = L.BatchNormalization()(x)
        x = L.ReLU(6.0)(x)
    cls = L.Reshape((-1, 5))(L.Conv2D(15, 3, padding="same")(x))
    box = L.Reshape((-1, 4))(L.Conv2D(12, 3, padding="same")(x))
    m = keras.Model(i, [cls, box])
    shake(m)
    M = tf.Module()
    M.m = m

    @tf.function(input_signature=[TS([None, 96, 96, 3], tf.float32, name="input_tensor")])
    def f(x):
        c, b = m(x, training=False)
        b = tf.sigmoid(b)
        b = tf.concat([tf.minimum(b[..., :2], b[..., 2:]), tf.maximum(b[..., :2], b[..., 2:])], -1)
        r = tf.image.combined_non_max_suppression(
            b[:, :, None, :], tf.nn.softmax(c), 20, 50, score_threshold=0.1
        )
        return {
            "detection_boxes": r.nmsed_boxes,
            "detection_scores": r.nmsed_scores,
            "detection_classes": r.nmsed_classes,
            "num_detections": r.valid_detections,
        }

    M.f = f
    save(M, d, f)


@case
def tf2_od_uint8_1xHxW(d):
    """Object Detection API exporter: uint8 [1,None,None,3], while loop map_fn preprocessing"""
    i = L.Input((64, 64, 3))
    x = i
    for f_ in (16, 32):
        x = L.Conv2D(f_, 3, 2, padding="same")(x)
        x = L.BatchNormalization()(x)
        x = L.ReLU()(x)
    m = keras.Model(i, [L.Reshape((-1, 4))(L.Conv2D(12, 1)(x)), L.Reshape((-1, 3))(L.Conv2D(9, 1)(x))])
    shake(m)
    M = tf.Module()
    M.m = m

    @tf.function(input_signature=[TS([1, None, None, 3], tf.uint8, name="input_tensor")])
    def f(x):
        x = tf.map_fn(
            lambda im: tf.image.resize(tf.cast(im, tf.float32), (64, 64)) / 127.5 - 1.0,
            x,
            fn_output_signature=TS((64, 64, 3), tf.float32),
        )
        b, c = m(x, training=False)
        s = tf.reduce_max(tf.sigmoid(c), -1)
        sel = tf.image.non_max_suppression_padded(tf.sigmoid(b[0]), s[0], 10, pad_to_max_output_size=True)
        return {
            "boxes": tf.gather(tf.sigmoid(b), sel[0], axis=1),
            "scores": tf.gather(s, sel[0], axis=1),
            "num": tf.cast(sel[1], tf.float32)[None],
        }

    M.f = f
    save(M, d, f)


@case
def style_instnorm(d):
    M = tf.Module()
    M.w = [W(9, 9, 3, 16, sc=0.05), W(3, 3, 16, 16), W(9, 9, 16, 3, sc=0.05)]
    M.g = [W(16), W(16)]
    M.b = [W(16), W(16)]

    @tf.function(input_signature=[TS([None, None, None, 3], tf.float32, name="image")])
    def f(x):
        for k in range(2):
            x = tf.nn.conv2d(
                tf.pad(x, [[0, 0], [4 - 3 * k] * 2, [4 - 3 * k] * 2, [0, 0]], "REFLECT"), M.w[k], 1, "VALID"
            )
            mu, v = tf.nn.moments(x, [1, 2], keepdims=True)
            x = tf.nn.relu((x - mu) * tf.math.rsqrt(v + 1e-5) * M.g[k] + M.b[k])
        return {"stylized": tf.sigmoid(tf.nn.conv2d(x, M.w[2], 1, "SAME"))}

    M.f = f
    save(M, d, f)


@case
def dcgan_gen(d):
    m = keras.Sequential(
        [
            L.Input((100,)),
            L.Dense(4 * 4 * 64, use_bias=False),
            L.BatchNormalization(),
            L.LeakyReLU(),
            L.Reshape((4, 4, 64)),
            L.Conv2DTranspose(32, 5, 2, padding="same", use_bias=False),
            L.BatchNormalization(),
            L.LeakyReLU(),
            L.Conv2DTranspose(3, 5, 2, padding="same", activation="tanh"),
        ]
    )
    shake(m)
    m.export(d, verbose=False)


@case
def cgan(d):
    z = L.Input((32,), name="noise")
    y = L.Input((), dtype="int32", name="label")
    e = L.Embedding(10, 32)(y)
    x = L.Multiply()([z, e])
    x = L.Dense(7 * 7 * 16)(x)
    x = L.Reshape((7, 7, 16))(x)
    x = L.BatchNormalization()(x)
    x = L.Conv2DTranspose(1, 4, 4, activation="sigmoid")(x)
    m = keras.Model([z, y], x)
    shake(m)
    m.export(d, verbose=False)


@case
def vae_random(d):
    M = tf.Module()
    M.e = W(16, 8)
    M.d = W(4, 16)

    @tf.function(input_signature=[TS([None, 16], tf.float32)])
    def f(x):
        h = x @ M.e
        mu, lv = h[:, :4], h[:, 4:]
        z = mu + tf.exp(0.5 * lv) * tf.random.normal(tf.shape(mu))
        return {"recon": z @ M.d, "mu": mu}

    M.f = f
    save(M, d, f)


@case
def mc_dropout(d):
    m = keras.Sequential([L.Input((16,)), L.Dense(16), L.Dropout(0.5), L.Dense(4)])
    M = tf.Module()
    M.m = m
    M.sg = m.layers[1].seed_generator.state.value
    f = tf.function(lambda x: m(x, training=True), input_signature=[TS([None, 16], tf.float32)])
    M.f = f
    save(M, d, f)


@case
def stateless_random(d):
    M = tf.Module()
    M.w = W(8, 8)
    f = tf.function(
        lambda x: {"y": x @ M.w + tf.random.stateless_normal(tf.shape(x), [1, 2])},
        input_signature=[TS([None, 8], tf.float32)],
    )
    M.f = f
    save(M, d, f)


@case
def noise_generator_fixed_seed(d):
    """op-level seed: tf.random.normal(seed=..) keeps state"""
    M = tf.Module()
    M.w = W(8, 8)
    f = tf.function(
        lambda x: {"y": x @ M.w + tf.random.normal(tf.shape(x), seed=5)},
        input_signature=[TS([None, 8], tf.float32)],
    )
    M.f = f
    save(M, d, f)


@case
def lstm_gru(d):
    i = L.Input((None, 12))
    x = L.Bidirectional(L.LSTM(16, return_sequences=True))(i)
    x = L.GRU(16)(x)
    m = keras.Model(i, L.Dense(3, activation="softmax")(x))
    m.export(d, verbose=False)


@case
def lstm_stateful_masking(d):
    i = L.Input((20,), dtype="int32")
    x = L.Embedding(100, 16, mask_zero=True)(i)
    x = L.LSTM(16, unroll=True)(x)
    m = keras.Model(i, L.Dense(3)(x))
    m.export(d, verbose=False)


@case
def text_vectorization(d):
    tv = L.TextVectorization(max_tokens=50, output_sequence_length=8)
    tv.adapt(["the cat sat on the mat", "a dog ate my homework", "hello world"])
    i = L.Input((), dtype="string")
    x = tv(i)
    x = L.Embedding(50, 16)(x)
    x = L.MultiHeadAttention(2, 8)(x, x)
    x = L.GlobalAveragePooling1D()(x)
    m = keras.Model(i, L.Dense(2, activation="softmax")(x))
    m.export(d, verbose=False)


@case
def string_lookup_asset(d):
    p = os.path.join(tempfile.mkdtemp(), "vocab.txt")
    open(p, "w").write("\n".join(["red", "green", "blue", "été"]))
    M = tf.Module()
    t = tf.lookup.StaticVocabularyTable(
        tf.lookup.TextFileInitializer(
            p, tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER
        ),
        1,
    )
    M.t = t
    M.w = W(5, 4)

    @tf.function(input_signature=[TS([None], tf.string, name="word")])
    def f(x):
        k = t.lookup(x)
        return {"id": k, "emb": tf.gather(M.w, k), "upper": tf.strings.upper(x)}

    M.f = f
    save(M, d, f)


@case
def jpeg_bytes_mapfn(d):
    i = L.Input((64, 64, 3))
    x = L.Conv2D(16, 3, 2, use_bias=False)(i)
    x = L.BatchNormalization()(x)
    x = L.ReLU()(x)
    x = L.GlobalAveragePooling2D()(x)
    m = keras.Model(i, L.Dense(7, activation="softmax")(x))
    shake(m)
    M = tf.Module()
    M.m = m
    M.labels = tf.constant(["a", "b", "c", "d", "e", "f", "g"])

    @tf.function(input_signature=[TS([None], tf.string, name="image_bytes")])
    def f(b):
        x = tf.map_fn(
            lambda s: tf.image.resize(tf.io.decode_jpeg(s, 3), (64, 64)) / 255.0,
            b,
            fn_output_signature=TS((64, 64, 3), tf.float32),
        )
        p = m(x, training=False)
        k = tf.argmax(p, -1)
        return {"probabilities": p, "class": k, "label": tf.gather(M.labels, k)}

    M.f = f
    save(M, d, f)


@case
def jpeg_b64url_single(d):
    M = tf.Module()
    M.w = W(3, 5)

    @tf.function(input_signature=[TS([], tf.string, name="b64")])
    def f(s):
        im = tf.io.decode_image(tf.io.decode_base64(s), 3, expand_animations=False)
        im = tf.cast(tf.image.resize(im, (32, 32)), tf.float32) / 255.0
        return {"scores": tf.nn.softmax(tf.reduce_mean(im, [0, 1])[None] @ M.w)}

    M.f = f
    save(M, d, f)


@case
def preproc_layers(d):
    m = keras.Sequential(
        [
            L.Input((None, None, 3)),
            L.Resizing(72, 72),
            L.CenterCrop(64, 64),
            L.RandomFlip("horizontal"),
            L.RandomRotation(0.1),
            L.Rescaling(1 / 127.5, -1),
            L.Conv2D(8, 3, 2, use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.GlobalMaxPooling2D(),
            L.Dense(5, activation="softmax"),
        ]
    )
    shake(m)
    m.export(d, verbose=False)


@case
def normalization_adapt(d):
    n = L.Normalization(axis=-1, mean=[1, 2, 3, 4.0], variance=[1, 4, 9, 0.5])
    m = keras.Sequential([L.Input((4,)), n, L.Dense(8), L.BatchNormalization(), L.Dense(1)])
    shake(m)
    m.export(d, verbose=False)


@case
def mixed_float16(d):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        m = keras.Sequential(
            [
                L.Input((32, 32, 3)),
                L.Conv2D(8, 3, use_bias=False),
                L.BatchNormalization(),
                L.ReLU(),
                L.GlobalAveragePooling2D(),
                L.Dense(5),
                L.Activation("softmax", dtype="float32"),
            ]
        )
        shake(m)
        m.export(d, verbose=False)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@case
def mixed_float16_out16(d):
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        m = keras.Sequential([L.Input((32,)), L.Dense(8), L.Dense(5)])
        m.export(d, verbose=False)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@case
def mixed_bfloat16(d):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        m = keras.Sequential(
            [
                L.Input((32, 32, 3)),
                L.Conv2D(8, 3, use_bias=False),
                L.BatchNormalization(),
                L.ReLU(),
                L.GlobalAveragePooling2D(),
                L.Dense(5),
                L.Activation("softmax", dtype="float32"),
            ]
        )
        shake(m)
        m.export(d, verbose=False)
    finally:
        keras.mixed_precision.set_global_policy("float32")


@case
def bf16_weights(d):
    M = tf.Module()
    M.w = tf.Variable(tf.cast(rng.normal(0, 1, (8, 8)), tf.bfloat16))
    f = tf.function(
        lambda x: {"y": tf.cast(tf.cast(x, tf.bfloat16) @ M.w, tf.float32)},
        input_signature=[TS([None, 8], tf.float32)],
    )
    M.f = f
    save(M, d, f)


@case
def float64_out(d):
    M = tf.Module()
    M.w = tf.Variable(rng.normal(0, 1, (4, 3)))
    f = tf.function(
        lambda x: {"d": tf.cast(x, tf.float64) @ M.w, "f": x * 2}, input_signature=[TS([None, 4], tf.float32)]
    )
    M.f = f
    save(M, d, f)


@case
def float64_in(d):
    M = tf.Module()
    M.w = tf.Variable(rng.normal(0, 1, (4, 3)))
    f = tf.function(
        lambda x: {"d": tf.cast(x @ M.w, tf.float32)}, input_signature=[TS([None, 4], tf.float64)]
    )
    M.f = f
    save(M, d, f)


@case
def ints_small(d):
    M = tf.Module()
    M.w = tf.Variable(rng.integers(-5, 5, (4,)).astype("int8"))
    f = tf.function(
        lambda x: {"i8": tf.cast(x, tf.int8) * M.w, "u16": tf.cast(x * 300, tf.uint16), "i32": x + 1},
        input_signature=[TS([None, 4], tf.int32)],
    )
    M.f = f
    save(M, d, f)


@case
def multi_io(d):
    M = tf.Module()
    M.w = W(4, 4)

    @tf.function(
        input_signature=[
            TS([None, 4], tf.float32, name="a"),
            TS([None], tf.int64, name="b"),
            TS([None, 2], tf.string, name="s"),
            TS([None], tf.bool, name="flag"),
            TS([None, 3], tf.uint8, name="u"),
        ]
    )
    def f(a, b, s, flag, u):
        return {
            "a": a @ M.w,
            "b": b * 2,
            "s": tf.strings.join([s[:, 0], s[:, 1]], "-"),
            "flag": tf.logical_not(flag),
            "u": u + tf.constant(1, tf.uint8),
            "c": tf.complex(a, a * 2),
        }

    M.f = f
    save(M, d, f)


@case
def many_sigs_shared(d):
    M = tf.Module()
    M.w = W(8, 8)
    M.b = W(8)
    sig = {}
    for k in range(60):
        f = tf.function(
            lambda x, k=k: {"y": (x @ M.w) * float(k + 1) + M.b},
            input_signature=[TS([None, 8], tf.float32, name="x")],
        )
        sig[f"sig_{k}"] = f
        setattr(M, f"f{k}", f)
    sig["serving_default"] = sig["sig_0"]
    save(M, d, sig)


@case
def odd_names(d):
    M = tf.Module()
    M.w = W(4, 2)
    M.v = W(4, 3)
    f = tf.function(
        lambda x: {"out put/ä:1": x @ M.w, "b,c": x @ M.v, "__proto__": x, "constructor": x * 2},
        input_signature=[TS([None, 4], tf.float32, name="x")],
    )
    g = tf.function(
        lambda x: {"toString": x @ M.v}, input_signature=[TS([None, 4], tf.float32, name="hasOwnProperty")]
    )
    M.f = f
    M.g = g
    save(M, d, {"serving_default": f, "odd name/with:chars ü,": g, "constructor": g, "__proto__x": g})


@case
def no_batch_dim(d):
    M = tf.Module()
    M.w = W(4, 2)
    f = tf.function(lambda x: {"y": tf.tensordot(x, M.w, 1)}, input_signature=[TS([4], tf.float32, name="x")])
    M.f = f
    save(M, d, f)


@case
def image_no_batch(d):
    M = tf.Module()
    M.w = W(3, 3, 3, 4)
    f = tf.function(
        lambda x: {"y": tf.reduce_mean(tf.nn.conv2d(x[None], M.w, 1, "SAME"), [0, 1, 2])},
        input_signature=[TS([None, None, 3], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def dynamic_rank(d):
    M = tf.Module()
    M.s = tf.Variable(3.0)
    f = tf.function(
        lambda x: {"y": x * M.s, "sum": tf.reduce_sum(x)}, input_signature=[TS(None, tf.float32, name="x")]
    )
    M.f = f
    save(M, d, f)


@case
def scalar_in(d):
    M = tf.Module()
    M.s = tf.Variable(3.0)
    f = tf.function(
        lambda x, n: {"y": x * M.s + tf.cast(n, tf.float32), "r": tf.range(n)},
        input_signature=[TS([], tf.float32, name="x"), TS([], tf.int32, name="n")],
    )
    M.f = f
    save(M, d, f)


@case
def ragged_out(d):
    M = tf.Module()
    M.w = W(
        10,
    )
    f = tf.function(lambda s: {"t": tf.strings.split(s)}, input_signature=[TS([None], tf.string, name="s")])
    M.f = f
    save(M, d, f)


@case
def ragged_components(d):
    M = tf.Module()
    M.w = W(
        10,
    )

    def g(s):
        r = tf.strings.split(s)
        return {
            "values": r.flat_values,
            "splits": r.row_splits,
            "n": tf.cast(r.row_lengths(), tf.float32) * M.w[0],
        }

    f = tf.function(g, input_signature=[TS([None], tf.string, name="s")])
    M.f = f
    save(M, d, f)


@case
def counter(d):
    M = tf.Module()
    M.c = tf.Variable(0, dtype=tf.int64)

    @tf.function(input_signature=[TS([None], tf.float32, name="x")])
    def f(x):
        M.c.assign_add(1)
        return {"n": tf.fill(tf.shape(x), M.c.read_value()), "x": x}

    M.f = f
    save(M, d, f)


@case
def counter_other_sig(d):
    M = tf.Module()
    M.c = tf.Variable(1.0)
    f = tf.function(lambda x: {"y": x * M.c}, input_signature=[TS([None], tf.float32, name="x")])
    g = tf.function(lambda x: {"set": M.c.assign(x[0])}, input_signature=[TS([None], tf.float32, name="x")])
    M.f = f
    M.g = g
    save(M, d, {"serving_default": f, "set": g})


@case
def while_cond(d):
    M = tf.Module()
    M.w = W(6, 6)
    M.t = tf.Variable(2.0)

    @tf.function(input_signature=[TS([None, 6], tf.float32, name="x")])
    def f(x):
        i = tf.constant(0)
        y = x
        while i < 5:
            y = tf.tanh(y @ M.w)
            if tf.reduce_mean(y) > 0.0:
                y = y * M.t
            else:
                y = y - M.t
            i += 1
        if tf.reduce_max(x) > 100.0:
            y = y @ tf.transpose(M.w) + M.t * 7.0
        return {"y": y}

    M.f = f
    save(M, d, f)


@case
def switch_case(d):
    M = tf.Module()
    M.w = [W(4, 4) for _ in range(4)]

    @tf.function(input_signature=[TS([None, 4], tf.float32, name="x"), TS([], tf.int32, name="branch")])
    def f(x, branch):
        return {"y": tf.switch_case(branch, [lambda k=k: x @ M.w[k] for k in range(4)])}

    M.f = f
    save(M, d, f)


@case
def pyside(d):
    M = tf.Module()
    M.w = W(4, 4)
    log = []

    @tf.function(input_signature=[TS([None, 4], tf.float32, name="x")])
    def f(x):
        log.append(1)
        tf.print("served", tf.shape(x))
        return {"y": x @ M.w * len(log)}

    M.f = f
    save(M, d, f)


@case
def py_function(d):
    M = tf.Module()
    M.w = W(4, 4)
    f = tf.function(
        lambda x: {
            "y": tf.ensure_shape(tf.numpy_function(lambda a: a * 2, [x @ M.w], tf.float32), [None, 4])
        },
        input_signature=[TS([None, 4], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def asserts(d):
    M = tf.Module()
    M.w = W(4, 4)

    @tf.function(input_signature=[TS([None, 4], tf.float32, name="x")])
    def f(x):
        tf.debugging.assert_less(tf.reduce_max(x), 50.0, message="too large")
        x = tf.debugging.check_numerics(x, "nan!")
        return {"y": x @ M.w}

    M.f = f
    save(M, d, f)


@case
def qat_fake_quant(d):
    M = tf.Module()
    M.w = W(3, 3, 3, 8)
    M.lo = tf.Variable(-6.0)
    M.hi = tf.Variable(6.0)
    M.clo = tf.Variable(-np.abs(rng.normal(0, 1, 8)).astype("float32"))
    M.chi = tf.Variable(np.abs(rng.normal(0, 1, 8)).astype("float32"))

    @tf.function(input_signature=[TS([None, 32, 32, 3], tf.float32, name="x")])
    def f(x):
        w = tf.quantization.fake_quant_with_min_max_vars_per_channel(M.w, M.clo, M.chi, narrow_range=True)
        y = tf.nn.conv2d(tf.quantization.fake_quant_with_min_max_vars(x, M.lo, M.hi), w, 1, "SAME")
        return {"y": tf.quantization.fake_quant_with_min_max_args(tf.reduce_mean(tf.nn.relu6(y), [1, 2]))}

    M.f = f
    save(M, d, f)


@case
def xla_jit(d):
    M = tf.Module()
    M.w = W(4, 4)
    g = tf.function(lambda x: tf.nn.relu(x @ M.w), jit_compile=True)
    f = tf.function(lambda x: {"y": g(x)}, input_signature=[TS([None, 4], tf.float32, name="x")])
    M.f = f
    save(M, d, f)


@case
def bn_training_true(d):
    m = keras.Sequential(
        [
            L.Input((8, 8, 3)),
            L.Conv2D(8, 3, use_bias=False),
            L.BatchNormalization(),
            L.ReLU(),
            L.GlobalAveragePooling2D(),
            L.Dense(4),
        ]
    )
    shake(m)
    M = tf.Module()
    M.k = m.layers[0].kernel.value if False else W(3, 3, 3, 8)
    M.g = W(8)
    M.b = W(8)
    M.w = W(8, 4)

    @tf.function(input_signature=[TS([None, 8, 8, 3], tf.float32, name="x")])
    def f(x):
        y = tf.nn.conv2d(x, M.k, 1, "VALID")
        y = tf.compat.v1.nn.fused_batch_norm(y, M.g, M.b, is_training=True)[0]
        return {"y": tf.reduce_mean(tf.nn.relu(y), [1, 2]) @ M.w}

    M.f = f
    save(M, d, f)


@case
def rows_interact_softmax0(d):
    M = tf.Module()
    M.w = W(
        4,
    )
    f = tf.function(
        lambda x: {"rank": tf.nn.softmax(tf.linalg.matvec(x, M.w), 0)},
        input_signature=[TS([None, 4], tf.float32, name="items")],
    )
    M.f = f
    save(M, d, f)


@case
def waveform_yamnet_like(d):
    M = tf.Module()
    M.w = W(65, 5)

    @tf.function(input_signature=[TS([None], tf.float32, name="waveform")])
    def f(w):
        s = tf.abs(tf.signal.stft(w, 128, 64, pad_end=True))
        return {"scores": tf.nn.softmax(s @ M.w), "spectrogram": s}

    M.f = f
    save(M, d, f)


@case
def neginf_mask(d):
    M = tf.Module()
    M.w = W(8, 6)
    M.m = tf.Variable([0, 0, -np.inf, 0, -1e9, 0], dtype=tf.float32, trainable=False)
    f = tf.function(
        lambda x: {"logits": x @ M.w + M.m, "p": tf.nn.softmax(x @ M.w + M.m)},
        input_signature=[TS([None, 8], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def nan_out(d):
    M = tf.Module()
    M.w = W(8, 6)
    f = tf.function(
        lambda x: {"log": tf.math.log(x @ M.w), "div": x / tf.nn.relu(x)},
        input_signature=[TS([None, 8], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def neginf_attention_half_mask(d):
    """masked attention with float32 min"""
    M = tf.Module()
    M.q = W(16, 16)
    M.k = W(16, 16)
    M.v = W(16, 16)
    M.e = W(50, 16)

    @tf.function(
        input_signature=[
            TS([None, None], tf.int32, name="input_ids"),
            TS([None, None], tf.int32, name="attention_mask"),
        ]
    )
    def f(ids, am):
        x = tf.gather(M.e, ids)
        s = tf.matmul(x @ M.q, x @ M.k, transpose_b=True)
        s += (1.0 - tf.cast(am, tf.float32))[:, None, :] * tf.float32.min
        y = tf.nn.softmax(s) @ (x @ M.v)
        return {"last_hidden_state": y, "pooler_output": tf.tanh(y[:, 0])}

    M.f = f
    save(M, d, f)


@case
def conv_variants(d):
    """grouped, dilated, transposed, NCHW consts, depthwise multiplier, separable, conv1d, conv3d + BN everywhere"""
    i = L.Input((16, 16, 8))
    x = L.Conv2D(16, 3, groups=4, padding="same", use_bias=False)(i)
    x = L.BatchNormalization()(x)
    x = L.DepthwiseConv2D(3, depth_multiplier=2, padding="same", use_bias=False)(x)
    x = L.BatchNormalization(scale=False)(x)
    x = L.ReLU()(x)
    x = L.SeparableConv2D(12, 3, dilation_rate=2, padding="same")(x)
    x = L.BatchNormalization(center=False)(x)
    x = L.DepthwiseConv2D(3, dilation_rate=3, padding="same")(x)
    x = L.BatchNormalization()(x)
    x = L.Conv2D(1, 1, use_bias=False)(x)
    x = L.BatchNormalization()(x)
    y = L.Reshape((16, 16))(x)
    y = L.Conv1D(8, 3, dilation_rate=2, padding="causal", use_bias=False)(y)
    y = L.BatchNormalization()(y)
    z = L.Reshape((4, 4, 4, 4))(x)
    z = L.Conv3D(4, 2, use_bias=False)(z)
    z = L.BatchNormalization()(z)
    y = L.GlobalMaxPooling1D()(y)
    z = L.GlobalMaxPooling3D()(z)
    h = L.Concatenate()([y, z])
    h = L.Dense(6, use_bias=False)(h)
    h = L.BatchNormalization()(h)
    h = L.LayerNormalization()(h)
    h = L.GroupNormalization(groups=2)(h)
    m = keras.Model(i, [h, x])
    shake(m)
    m.export(d, verbose=False)


@case
def nchw_graph(d):
    M = tf.Module()
    M.w = W(3, 3, 3, 8)
    M.g = W(8, 1, 1)
    M.b = W(8, 1, 1)

    @tf.function(input_signature=[TS([None, 3, 16, 16], tf.float32, name="x")])
    def f(x):
        y = tf.transpose(tf.nn.conv2d(tf.transpose(x, [0, 2, 3, 1]), M.w, 1, "SAME"), [0, 3, 1, 2])
        return {"y": y * M.g + M.b}

    M.f = f
    save(M, d, f)


@case
def shared_weights(d):
    """siamese; the same conv used twice with different BN after; weight tied decoder"""
    M = tf.Module()
    M.k = W(3, 3, 3, 3)
    M.g1 = W(3)
    M.g2 = W(3)
    M.b = W(3)
    M.e = W(30, 8)

    @tf.function(
        input_signature=[TS([None, 12, 12, 3], tf.float32, name="x"), TS([None, 5], tf.int32, name="t")]
    )
    def f(x, t):
        a = tf.nn.conv2d(x, M.k, 1, "SAME")
        y1 = a * M.g1 + M.b
        y2 = tf.nn.conv2d(y1, M.k, 1, "SAME") * M.g2
        h = tf.gather(M.e, t)
        lg = tf.matmul(h, M.e, transpose_b=True)
        lg2 = tf.matmul(tf.reduce_mean(h, 1), M.e, transpose_b=True) * M.g1[0] + M.b[1]
        return {"y1": y1, "y2": y2, "lg": lg, "lg2": lg2, "a": a}

    M.f = f
    save(M, d, f)


@case
def matmul_rank_raise(d):
    M = tf.Module()
    M.w = W(4, 6)
    M.g = W(1, 1, 6)
    M.b = W(6)
    f = tf.function(
        lambda x: {"y": (x @ M.w) * M.g + M.b, "z": (x @ M.w) * M.g[0, 0]},
        input_signature=[TS([None, 4], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def zero_inf_scale(d):
    """BN fold with gamma=0 on channel where conv overflows / variance huge / denormals"""
    M = tf.Module()
    M.w = tf.Variable(rng.normal(0, 1e30, (4, 6)).astype("float32"))
    M.g = tf.Variable(np.array([0, 1e-30, 1, 1e-38, 1e30, 1], "f"))
    M.b = W(6)
    f = tf.function(
        lambda x: {"y": (x @ M.w) * M.g + M.b}, input_signature=[TS([None, 4], tf.float32, name="x")]
    )
    M.f = f
    save(M, d, f)


@case
def tiny_scale_mixed(d):
    M = tf.Module()
    M.w = W(4, 6)
    M.g = tf.Variable(np.array([1e-20, 1, 1e6, 1e-6, 1, 1], "f"))
    M.b = W(6)
    f = tf.function(lambda x: {"y": (x @ M.w) * M.g}, input_signature=[TS([None, 4], tf.float32, name="x")])
    M.f = f
    save(M, d, f)


@case
def sharded_vars(d):
    M = tf.Module()
    M.w = [W(8, 8) for _ in range(6)]

    def g(x):
        for w in M.w:
            x = tf.nn.relu(x @ w) + x
        return {"y": x}

    f = tf.function(g, input_signature=[TS([None, 8], tf.float32, name="x")])
    M.f = f
    o = tf.saved_model.SaveOptions(
        experimental_sharding_callback=tf.train.experimental.MaxShardSizePolicy(max_shard_size=400)
    )
    tf.saved_model.save(M, d, signatures=f, options=o)


@case
def init_op_resource(d):
    """value made when loaded: table from tensors and a variable initialised from it"""
    M = tf.Module()
    M.t = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer([1, 2, 3], [0.5, 0.25, 0.125], tf.int64, tf.float32), -1.0
    )
    M.w = W(1)
    f = tf.function(lambda x: {"y": M.t.lookup(x) * M.w}, input_signature=[TS([None], tf.int64, name="x")])
    M.f = f
    save(M, d, f)


@case
def mutable_table(d):
    M = tf.Module()
    M.t = tf.lookup.experimental.DenseHashTable(tf.int64, tf.float32, -1.0, -1, -2)
    M.t.insert([1, 2], [0.5, 0.25])
    M.w = W(1)
    f = tf.function(lambda x: {"y": M.t.lookup(x) * M.w}, input_signature=[TS([None], tf.int64, name="x")])
    M.f = f
    save(M, d, f)


@case
def examples_classify(d):
    M = tf.Module()
    M.w = W(2, 3)

    @tf.function(input_signature=[TS([None], tf.string, name="examples")])
    def f(s):
        p = tf.io.parse_example(
            s,
            {
                "a": tf.io.FixedLenFeature([], tf.float32, 0.0),
                "b": tf.io.FixedLenFeature([], tf.float32, 1.0),
            },
        )
        return {"scores": tf.nn.softmax(tf.stack([p["a"], p["b"]], 1) @ M.w)}

    M.f = f
    save(M, d, f)


@case
def optional_default(d):
    M = tf.Module()
    M.w = W(4, 4)

    @tf.function(input_signature=[TS([None, 4], tf.float32, name="x")])
    def f(x):
        return {"y": x @ M.w, "same": x}

    M.f = f
    save(M, d, f)


@case
def topk_argmax_mix(d):
    M = tf.Module()
    M.w = W(16, 20)

    @tf.function(input_signature=[TS([None, 16], tf.float32, name="x")])
    def f(x):
        v, i = tf.math.top_k(x @ M.w, 5)
        return {"v": v, "i": i, "u": tf.unique(tf.argmax(x @ M.w, -1))[0], "w": tf.where(x @ M.w > 0)}

    M.f = f
    save(M, d, f)


@case
def empty_out_var_len(d):
    M = tf.Module()
    M.w = W(1)
    f = tf.function(
        lambda x: {"pos": tf.boolean_mask(x, x > 0) * M.w}, input_signature=[TS([None], tf.float32, name="x")]
    )
    M.f = f
    save(M, d, f)


@case
def video_5d(d):
    i = L.Input((4, 32, 32, 3))
    x = L.TimeDistributed(L.Conv2D(8, 3, 2, use_bias=False))(i)
    x = L.TimeDistributed(L.BatchNormalization())(x)
    x = L.ConvLSTM2D(4, 3)(x)
    x = L.GlobalAveragePooling2D()(x)
    m = keras.Model(i, L.Dense(3)(x))
    shake(m)
    m.export(d, verbose=False)


@case
def no_input_sig(d):
    M = tf.Module()
    M.w = W(4, 2)
    f = tf.function(lambda: {"w": M.w * 1.0, "v": tf.constant("1.2")}, input_signature=[])
    M.f = f
    save(M, d, f)


@case
def no_signature(d):
    M = tf.Module()
    M.w = W(4, 2)
    M.f = tf.function(lambda x: x @ M.w, input_signature=[TS([None, 4], tf.float32)])
    tf.saved_model.save(M, d)


@case
def sr_depth2space(d):
    i = L.Input((None, None, 3))
    x = L.Conv2D(16, 3, padding="same")(i)
    x = L.PReLU(shared_axes=[1, 2])(x)
    x = L.Conv2D(12, 3, padding="same")(x)
    M = tf.Module()
    m = keras.Model(i, x)
    M.m = m
    f = tf.function(
        lambda lr: {"hr": tf.clip_by_value(tf.nn.depth_to_space(m(lr), 2), 0.0, 1.0)},
        input_signature=[TS([None, None, None, 3], tf.float32, name="lr")],
    )
    M.f = f
    save(M, d, f)


@case
def gray_mnist(d):
    m = keras.Sequential(
        [
            L.Input((28, 28, 1)),
            L.Conv2D(8, 3, activation="relu"),
            L.MaxPool2D(),
            L.Flatten(),
            L.Dense(10, activation="softmax"),
        ]
    )
    m.export(d, verbose=False)


@case
def mnist_no_channel(d):
    m = keras.Sequential(
        [L.Input((28, 28)), L.Flatten(), L.Dense(32, activation="relu"), L.Dropout(0.2), L.Dense(10)]
    )
    m.export(d, verbose=False)


@case
def rgba_input(d):
    m = keras.Sequential([L.Input((32, 32, 4)), L.Conv2D(8, 3), L.GlobalAveragePooling2D(), L.Dense(3)])
    m.export(d, verbose=False)


@case
def fixed_batch8(d):
    i = L.Input(batch_shape=(8, 32, 32, 3))
    x = L.Conv2D(4, 3)(i)
    x = L.GlobalAveragePooling2D()(x)
    m = keras.Model(i, L.Dense(3)(x))
    m.export(d, verbose=False)


@case
def fft_complex(d):
    M = tf.Module()
    M.w = W(16)
    f = tf.function(
        lambda x: {"spec": tf.signal.rfft(x * M.w), "back": tf.signal.irfft(tf.signal.rfft(x))},
        input_signature=[TS([None, 16], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


@case
def einsum_attention_linalg(d):
    M = tf.Module()
    M.w = W(5, 5)
    f = tf.function(
        lambda x: {
            "e": tf.einsum("bij,jk->bki", x, M.w),
            "inv": tf.linalg.inv(x + 5 * tf.eye(5)),
            "svd": tf.linalg.svd(x, compute_uv=False),
        },
        input_signature=[TS([None, 5, 5], tf.float32, name="x")],
    )
    M.f = f
    save(M, d, f)


# TF1 ways
v1 = tf.compat.v1


@case
def tf1_simple_save(d):
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 8, 8, 3], "x")
        v1.disable_resource_variables() if False else None
        with v1.variable_scope("m", use_resource=False):
            k = v1.get_variable("k", [3, 3, 3, 4])
            h = tf.nn.conv2d(x, k, 1, "SAME")
            g = v1.get_variable("g", [4], initializer=v1.random_uniform_initializer(0.5, 1.5))
            b = v1.get_variable("b", [4])
            mu = v1.get_variable("mu", [4])
            va = v1.get_variable("va", [4], initializer=v1.random_uniform_initializer(0.5, 1.5))
            h = v1.nn.fused_batch_norm(h, g, b, mu, va, is_training=False)[0]
            y = tf.reduce_mean(tf.nn.relu(h), [1, 2])
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, d, {"x": x}, {"y": y})


@case
def tf1_keep_prob_placeholder_default(d):
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 8], "x")
        tr = v1.placeholder_with_default(False, [], "is_training")
        kp = v1.placeholder_with_default(1.0, [], "keep_prob")
        w = v1.get_variable("w", [8, 8])
        h = x @ w
        mu = v1.get_variable("mu", [8])
        y = tf.cond(tr, lambda: h - tf.reduce_mean(h, 0), lambda: h - mu)
        y = v1.nn.dropout(y, keep_prob=kp)
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, d, {"x": x}, {"y": y})


@case
def tf1_while_lstm(d):
    with tf.Graph().as_default(), v1.Session() as s:
        v1.disable_control_flow_v2()
        x = v1.placeholder(tf.float32, [None, 6, 4], "x")
        w = v1.get_variable("w", [4, 4])
        i, y = v1.while_loop(
            lambda i, y: i < 6, lambda i, y: (i + 1, tf.tanh(y @ w + x[:, i])), [0, tf.zeros_like(x[:, 0])]
        )
        z = tf.cond(tf.reduce_sum(x) > 0, lambda: y @ w, lambda: -y)
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, d, {"x": x}, {"y": y, "z": z})
        v1.enable_control_flow_v2()


@case
def tf1_feed_const_passthrough(d):
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        k = v1.placeholder(tf.string, [None], "key")
        sc = tf.constant(2.0, name="scale")
        w = v1.get_variable("w", [3, 3])
        y = (x @ w) * sc
        s.run(v1.global_variables_initializer())
        b = v1.saved_model.Builder(d)
        T = v1.saved_model.build_tensor_info
        b.add_meta_graph_and_variables(
            s,
            ["serve"],
            {
                "serving_default": v1.saved_model.build_signature_def(
                    {"x": T(x), "key": T(k)},
                    {"y": T(y), "key": T(tf.identity(k))},
                    "tensorflow/serving/predict",
                ),
                "scaled": v1.saved_model.build_signature_def(
                    {"x": T(x), "scale": T(sc)}, {"y": T(y)}, "tensorflow/serving/predict"
                ),
                "raw_pass": v1.saved_model.build_signature_def(
                    {"x": T(x), "key": T(k)}, {"y": T(y), "key": T(k)}, "tensorflow/serving/predict"
                ),
            },
        )
        b.save()


@case
def tf1_two_metagraphs(d):
    b = v1.saved_model.Builder(d)
    T = v1.saved_model.build_tensor_info
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        w = v1.get_variable("w", [3, 3])
        y = x @ w
        s.run(v1.global_variables_initializer())
        b.add_meta_graph_and_variables(
            s,
            ["serve", "tpu"],
            {
                "serving_default": v1.saved_model.build_signature_def(
                    {"x": T(x)}, {"y": T(-y)}, "tensorflow/serving/predict"
                )
            },
        )
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        w = v1.get_variable("w", [3, 3])
        y = x @ w
        s.run(v1.global_variables_initializer())
        b.add_meta_graph(
            ["serve"],
            {
                "serving_default": v1.saved_model.build_signature_def(
                    {"x": T(x)}, {"y": T(y)}, "tensorflow/serving/predict"
                )
            },
        )
    b.save()


@case
def tf1_counter_assign(d):
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.placeholder(tf.float32, [None, 3], "x")
        c = v1.Variable(0.0, name="c", use_resource=False)
        n = v1.assign_add(c, 1.0)
        y = x * n
        z = y + 1.0
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, d, {"x": x}, {"y": y, "z": z})


@case
def tf1_sparse_sig(d):
    with tf.Graph().as_default(), v1.Session() as s:
        x = v1.sparse_placeholder(tf.float32, [None, 8], "x")
        w = v1.get_variable("w", [8, 2])
        y = v1.sparse_tensor_dense_matmul(x, w)
        s.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(s, d, {"x": x}, {"y": y})


# tf-keras (Keras 2) style
@case
def k2_save(d):
    import tf_keras as k

    i = k.Input((32, 32, 3))
    x = k.layers.Conv2D(8, 3, use_bias=False)(i)
    x = k.layers.BatchNormalization()(x)
    x = k.layers.ReLU()(x)
    x = k.layers.Dropout(0.3)(x)
    x = k.layers.GlobalAveragePooling2D()(x)
    m = k.Model(i, k.layers.Dense(4, activation="softmax")(x))
    for w in m.layers[2].weights:
        w.assign(np.abs(rng.normal(1, 0.3, w.shape)))
    m.compile("adam", "categorical_crossentropy")
    m.fit(np.random.rand(8, 32, 32, 3), np.eye(4)[np.zeros(8, int)], verbose=0)
    m.save(d)


@case
def k2_lstm_bidir(d):
    import tf_keras as k

    i = k.Input((None, 6))
    x = k.layers.Bidirectional(k.layers.LSTM(8, return_sequences=True))(i)
    x = k.layers.GRU(8)(x)
    m = k.Model(i, k.layers.Dense(2)(x))
    m.save(d)


@case
def k2_regnet(d):
    import tf_keras as k

    m = k.applications.RegNetX002(weights=None, input_shape=(96, 96, 3))
    m.save(d)


@case
def k2_resnetrs50(d):
    import tf_keras as k

    m = k.applications.ResNetRS50(weights=None, input_shape=(96, 96, 3), include_preprocessing=True)
    m.save(d)


@case
def k2_subclass_feature_dict(d):
    import tf_keras as k

    ins = {n: k.Input((1,), name=n) for n in ("age", "fare")}
    ins["sex"] = k.Input((1,), name="sex", dtype=tf.string)
    x = k.layers.Concatenate()(
        [
            ins["age"],
            ins["fare"],
            k.layers.CategoryEncoding(4)(
                k.layers.StringLookup(vocabulary=["m", "f"], num_oov_indices=1)(ins["sex"])
            ),
        ]
    )
    m = k.Model(ins, k.layers.Dense(1, activation="sigmoid")(x))
    m.save(d)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("out", type=pathlib.Path, help="model repository to write into")
    parser.add_argument("names", nargs="*", help="models to write; all when empty")
    arguments = parser.parse_args()
    for name, export in R.items():
        folder = arguments.out / name / "1"
        if (arguments.names and name not in arguments.names) or (folder / "saved_model.pb").exists():
            continue
        started = time.time()
        keras.utils.set_random_seed(3)
        try:
            export(str(folder))
            print(f"{name}: {time.time() - started:.1f} s", flush=True)
        except Exception as error:  # noqa: BLE001 - a package that is not there leaves its models out
            print(f"{name}: left out, {type(error).__name__}: {str(error)[:200]}", flush=True)


if __name__ == "__main__":
    main()
