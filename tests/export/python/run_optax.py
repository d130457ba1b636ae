"""Runs generated files of Optax on cases in a JSON file: how far each is from what is expected, as JSON."""

import json
import os
import sys
import tempfile
import traceback

if "--fused" not in sys.argv:
    # Without instructions that multiply and add at once, and without time for optimizing.
    os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=AVX"

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax_ways
from modules import module_of

QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


def tree(case, numbers):
    """A list of arrays, or a dictionary where the leaves of the case have names."""
    leaves = [jnp.asarray(np.reshape(np.asarray(x, dtype=np.float32), s)) for x, s in zip(numbers, case["shapes"])]
    return dict(zip(case["names"], leaves)) if "names" in case else leaves


def snake(name):
    """The names of inputs that cases have are plain."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def require_plain(traced, updates, state):
    """Fails if a step asks the host, or hands on updates and a state of other types than it was given."""
    names = {eqn.primitive.name for eqn in traced.jaxpr.eqns}
    assert not traced.jaxpr.effects and not any("callback" in name for name in names), names
    kinds = [(each.shape, each.dtype, each.weak_type) for each in traced.jaxpr.out_avals]
    given = [(jnp.shape(each), each.dtype, False) for each in jax.tree.leaves((updates, state))]
    assert kinds == given, [(a, b) for a, b in zip(kinds, given) if a != b]


def stepped(case, module, how):
    params = tree(case, case["params"])
    make = getattr(module, case["className"])
    if "like" in how:
        make = getattr(optax.contrib if how.get("contrib") else optax, how["like"])
    opt = optax.with_extra_args_support(make(**how.get("given", {})))
    state = opt.init(params)
    step = None
    for numbers, given in zip(case["gradients"], case["inputs"]):
        gradients = tree(case, numbers)
        extra = {
            snake(name): jnp.float32(value) if isinstance(value, (int, float)) else tree(case, value)
            for name, value in given.items()
        }
        if step is None:
            jitted = jax.jit(lambda g, state, w, extra: opt.update(g, state, w, **extra))
            traced = jitted.trace(gradients, state, params, extra)
            if "like" not in how:
                require_plain(traced, gradients, state)
            # What is compiled takes nothing that would need to be traced again.
            step = traced.lower().compile(QUICK)
        updates, state = step(gradients, state, params, extra)
        params = optax.apply_updates(params, updates)
    return params


def compared(case, params):
    """The largest difference, in shares of the largest number of its parameter, and whether bits differ."""
    largest, same = 0.0, True
    for own, expected in zip(jax.tree.leaves(params), case["after"]):
        own = np.asarray(own)
        expected = np.reshape(np.asarray(expected, dtype=np.float32), own.shape)
        same = same and own.tobytes() == expected.tobytes()
        both = np.isnan(own) & np.isnan(expected)
        distance = np.where(both, 0.0, np.abs(own.astype(np.float64) - expected))
        scale = np.nanmax(np.abs(expected))
        largest = max(largest, float(distance.max()) / max(float(scale), 1e-30))
    return {"largest": largest, "same": same}


def result_of(case, module):
    how = case.get("how", {})
    if how.get("test"):
        module._self_test()
    if "way" in how:
        getattr(optax_ways, how["way"])(module, **how.get("options", {}))
        return {}
    return compared(case, stepped(case, module, how))


results = []
with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
    for k, case in enumerate(json.load(file)):
        try:
            result = result_of(case, module_of(case["source"], folder, k))
        except Exception:
            result = {"error": traceback.format_exc(limit=-3)}
        results.append({"name": case["name"], **result})
print(json.dumps(results))
