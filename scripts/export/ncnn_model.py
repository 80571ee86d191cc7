"""Reading models in the format of ncnn: a text file that lists layers, and a file of their weights."""

import dataclasses
import pathlib

import numpy as np

MAGIC = "7767517"
# What stands before weights of 16 bits; float32 follows where there are zeros.
FLOAT16_TAG = 0x01306B47
FLOAT32_TAG = 0


@dataclasses.dataclass(frozen=True)
class Layer:
    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    # Numbered, as ncnn's documentation lists them for each kind.
    parameters: dict[int, float]
    # In the order of the file.
    weights: tuple[np.ndarray, ...]

    def whole(self, key: int, default: int = 0) -> int:
        return int(self.parameters.get(key, default))


class Weights:
    def __init__(self, data: bytes):
        self._data = data
        self._at = 0

    def plain(self, count: int) -> np.ndarray:
        """float32 values without a tag, such as biases."""
        return self._take("<f4", count).copy()

    def tagged(self, count: int) -> np.ndarray:
        """Values that a tag tells the type of, such as kernels; float32 in either case."""
        tag = int(self._take("<u4", 1)[0])
        if tag == FLOAT32_TAG:
            return self.plain(count)
        if tag != FLOAT16_TAG:
            raise ValueError(f"weights with the tag {tag:#x} (quantised) are not read here")
        values = self._take("<f2", count).astype(np.float32)
        self._at += -self._at % 4
        return values

    def require_end(self) -> None:
        if self._at != len(self._data):
            raise ValueError(f"{len(self._data)} bytes of weights, the layers take {self._at}")

    def _take(self, dtype: str, count: int) -> np.ndarray:
        values = np.frombuffer(self._data, dtype, count, self._at)
        self._at += values.nbytes
        return values


def read_ncnn(param: pathlib.Path, weights: pathlib.Path) -> list[Layer]:
    """The layers of a model, in an order in which they can run."""
    magic, _, *lines = param.read_text().splitlines()
    if magic != MAGIC:
        raise ValueError(f"{param} is not a text file of ncnn: it begins with {magic}")
    reader = Weights(weights.read_bytes())
    layers = [_layer(line.split(), reader) for line in lines if line.strip()]
    reader.require_end()
    return layers


def _layer(words: list[str], reader: Weights) -> Layer:
    kind, name, input_count, output_count, *rest = words
    inputs, rest = rest[: int(input_count)], rest[int(input_count) :]
    outputs, rest = rest[: int(output_count)], rest[int(output_count) :]
    parameters = {int(key): float(value) for key, value in (word.split("=") for word in rest)}
    whole = {key: int(value) for key, value in parameters.items()}
    weights: tuple[np.ndarray, ...] = ()
    if kind == "Convolution":
        kernel = reader.tagged(whole[6])
        weights = (kernel, reader.plain(whole[0])) if whole.get(5) else (kernel,)
    elif kind == "MemoryData":
        sides = [whole.get(key, 0) for key in (2, 1, 0)]  # channels, height, width
        weights = (reader.plain(int(np.prod([side for side in sides if side]))),)
    return Layer(kind, name, tuple(inputs), tuple(outputs), parameters, weights)
