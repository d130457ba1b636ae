"""Loads dicts that Gradus wrote into PyTorch's optimizers and goes on: python3 go_on.py [CLASS FILE]...

FILE is safetensors: params/I, state/I/NAME, gradients/STEP/I, and `groups` as JSON in the metadata.
FILE.out gets params/I after the steps.
"""
import json
import struct
import sys

import torch

from make_fixtures import write


def go_on(kind, path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header, data = json.loads(file.read(length)), file.read()

    groups = json.loads(header.pop("__metadata__")["groups"])
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        numbers = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.float32)
        tensors[name] = numbers.reshape(entry["shape"])

    state = {}
    for name, tensor in tensors.items():
        if name.startswith("state/"):
            _, i, key = name.split("/")
            state.setdefault(int(i), {})[key] = tensor
    params = [tensors[f"params/{i}"].requires_grad_() for i in range(3)]
    optimizer = getattr(torch.optim, kind)(
        [{"params": [params[i] for i in group["params"]]} for group in groups], lr=1)
    optimizer.load_state_dict({"state": state, "param_groups": groups})
    for step in range(5):
        for i, p in enumerate(params):
            p.grad = tensors[f"gradients/{step}/{i}"]
        optimizer.step()
    write(f"{path}.out", {f"params/{i}": p.detach() for i, p in enumerate(params)}, {})


for i in range(1, len(sys.argv), 2):
    go_on(sys.argv[i], sys.argv[i + 1])
