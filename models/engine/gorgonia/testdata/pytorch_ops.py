"""Writes pytorch_ops.json.gz: what PyTorch computes for small networks that
between them use every operation, for the tests of this package. Run it with a
Python that has torch:

    python3 pytorch_ops.py pytorch_ops.json.gz

A case is a network in the JSON form of package models, its parameters, a batch
and its labels; and from PyTorch, in float64: the logits in inference mode, the
loss and all gradients of one training step, the running statistics after it,
and the logits once more with those.

Inputs have two decimals and parameters three, each the nearest float32: short to
write, and no two values meet in a pool or at the kink of a ReLU by accident, so
that rounding decides nothing.
"""

import gzip
import json
import sys

import torch
import torch.nn.functional as F

torch.manual_seed(3)


def node(op, name=None, inputs=None, **attrs):
    return {"op": op, "name": name, "inputs": inputs, "attrs": attrs}


def conv(out, kernel, name=None, inputs=None, **attrs):
    return node("conv2d", name, inputs, out=out, kernel=pair(kernel), **attrs)


def pair(v):
    return [v, v] if isinstance(v, int) else v


def linear(out, name=None, inputs=None, **attrs):
    return node("linear", name, inputs, out=out, **attrs)


def network(name, shape, nodes):
    """Completes names and inputs: by default a node reads the one before it."""
    done = [{"name": "x", "op": "input"}]
    for i, n in enumerate(nodes):
        n = {**n, "name": n["name"] or f"{n['op']}{i}", "inputs": n["inputs"] or [done[-1]["name"]]}
        done.append({k: v for k, v in n.items() if v})
    return {"name": name, "input": list(shape), "nodes": done}


def draw(*shape, at=0.0, scale=1.0, decimals=3):
    """Normal numbers of few decimals, as float32 holds them."""
    drawn = torch.round(at + scale * torch.randn(*shape, dtype=torch.float64), decimals=decimals)
    return drawn.float().double()


