"""
Trains a small transformer to tell the next character of a text, with every optimizer of a plan: first each of its
rates on one seed, then the best rate on others. `python train.py PLAN.json` prints what came out as JSON.
"""

import importlib
import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F

# What a loss beyond it, or none, counts as.
EXPLODED = 99.0
WIDTH, HEADS, LAYERS, CONTEXT, BATCH, WARM = 32, 4, 2, 64, 16, 20


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH, bias=False), nn.Linear(WIDTH, WIDTH, bias=False)
        self.mlp = nn.Sequential(nn.Linear(WIDTH, 4 * WIDTH), nn.GELU(), nn.Linear(4 * WIDTH, WIDTH))

    def forward(self, x):
        heads = self.qkv(self.before(x)).unflatten(-1, (3 * HEADS, -1)).transpose(1, 2)
        seen = F.scaled_dot_product_attention(*heads.chunk(3, dim=1), is_causal=True)
        x = x + self.out(seen.transpose(1, 2).flatten(-2))
        return x + self.mlp(self.between(x))


class Transformer(nn.Module):
    def __init__(self, characters):
        super().__init__()
        self.characters, self.places = nn.Embedding(characters, WIDTH), nn.Embedding(CONTEXT, WIDTH)
        self.blocks, self.norm = nn.Sequential(*[Block() for _ in range(LAYERS)]), nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, characters, bias=False)

    def forward(self, x):
        x = self.characters(x) + self.places.weight[: x.shape[1]]
        return self.head(self.norm(self.blocks(x)))


def batch(data, generator):
    starts = torch.randint(len(data) - CONTEXT, (BATCH,), generator=generator)
    rows = torch.stack([data[start : start + CONTEXT + 1] for start in starts])
    return rows[:, :-1], rows[:, 1:]


def loss_of(model, x, y):
    return F.cross_entropy(model(x).flatten(0, 1), y.flatten())


def train(plan, data, optimizer, rate, seed):
    """The loss on text that was held back, by step."""
    torch.manual_seed(seed)
    model = Transformer(int(data.max()) + 1)
    make = getattr(importlib.import_module(optimizer["module"]), optimizer["class"])
    opt = make(model.parameters(), **{optimizer["rate"]: rate})
    cut = len(data) * 9 // 10
    generator, held_back = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(0)
    tests = [batch(data[cut:], held_back) for _ in range(6)]
    curve = []
    for step in range(plan["steps"] + 1):
        if step % plan["every"] == 0:
            with torch.no_grad():
                loss = sum(loss_of(model, *test).item() for test in tests) / len(tests)
                curve.append([step, loss if loss < EXPLODED else EXPLODED])
        # A warm-up, then half a cosine down to a tenth.
        share = 0.55 + 0.45 * math.cos(math.pi * step / plan["steps"])
        for group in opt.param_groups:
            group[optimizer["rate"]] = rate * share * min(1.0, (step + 1) / WARM)
        opt.zero_grad()
        loss_of(model, *batch(data[:cut], generator)).backward()
        opt.step()
    return curve


def last(curve):
    return curve[-1][1]


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    sys.path.insert(0, plan["folder"])
    torch.set_num_threads(1)
    characters = {character: k for k, character in enumerate(sorted(set(plan["text"])))}
    data = torch.tensor([characters[character] for character in plan["text"]])
    results = []
    for optimizer in plan["optimizers"]:
        # Generated files compare themselves with the numbers in them.
        getattr(importlib.import_module(optimizer["module"]), "_self_test", lambda: None)()
        tried = []
        for rate in optimizer["rates"]:
            tried.append({"rate": rate, "curve": train(plan, data, optimizer, rate, 0)})
            print(f"{optimizer['name']}, {rate}: {last(tried[-1]['curve']):.3f}", file=sys.stderr)
        best = min(tried, key=lambda each: last(each["curve"]))["rate"]
        runs = [train(plan, data, optimizer, best, seed) for seed in plan["seeds"]]
        print(f"{optimizer['name']}, {best}: {[round(last(run), 3) for run in runs]}", file=sys.stderr)
        results.append({"name": optimizer["name"], "best": best, "tried": tried, "runs": runs})
    print(json.dumps(results))


if __name__ == "__main__":
    main()
