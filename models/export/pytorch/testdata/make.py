"""Writes the fixtures of package pytorch: state dicts of every kind that
torch.save makes, and tensors.json with the values that they must give.

    python3 make.py        (PyTorch 1.13; run in this folder)
"""
import collections
import json
import os
import pickle

import torch
from torch import nn

torch.manual_seed(1)
expected = {}


def save(name, thing, tensors, **options):
    torch.save(thing, name, **options)
    expected[name] = [
        {"name": k, "shape": list(v.shape), "data": v.detach().double().flatten().tolist()}
        for k, v in tensors.items() if not k.endswith("num_batches_tracked")
    ]


net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, 3))
net[1].running_mean.normal_()
state = net.state_dict()
save("zip.pt", state, state)
save("legacy.pth", state, state, _use_new_zipfile_serialization=False)
save("protocol4.pth", state, state, pickle_protocol=4)

parallel = nn.DataParallel(net).state_dict()
best = {"epoch": 3, "best_acc": torch.tensor(91.5), "state_dict": parallel,
        "optimizer": torch.optim.SGD(net.parameters(), 0.1, momentum=0.9).state_dict()}
save("wrapped.pt", best, parallel)
save("wrapped-legacy.th", best, parallel, _use_new_zipfile_serialization=False)

base = torch.arange(24, dtype=torch.float32)
views = collections.OrderedDict(
    transposed=base.view(4, 6).t(), strided=base[1::3], offset=base[20:], shared=base.view(2, 3, 4),
    scalar=torch.tensor(2.5), empty=torch.zeros(0, 3), parameter=nn.Parameter(torch.ones(2)))
save("views.pt", views, views)
save("views-legacy.pt", views, views, _use_new_zipfile_serialization=False)

edges = [0.0, -0.0, 1.0, -1.5, 65504.0, 6.1e-5, 5.96e-8, float("inf"), -float("inf")]
types = collections.OrderedDict(
    half=torch.tensor(edges, dtype=torch.half), bfloat16=torch.tensor(edges, dtype=torch.bfloat16),
    double=torch.tensor([0.1, 1 / 3], dtype=torch.double))
save("types.pt", types, types)
save("types-legacy.pt", types, types, _use_new_zipfile_serialization=False)

# What must be refused.
torch.save({"n": torch.arange(3)}, "refused-integers.pt")
torch.save({"w": torch.ones(1).expand(1 << 20)}, "refused-expanded.pt")
torch.save(net, "refused-module.pt")
torch.save({"epoch": 1}, "refused-no-tensors.pt")
torch.save([1, 2], "refused-list.pt")
torch.jit.script(nn.ReLU()).save("refused-torchscript.pt")


class Evil:
    def __reduce__(self):
        return os.system, ("touch owned",)


torch.save({"w": torch.ones(1), "x": Evil()}, "refused-code.pt")
torch.save({"w": torch.ones(1), "x": Evil()}, "refused-code-legacy.pt", _use_new_zipfile_serialization=False)
with open("refused-pickle.pkl", "wb") as f:
    pickle.dump({"w": 1}, f, protocol=2)

with open("tensors.json", "w") as f:
    # Infinities are no JSON numbers.
    for tensors in expected.values():
        for t in tensors:
            t["data"] = [x if abs(x) != float("inf") else str(x) for x in t["data"]]
    json.dump(expected, f, indent=1)
    f.write("\n")
