"""The class that optimizers extend: it steps leaf by leaf, with a dict of state beside each leaf."""

import mlx.core as mx
from mlx.utils import tree_map


class Optimizer:
    def __init__(self):
        self._initialized = False
        self._state = {"step": mx.array(0, mx.uint64)}
        self._schedulers = {}

    @property
    def state(self):
        return self._state

    @state.setter
    def state(self, state):
        self._initialized, self._state = False, state

    @property
    def step(self):
        return self.state["step"]

    @property
    def learning_rate(self):
        return self.state["learning_rate"]

    def init(self, parameters):
        def beside(tree, state):
            for key, child in tree.items():
                kept = state.setdefault(key, {})
                if isinstance(child, dict):
                    beside(child, kept)

        beside(parameters, self._state)
        tree_map(lambda p, kept: kept or self.init_single(p, kept), parameters, self._state)
        self._initialized = True

    def update(self, model, gradients):
        model.update(self.apply_gradients(gradients, model))

    def apply_gradients(self, gradients, parameters):
        if not self._initialized:
            self.init(gradients)
        for name, scheduler in self._schedulers.items():
            self.state[name] = scheduler(self.step)
        self.state["step"] = self.step + 1
        return tree_map(self.apply_single, gradients, parameters, self.state)

    def _maybe_schedule(self, name, param):
        if callable(param):
            self._schedulers[name] = param
            param = param(self.step)
        self.state[name] = mx.array(param)
