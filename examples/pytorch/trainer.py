#!/usr/bin/env python3
"""A trainer and pruner in PyTorch for Espalier, on CPUs and CUDA devices.

    espalier run examples/pytorch/digits.yaml --trainer pytorch='python3 examples/pytorch/trainer.py'

The same step on the same kind of device, with the same number of threads, ends
with the same bits, however often it was interrupted on the way: the state that
it saves has the network, the optimizer, the random numbers and the position in
the data."""

import json
import math
import os
import sys

# Read when CUDA starts: without it products on a GPU are not repeatable.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import torch

import data
import tensors
from espalier_trainer import Step
from network import Network, prune


class Training:
    """A training in the middle."""

    def __init__(self, step, device):
        p, request = step.params, step.request
        self.step, self.device, self.params = step, device, p
        self.train_x, self.train_y, _, _ = (t.to(device) for t in data.load(p))
        self.epochs, self.batch, self.lr = p.get("epochs", 2), p.get("batch", 64), p.get("lr", 0.1)
        self.batches = math.ceil(len(self.train_x) / self.batch)
        self.epoch = self.at = 0  # completed epochs, and batches of the next
        self.loss = self.correct = self.seen = 0.0  # over the epoch so far
        torch.manual_seed(request["seed"] % 2**63)  # of the first weights, the noise and dropout
        if "resume" in request:
            self.net = Network.load(request["resume"]).to_device(device)
        elif "parent" in request:
            self.net = Network.load(request["parent"]).to_device(device)
        else:
            self.net = Network(p.get("channels", [16, 32]), self.train_x.shape[-1], p.get("dropout", 0.1)).to_device(device)
        self.optimizer = torch.optim.SGD(
            self.net.parameters(), lr=self.lr, momentum=p.get("momentum", 0.9), weight_decay=p.get("weight_decay", 5e-4), nesterov=True
        )
        if "resume" in request:
            self.load(request["resume"])

    def load(self, folder):
        with open(os.path.join(folder, "training.json"), encoding="utf-8") as file:
            about = json.load(file)
        self.epoch, self.at = about["epoch"], about["batch"]
        self.loss, self.correct, self.seen = about["loss"], about["correct"], about["seen"]
        state = tensors.load(os.path.join(folder, "training.safetensors"))
        for name, p in self.net.named_parameters():
            if f"momentum/{name}" in state:
                self.optimizer.state[p]["momentum_buffer"] = state[f"momentum/{name}"].to(self.device)
        torch.set_rng_state(state["random/cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random/cuda"])

    def save(self, folder):
        self.net.save(folder)
        state = {"random/cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            state["random/cuda"] = torch.cuda.get_rng_state()
        for name, p in self.net.named_parameters():
            if self.optimizer.state[p].get("momentum_buffer") is not None:
                state[f"momentum/{name}"] = self.optimizer.state[p]["momentum_buffer"]
        tensors.save(os.path.join(folder, "training.safetensors"), state)
        about = {"epoch": self.epoch, "batch": self.at, "loss": self.loss, "correct": self.correct, "seen": self.seen}
        with open(os.path.join(folder, "training.json"), "w", encoding="utf-8") as file:
            json.dump(about, file, sort_keys=True)

    def position(self):
        return {"epoch": self.epoch, "batch": self.at, "step": self.epoch * self.batches + self.at}

    def run(self):
        """Trains to the end, or until it has to leave; True if it has ended."""
        while self.epoch < self.epochs:
            # The order of an epoch is a function of the seed and the epoch.
            draw = torch.Generator().manual_seed((self.step.request["seed"] + 7919 * self.epoch) % 2**63)
            order = torch.randperm(len(self.train_x), generator=draw).to(self.device)
            while self.at < self.batches:
                if self.step.due():
                    self.step.checkpoint(self.save, **self.position())
                    if self.step.leaving:
                        return False
                self.train_batch(order[self.at * self.batch : (self.at + 1) * self.batch])
                self.at += 1
                self.step.progress(
                    epochs=self.epochs, batches=self.batches, loss=self.loss / self.seen, accuracy=self.correct / self.seen,
                    lr=self.optimizer.param_groups[0]["lr"], **self.position(),
                )
            self.epoch, self.at = self.epoch + 1, 0
            print(f"epoch {self.epoch}: loss {self.loss / self.seen:.4f}, accuracy {self.correct / self.seen:.4f}")
            self.last = {"loss": self.loss / self.seen, "accuracy": self.correct / self.seen}
            self.loss = self.correct = self.seen = 0.0
        return True

    def train_batch(self, chosen):
        self.net.train()
        done = (self.epoch * self.batches + self.at) / (self.epochs * self.batches)
        for group in self.optimizer.param_groups:
            group["lr"] = self.lr * (1 + math.cos(math.pi * done)) / 2
        x, y = self.train_x[chosen], self.train_y[chosen]
        x = x + self.params.get("noise", 0.1) * torch.randn_like(x)
        out = self.net(x)
        loss = torch.nn.functional.cross_entropy(out, y)
        if not torch.isfinite(loss):
            sys.exit("the loss is no number any more; lower lr")
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.net.apply_masks()
        self.loss += loss.item() * len(y)
        self.correct += (out.argmax(1) == y).sum().item()
        self.seen += len(y)


def evaluate(net, device, params):
    _, _, x, y = (t.to(device) for t in data.load(params))
    net = net.to_device(device).eval()
    correct = loss = 0.0
    with torch.no_grad():
        for at in range(0, len(x), 500):
            out, want = net(x[at : at + 500]), y[at : at + 500]
            correct += (out.argmax(1) == want).sum().item()
            loss += torch.nn.functional.cross_entropy(out, want, reduction="sum").item()
    low, high = wilson(correct, len(x))
    return {
        "test_accuracy": correct / len(x), "test_accuracy_low": low, "test_accuracy_high": high,
        "test_loss": loss / len(x), "test_n": len(x), **net.costs(),
    }


def wilson(hits, n, z=1.959964):
    """The 95 % interval of a share (Wilson 1927)."""
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return middle - half, middle + half


def main():
    step = Step(sys.argv[1])
    p, request = step.params, step.request
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    torch.set_num_threads(p.get("threads", 1))  # the bits depend on it
    wanted = p.get("device", "auto")
    device = torch.device("cuda" if wanted == "cuda" or wanted == "auto" and torch.cuda.is_available() else "cpu")
    print(f"{request['kind']} on {device} with PyTorch {torch.__version__}")
    if request["kind"] == "evaluate":
        step.result(**evaluate(Network.load(request["parent"]), device, p))
    elif request["kind"] == "prune":
        net = prune(Network.load(request["parent"]), p.get("method", "magnitude"), request["target"])
        step.result(net.save, **net.costs())
    else:
        training = Training(step, device)
        if not training.run():
            sys.exit(75)
        step.result(training.net.save, **training.last)


if __name__ == "__main__":
    try:
        main()
    except (KeyError, ValueError) as error:
        # What the spec says cannot work, now or later.
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(2)
