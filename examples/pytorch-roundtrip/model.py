"""The network of this example, and MNIST as PyTorch sees it."""
import gzip
import os

import torch
import torch.nn.functional as F
from torch import nn

MEAN, DEVIATION = 0.1307, 0.3081  # the same as normalize in prune.yaml


class Net(nn.Module):
    """Three convolutions with batch normalization. The widths are arguments, so
    that the network can be built again after channels were removed from it."""

    def __init__(self, widths=(8, 16, 32)):
        super().__init__()
        a, b, c = widths
        self.conv1, self.bn1 = nn.Conv2d(1, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.conv2, self.bn2 = nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b)
        self.conv3, self.bn3 = nn.Conv2d(b, c, 3, padding=1, bias=False), nn.BatchNorm2d(c)
        self.fc = nn.Linear(9 * c, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = F.max_pool2d(F.relu(self.bn3(self.conv3(x))), 2)
        return self.fc(torch.flatten(x, 1))


def widths(state):
    """The widths of the network that a state dict is of."""
    return tuple(len(state[f"conv{i}.weight"]) for i in (1, 2, 3))


def mnist(folder, part, count):
    """Images and labels of a part, "train" or "t10k", count of them."""

    def content(name):
        path = os.path.join(folder, f"{part}-{name}-ubyte")
        if os.path.exists(path):
            return open(path, "rb").read()
        return gzip.open(path + ".gz").read()

    pixels = torch.frombuffer(bytearray(content("images-idx3")[16:]), dtype=torch.uint8)
    images = pixels.reshape(-1, 1, 28, 28)[:count].float() / 255
    labels = torch.frombuffer(bytearray(content("labels-idx1")[8:]), dtype=torch.uint8)[:count].long()
    return (images - MEAN) / DEVIATION, labels


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        right = sum((net(x).argmax(1) == y).sum().item() for x, y in zip(images.split(500), labels.split(500)))
    return right / len(labels)
