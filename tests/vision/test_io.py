"""Picture files: what is written is read again, in every mode; errors say what is wrong."""

import numpy as np
import pytest

import lightwell
from lightwell.vision import io

Image = pytest.importorskip("PIL.Image")


def picture(channels=3):
    y, x = np.mgrid[0:20, 0:30]
    planes = [np.sin(x / 5 + y / 7), np.cos(x / 3), np.sin(y / 4 - x / 9)][:channels]
    return lightwell.tensor(((np.stack(planes) + 1) * 127).astype(np.uint8))


@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_lossless(tmp_path, channels):
    x = picture(channels)
    assert lightwell.equal(io.decode_png(io.encode_png(x, compression_level=9)), x)
    path = str(tmp_path / "a.png")
    io.write_png(x, path)
    assert lightwell.equal(io.read_image(path), x) and lightwell.equal(io.decode_image(path), x)
    np.testing.assert_array_equal(np.asarray(Image.open(path)).reshape(20, 30, -1).transpose(2, 0, 1), x.numpy())


def test_jpeg_is_close(tmp_path):
    path = str(tmp_path / "a.jpg")
    io.write_jpeg(picture(), path, quality=95)
    back = io.read_image(path)
    assert float((back.float() - picture().float()).abs().mean()) < 6  # colours are kept at half the resolution
    grey = io.read_image(path, io.ImageReadMode.GRAY)
    assert grey.shape == (1, 20, 30) and io.read_image(path, "gray").shape == (1, 20, 30)
    assert io.encode_jpeg(picture(), 30).numel() < io.encode_jpeg(picture(), 95).numel()
    both = io.decode_jpeg([io.read_file(path)] * 2)
    assert lightwell.equal(both[0], both[1]) and lightwell.equal(both[0], back)


MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "1": 1, "P": 1}


@pytest.mark.parametrize("mode", MODES)
def test_modes(tmp_path, mode):
    path = str(tmp_path / "a.png")
    given = Image.fromarray(picture().permute(1, 2, 0).numpy().copy()).convert(mode)
    given.save(path)
    assert io.read_image(path).shape[0] == MODES[mode]
    for wanted, channels in (("GRAY", 1), ("GRAY_ALPHA", 2), ("RGB", 3), ("RGB_ALPHA", 4)):
        assert io.read_image(path, io.ImageReadMode[wanted]).shape == (channels, 20, 30)
    if mode == "P":  # masks of classes: the indices themselves, or their colours
        np.testing.assert_array_equal(io.read_image(path).numpy()[0], np.asarray(given))
        np.testing.assert_array_equal(io.read_image(path, "RGB").numpy(), np.asarray(given.convert("RGB")).transpose(2, 0, 1))


def test_sixteen_bits_and_gif(tmp_path):
    path = str(tmp_path / "a.png")
    deep = (np.arange(600).reshape(20, 30) * 100).astype(np.uint16)
    Image.fromarray(deep).save(path)
    found = io.read_image(path)
    assert found.dtype == lightwell.uint16 and np.array_equal(found.numpy()[0], deep)
    path = str(tmp_path / "a.gif")
    frames = [Image.fromarray(np.full((4, 5), v, np.uint8)) for v in (10, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    assert io.decode_gif(io.read_file(path)).shape == (2, 3, 4, 5)


def test_bytes_of_files(tmp_path):
    path = str(tmp_path / "a")
    data = lightwell.arange(10).to(lightwell.uint8)
    io.write_file(path, data)
    assert lightwell.equal(io.read_file(path), data)
    from lightwell.vision.io import image

    assert image.read_image is io.read_image


def test_bad_input(tmp_path):
    with pytest.raises(RuntimeError, match="no picture"):
        io.decode_image(lightwell.zeros(20, dtype=lightwell.uint8))
    with pytest.raises(RuntimeError, match="PNG file is expected, this is JPEG"):
        io.decode_png(io.encode_jpeg(picture()))
    with pytest.raises(RuntimeError, match="no alpha"):
        io.decode_jpeg(io.encode_jpeg(picture()), io.ImageReadMode.RGB_ALPHA)
    with pytest.raises(RuntimeError, match="uint8"):
        io.encode_png(lightwell.zeros(3, 4, 4))
    with pytest.raises(RuntimeError, match="1 or 3"):
        io.encode_jpeg(lightwell.zeros(2, 4, 4, dtype=lightwell.uint8))
    with pytest.raises(ValueError, match="between 1 and 100"):
        io.encode_jpeg(picture(), 0)
    with pytest.raises(FileNotFoundError):
        io.read_image(str(tmp_path / "none.png"))
    with pytest.raises(RuntimeError, match="PyAV"):
        io.read_video("a.mp4")
