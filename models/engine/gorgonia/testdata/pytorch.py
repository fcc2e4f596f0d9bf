"""Writes pytorch.json: what PyTorch computes for a small network, for the tests
of this package. Run it with a Python that has torch:

    python3 pytorch.py > pytorch.json
"""

import json

import torch

torch.manual_seed(7)
WIDTH, HIDDEN, CLASSES, BATCH, STEPS = 12, [9, 5], 4, 6, 4


def network():
    sizes = [WIDTH, *HIDDEN, CLASSES]
    layers = []
    for i, o in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(i, o), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def flat(t):
    return [float(v) for v in t.detach().flatten()]


net = network()
start = {k: v.clone() for k, v in net.state_dict().items()}
x = torch.randn(BATCH, WIDTH)
labels = torch.randint(0, CLASSES, (BATCH,))

OPTIMIZERS = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
}

out = {
    "width": WIDTH,
    "hidden": HIDDEN,
    "classes": CLASSES,
    "params": [flat(p) for p in net.parameters()],
    "x": flat(x),
    "labels": labels.tolist(),
}
logits = net(x)
loss = torch.nn.functional.cross_entropy(logits, labels)
loss.backward()
out["logits"], out["loss"] = flat(logits), float(loss)
out["grads"] = [flat(p.grad) for p in net.parameters()]

out["trained"] = {}
for name, make in OPTIMIZERS.items():
    net.load_state_dict(start)
    optimizer = make(net.parameters())
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(x), labels).backward()
        optimizer.step()
    out["trained"][name] = [flat(p) for p in net.parameters()]
out["steps"] = STEPS
print(json.dumps(out))