def parameters(n, x):
    """Draws what the node needs to read x."""
    a = n.get("attrs", {})
    p = {}
    if n["op"] == "conv2d":
        p["weight"] = draw(a["out"], x.shape[1] // a.get("groups", 1), *a["kernel"], scale=0.4)
    elif n["op"] == "linear":
        p["weight"] = draw(a["out"], x.shape[1], scale=0.4)
    elif n["op"] == "batch_norm":
        c = x.shape[1]
        if not a.get("no_scale"):
            p["gamma"] = draw(c, at=1, scale=0.3)
        if not a.get("no_shift"):
            p["beta"] = draw(c, scale=0.3)
        p["mean"], p["variance"] = draw(c, scale=0.3), draw(c, at=1, scale=0.2).abs()
    if n["op"] in ("conv2d", "linear") and not a.get("no_bias"):
        p["bias"] = draw(a["out"], scale=0.3)
    return {f"{n['name']}.{role}": v for role, v in p.items()}


def pad(x, a, value=0.0):
    above, left, below, right = a.get("pad", [0] * 4)
    return F.pad(x, (left, right, above, below), value=value)


def avg_pool(x, a):
    above, left, below, right = a.get("pad", [0] * 4)
    assert (above, left) == (below, right), "PyTorch pads averages evenly"
    return F.avg_pool2d(x, a["kernel"], a.get("stride", [1, 1]), (above, left), a.get("ceil", False), a.get("count_pad", False))


def max_pool(x, a):
    x = pad(x, a, -float("inf"))
    return F.max_pool2d(x, a["kernel"], a.get("stride", [1, 1]), ceil_mode=a.get("ceil", False))


def select(x, channels):
    zeros = torch.zeros_like(x[:, :1])
    return torch.cat([x[:, c : c + 1] if c >= 0 else zeros for c in channels], 1)


def batch_norm(x, a, p, training):
    """Moves p's running statistics when training, as PyTorch does."""
    return F.batch_norm(x, p["mean"], p["variance"], p.get("gamma"), p.get("beta"), training, a.get("momentum", 0.1), a.get("eps", 1e-5))


ACTIVATIONS = {
    "relu": F.relu,
    "relu6": F.relu6,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    "silu": F.silu,
}


def compute(n, inputs, p, training):
    op, a, x = n["op"], n.get("attrs", {}), inputs[0]
    if op in ACTIVATIONS:
        return ACTIVATIONS[op](x)
    if op == "conv2d":
        strides = a.get("stride", [1, 1]), 0, a.get("dilation", [1, 1]), a.get("groups", 1)
        return F.conv2d(pad(x, a), p["weight"], p.get("bias"), *strides)
    return {
        "linear": lambda: F.linear(x, p["weight"], p.get("bias")),
        "flatten": lambda: x.flatten(1),
        "batch_norm": lambda: batch_norm(x, a, p, training),
        "max_pool": lambda: max_pool(x, a),
        "avg_pool": lambda: avg_pool(x, a),
        "global_avg_pool": lambda: x.mean((2, 3), keepdim=True),
        "add": lambda: sum(inputs[1:], x),
        "mul": lambda: x * inputs[1],
        "concat": lambda: torch.cat(inputs, 1),
        "channel_select": lambda: select(x, a["channels"]),
        "leaky_relu": lambda: F.leaky_relu(x, a["slope"]),
        "lrn": lambda: F.local_response_norm(x, a["size"], a["alpha"], a["beta"], a["bias"]),
    }[op]()


def run(net, params, x, training):
    """The logits. Parameters that params lacks are drawn into it."""
    values = {}
    for n in net["nodes"]:
        inputs = [values[i] for i in n.get("inputs", [])]
        if not inputs:
            values[n["name"]] = x
            continue
        for name, v in parameters(n, inputs[0]).items() if training is None else ():
            params[name] = v
        own = {k.rsplit(".", 1)[1]: v for k, v in params.items() if k.rsplit(".", 1)[0] == n["name"]}
        values[n["name"]] = compute(n, inputs, own, bool(training))
    return values[net["nodes"][-1]["name"]]


def flat(t):
    """Five digits: all of an input or a parameter, enough of a result."""
    return [float(f"{v:.5g}") for v in t.detach().flatten().tolist()]


def is_statistic(name):
    return name.endswith((".mean", ".variance"))


def case(name, shape, *nodes, batch=3, smoothing=0.0):
    net, params = network(name, shape, nodes), {}
    x = draw(batch, *shape, decimals=2)
    logits = run(net, params, x, None)
    labels = torch.randint(0, logits.shape[1], (batch,))
    start = {k: flat(v) for k, v in params.items()}
    for k, v in params.items():
        v.requires_grad_(not is_statistic(k))
    trained = run(net, params, x, True)
    loss = F.cross_entropy(trained, labels, label_smoothing=smoothing)
    loss.backward()
    return {
        "network": net,
        "params": start,
        "x": flat(x),
        "labels": labels.tolist(),
        "smoothing": smoothing,
        "logits": flat(logits),
        "loss": float(loss),
        "correct": int((trained.argmax(1) == labels).sum()),
        "grads": {k: flat(v.grad if v.grad is not None else 0 * v) for k, v in params.items() if not is_statistic(k)},
        "statistics": {k: flat(v) for k, v in params.items() if is_statistic(k)},
        "logits_after": flat(run(net, params, x, False)),
    }


# A network ends in a narrow neck, so that the linear layer after it stays small.
HEAD = [node("flatten"), linear(3)]
NECK = [conv(1, 1, no_bias=True), *HEAD]


def first(channels):
    """A layer whose gradients show the gradient of what follows by its input."""
    return conv(channels, 1, "first")


def convolution(name, shape, *args, batch=2, head=NECK, **attrs):
    return case("conv2d, " + name, shape, first(shape[0]), conv(*args, **attrs), *head, batch=batch)


def pool(name, op, shape=(2, 7, 8), **attrs):
    attrs = {k: pair(v) if k in ("kernel", "stride") else v for k, v in attrs.items()}
    return case(f"{op}, {name}", shape, first(shape[0]), node(op, **attrs), *HEAD)


def activation(op, **attrs):
    return case(op, (2, 4, 5), first(4), node(op, **attrs), *HEAD[:1], linear(5), node(op, **attrs), linear(3))


def bn(name=None, inputs=None, **attrs):
    return node("batch_norm", name, inputs, **attrs)


def relu(name=None, inputs=None):
    return node("relu", name, inputs)


def add(*inputs, name=None):
    return node("add", name, list(inputs))


def concat(*inputs, name=None):
    return node("concat", name, list(inputs))


P1 = [1, 1, 1, 1]

CONVOLUTIONS = [
    convolution("3x3", (3, 9, 7), 5, 3, pad=P1),
    convolution("3x3, 16 channels", (16, 8, 8), 16, 3, pad=P1, no_bias=True, batch=3),
    convolution("3x3, to 18 channels", (5, 5, 6), 18, 3, pad=P1, batch=2),
    convolution("3x3, of 19 channels", (19, 5, 6), 5, 3, pad=P1, no_bias=True, batch=2),
    convolution("3x3, no padding", (3, 8, 9), 4, 3),
    convolution("3x3, no padding, one pixel left", (2, 3, 3), 4, 3),
    convolution("3x3, uneven padding", (2, 6, 7), 3, 3, pad=[1, 0, 2, 1], no_bias=True),
    convolution("3x3, padding beyond the filter", (2, 3, 4), 3, 3, pad=[3, 4, 3, 3]),
    convolution("3x3, image of a pixel", (4, 1, 1), 6, 3, pad=P1),
    convolution("3x3, stride 2", (4, 9, 8), 6, 3, pad=P1, stride=[2, 2], no_bias=True),
    convolution("3x3, stride 2, uneven padding", (3, 8, 8), 4, 3, pad=[0, 0, 1, 1], stride=[2, 2]),
    convolution("3x3, stride 1 x 2", (2, 6, 7), 3, 3, pad=P1, stride=[1, 2]),
    convolution("3x3, stride 3 leaves pixels out", (2, 8, 8), 3, 3, stride=[3, 3]),
    convolution("3x3, dilation 2", (2, 8, 7), 3, 3, pad=[2, 2, 2, 2], dilation=[2, 2]),
    convolution("3x3, dilation 3 x 1, stride 2", (2, 9, 8), 3, 3, pad=P1, dilation=[3, 1], stride=[2, 2]),
    convolution("3x3, 2 groups", (4, 6, 6), 6, 3, pad=P1, groups=2),
    convolution("3x3, 3 groups, stride 2", (6, 7, 6), 9, 3, pad=P1, groups=3, stride=[2, 2], no_bias=True),
    convolution("1x1, 4 groups", (8, 4, 4), 12, 1, groups=4),
    convolution("depthwise", (5, 7, 6), 5, 3, pad=P1, groups=5, no_bias=True),
    convolution("depthwise, 17 channels", (17, 5, 5), 17, 3, pad=P1, groups=17),
    convolution("depthwise, stride 2", (6, 8, 7), 6, 3, pad=P1, groups=6, stride=[2, 2]),
    convolution("depthwise, 5x5, dilation 2", (3, 9, 9), 3, 5, pad=[4, 4, 4, 4], groups=3, dilation=[2, 2]),
    convolution("depthwise, two filters a channel", (3, 6, 6), 6, 3, pad=P1, groups=3),
    convolution("1x1", (5, 4, 6), 7, 1),
    convolution("1x1, stride 2", (5, 5, 6), 7, 1, stride=[2, 2], no_bias=True),
    convolution("1x1, padding", (2, 3, 3), 3, 1, pad=P1),
    convolution("5x5", (2, 9, 10), 6, 5),
    convolution("5x5, padding 2", (3, 6, 7), 4, 5, pad=[2, 2, 2, 2], no_bias=True),
    convolution("5x5 of the image", (3, 5, 5), 4, 5, head=HEAD),
    convolution("1x3", (2, 5, 6), 3, [1, 3], pad=[0, 1, 0, 1]),
    convolution("3x1", (2, 6, 5), 3, [3, 1], pad=[1, 0, 1, 0]),
    convolution("2x2, stride 2", (3, 6, 6), 4, 2, stride=[2, 2]),
    convolution("4x4 of one channel", (1, 8, 8), 4, 4, pad=[1, 1, 2, 2]),
    case("conv2d, two in a row, read twice", (2, 5, 5), conv(4, 3, "a", pad=P1), conv(4, 3, "b", pad=P1), add("a", "b"), *NECK),
    case("conv2d, the input read first", (3, 8, 8), conv(8, 3, pad=P1), relu(), conv(8, 3, pad=P1), relu(), *NECK),
]

NORMS = [
    case("batch_norm", (2, 5, 4), first(4), bn(), *HEAD, batch=5),
    case("batch_norm and relu", (2, 5, 4), first(5), bn(), relu(), *HEAD, batch=5),
    case("batch_norm of one sample", (2, 5, 4), first(3), bn(), relu(), *HEAD, batch=1),
    case("batch_norm of the input", (3, 4, 4), bn(), relu(), *HEAD, batch=4),
    case("batch_norm, 19 channels", (4, 3, 3), first(19), bn(), relu(), *HEAD, batch=4),
    case("batch_norm, no scale", (2, 4, 4), first(4), bn(no_scale=True), relu(), *HEAD, batch=4),
    case("batch_norm, no shift", (2, 4, 4), first(4), bn(no_shift=True), relu(), *HEAD, batch=4),
    case("batch_norm, neither", (2, 4, 4), first(4), bn(no_scale=True, no_shift=True), *HEAD, batch=4),
    case("batch_norm, eps 0.01, momentum 0.3", (2, 4, 4), first(4), bn(eps=0.01, momentum=0.3), *HEAD, batch=4),
    case("batch_norm of features", (6,), linear(7), bn(), relu(), linear(3), batch=6),
    case("batch_norm of a flat input", (6,), bn(), linear(7), relu(), linear(3), batch=6),
    case("batch_norm after 3x3", (3, 6, 6), conv(6, 3, pad=P1, no_bias=True), bn(), relu(), conv(6, 3, pad=P1, no_bias=True), bn(), relu(), *NECK, batch=4),
    case("batch_norm after 3x3 with bias", (2, 6, 6), conv(4, 3, pad=P1), bn(), *NECK, batch=3),
    case("batch_norm before 3x3", (3, 6, 6), first(4), bn(), relu(), conv(4, 3, pad=P1), *NECK, batch=4),
    case("batch_norm after depthwise", (4, 6, 6), first(4), conv(4, 3, pad=P1, groups=4, no_bias=True), bn(), node("relu6"), *NECK, batch=3),
    case("batch_norm after grouped", (4, 6, 6), conv(6, 3, pad=P1, groups=2, no_bias=True), bn(), relu(), *NECK, batch=3),
    case("batch_norm after linear after flatten", (2, 3, 3), first(3), node("flatten"), linear(6), bn(), linear(3), batch=5),
    case("batch_norm twice", (2, 4, 4), first(3), bn(), bn(), relu(), *HEAD, batch=4),
    case("batch_norm, convolution read twice", (2, 4, 4), first(3), bn("n"), add("n", "first"), *HEAD, batch=4),
    case("batch_norm read with and without relu", (2, 4, 4), first(3), bn("n"), relu("r"), add("n", "r"), *HEAD, batch=4),
    case("batch_norm after max_pool", (2, 6, 6), first(3), node("max_pool", kernel=[2, 2], stride=[2, 2]), bn(), relu(), *HEAD, batch=3),
]

POOLS = [
    pool("2x2", "max_pool", kernel=2, stride=2),
    pool("2x2, 17 channels", "max_pool", (17, 4, 4), kernel=2, stride=2),
    pool("3x3, stride 2, padding", "max_pool", kernel=3, stride=2, pad=P1),
    pool("3x3, stride 1", "max_pool", kernel=3),
    pool("3x3, stride 2, ceil", "max_pool", (2, 8, 8), kernel=3, stride=2, ceil=True),
    pool("3x3, stride 2, uneven padding", "max_pool", (2, 8, 8), kernel=3, stride=2, pad=[0, 0, 1, 1]),
    pool("3x2, stride 2x3, ceil", "max_pool", (2, 8, 9), kernel=[3, 2], stride=[2, 3], ceil=True),
    pool("1x1, stride 2", "max_pool", kernel=1, stride=2),
    pool("2x2", "avg_pool", kernel=2, stride=2),
    pool("3x3, stride 2, padding not counted", "avg_pool", kernel=3, stride=2, pad=P1),
    pool("3x3, stride 2, padding counted", "avg_pool", kernel=3, stride=2, pad=P1, count_pad=True),
    pool("3x3, stride 2, ceil", "avg_pool", (2, 8, 8), kernel=3, stride=2, ceil=True),
    pool("3x3, stride 2, ceil, padding counted", "avg_pool", (2, 7, 8), kernel=3, stride=2, pad=P1, ceil=True, count_pad=True),
    pool("3x3, stride 2, ceil, padding not counted", "avg_pool", (2, 7, 8), kernel=3, stride=2, pad=P1, ceil=True),
    pool("all", "global_avg_pool", (5, 4, 3)),
    case("max_pool of the input", (2, 6, 6), node("max_pool", kernel=[2, 2], stride=[2, 2]), *HEAD),
    case("relu, max_pool", (2, 6, 6), first(4), relu(), node("max_pool", kernel=[2, 2], stride=[2, 2]), *HEAD),
    case("max_pool, relu", (2, 6, 6), first(4), node("max_pool", kernel=[2, 2], stride=[2, 2]), relu(), *HEAD),
]

ELEMENTWISE = [
    activation("relu"),
    activation("relu6"),
    activation("leaky_relu", slope=0.1),
    activation("sigmoid"),
    activation("tanh"),
    activation("hard_sigmoid"),
    activation("hard_swish"),
    activation("silu"),
    case("lrn, 5", (3, 4, 4), first(9), node("lrn", size=5, alpha=0.1, beta=0.75, bias=1.0), *HEAD),
    case("lrn, 3 of 2", (2, 4, 4), first(2), node("lrn", size=3, alpha=0.5, beta=0.5, bias=2.0), *HEAD),
    case("mul", (2, 4, 4), first(4), conv(4, 1, "b", ["x"]), node("mul", inputs=["first", "b"]), *HEAD),
    case("mul by itself", (2, 4, 4), first(4), node("mul", inputs=["first", "first"]), *HEAD),
    case("squeeze and excite", (3, 5, 4), first(6), node("global_avg_pool"), conv(2, 1), relu(), conv(6, 1), node("sigmoid", "s"), node("mul", inputs=["first", "s"]), *HEAD),
    case("squeeze and excite of relu", (3, 5, 4), first(6), relu("r"), node("global_avg_pool"), conv(6, 1), node("hard_sigmoid", "s"), node("mul", inputs=["r", "s"]), *HEAD),
]

JOINS = [
    case("add", (2, 4, 4), first(4), conv(4, 1, "b", ["x"]), add("first", "b"), *HEAD),
    case("add of three, relu", (2, 4, 4), first(4), conv(4, 1, "b", ["x"]), conv(4, 3, "c", ["x"], pad=P1), add("first", "b", "c"), relu(), *HEAD),
    case("add to itself", (2, 4, 4), first(4), add("first", "first"), *HEAD),
    case("add of features", (5,), linear(6, "a"), linear(6, "b", ["x"]), add("a", "b"), relu(), linear(3)),
    case("add of the input", (3, 4, 4), conv(3, 3, "a", pad=P1), add("x", "a"), relu(), *HEAD),
    case("concat", (2, 4, 4), first(3), conv(5, 1, "b", ["x"]), conv(2, 3, "c", ["x"], pad=P1), concat("first", "b", "c"), conv(4, 1), *HEAD),
    case("concat with itself", (2, 4, 4), first(3), concat("first", "first"), *HEAD),
    case("concat of features", (5,), linear(4, "a"), linear(3, "b", ["x"]), concat("a", "b"), relu(), linear(3)),
    case("concat of the input", (2, 4, 4), conv(3, 3, "a", pad=P1), concat("x", "a"), *HEAD),
    case("channel_select", (2, 4, 4), first(6), node("channel_select", channels=[5, 0, 2]), *HEAD),
    case("channel_select with zeros and twice", (2, 4, 4), first(4), node("channel_select", channels=[-1, 3, 1, 1, -1, 0, -1]), *HEAD),
    case("channel_select of features", (5,), linear(6), node("channel_select", channels=[4, -1, 1, 4]), linear(3)),
    case("channel_select of the input", (4, 3, 3), node("channel_select", channels=[3, 1]), *HEAD),
]

HEADS = [
    case("linear", (7,), linear(5), linear(4), batch=5),
    case("linear, no bias", (7,), linear(5, no_bias=True), relu(), linear(4, no_bias=True), batch=5),
    case("linear, label smoothing", (7,), linear(5), relu(), linear(4), batch=5, smoothing=0.1),
    case("linear of many", (40,), linear(33), relu(), linear(10), batch=9, smoothing=0.2),
    case("flatten keeps channels, rows, columns", (3, 4, 5), first(3), node("flatten"), linear(4)),
    case("flatten of the input", (3, 4, 5), node("flatten"), linear(4)),
    case("flatten twice", (3, 2, 2), first(3), node("flatten"), node("flatten"), linear(4)),
    case("logits of a global pool", (2, 4, 4), first(4), node("global_avg_pool"), node("flatten"), batch=3),
]


def basic(prefix, x, width, stride=1, shortcut=None):
    """He et al.'s basic block: two convolutions and a shortcut."""
    return [
        conv(width, 3, f"{prefix}.conv1", [x], pad=P1, stride=[stride, stride], no_bias=True),
        bn(f"{prefix}.bn1"),
        relu(f"{prefix}.relu1"),
        conv(width, 3, f"{prefix}.conv2", pad=P1, no_bias=True),
        bn(f"{prefix}.bn2"),
        *([] if shortcut is None else shortcut),
        add(f"{prefix}.bn2", f"{prefix}.short" if shortcut else x, name=f"{prefix}.add"),
        relu(f"{prefix}"),
    ]


def option_a(prefix, x, width):
    zeros = [-1] * (width // 4)
    return [
        node("max_pool", f"{prefix}.sub", [x], kernel=[1, 1], stride=[2, 2]),
        node("channel_select", f"{prefix}.short", channels=[*zeros, *range(width // 2), *zeros]),
    ]


def option_b(prefix, x, width):
    return [
        conv(width, 1, f"{prefix}.proj", [x], stride=[2, 2], no_bias=True),
        bn(f"{prefix}.short"),
    ]


def dense_layer(prefix, x, growth):
    return [
        bn(f"{prefix}.bn", [x]),
        relu(f"{prefix}.relu"),
        conv(growth, 3, f"{prefix}.conv", pad=P1, no_bias=True),
        concat(x, f"{prefix}.conv", name=prefix),
    ]


BLOCKS = [
    case("residual block", (3, 5, 5), conv(4, 3, pad=P1, no_bias=True), bn(), relu("stem"), *basic("a", "stem", 4), *basic("b", "a", 4), *NECK, batch=4),
    case("residual block, option A", (3, 6, 6), conv(4, 3, pad=P1, no_bias=True), bn(), relu("stem"), *basic("a", "stem", 8, 2, option_a("a", "stem", 8)), node("global_avg_pool"), *HEAD, batch=4),
    case("residual block, option B", (3, 6, 6), conv(4, 3, pad=P1, no_bias=True), bn(), relu("stem"), *basic("a", "stem", 8, 2, option_b("a", "stem", 8)), node("global_avg_pool"), *HEAD, batch=4),
    case(
        "pre-activation bottleneck", (3, 5, 5), conv(6, 3, "stem", pad=P1, no_bias=True),
        bn(), relu("r"), conv(3, 1, no_bias=True), bn(), relu(), conv(3, 3, pad=P1, no_bias=True), bn(), relu(), conv(6, 1, "out", no_bias=True),
        add("out", "stem"), bn(), relu(), node("global_avg_pool"), *HEAD, batch=4,
    ),
    case("dense block", (3, 6, 6), conv(4, 3, "stem", pad=P1, no_bias=True), *dense_layer("a", "stem", 3), *dense_layer("b", "a", 3), bn(), relu(), conv(5, 1, no_bias=True), node("avg_pool", kernel=[2, 2], stride=[2, 2]), *HEAD, batch=4),
    case(
        "inverted residual", (4, 5, 5), conv(4, 1, "in"), conv(8, 1, no_bias=True), bn(), node("relu6"),
        conv(8, 3, pad=P1, groups=8, no_bias=True), bn(), node("relu6"), conv(4, 1, no_bias=True), bn("out"), add("out", "in"), *NECK, batch=4,
    ),
    case("inception", (3, 5, 5), first(4), conv(3, 1, "a", ["first"]), conv(2, 3, "b", ["first"], pad=P1), node("max_pool", "c", ["first"], kernel=[3, 3], pad=P1), concat("a", "b", "c"), relu(), *NECK),
    case(
        "LeNet-5 in small", (1, 16, 16), conv(4, 5), node("max_pool", kernel=[2, 2], stride=[2, 2]), conv(6, 5), node("max_pool", kernel=[2, 2], stride=[2, 2]),
        node("flatten"), linear(8), relu(), linear(4), batch=4,
    ),
    case(
        "VGG in small", (3, 8, 8), conv(6, 3, pad=P1, no_bias=True), bn(), relu(), node("max_pool", kernel=[2, 2], stride=[2, 2]),
        conv(8, 3, pad=P1, no_bias=True), bn(), relu(), node("max_pool", kernel=[2, 2], stride=[2, 2]), node("avg_pool", kernel=[2, 2], stride=[2, 2]), node("flatten"), linear(4), batch=4,
    ),
    case("a branch to nowhere", (2, 4, 4), first(3), conv(2, 1, "dead"), conv(3, 3, "b", ["first"], pad=P1), relu(), *HEAD, batch=3),
]

if __name__ == "__main__":
    cases = CONVOLUTIONS + NORMS + POOLS + ELEMENTWISE + JOINS + HEADS + BLOCKS
    text = "[" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "]\n"
    with open(sys.argv[1], "wb") as f:
        f.write(gzip.compress(text.encode(), mtime=0))
