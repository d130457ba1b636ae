"""Runs generated files of Keras on cases in a JSON file: how far each is from what is expected, as JSON."""

import json
import os
import tempfile

import keras
import numpy as np
from keras import ops

from running import leaves, run


def reloaded(opt, variables):
    """Another optimizer made from what is saved of this one."""
    config = json.loads(json.dumps(keras.optimizers.serialize(opt)))
    made = keras.optimizers.deserialize(config)
    made.build(variables)
    store = {}
    opt.save_own_variables(store)
    made.load_own_variables(store)
    return made


def jitted(opt):
    import jax

    return jax.jit(opt.stateless_apply)


def stepped(case, module, how):
    if how.get("fit"):
        fitted(case, module)
    variables = [keras.Variable(x) for x in leaves(case["params"], case["shapes"])]
    opt = getattr(module, case["className"])(**case["options"])
    opt.build(variables)
    step = jitted(opt) if how.get("jit") else None
    for k, gradients in enumerate(case["gradients"]):
        grads = [ops.convert_to_tensor(x) for x in leaves(gradients, case["shapes"])]
        if how.get("reload") and k == 10:
            opt = reloaded(opt, variables)
        if step is None:
            opt.apply(grads, variables)
            continue
        made, kept = step([x.value for x in opt.variables], grads, [x.value for x in variables])
        for variable, value in zip([*variables, *opt.variables], [*made, *kept]):
            variable.assign(value)
    return [ops.convert_to_numpy(x) for x in variables]


def fitted(case, module):
    """Trains, saves and loads a model, whose optimizer goes on where it was."""
    def model_of():
        made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(1)])
        made.compile(getattr(module, case["className"])(**case["options"]), loss="mse")
        return made

    keras.utils.set_random_seed(1)
    model = model_of()
    x = np.random.default_rng(1).standard_normal((16, 4)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.keras")
        model.save(path)
        other = keras.models.load_model(path)
    own, loaded = [[v.numpy() for v in each.optimizer.variables] for each in (model, other)]
    assert len(own) == len(loaded) > 2 and all(map(np.array_equal, own, loaded)), (own, loaded)
    for each in (model, other):
        each.fit(x, y, batch_size=8, verbose=0, shuffle=False)
    assert all(map(np.array_equal, model.get_weights(), other.get_weights()))


run(stepped)
