"""Trains low-rank factors beside frozen weights by PyTorch's own arithmetic: W x + (alpha/rank) B A x.

    apt-get install python3-torch   # 1.13.1 made what is here
    /usr/bin/python3 make_lora.py

The networks are those of ../models, with the parameters, inputs and labels of their NAME.ref.json. A is drawn
as PEFT draws it, B is 0. NAME.adapter.safetensors has both as PEFT calls them. NAME.trained.safetensors has
OPTIMIZER/losses of 20 steps, each that of before the step, and OPTIMIZER/FACTOR after them.
"""
import json
import math
import os
import struct

import torch
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
RANK, ALPHA, STEPS = 4, 8.0, 20
OPTIMIZERS = {
    "sgd": lambda params: torch.optim.SGD(params, lr=0.05, momentum=0.9),
    "adamw": lambda params: torch.optim.AdamW(params, lr=0.003, weight_decay=0.01),
}


class Layers:
    """Linear layers of frozen parameters, those that are adapted with factors."""

    def __init__(self, params, adapted):
        self.params, self.factors = params, {}
        for name in adapted:
            out, read = params[name + ".weight"].shape
            a = torch.empty(RANK, read)
            torch.nn.init.kaiming_uniform_(a, a=math.sqrt(5))
            self.factors[name + ".lora_A"] = a
            self.factors[name + ".lora_B"] = torch.zeros(out, RANK)

    def __call__(self, name, x):
        y = F.linear(x, self.params[name + ".weight"], self.params.get(name + ".bias"))
        if name + ".lora_A" not in self.factors:
            return y
        a, b = self.factors[name + ".lora_A"], self.factors[name + ".lora_B"]
        return y + (ALPHA / RANK) * F.linear(F.linear(x, a), b)

    def norm(self, name, x):
        weight, bias = self.params[name + ".weight"], self.params[name + ".bias"]
        return F.layer_norm(x, x.shape[-1:], weight, bias)


def mlp(layers, x):
    return layers("l3", torch.tanh(layers("l2", torch.relu(layers("l1", x)))))


def gpt(layers, x):
    params, heads = layers.params, 2
    n, t = x.shape
    h = params["w.weight"][x] + params["p.weight"][:t]
    mask = torch.full((t, t), -math.inf).triu(1)
    for block in ("b.0", "b.1"):
        qkv = layers(block + ".qkv", layers.norm(block + ".n1", h)).chunk(3, -1)
        q, k, v = (each.reshape(n, t, heads, -1).transpose(1, 2) for each in qkv)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + mask
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(n, t, -1)
        h = h + layers(block + ".o", mixed)
        inner = gelu(layers(block + ".u", layers.norm(block + ".n2", h)))
        h = h + layers(block + ".d", inner)
    return layers("f", layers.norm("n", h))


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


CASES = {
    "mlp": (mlp, ["l1", "l2", "l3"]),
    "gpt": (gpt, [f"b.{i}.{name}" for i in (0, 1) for name in ("qkv", "o")]),
}


def tensor_of(listed):
    dtype, shape, values = listed
    return torch.tensor(values, dtype=getattr(torch, dtype)).reshape(shape)


def write(path, tensors):
    header, data = {}, b""
    for name, each in sorted(tensors.items()):
        array = each.detach().contiguous().numpy()
        begin = len(data)
        data += array.tobytes()
        dtype = {"float32": "F32", "float64": "F64"}[str(array.dtype)]
        header[name] = dict(dtype=dtype, shape=list(array.shape), data_offsets=[begin, len(data)])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, path), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


for name, (network, adapted) in CASES.items():
    torch.manual_seed(7)
    with open(os.path.join(HERE, "..", "models", name + ".ref.json")) as file:
        reference = json.load(file)
    x, y = tensor_of(reference["x"]), tensor_of(reference["y"])
    params = {key: tensor_of(each) for key, each in reference["params"].items()}
    layers = Layers(params, adapted)
    first = {key: each.clone() for key, each in layers.factors.items()}
    write(f"{name}.adapter.safetensors", {f"base_model.model.{k}.weight": v for k, v in first.items()})
    results = {}
    for kind, make in OPTIMIZERS.items():
        layers.factors = {key: each.clone().requires_grad_() for key, each in first.items()}
        optimizer = make(list(layers.factors.values()))
        losses = []
        for _ in range(STEPS):
            logits = network(layers, x)
            loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), y.reshape(-1))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        results[f"{kind}/losses"] = torch.tensor(losses, dtype=torch.float64)
        results |= {f"{kind}/{key}": each for key, each in layers.factors.items()}
        print(name, kind, reference["loss"], losses[0], losses[-1])
    write(f"{name}.trained.safetensors", results)
