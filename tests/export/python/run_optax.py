"""Runs generated files of Optax on cases in a JSON file: how far each is from what is expected, as JSON."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import optax_ways
from optax_ways import QUICK
from running import leaves, run


def tree(case, numbers):
    """A list of arrays, or a dictionary where parameters have names."""
    arrays = [jnp.asarray(each) for each in leaves(numbers, case["shapes"])]
    return dict(zip(case["names"], arrays)) if "names" in case else arrays


def snake(name):
    """The names of inputs that cases have are plain."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def require_plain(traced, updates, state):
    """Fails if a step asks the host, or hands on updates and a state of other types than it was given."""
    names = {eqn.primitive.name for eqn in traced.jaxpr.eqns}
    assert not traced.jaxpr.effects and not any("callback" in name for name in names), names
    kinds = [(each.shape, each.dtype, each.weak_type) for each in traced.jaxpr.out_avals]
    given = [(each.shape, each.dtype, False) for each in jax.tree.leaves((updates, state))]
    assert kinds == given, [(a, b) for a, b in zip(kinds, given) if a != b]


def stepped(case, module, how):
    if "way" in how:
        return getattr(optax_ways, how["way"])(module)
    params = tree(case, case["params"])
    make = getattr(module, case["className"])
    if "like" in how:
        make = getattr(optax.contrib if how["contrib"] else optax, how["like"])
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
            # What is compiled takes nothing that would have to be traced anew.
            step = traced.lower().compile(QUICK)
        updates, state = step(gradients, state, params, extra)
        params = optax.apply_updates(params, updates)
    if how.get("evaluated"):
        params = module.generated_eval_params(state, params)
    return [np.asarray(each) for each in jax.tree.leaves(params)]


run(stepped)
