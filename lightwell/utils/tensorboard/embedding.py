"""The files behind `add_embedding`, which TensorBoard's projector reads: tensors, labels, a sheet of small pictures, the list of all."""

import math
import os

import numpy as np
from google.protobuf import text_format
from tensorboard.plugins.projector.projector_config_pb2 import EmbeddingInfo

from ...errors.teaching import AssertionError
from ._need import need_pillow
from .arrays import make_grid, make_np, to_bytes


def write_tsv(rows: np.ndarray, folder: str) -> None:
    """tensors.tsv: a line a point."""
    with open(os.path.join(folder, "tensors.tsv"), "w", encoding="utf-8") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows.tolist())


def write_metadata(metadata, folder: str, header) -> None:
    """metadata.tsv: a line a point, under a line of names where there are several columns."""
    if header:
        if len(header) != len(metadata[0]):
            raise AssertionError("len of header must be equal to the number of columns in metadata")
        lines = ["\t".join(map(str, row)) for row in [header, *metadata]]
    else:
        lines = [str(x) for x in metadata]
    with open(os.path.join(folder, "metadata.tsv"), "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)


def write_sprite(pictures: np.ndarray, folder: str) -> None:
    """sprite.png: all pictures in a square, row by row."""
    n, c, h, w = pictures.shape
    side = math.ceil(math.sqrt(n))
    blank = np.zeros((side * side - n, c, h, w), pictures.dtype)
    sheet = make_grid(np.concatenate([pictures, blank]), side)
    picture = need_pillow("add_embedding(label_img=...)").fromarray(to_bytes(sheet).transpose(1, 2, 0))
    picture.save(os.path.join(folder, "sprite.png"))


def write(logdir, mat, metadata, label_img, step, name, tag, header) -> EmbeddingInfo:
    """Write the files of one embedding; returns what the projector's list says of them. AssertionError where sizes don't fit."""
    rows = make_np(mat)
    if metadata is not None and rows.shape[0] != len(metadata):
        raise AssertionError("#labels should equal with #data points")
    if label_img is not None and rows.shape[0] != label_img.shape[0]:
        raise AssertionError("#images should equal with #data points")
    if rows.ndim != 2:
        raise AssertionError("mat should be 2D, where mat.size(0) is the number of data points")
    if label_img is not None and label_img.shape[2] != label_img.shape[3]:
        raise AssertionError(f"label_img must hold square pictures, got {tuple(label_img.shape)}")
    within = f"{str(step if step is not None else 0).zfill(5)}/{name}"
    folder = os.path.join(logdir, within)
    if os.path.isdir(folder):
        print("warning: Embedding dir exists, did you set global_step for add_embedding()?")
    os.makedirs(folder, exist_ok=True)
    info = EmbeddingInfo(tensor_name=f"{tag}:{str(step if step is not None else 0).zfill(5)}", tensor_path=f"{within}/tensors.tsv")
    if metadata is not None:
        write_metadata(metadata, folder, header)
        info.metadata_path = f"{within}/metadata.tsv"
    if label_img is not None:
        pictures = make_np(label_img)
        write_sprite(pictures, folder)
        info.sprite.image_path = f"{within}/sprite.png"
        info.sprite.single_image_dim.extend([pictures.shape[3], pictures.shape[2]])
    write_tsv(rows, folder)
    return info


def write_list(logdir: str, config) -> None:
    """projector_config.pbtxt, anew."""
    with open(os.path.join(logdir, "projector_config.pbtxt"), "w", encoding="utf-8") as file:
        file.write(text_format.MessageToString(config))
