"""What Optax's users do with a transformation: each function fails if a generated one does otherwise than Optax's own."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

# What runs for a moment is compiled as fast as can be.
QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}


@dataclasses.dataclass
class Layer:
    kernel: jax.Array
    bias: jax.Array


jax.tree_util.register_dataclass(Layer, ["kernel", "bias"], [])


def params():
    return {"a": jnp.linspace(-1.0, 1.0, 6, dtype=jnp.float32).reshape(2, 3), "b": jnp.linspace(0.5, 2.0, 4, dtype=jnp.float32)}


def gradients(step, like=None):
    return jax.tree.map(lambda w: jnp.cos(3 * w + step).astype(w.dtype), params() if like is None else like)


def train(opt, w, steps=3, g=gradients):
    """The parameters and the state after steps that are traced once, whose buffers are given away."""
    traces = []

    def step(w, state, g):
        traces.append(None)
        updates, state = opt.update(g, state, w)
        return optax.apply_updates(w, updates), state

    step = jax.jit(step, donate_argnums=(0, 1), compiler_options=QUICK)
    w = jax.tree.map(lambda x: jnp.array(x, copy=True), w)
    state = opt.init(w)
    for k in range(steps):
        w, state = step(w, state, g(k))
    assert len(traces) == 1, f"traced {len(traces)} times"
    return w, state


def same(made, expected, tolerance=1e-6):
    assert jax.tree.structure(made) == jax.tree.structure(expected), (made, expected)
    for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(expected)):
        assert a.dtype == b.dtype, (a.dtype, b.dtype)
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=tolerance, atol=tolerance)


def combined(module):
    opt = module.generated(learning_rate=0.1)
    clip = optax.clip_by_global_norm(0.5)
    clipped = lambda k: clip.update(gradients(k), clip.init(params()))[0]
    same(train(optax.chain(clip, opt), params())[0], train(opt, params(), g=clipped)[0])
    # Of two gradients it takes the mean.
    several = train(optax.MultiSteps(opt, 2), params(), 6, lambda k: gradients(k // 2))[0]
    same(several, train(opt, params())[0])
    alone = train(opt, {"a": params()["a"]}, g=lambda k: {"a": gradients(k)["a"]})[0]
    apart = optax.multi_transform({"own": opt, "sgd": optax.sgd(0.25)}, {"a": "own", "b": "sgd"})
    for each in (apart, optax.chain(optax.masked(opt, {"a": True, "b": False}), optax.identity())):
        same(train(each, params())[0]["a"], alone["a"])


def injected(module):
    opt = optax.inject_hyperparams(module.generated)(learning_rate=0.1)
    w, state = train(opt, params(), 20)
    same(w, train(module.generated(learning_rate=0.1), params(), 20)[0], 1e-5)
    state.hyperparams["learning_rate"] = jnp.float32(0.0)
    updates, state = jax.jit(opt.update)(gradients(0), state, w)
    assert all((each == 0).all() for each in jax.tree.leaves(updates)), updates
    schedule = optax.linear_schedule(0.1, 0.3, 2)
    by_schedule = train(optax.inject_hyperparams(module.generated)(learning_rate=schedule), params())[0]
    same(by_schedule, train(module.generated(learning_rate=schedule), params())[0])


def told(module):
    """Schedules, masks, and trees of numbers."""
    lr = 0.1
    opt = module.generated(learning_rate=optax.constant_schedule(lr))
    plain, _ = train(module.generated(learning_rate=lr), params())
    same(train(opt, params())[0], plain)
    by_tree = train(module.generated(learning_rate={"a": lr, "b": optax.constant_schedule(0.0)}), params())[0]
    same(by_tree, {"a": plain["a"], "b": params()["b"]})
    free = train(module.generated(learning_rate=lr, weight_decay=0.0), params())[0]
    decayed = train(module.generated(learning_rate=lr, weight_decay=0.5), params())[0]
    for mask in ({"a": True, "b": False}, lambda w: jax.tree.map(lambda x: x.ndim > 1, w)):
        masked = train(module.generated(learning_rate=lr, weight_decay=0.5, mask=mask), params())[0]
        same(masked, {"a": decayed["a"], "b": free["b"]})


def typed(module):
    opt = module.generated(learning_rate=0.1)
    expected, _ = train(opt, params())
    for dtype, tolerance in ((jnp.bfloat16, 0.05), (jnp.float16, 5e-3)):
        short = jax.tree.map(lambda w: w.astype(dtype), params())
        w, state = train(opt, short, g=lambda k: gradients(k, short))
        assert all(each.dtype == dtype for each in jax.tree.leaves((w, state._replace(count=()))))
        same(jax.tree.map(lambda x: x.astype(jnp.float32), w), expected, tolerance)
    updates, _ = opt.update(gradients(0), opt.init(short), short)
    assert all(each.dtype == jnp.float32 for each in jax.tree.leaves(updates))
    with jax.enable_x64(True):
        double = jax.tree.map(lambda w: jnp.asarray(w, jnp.float64), params())
        w, state = train(opt, double, g=lambda k: gradients(k, double))
        assert all(each.dtype == jnp.float64 for each in jax.tree.leaves((w, state._replace(count=()))))
        same(jax.tree.map(lambda x: x.astype(jnp.float32), w), expected, 1e-5)
        # Those of float32 stay so.
        same(train(opt, params())[0], expected)


def nested(module):
    opt = module.generated(learning_rate=0.1)
    flat, _ = train(opt, params())
    make = lambda w: {"x": [Layer(w["a"], w["b"]), None], "y": (), "z": (w["a"],)}
    w, state = train(opt, make(params()), g=lambda k: make(gradients(k)))
    same(w, make(flat))
    assert jax.tree.structure(opt.update({}, opt.init({}), {})[0]) == jax.tree.structure({})
    # As a checkpoint: leaves and a structure.
    leaves, treedef = jax.tree.flatten(state)
    kept = treedef.unflatten([jnp.asarray(np.array(each)) for each in leaves])
    assert type(kept) is type(state)
    same(opt.update(make(gradients(7)), kept, w), opt.update(make(gradients(7)), state, w), 0)


def transformed(module):
    opt = module.generated(learning_rate=0.1)
    shapes = jax.eval_shape(opt.init, params())
    state = opt.init(params())
    same(jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), shapes), jax.tree.map(jnp.zeros_like, state))
    many = jax.tree.map(lambda w: jnp.stack([w, 2 * w]), params())
    states = jax.vmap(opt.init)(many)
    updates, _ = jax.vmap(opt.update)(gradients(0, many), states, many)
    for k in range(2):
        one = jax.tree.map(lambda x: x[k], many)
        same(jax.tree.map(lambda x: x[k], updates), opt.update(gradients(0, one), opt.init(one), one)[0])

    def body(carry, k):
        w, state = carry
        updates, state = opt.update(jax.tree.map(lambda x: jnp.cos(3 * x + k), params()), state, w)
        return (optax.apply_updates(w, updates), state), None

    (w, _), _ = jax.lax.scan(body, (params(), state), jnp.arange(3.0))
    same(w, train(opt, params())[0])


def refused(module):
    opt = module.generated(learning_rate=0.1)
    for given, kind in (
        (lambda: opt.update(gradients(0), opt.init(params())), ValueError),
        (lambda: opt.init({"a": jnp.arange(3)}), TypeError),
        (lambda: module.generated(learning_rate={"c": 0.1}).init(params()), ValueError),
    ):
        try:
            given()
        except kind:
            continue
        raise AssertionError(f"no {kind.__name__}")
