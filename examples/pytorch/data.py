"""The data sets that the example knows: patterns, made on the spot, and the
files of MNIST."""

import gzip
import os

import torch


def load(params):
    """Answers with (train x, train y, test x, test y): images N x 1 x H x W in
    0 to 1 or about that, and classes."""
    name = params.get("data", "patterns")
    if name == "patterns":
        return patterns(params.get("train_images", 4000), params.get("test_images", 1000))
    if name == "mnist":
        return mnist(params["path"])
    raise ValueError(f"data {name!r}: patterns and mnist are known")


def patterns(train, test, size=16, classes=10):
    """Ten smooth patterns, each image one of them, shifted, dimmed and noisy.
    They are the same on every machine."""
    draw = torch.Generator().manual_seed(20261128)
    coarse = torch.rand(classes, 1, 5, 5, generator=draw)
    shapes = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bilinear", align_corners=True)
    n = train + test
    y = torch.randint(classes, (n,), generator=draw)
    x = shapes[y]
    shift = torch.randint(-2, 3, (n, 2), generator=draw)
    rows = (torch.arange(size).view(1, size) - shift[:, :1]) % size
    columns = (torch.arange(size).view(1, size) - shift[:, 1:]) % size
    x = x[torch.arange(n).view(n, 1, 1), 0, rows.view(n, size, 1), columns.view(n, 1, size)].unsqueeze(1)
    x = x * (0.4 + 0.6 * torch.rand(n, 1, 1, 1, generator=draw)) + 0.35 * torch.randn(n, 1, size, size, generator=draw)
    return x[:train], y[:train], x[train:], y[train:]


def mnist(folder):
    """The four files of MNIST, packed with gzip or not."""

    def read(name, offset):
        path = os.path.join(folder, name)
        packed = not os.path.exists(path)
        with gzip.open(path + ".gz") if packed else open(path, "rb") as file:
            return torch.frombuffer(bytearray(file.read()), dtype=torch.uint8)[offset:]

    def images(name):
        return read(name, 16).view(-1, 1, 28, 28).float() / 255

    def labels(name):
        return read(name, 8).long()

    return (
        images("train-images-idx3-ubyte"), labels("train-labels-idx1-ubyte"),
        images("t10k-images-idx3-ubyte"), labels("t10k-labels-idx1-ubyte"),
    )
