"""Trains three tensors for ten steps by each optimizer and writes what PyTorch then holds.

    apt-get install python3-torch   # 1.13.1 made what is here
    /usr/bin/python3 make_fixtures.py

PyTorch 1.13 has neither Lion nor Muon. They stand here with the rule and the names of states of
lion-pytorch and of torch.optim.Muon of PyTorch 2.9, but for one thing: Muon's steps of Newton and
Schulz are in float32, where PyTorch's are in bfloat16.

The file is safetensors. CASE/N/params/I and CASE/N/state/I/NAME are of parameter I after N steps,
gradients/STEP/I is what every case is given, and the metadata has the groups of CASE as JSON.
"""
import json
import math
import os
import struct

import torch

SHAPES = {"vectors": [(3, 4), (4,), (2, 3)], "matrices": [(3, 4), (4, 2), (2, 2)]}


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                state = self.state[p]
                if len(state) == 0:
                    state["exp_avg"] = torch.zeros_like(p)
                m = state["exp_avg"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_((m * b1 + p.grad * (1 - b1)).sign(), alpha=-group["lr"])
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


class Muon(torch.optim.Optimizer):
    def __init__(self, params, lr, weight_decay=0.1, momentum=0.95, nesterov=True,
                 ns_coefficients=(3.4445, -4.775, 2.0315), eps=1e-7, ns_steps=5,
                 adjust_lr_fn=None):
        super().__init__(params, dict(
            lr=lr, weight_decay=weight_decay, momentum=momentum, nesterov=nesterov,
            ns_coefficients=ns_coefficients, eps=eps, ns_steps=ns_steps,
            adjust_lr_fn=adjust_lr_fn))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            a, b, c = group["ns_coefficients"]
            for p in group["params"]:
                state = self.state[p]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(p)
                m = state["momentum_buffer"]
                m.lerp_(p.grad, 1 - group["momentum"])
                x = p.grad.lerp(m, group["momentum"]) if group["nesterov"] else m
                rows, columns = p.shape
                x = x.t() if rows > columns else x
                x = x / x.norm().clamp(min=group["eps"])
                for _ in range(group["ns_steps"]):
                    gram = x @ x.t()
                    x = a * x + (b * gram + c * gram @ gram) @ x
                x = x.t() if rows > columns else x
                if group["adjust_lr_fn"] == "match_rms_adamw":
                    scale = 0.2 * math.sqrt(max(rows, columns))
                else:
                    scale = math.sqrt(max(1, rows / columns))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(x, alpha=-group["lr"] * scale)


optim = torch.optim
CASES = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "sgd-momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "sgd-nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "sgd-decay": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.05),
    "sgd-dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5),
    "adam": lambda p: optim.Adam(p, lr=0.01, betas=(0.8, 0.95)),
    "adam-decay": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adam-amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "adamw-groups": lambda p: optim.AdamW([
        {"params": [p[0], p[2]], "weight_decay": 0.1},
        {"params": [p[1]], "weight_decay": 0.0, "lr": 0.02},
    ], lr=0.01),
    "adagrad": lambda p: optim.Adagrad(p, lr=0.1),
    "adagrad-initial": lambda p: optim.Adagrad(
        p, lr=0.1, initial_accumulator_value=0.5, weight_decay=0.05, eps=0),
    "adagrad-eps": lambda p: optim.Adagrad(p, lr=0.1, eps=0.01),
    "adagrad-lr-decay": lambda p: optim.Adagrad(p, lr=0.1, lr_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "rmsprop-centered": lambda p: optim.RMSprop(p, lr=0.01, alpha=0.9, centered=True),
    "rmsprop-momentum": lambda p: optim.RMSprop(
        p, lr=0.01, alpha=0.9, momentum=0.8, centered=True, weight_decay=0.05),
    "lion": lambda p: Lion(p, lr=0.01, weight_decay=0.1),
    "muon": lambda p: Muon(p, lr=0.02),
    "muon-rms": lambda p: Muon(p, lr=0.02, nesterov=False, adjust_lr_fn="match_rms_adamw"),
}


def main():
    torch.manual_seed(0)
    tensors, metadata = {}, {"torch": torch.__version__}
    begin = {kind: [torch.randn(s) for s in shapes] for kind, shapes in SHAPES.items()}
    gradients = {kind: [[torch.randn(s) for s in shapes] for _ in range(10)]
                 for kind, shapes in SHAPES.items()}
    for kind in SHAPES:
        for i, p in enumerate(begin[kind]):
            tensors[f"begin/{kind}/{i}"] = p
        for step, each in enumerate(gradients[kind]):
            for i, g in enumerate(each):
                tensors[f"gradients/{kind}/{step}/{i}"] = g
    for name, make in CASES.items():
        kind = "matrices" if name.startswith("muon") else "vectors"
        params = [p.clone().requires_grad_() for p in begin[kind]]
        optimizer = make(params)
        for step, each in enumerate(gradients[kind]):
            for p, g in zip(params, each):
                p.grad = g.clone()
            optimizer.step()
            if step + 1 not in (5, 10):
                continue
            saved = optimizer.state_dict()
            for i, p in enumerate(params):
                tensors[f"{name}/{step + 1}/params/{i}"] = p.detach().clone()
            for i, state in saved["state"].items():
                for key, value in state.items():
                    if value is not None:
                        tensors[f"{name}/{step + 1}/state/{i}/{key}"] = torch.as_tensor(
                            value, dtype=torch.float32).clone()
            metadata[name] = json.dumps(saved["param_groups"])
    write(os.path.join(os.path.dirname(__file__), "torch.safetensors"), tensors, metadata)


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        begin = len(data)
        data += tensor.contiguous().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape),
                        "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


if __name__ == "__main__":
    main()
