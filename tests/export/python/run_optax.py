"""Runs generated files of Optax on cases in a JSON file: how far each is from what is expected, as JSON."""

import importlib.util
import json
import os
import sys
import tempfile
import traceback

import jax
import jax.numpy as jnp
import numpy as np
import optax


def module_of(source, folder, k):
    path = os.path.join(folder, f"generated_{k}.py")
    with open(path, "w") as file:
        file.write(source)
    spec = importlib.util.spec_from_file_location(f"generated_{k}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def tree(numbers, shapes):
    return [jnp.asarray(np.reshape(np.asarray(x, dtype=np.float32), s)) for x, s in zip(numbers, shapes)]


def stepped(case, module, how):
    params = tree(case["params"], case["shapes"])
    make = getattr(module, case["className"])
    if how.get("inject"):
        make = optax.inject_hyperparams(make)
    opt = optax.with_extra_args_support(make(**case["options"]))
    state = opt.init(params)
    traced = 0

    def update(g, state, params, extra):
        nonlocal traced
        traced += 1
        return opt.update(g, state, params, **extra)

    step = jax.jit(update) if how.get("jit") else update
    for gradients, given in zip(case["gradients"], case["inputs"]):
        extra = {
            name: value if isinstance(value, (int, float)) else tree(value, case["shapes"])
            for name, value in given.items()
        }
        updates, state = step(tree(gradients, case["shapes"]), state, params, extra)
        params = optax.apply_updates(params, updates)
    if how.get("jit") and traced != 1:
        raise AssertionError(f"traced {traced} times")
    return params


def compared(case, params):
    """The largest difference, in shares of the largest number of its parameter, and whether bits differ."""
    largest, same = 0.0, True
    for own, expected in zip(params, case["after"]):
        own = np.asarray(own)
        expected = np.reshape(np.asarray(expected, dtype=np.float32), own.shape)
        same = same and own.tobytes() == expected.tobytes()
        both = np.isnan(own) & np.isnan(expected)
        distance = np.where(both, 0.0, np.abs(own.astype(np.float64) - expected))
        scale = np.nanmax(np.abs(expected))
        largest = max(largest, float(distance.max()) / max(float(scale), 1e-30))
    return {"largest": largest, "same": same}


results = []
with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
    for k, case in enumerate(json.load(file)):
        try:
            module = module_of(case["source"], folder, k)
            if case.get("how", {}).get("jit") is None:
                module._self_test()
            result = compared(case, stepped(case, module, case.get("how", {})))
        except Exception:
            result = {"error": traceback.format_exc(limit=-3)}
        results.append({"name": case["name"], **result})
print(json.dumps(results))
