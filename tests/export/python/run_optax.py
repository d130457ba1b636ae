"""Runs generated files of Optax on cases in a JSON file: how far each is from what is expected, as JSON."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from generated import run, snake


def tree(case, numbers):
    """A list of arrays, or a dictionary where the leaves of the case have names."""
    leaves = [jnp.asarray(np.reshape(np.asarray(x, dtype=np.float32), s)) for x, s in zip(numbers, case["shapes"])]
    return dict(zip(case["names"], leaves)) if "names" in case else leaves


def op_by_op(update, *given):
    """`update` as operations that are run one by one, so that nothing is fused; and what they are."""
    with jax.disable_jit():
        traced, shape = jax.make_jaxpr(update, return_shape=True)(*given)
    treedef = jax.tree.structure(shape)
    return traced, lambda *given: treedef.unflatten(
        jax.core.eval_jaxpr(traced.jaxpr, traced.consts, *jax.tree.leaves(given))
    )


def require_plain(traced, gradients, state):
    """Fails if a step asks the host, or hands on a state or updates of other types than it was given."""
    names = {eqn.primitive.name for eqn in traced.eqns}
    assert not traced.effects and not any("callback" in name for name in names), names
    of_state = traced.in_avals[len(jax.tree.leaves(gradients)) :][: len(jax.tree.leaves(state))]
    kinds = [(each.shape, each.dtype, each.weak_type) for each in traced.out_avals]
    given = [(each.shape, each.dtype, each.weak_type) for each in [*traced.in_avals[: len(kinds) - len(of_state)], *of_state]]
    assert kinds == given, [(a, b) for a, b in zip(kinds, given) if a != b]


def stepped(case, module, how):
    params = tree(case, case["params"])
    make = getattr(module, case["className"])
    if "like" in how:
        make = getattr(optax.contrib if how.get("contrib") else optax, how["like"])
    opt = optax.with_extra_args_support(make(**how.get("given", {})))
    state = opt.init(params)
    traces = []

    def update(gradients, state, params, extra):
        traces.append(None)
        return opt.update(gradients, state, params, **extra)

    step = jax.jit(update) if how.get("jit") else None
    for numbers, given in zip(case["gradients"], case["inputs"]):
        gradients = tree(case, numbers)
        extra = {
            snake(name): jnp.float32(value) if isinstance(value, (int, float)) else tree(case, value)
            for name, value in given.items()
        }
        if step is None:
            traced, step = op_by_op(update, gradients, state, params, extra)
            if "like" not in how:
                require_plain(traced, gradients, state)
        updates, state = step(gradients, state, params, extra)
        params = optax.apply_updates(params, updates)
    assert len(traces) == 1, f"traced {len(traces)} times"
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


def of_case(case, module, how):
    if not how:
        module._self_test()
    return compared(case, stepped(case, module, how))


run(of_case)
