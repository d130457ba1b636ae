"""Optax under jax.jit, compiled by XLA, with its buffers donated."""

from functools import partial

import jax
import jax.numpy as jnp
import optax

from peer import Absent, serve


class Stepped:
    """A transformation of Optax, compiled together with applying its updates."""

    def __init__(self, arrays, optimizer):
        self.optimizer = optimizer
        self.init = jax.jit(optimizer.init)

        @partial(jax.jit, donate_argnums=(0, 1))
        def run(w, state, g):
            updates, state = optimizer.update(g, state, w)
            return optax.apply_updates(w, updates), state

        self.run = run
        self.begin(arrays)

    def begin(self, arrays):
        self.w = self.place(arrays)
        self.state = self.init(self.w)

    def place(self, arrays):
        return jax.block_until_ready([jnp.array(array) for array in arrays])

    def step(self, gradients):
        self.w, self.state = self.run(self.w, self.state, gradients)

    def wait(self):
        jax.block_until_ready((self.w, self.state))

    def parameters(self):
        return self.w


def narrowed(inner):
    """States in bfloat16 between steps alone, where Optax's `mu_dtype` computes in it as well."""

    def changed(state, dtype):
        is_float = lambda x: jnp.issubdtype(x.dtype, jnp.floating)
        return jax.tree.map(lambda x: x.astype(dtype) if is_float(x) else x, state)

    def update(g, state, w):
        updates, state = inner.update(g, changed(state, jnp.float32), w)
        return updates, changed(state, jnp.bfloat16)

    init = lambda w: changed(inner.init(w), jnp.bfloat16)
    return optax.GradientTransformation(init, update)


def optimizer(rule, n):
    rate = n["learningRate"]
    if rule in ("lion", "lion16"):
        lion = optax.lion(rate, n["b1"], n["b2"], weight_decay=n["weightDecay"])
        return lion if rule == "lion" else narrowed(lion)
    if rule == "sgd":
        return optax.sgd(rate, n["momentum"])
    if rule in ("adamw", "clip"):
        adamw = optax.adamw(rate, n["b1"], n["b2"], n["eps"], weight_decay=n["weightDecay"])
        return adamw if rule == "adamw" else optax.chain(optax.clip_by_global_norm(n["maxNorm"]), adamw)
    if rule == "adafactor":
        return optax.adafactor(
            rate,
            min_dim_size_to_factor=int(n["minDimSizeToFactor"]),
            decay_rate=n["decayRate"],
            clipping_threshold=n["clippingThreshold"],
            eps=n["eps"],
        )
    if rule == "muon":
        return optax.contrib.muon(rate, beta=n["beta"], eps=n["eps"])
    raise Absent("it is not written in Optax")


serve(
    f"jax {jax.__version__}, optax {optax.__version__}, {jax.devices()[0]}",
    lambda cell, arrays: Stepped(arrays, optimizer(cell.rule, cell.numbers)),
)
