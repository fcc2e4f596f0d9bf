"""Trains the network and saves it as net.onnx: python3 train.py FOLDER"""
import sys

import torch
import torch.nn.functional as F

from model import Net, accuracy, mnist

torch.manual_seed(1)
images, labels = mnist(sys.argv[1], "train", 8000)
net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
for epoch in range(2):
    net.train()
    for batch in torch.randperm(len(images)).split(64):
        optimizer.zero_grad()
        F.cross_entropy(net(images[batch]), labels[batch]).backward()
        optimizer.step()
print(f"accuracy in PyTorch {accuracy(net, *mnist(sys.argv[1], 't10k', 10000)):.4f}")

# As it is in evaluation, and with its batch normalizations: the exporter would
# fold them into the convolutions, and the pruned network shall be trained on.
net.eval()
torch.onnx.export(net, torch.zeros(1, 1, 28, 28), "net.onnx", input_names=["input"], output_names=["logits"],
                  dynamic_axes={"input": {0: "batch"}, "logits": {0: "batch"}}, opset_version=13,
                  training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
