"""Writing a version folder of the model repository: shared by every exporter here."""

import os

# Set before TensorFlow is imported: keep its start-up notes out of the figures that exporters print.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import pathlib
import shutil

import tensorflow as tf

REPOSITORY_ROOT = pathlib.Path(__file__).resolve().parents[2]


def write_saved_model(module: tf.Module, signatures: dict, folder: pathlib.Path) -> None:
    """Save `module` as a SavedModel in `folder`, replacing what is there.

    Variables stay variables (nothing is frozen). Debug information is left out, and so is the
    empty `assets/` folder that TensorFlow makes: git would not keep it and the server reads none.
    """
    if folder.exists():
        shutil.rmtree(folder)
    options = tf.saved_model.SaveOptions(save_debug_info=False, experimental_custom_gradients=False)
    tf.saved_model.save(module, str(folder), signatures=signatures, options=options)
    assets = folder / "assets"
    if assets.is_dir():
        assets.rmdir()


def describe(folder: pathlib.Path) -> list[str]:
    """One line a signature of the SavedModel in `folder`, and one with its size, for people to read."""
    loaded = tf.saved_model.load(str(folder))
    lines = []
    for name, signature in sorted(loaded.signatures.items()):
        inputs = signature.structured_input_signature[1]
        text_in = ", ".join(f"{k}: {_spec(v)}" for k, v in sorted(inputs.items()))
        text_out = ", ".join(
            f"{k}: {_spec(v)}" for k, v in sorted(signature.structured_outputs.items())
        )
        lines.append(f"signature {name}: {text_in} -> {text_out}")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    lines.append(f"size: {size / 1e6:.2f} MB in {folder}")
    return lines


def _spec(spec) -> str:
    return (
        f"{spec.dtype.name}[{','.join('?' if side is None else str(side) for side in spec.shape)}]"
    )
