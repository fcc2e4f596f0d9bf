"""Loads the pruned network into PyTorch: python3 load.py small.pth FOLDER"""
import sys

import torch

from model import Net, accuracy, mnist, widths

state = torch.load(sys.argv[1], weights_only=True)
net = Net(widths(state))
net.load_state_dict(state)
print(f"widths {widths(state)}, {sum(p.numel() for p in net.parameters()):,} parameters")
print(f"accuracy in PyTorch {accuracy(net, *mnist(sys.argv[2], 't10k', 10000)):.4f}")
