"""PyTorch: its fused optimizers, else those of lists of tensors; `torch_peer.py cpu 2` or `torch_peer.py cuda`."""

import sys

import torch

from peer import Absent, serve

DEVICE = sys.argv[1]


class Stepped:
    """An optimizer of PyTorch on some tensors."""

    def __init__(self, arrays, optimizer, before=None):
        self.make, self.before = optimizer, before
        self.begin(arrays)

    def begin(self, arrays):
        self.tensors = self.place(arrays)
        for tensor in self.tensors:
            tensor.requires_grad_()
        self.optimizer = self.make(self.tensors)

    def place(self, arrays):
        return [torch.tensor(array, device=DEVICE) for array in arrays]

    def step(self, gradients):
        for tensor, gradient in zip(self.tensors, gradients):
            tensor.grad = gradient
        if self.before is not None:
            self.before(self.tensors)
        self.optimizer.step()

    def wait(self):
        if DEVICE == "cuda":
            torch.cuda.synchronize()

    def parameters(self):
        return [tensor.detach().cpu().numpy() for tensor in self.tensors]


class Lion:
    """Lion by hand, on lists of tensors; a momentum of another type is widened and narrowed."""

    def __init__(self, tensors, numbers, dtype):
        self.tensors, self.numbers = tensors, numbers
        self.momenta = [torch.zeros_like(tensor, dtype=dtype) for tensor in tensors]

    @torch.no_grad()
    def step(self):
        n = self.numbers
        gradients = [tensor.grad for tensor in self.tensors]
        is_wide = self.momenta[0].dtype == torch.float32
        momenta = self.momenta if is_wide else [m.float() for m in self.momenta]
        signs = torch._foreach_lerp(momenta, gradients, 1 - n["b1"])
        torch._foreach_sign_(signs)
        torch._foreach_mul_(self.tensors, 1 - n["learningRate"] * n["weightDecay"])
        torch._foreach_add_(self.tensors, signs, alpha=-n["learningRate"])
        torch._foreach_lerp_(momenta, gradients, 1 - n["b2"])
        if not is_wide:
            torch._foreach_copy_(self.momenta, momenta)


class Muon:
    """Muon by hand in float32, since PyTorch's computes in bfloat16."""

    def __init__(self, tensors, numbers):
        self.tensors, self.numbers, self.t = tensors, numbers, 0
        self.momenta = [torch.zeros_like(tensor) for tensor in tensors]

    @torch.no_grad()
    def step(self):
        n = self.numbers
        b, rate = n["beta"], n["learningRate"]
        self.t += 1
        for w, m in zip(self.tensors, self.momenta):
            m.lerp_(w.grad, 1 - b)
            x = b / (1 - b ** (self.t + 1)) * m + (1 - b) / (1 - b**self.t) * w.grad
            rows, columns = x.shape
            if rows > columns:
                x = x.T
            x = x / (x.norm() + n["eps"])
            for _ in range(5):
                a = x @ x.T
                x = 3.4445 * x + torch.addmm(a, a, a, beta=-4.775, alpha=2.0315) @ x
            if rows > columns:
                x = x.T
            w.sub_(rate * max(1, columns / rows) ** 0.5 * x)


def make(cell, arrays):
    rule, n = cell.rule, cell.numbers
    rate = n["learningRate"]

    def adamw(tensors):
        return torch.optim.AdamW(
            tensors,
            lr=rate,
            betas=(n["b1"], n["b2"]),
            eps=n["eps"],
            weight_decay=n["weightDecay"],
            fused=True,
        )

    if rule == "adamw":
        return Stepped(arrays, adamw)
    if rule == "clip":
        clip = lambda tensors: torch.nn.utils.clip_grad_norm_(tensors, n["maxNorm"], foreach=True)
        return Stepped(arrays, adamw, clip)
    if rule == "sgd":
        return Stepped(
            arrays,
            lambda tensors: torch.optim.SGD(tensors, lr=rate, momentum=n["momentum"], fused=True),
        )
    if rule in ("lion", "lion16"):
        dtype = torch.float32 if rule == "lion" else torch.bfloat16
        return Stepped(arrays, lambda tensors: Lion(tensors, n, dtype))
    if rule == "adafactor":
        # What is added to a squared gradient stands elsewhere there; both are as good as nothing.
        return Stepped(
            arrays,
            lambda tensors: torch.optim.Adafactor(
                tensors,
                lr=rate,
                beta2_decay=-n["decayRate"],
                eps=(n["eps"], 1e-3),
                d=n["clippingThreshold"],
                foreach=True,
            ),
        )
    if rule == "muon":
        return Stepped(arrays, lambda tensors: Muon(tensors, n))
    raise Absent("it is not written in torch")


if DEVICE == "cuda":
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device")
    where = torch.cuda.get_device_name()
else:
    torch.set_num_threads(int(sys.argv[2]))
    where = f"{torch.get_num_threads()} threads"
serve(f"torch {torch.__version__}, {where}", make)
