"""Writes the fixtures of package export.

    python3 make.py WEIGHTS      (PyTorch 1.13; run in this folder)

WEIGHTS is resnet20-12fca82f.th of akamaster/pytorch_resnet_cifar10. It stays
where it is; resnet20.json has the logits that PyTorch computes with it for
inputs that are drawn by arithmetic, as in the test. small.pth is a state dict
of another program's names, and small.json its logits.
"""
import collections
import json
import sys

import torch
import torch.nn.functional as F
from torch import nn

torch.set_num_threads(1)


class Block(nn.Module):
    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.bn2 = nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out)
        self.pad = (out - width) // 2 if stride > 1 else None

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad is not None:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad), "constant", 0)
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        width = 16
        for s, out in enumerate((16, 32, 64)):
            blocks = []
            for i in range(3):
                blocks.append(Block(width, out, 2 if s > 0 and i == 0 else 1))
                width = out
            setattr(self, f"layer{s + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(F.avg_pool2d(x, x.size(3)).flatten(1))


def drawn(n):
    """Numbers in [-2, 2] by a linear congruence."""
    out, state = [], 1
    for _ in range(n):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append((state >> 16) / 65535 * 4 - 2)
    return torch.tensor(out, dtype=torch.float32)


net = ResNet20()
weights = torch.load(sys.argv[1], map_location="cpu")["state_dict"]
net.load_state_dict({k[len("module."):]: v for k, v in weights.items()})
net.eval()
with torch.no_grad():
    logits = net(drawn(8 * 3 * 32 * 32).view(8, 3, 32, 32))
with open("resnet20.json", "w") as f:
    json.dump({"inputs": 8, "logits": logits.flatten().tolist()}, f)
    f.write("\n")

# VGG-11 of another naming, of a 64th of the width, with biases before batch
# normalization, of which the network here has none.
torch.manual_seed(3)
layers, width = [], 3
for out in (1, "M", 2, "M", 4, 4, "M", 8, 8, "M", 8, 8):
    if out == "M":
        layers.append(nn.MaxPool2d(2, 2))
        continue
    layers += [nn.Conv2d(width, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU()]
    width = out
vgg = nn.Sequential(collections.OrderedDict(
    features=nn.Sequential(*layers), pool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(8, 10)))
for m in vgg.modules():
    if isinstance(m, nn.BatchNorm2d):
        with torch.no_grad():
            m.running_mean.uniform_(-0.5, 0.5)
            m.running_var.uniform_(0.5, 2)
vgg.eval()
with torch.no_grad():
    logits = vgg(drawn(2 * 3 * 16 * 16).view(2, 3, 16, 16))
half = {k: v.half() if v.is_floating_point() else v for k, v in vgg.state_dict().items()}
torch.save({"state_dict": half}, "small-half.pth")
torch.save(vgg.state_dict(), "small.pth")
with open("small.json", "w") as f:
    json.dump({"inputs": 2, "logits": logits.flatten().tolist()}, f)
    f.write("\n")
