"""
Runs generated files of MLX on cases in a JSON file, on MLX or, where it is not installed, on the stand-in beside:
how far each is from what is expected, as JSON.
"""

import copy
import os
import sys

import numpy as np

from running import run

try:
    import mlx.core as mx
except ImportError:
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "standin"))
    import mlx.core as mx


def tree(numbers, shapes):
    """The leaves at two depths."""
    leaves = {f"p{k}": mx.array(x, dtype=mx.float32).reshape(s) for k, (x, s) in enumerate(zip(numbers, shapes))}
    return {"p0": leaves.pop("p0"), "layer": leaves}


def stepped(case, module, how):
    params = tree(case["params"], case["shapes"])
    make = getattr(module, case["className"])
    options = case["options"]
    if how.get("scheduled"):
        options = {**options, **{name: lambda step, x=x: mx.array(x) for name, x in how["scheduled"].items()}}
    opt = make(**options)
    for k, (gradients, given) in enumerate(zip(case["gradients"], case["inputs"])):
        extra = {
            name: value if isinstance(value, (int, float)) else tree(value, case["shapes"])
            for name, value in given.items()
        }
        if how.get("reload") and k == 10:
            state = copy.deepcopy(opt.state)
            opt = make(**options)
            opt.state = state
        if how.get("model"):
            opt.update(params, tree(gradients, case["shapes"]), **extra)
        else:
            params = opt.apply_gradients(tree(gradients, case["shapes"]), params, **extra)
    leaves = {"p0": params["p0"], **params["layer"]}
    return [np.array(leaves[f"p{k}"].tolist(), dtype=np.float32) for k in range(len(leaves))]


run(stepped)
