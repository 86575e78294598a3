#!/usr/bin/env python3
"""Writes the .npy and .npz files of arrays/ and the PNG files of images/ with NumPy and zlib alone.

Run from any folder: python3 tests/data/make_arrays.py. The tests hold the same values as literals.
"""
import os
import struct
import zlib

import numpy as np

ROOT = os.path.dirname(os.path.abspath(__file__))
RAMP = np.arange(6).reshape(2, 3)


def array_path(name):
    return os.path.join(ROOT, "arrays", name)


def write_npy(name, array, version=(1, 0)):
    with open(array_path(name), "wb") as file:
        np.lib.format.write_array(file, array, version=version)


def write_png(name, color_type, rows, palette=None, transparency=None):
    """`rows`: one bytes object of samples a row, 8 bits each."""
    def chunk(kind, body):
        body = kind + body
        return struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))

    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    data = b"\x89PNG\r\n\x1a\n"
    data += chunk(b"IHDR", struct.pack(">IIBBBBB", len(rows[0]) // samples, len(rows), 8, color_type, 0, 0, 0))
    if palette:
        data += chunk(b"PLTE", palette)
    if transparency:
        data += chunk(b"tRNS", transparency)
    data += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    data += chunk(b"IEND", b"")
    with open(os.path.join(ROOT, "images", name), "wb") as file:
        file.write(data)


def main():
    os.makedirs(os.path.join(ROOT, "arrays"), exist_ok=True)
    os.makedirs(os.path.join(ROOT, "images"), exist_ok=True)
    for code in ["<f2", "<f4", "<f8", ">f4", ">f8", "|u1", "|i1", "<i2", "<i4", "<i8", ">i2", ">i8", "<u2", "<u4", "<u8"]:
        write_npy(f"ramp_{ {'<': 'le', '>': 'be', '|': 'b'}[code[0]] }_{code[1:]}.npy", RAMP.astype(code))
    write_npy("ramp_fortran.npy", np.asfortranarray(RAMP.astype("<f4")))
    write_npy("cube_fortran.npy", np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype("<i2")))
    write_npy("ramp_v2.npy", RAMP.astype("<f4"), (2, 0))
    write_npy("ramp_v3.npy", RAMP.astype("<f4"), (3, 0))
    write_npy("bools.npy", np.array([True, False, True]))
    write_npy("scalar.npy", np.float32(1.5).reshape(()))
    write_npy("complex.npy", np.array([1j]))
    write_npy("records.npy", np.zeros(2, dtype=[("a", "<f4"), ("b", "<i4")]))
    members = {"x": RAMP.astype("<f4"), "y": np.array([1, 0], dtype="<i8")}
    np.savez(array_path("stored.npz"), **members)
    np.savez_compressed(array_path("deflated.npz"), **members)

    write_png("gray.png", 0, [bytes([0, 50, 100]), bytes([150, 200, 250])])
    write_png("rgb.png", 2, [bytes([255, 0, 0, 0, 255, 0]), bytes([0, 0, 255, 10, 20, 30])])
    write_png("rgba.png", 6, [bytes([255, 0, 0, 0, 0, 255, 0, 128]), bytes([0, 0, 255, 255, 10, 20, 30, 1])])
    write_png("palette.png", 3, [bytes([0, 1]), bytes([2, 0])], bytes([9, 8, 7, 60, 50, 40, 255, 254, 253]))
    write_png("palette_alpha.png", 3, [bytes([0, 1])], bytes([9, 8, 7, 60, 50, 40]), bytes([0, 255]))


if __name__ == "__main__":
    main()
