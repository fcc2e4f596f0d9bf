"""Writes the fixtures of package onnx: small networks that PyTorch exports at
several opsets, and cases.json with an input of each and what PyTorch computes.

    python3 make.py        (PyTorch 1.13; run in this folder)
"""
import json
import warnings

import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
torch.manual_seed(7)
torch.set_num_threads(1)
cases = []


class Plain(nn.Module):
    """Flattening by sizes that are known at run time only; a softmax."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, padding=(1, 0), bias=False)
        self.fc1, self.fc2 = nn.Linear(40, 8), nn.Linear(8, 3, bias=False)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2, ceil_mode=True)
        x = torch.tanh(self.conv2(x))
        x = x.view(x.size(0), -1)
        return F.log_softmax(self.fc2(F.dropout(F.relu(self.fc1(x)), 0.5, self.training)), 1)


class Residual(nn.Module):
    """Batch normalization, a shortcut of strided slices and channels of zeros,
    another of a projection, global pooling by a mean."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4)
        self.conv2, self.bn2 = nn.Conv2d(4, 6, 3, 2, 1, bias=False), nn.BatchNorm2d(6, eps=1e-3, momentum=0.05)
        self.conv3, self.conv4 = nn.Conv2d(6, 6, 3, 2, 1), nn.Conv2d(6, 6, 1, 2)
        self.linear = nn.Linear(6, 3)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)) + F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 1, 1), "constant", 0))
        x = F.relu(self.conv3(x) + self.conv4(x))
        return self.linear(x.mean([2, 3]))


class Mobile(nn.Module):
    """Depthwise and dilated convolutions, the activations of mobile networks,
    squeeze-and-excitation by convolutions and by linear layers."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4)
        self.depthwise = nn.Conv2d(4, 4, 3, padding=2, dilation=2, groups=4)
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)
        self.fc1, self.fc2 = nn.Linear(4, 2), nn.Linear(2, 4)
        self.grouped = nn.Conv2d(4, 6, 1, groups=2)
        self.head = nn.Linear(6, 3)

    def forward(self, x):
        x = F.hardswish(self.bn1(self.conv1(x)))
        x = F.relu6(self.depthwise(x))
        x = x * F.hardsigmoid(self.up(F.relu(self.down(F.adaptive_avg_pool2d(x, 1)))))
        s = F.adaptive_avg_pool2d(x, 1).flatten(1)
        s = torch.sigmoid(self.fc2(F.relu(self.fc1(s))))
        x = F.silu(self.grouped(x * s.view(-1, 4, 1, 1)))
        x = x * F.relu6(x + 3) / 6
        return self.head(F.adaptive_avg_pool2d(x, 1).reshape(-1, 6))


class Shuffle(nn.Module):
    """A split, a channel shuffle and concatenation."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(3, 3, 1)
        self.bn = nn.BatchNorm2d(6)
        self.fc = nn.Linear(6, 3)

    def forward(self, x):
        a, b = self.conv1(x).chunk(2, 1)
        x = torch.cat((a, self.conv2(b)), 1)
        n, c, h, w = x.size()
        x = x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)
        x = F.adaptive_max_pool2d(F.relu(self.bn(x)), 1)
        return self.fc(torch.flatten(x, 1))


class Dense(nn.Module):
    """Concatenation before pre-activation, pools with and without padding in
    the divisor, arithmetic with constants, zeros around images."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, self.conv2 = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3, padding=1)
        self.prelu, self.conv3 = nn.PReLU(), nn.Conv2d(6, 4, 3)
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).view(1, 3, 1, 1))
        self.fc = nn.Linear(36, 3)

    def forward(self, x):
        x = self.conv1((x - self.mean) / 0.25)
        x = torch.cat((x, self.conv2(F.leaky_relu(self.bn1(x), 0.2))), 1)
        x = F.avg_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)
        x = self.prelu(self.conv3(F.pad(x, (1, 0, 2, 1))) * 2 + 1)
        x = F.max_pool2d(F.pad(F.relu(x), (1, 1, 1, 1)), 3, 2)
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1)), 2, 1, 0)
        x = F.pad(-x, (0, 1, 0, 1))
        return self.fc(F.max_pool2d(x, 2, 1, 0)[:, :, :, :].flatten(1)[:, :36] * 0.5)


def fixture(name, net, shape, opset, **options):
    net.eval()
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d):
            with torch.no_grad():
                m.running_mean.uniform_(-0.5, 0.5)
                m.running_var.uniform_(0.5, 2)
                m.weight.uniform_(0.5, 2)
                m.bias.uniform_(-0.5, 0.5)
    x = torch.rand(2, *shape)
    # A trace with batch 2 keeps sizes that depend on it apart from others.
    file = f"{name}-{opset}.onnx"
    axes = {"input": {0: "batch"}, "output": {0: "batch"}} if options.pop("dynamic", True) else None
    torch.onnx.export(net, x if axes else x[:1], file, input_names=["input"], output_names=["output"],
                      opset_version=opset, dynamic_axes=axes, **options)
    with torch.no_grad():
        y = net(x) if name != "plain" else logits(net, x)
    cases.append({"file": file, "input": [round(v, 8) for v in x.flatten().tolist()], "output": [round(v, 8) for v in y.flatten().tolist()]})


def logits(net, x):
    kept, F.log_softmax = F.log_softmax, lambda x, dim: x
    try:
        return net(x)
    finally:
        F.log_softmax = kept


keep = {"training": torch.onnx.TrainingMode.PRESERVE, "do_constant_folding": False}
fixture("plain", Plain(), (1, 11, 9), 8)
fixture("plain", Plain(), (1, 11, 9), 13, dynamic=False)
fixture("residual", Residual(), (3, 8, 8), 10)
fixture("residual", Residual(), (3, 8, 8), 13, **keep)
fixture("mobile", Mobile(), (3, 8, 8), 10)
fixture("mobile", Mobile(), (3, 8, 8), 14, **keep)
fixture("mobile", Mobile(), (3, 8, 8), 17)
fixture("shuffle", Shuffle(), (3, 6, 6), 9)
fixture("shuffle", Shuffle(), (3, 6, 6), 17, **keep)
fixture("dense", Dense(), (3, 9, 9), 11, **keep)
fixture("dense", Dense(), (3, 9, 9), 16)

with open("cases.json", "w") as f:
    json.dump(cases, f)
    f.write("\n")
