"""A convolutional network whose channels can be removed, and how it is pruned."""

import json
import os

import torch
from torch import nn

import tensors


class Network(nn.Module):
    """Two convolutions with batch normalization and pooling, then a classifier.
    channels are the filters of the two, side that of the input."""

    def __init__(self, channels, side, dropout=0.0, classes=10):
        super().__init__()
        self.shape = {"channels": list(channels), "side": side, "dropout": dropout, "classes": classes}
        a, b = channels
        self.conv1, self.norm1 = nn.Conv2d(1, a, 3, padding=1, bias=False), nn.BatchNorm2d(a)
        self.conv2, self.norm2 = nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(b * (side // 4) ** 2, classes)
        self.masks = {}  # by parameter: what stays
        self.dense_weights = sum(p.numel() for p in self.weights().values())

    def forward(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.norm1(self.conv1(x))), 2)
        x = nn.functional.max_pool2d(torch.relu(self.norm2(self.conv2(x))), 2)
        return self.fc(self.drop(x.flatten(1)))

    def weights(self):
        """The weights that pruning takes from."""
        return {f"{name}.weight": getattr(self, name).weight for name in ("conv1", "conv2", "fc")}

    def apply_masks(self):
        """Pruned weights are exactly 0 after every step."""
        with torch.no_grad():
            for name, mask in self.masks.items():
                self.get_parameter(name).mul_(mask)

    def save(self, folder):
        state = dict(self.state_dict())
        state.update({f"mask/{name}": mask.bool() for name, mask in self.masks.items()})
        tensors.save(os.path.join(folder, "model.safetensors"), state)
        with open(os.path.join(folder, "model.json"), "w", encoding="utf-8") as file:
            json.dump({**self.shape, "dense_weights": self.dense_weights}, file, sort_keys=True)

    @classmethod
    def load(cls, folder):
        with open(os.path.join(folder, "model.json"), encoding="utf-8") as file:
            about = json.load(file)
        net = cls(about["channels"], about["side"], about["dropout"], about["classes"])
        net.dense_weights = about["dense_weights"]
        state = tensors.load(os.path.join(folder, "model.safetensors"))
        net.masks = {n.removeprefix("mask/"): state.pop(n).float() for n in list(state) if n.startswith("mask/")}
        net.load_state_dict(state)
        return net

    def to_device(self, device):
        self.masks = {name: mask.to(device) for name, mask in self.masks.items()}
        return self.to(device)

    def costs(self):
        """What rows of Espalier's tables show."""
        weights = sum(w.numel() for w in self.weights().values())
        nonzero = sum(int(w.count_nonzero()) for w in self.weights().values())
        a, b = self.shape["channels"]
        side = self.shape["side"]
        macs = 9 * a * side**2 + 9 * a * b * (side // 2) ** 2 + self.fc.weight.numel()
        return {
            "weights": weights, "nonzero_weights": nonzero, "macs": macs,
            "parameters": sum(p.numel() for p in self.parameters()),
            "nonzero_parameters": sum(int(p.count_nonzero()) for p in self.parameters()),
            "sparsity": 1 - nonzero / self.dense_weights,
        }


def prune(net, method, target):
    """Answers with a network of which the share target of the dense one's weights
    is gone: masked (magnitude) or, as whole filters, removed (filter-norm)."""
    if method == "magnitude":
        return magnitude(net, target)
    if method == "filter-norm":
        return filter_norm(net, target)
    raise ValueError(f"method {method!r}: magnitude and filter-norm are known")


def magnitude(net, target):
    """The smallest weights of all layers together (Han et al. 2015)."""
    sizes = torch.cat([w.detach().abs().flatten() for w in net.weights().values()])
    gone = round(target * net.dense_weights)
    order = torch.sort(sizes, stable=True).indices[:gone]
    stays = torch.ones_like(sizes)
    stays[order] = 0
    at = 0
    for name, w in net.weights().items():
        net.masks[name] = stays[at : at + w.numel()].view_as(w).clone()
        at += w.numel()
    net.apply_masks()
    return net


def filter_norm(net, target):
    """The filters with the smallest L1 norms of each layer (Li et al. 2017), as
    few as reach the target."""
    keep = list(net.shape["channels"])
    smaller = net
    while 1 - sum(w.numel() for w in smaller.weights().values()) / net.dense_weights < target:
        if keep == [1, 1]:
            raise ValueError(f"target {target}: no filters are left to take")
        # Of the layer of which the larger share is left.
        i = max((0, 1), key=lambda i: (keep[i] > 1, keep[i] / net.shape["channels"][i]))
        keep[i] -= 1
        smaller = cut(net, keep)
    return smaller


def cut(net, keep):
    """A network with the keep filters of the largest norms of each layer."""
    chosen = []
    for conv, n in zip((net.conv1, net.conv2), keep):
        norms = conv.weight.detach().abs().sum((1, 2, 3))
        chosen.append(torch.sort(norms, descending=True, stable=True).indices[:n].sort().values)
    small = Network(keep, net.shape["side"], net.shape["dropout"], net.shape["classes"])
    small.dense_weights = net.dense_weights
    a, b = chosen
    cell = (net.shape["side"] // 4) ** 2
    columns = (b.view(-1, 1) * cell + torch.arange(cell)).flatten()
    state, picked = net.state_dict(), {}
    for name, t in state.items():
        if name.startswith(("conv1", "norm1")) and t.dim():
            t = t[a]
        elif name.startswith(("conv2", "norm2")) and t.dim():
            t = t[b]
        picked[name] = t
    picked["conv2.weight"] = picked["conv2.weight"][:, a]
    picked["fc.weight"] = picked["fc.weight"][:, columns]
    small.load_state_dict(picked)
    return small
