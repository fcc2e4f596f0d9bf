"""Measures PyTorch's training of LeNet-300-100 on this machine and prints one
JSON object: images/s, and what the figure depends on.

    OMP_NUM_THREADS=2 python3 bench_pytorch.py [seconds]
"""

import json
import sys
import time

import torch

BATCH = 128
SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0

torch.manual_seed(0)
net = torch.nn.Sequential(
    torch.nn.Linear(784, 300),
    torch.nn.ReLU(),
    torch.nn.Linear(300, 100),
    torch.nn.ReLU(),
    torch.nn.Linear(100, 10),
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
x = torch.randn(BATCH, 784)
labels = torch.randint(0, 10, (BATCH,))


def step():
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), labels).backward()
    optimizer.step()


for _ in range(20):
    step()
steps, start = 0, time.perf_counter()
while time.perf_counter() - start < SECONDS:
    step()
    steps += 1
elapsed = time.perf_counter() - start
print(
    json.dumps(
        {
            "images_per_second": steps * BATCH / elapsed,
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        }
    )
)
