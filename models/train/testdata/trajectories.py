"""Writes trajectories.json: what PyTorch's optimizers do with fixed gradients.

Run it with a Python that has torch: python3 trajectories.py > trajectories.json
The gradients are fixed numbers, so the trajectories do not depend on a model.
"""

import json

import torch

STEPS, SIZE = 12, 10

CASES = {
    "sgd": ("sgd", dict(lr=0.1)),
    "sgd, weight decay": ("sgd", dict(lr=0.1, weight_decay=0.05)),
    "sgd, momentum": ("sgd", dict(lr=0.05, momentum=0.9)),
    "sgd, momentum, weight decay": ("sgd", dict(lr=0.05, momentum=0.9, weight_decay=0.05)),
    "sgd, nesterov": ("sgd", dict(lr=0.05, momentum=0.9, nesterov=True)),
    "sgd, nesterov, weight decay": ("sgd", dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.05)),
    "adam": ("adam", dict(lr=0.01)),
    "adam, weight decay": ("adam", dict(lr=0.01, weight_decay=0.05)),
    "adam, own betas": ("adam", dict(lr=0.01, betas=(0.8, 0.95), eps=1e-4)),
    "adamw": ("adamw", dict(lr=0.01, weight_decay=0.0)),
    "adamw, weight decay": ("adamw", dict(lr=0.01, weight_decay=0.1)),
}

MAKE = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


def trajectory(kind, settings, start, gradients):
    w = torch.nn.Parameter(start.clone())
    optimizer = MAKE[kind]([w], **settings)
    values = []
    for gradient in gradients:
        w.grad = gradient.clone()
        optimizer.step()
        values.append(w.detach().tolist())
    return values


def case(name, kind, settings, start, gradients):
    betas = settings.get("betas", (0.9, 0.999) if kind != "sgd" else (0.0, 0.0))
    return {
        "name": name,
        "kind": kind,
        "lr": settings["lr"],
        "momentum": settings.get("momentum", 0.0),
        "nesterov": settings.get("nesterov", False),
        "weight_decay": settings.get("weight_decay", 0.0),
        "beta1": betas[0],
        "beta2": betas[1],
        "eps": settings.get("eps", 1e-8 if kind != "sgd" else 0.0),
        "weights": trajectory(kind, settings, start, gradients),
    }


def main():
    torch.manual_seed(1)
    start = torch.randn(SIZE)
    gradients = torch.randn(STEPS, SIZE)
    gradients[:, 0] = 0  # a weight that never has a gradient
    gradients[3:, 1] = 0  # one whose gradient stops
    cases = [case(name, kind, settings, start, gradients) for name, (kind, settings) in CASES.items()]
    print(json.dumps({"start": start.tolist(), "gradients": gradients.tolist(), "cases": cases}))


if __name__ == "__main__":
    main()
