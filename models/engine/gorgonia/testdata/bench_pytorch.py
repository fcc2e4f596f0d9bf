"""PyTorch's side of the side-by-side measurement: sidebyside_test.go starts it
with OMP_NUM_THREADS set and asks it, one JSON object a line,

    {"net": "resnet-20", "mode": "train", "batch": 128, "variant": "channels_last", "seconds": 0.5}

for which it runs such steps for so long and answers, in one line,

    {"rate": images/s, "baseline": bytes, "peak": bytes}

where baseline is the process's resident memory with torch imported and peak
the largest so far. The net "gemm" multiplies 1024-cubes; its rate is products/s.

The layers are exactly those of package zoo. Modes are train, with SGD's update,
and infer. Variants are the memory formats contiguous and channels_last and, for
infer, frozen: traced, batch normalization folded, and optimized by torch.jit.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class BasicBlock(nn.Module):
    """He et al.'s basic block, its shortcut without parameters (option A)."""

    def __init__(self, into, out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(into, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.pad = (out - into) // 2

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x, inplace=True)


def conv_bn_relu(into, out):
    return [nn.Conv2d(into, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


def resnet20():
    layers = conv_bn_relu(3, 16)
    into = 16
    for out in (16, 32, 64):
        for _ in range(3):
            layers.append(BasicBlock(into, out, 1 if out == into else 2))
            into = out
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def vgg16():
    layers = []
    into = 3
    for out in (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512):
        if out == "M":
            layers.append(nn.MaxPool2d(2))
        else:
            layers += conv_bn_relu(into, out)
            into = out
    return nn.Sequential(*layers, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(512, 10))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(inplace=True),
        nn.Linear(500, 10),
    )


def lenet300():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 300),
        nn.ReLU(inplace=True),
        nn.Linear(300, 100),
        nn.ReLU(inplace=True),
        nn.Linear(100, 10),
    )


NETS = {
    "lenet-300-100": (lenet300, (1, 28, 28)),
    "lenet-5": (lenet5, (1, 28, 28)),
    "resnet-20": (resnet20, (3, 32, 32)),
    "vgg-16-bn": (vgg16, (3, 32, 32)),
}


def training_step(net, x, labels):
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)

    def step():
        optimizer.zero_grad(set_to_none=True)
        F.cross_entropy(net(x), labels).backward()
        optimizer.step()

    return step


def inference_step(net, x, frozen):
    net.eval()
    if frozen:
        with torch.no_grad():
            net = torch.jit.optimize_for_inference(torch.jit.trace(net, x))

    def step():
        with torch.no_grad():
            net(x)

    return step


def gemm_step():
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    c = torch.empty(1024, 1024)
    return lambda: torch.mm(a, b, out=c)


def make_step(net, mode, batch, variant):
    if net == "gemm":
        return gemm_step()
    torch.manual_seed(0)
    make, shape = NETS[net]
    module, x = make(), torch.randn(batch, *shape)
    if variant == "channels_last":
        module, x = module.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    if mode == "train":
        return training_step(module, x, torch.randint(0, 10, (batch,)))
    return inference_step(module, x, variant == "frozen")


def memory(kind):
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith(kind + ":"):
                return int(line.split()[1]) * 1024
    return 0


def measure(step, seconds):
    """Steps a second, over two at least."""
    steps, start = 0, time.perf_counter()
    while steps < 2 or time.perf_counter() - start < seconds:
        step()
        steps += 1
    return steps / (time.perf_counter() - start)


def main():
    baseline, made = memory("VmRSS"), {}
    for line in sys.stdin:
        ask = json.loads(line)
        key = ask["net"], ask["mode"], ask["batch"], ask["variant"]
        if key not in made:
            made[key] = make_step(*key)
            for _ in range(2):  # allocations, and the passes in which torch.jit profiles and compiles
                made[key]()
        rate = measure(made[key], ask["seconds"]) * ask["batch"]
        print(json.dumps({"rate": rate, "baseline": baseline, "peak": memory("VmHWM")}), flush=True)


if __name__ == "__main__":
    main()
