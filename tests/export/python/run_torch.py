"""Runs generated files of torch on cases in a JSON file: how far each is from what is expected, as JSON."""

import json
import sys
import tempfile
import traceback

import torch

from modules import module_of

torch.set_num_threads(1)


def tree(numbers, shapes):
    return [torch.tensor(x, dtype=torch.float32).reshape(s) for x, s in zip(numbers, shapes)]


def snake(name):
    """The names of inputs that cases have are plain."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def stepped(case, module, how):
    params = [torch.nn.Parameter(p) for p in tree(case["params"], case["shapes"])]
    given = [{"params": params[:2]}, {"params": params[2:]}] if how.get("groups") else params
    if "names" in case:
        given = list(zip(case["names"], params))
    opt = getattr(module, case["className"])(given, **case["options"])
    if "like" in how:
        opt = getattr(torch.optim, how["like"])(params, **how["given"])
    step = opt.step
    if how.get("compile"):
        # What is made of the graph is the compiler's own; this asks for one graph of all.
        step = torch.compile(opt.step, fullgraph=True, backend="eager")
    for k, (gradients, given) in enumerate(zip(case["gradients"], case["inputs"])):
        for p, g in zip(params, tree(gradients, case["shapes"])):
            p.grad = g
        # Those that search along a line ask for a loss.
        closure = (lambda: torch.ones(())) if how.get("like") == "LBFGS" else None
        step(closure, **{
            snake(name): value if isinstance(value, (int, float)) else tree(value, case["shapes"])
            for name, value in given.items()
        })
    return params


def compared(case, params):
    """The largest difference, in shares of the largest number of its parameter, and whether bits differ."""
    largest, same = 0.0, True
    for p, expected in zip(params, tree(case["after"], case["shapes"])):
        own = p.detach()
        same = same and bool(torch.equal(own.view(torch.int32), expected.view(torch.int32)))
        both = torch.isnan(own) & torch.isnan(expected)
        distance = torch.where(both, 0.0, (own.double() - expected.double()).abs())
        scale = expected[~expected.isnan()].abs().max().item() if (~expected.isnan()).any() else 1.0
        largest = max(largest, distance.max().item() / max(scale, 1e-30))
    return {"largest": largest, "same": same}


results = []
with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
    for k, case in enumerate(json.load(file)):
        try:
            module = module_of(case["source"], folder, k)
            module._self_test()
            result = compared(case, stepped(case, module, case.get("how", {})))
        except Exception:
            result = {"error": traceback.format_exc(limit=-3)}
        results.append({"name": case["name"], **result})
print(json.dumps(results))
