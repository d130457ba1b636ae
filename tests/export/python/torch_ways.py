"""What users of torch do with an optimizer, with generated files in a JSON file: a line for each way that fails."""

import copy
import io
import json
import math
import os
import pickle
import sys
import tempfile
import traceback
import warnings

import torch

from modules import module_of

torch.set_num_threads(1)
warnings.simplefilter("ignore")


class Run:
    """An optimizer of a case on parameters of its own."""

    def __init__(self, case, dtype=torch.float32, **options):
        self.case = case
        self.params = [torch.nn.Parameter(p.to(dtype)) for p in self.tree(case["params"])]
        self.opt = self.made(self.params, **options)
        self.at = 0

    def tree(self, numbers):
        return [torch.tensor(x, dtype=torch.float32).reshape(s) for x, s in zip(numbers, self.case["shapes"])]

    def made(self, params, **options):
        given = list(zip(self.case["names"], params)) if "names" in self.case else params
        return self.case["class"](given, **options)

    def gradients(self, sign=1):
        for p, g in zip(self.params, self.tree(self.case["gradients"][self.at])):
            p.grad = sign * g.to(p.dtype)

    def step(self, steps=1, sign=1):
        for _ in range(steps):
            self.gradients(sign)
            self.opt.step(**self.inputs())
            self.at += 1
        return self

    def inputs(self):
        return {
            name: x if isinstance(x, (int, float)) else self.tree(x)
            for name, x in self.case["inputs"][self.at].items()
        }

    def other(self, opt, params):
        """This run with another optimizer of other parameters, from here on."""
        made = copy.copy(self)
        made.opt, made.params = opt, params
        return made


def same(a, b):
    for p, q in zip(a.params, b.params):
        assert torch.equal(p, q), (p, q)


def near(a, b, tolerance=1e-6):
    for p, q in zip(a.params, b.params):
        assert (p - q).abs().max() <= tolerance * q.abs().max(), (p, q)


def fails(kind, text, run):
    try:
        run()
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError(f"no {kind.__name__} says {text}")


def fresh(run):
    """Copies of a run's parameters, and an optimizer of them that has done nothing."""
    params = [torch.nn.Parameter(p.detach().clone()) for p in run.params]
    return run.other(run.made(params), params)


def plain_state(case):
    run = Run(case).step(2)
    saved = run.opt.state_dict()
    json.dumps(saved["param_groups"])
    for state in saved["state"].values():
        assert all(type(value) is torch.Tensor for value in state.values()), state
        assert state["step"].dtype == torch.float32 and state["step"].item() == 2
    states = [run.opt.state[p] for p in run.params]
    for name in case.get("states", []):
        assert all(name in state for state in states), (name, states[0].keys())


def goes_on_when_loaded(case):
    run = Run(case).step(4)
    file = io.BytesIO()
    torch.save(run.opt.state_dict(), file)
    file.seek(0)
    other = fresh(run)
    other.opt.load_state_dict(torch.load(file, weights_only=True))
    same(other.step(4), run.step(4))


def copied_and_pickled(case):
    run = Run(case).step(2)
    params, opt = copy.deepcopy((run.params, run.opt))
    copied = run.other(opt, params)
    params, opt = pickle.loads(pickle.dumps((run.params, run.opt)))
    pickled = run.other(opt, params)
    run.step(3)
    same(copied.step(3), run)
    same(pickled.step(3), run)


def maximized(case):
    same(Run(case, maximize=True).step(3, sign=-1), Run(case).step(3))


def one_by_one(case):
    near(Run(case, foreach=False).step(3), Run(case).step(3))


def numbers_on_the_device(case):
    near(Run(case, capturable=True).step(5), Run(case).step(5))


def a_tensor_for_a_rate(case):
    if "lr" in case["options_there"]:
        near(Run(case, lr=torch.tensor(0.1)).step(3), Run(case, lr=0.1).step(3))


def a_closure(case):
    run = Run(case)

    def closure():
        assert torch.is_grad_enabled()
        run.opt.zero_grad()
        loss = sum((p**2).sum() for p in run.params)
        loss.backward()
        return loss

    assert run.opt.step(closure, **run.inputs()).item() > 0


def without_gradients(case):
    run = Run(case)
    before = run.params[0].detach().clone()
    run.gradients()
    run.params[0].grad = None
    inputs = run.inputs()
    run.opt.step(**inputs)
    run.opt.zero_grad()
    run.opt.step(**inputs)
    assert torch.equal(run.params[0], before)
    empty = torch.nn.Parameter(torch.zeros(0, 3))
    empty.grad = torch.zeros(0, 3)
    if "names" not in case and not inputs:
        run.opt.add_param_group({"params": [empty]})
        run.step()


def other_types(case):
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        run = Run(case, dtype).step(3)
        for p in run.params:
            assert p.dtype == dtype and (p.isfinite().all() or case["loose"]), (dtype, p)


def an_identity_of_many_rows(case):
    """Its places are told apart although those of bfloat16 would not be; of float64, numbers keep their digits."""
    if case["name"] != "identity":
        return
    param = torch.nn.Parameter(torch.ones(300, 2, dtype=torch.bfloat16))
    opt = case["class"]([param])
    param.grad = torch.ones_like(param)
    opt.step()
    assert torch.equal(opt.state[param]["q"], torch.eye(300, dtype=torch.bfloat16))
    param = torch.nn.Parameter(torch.zeros(2, 2, dtype=torch.float64))
    opt = case["class"]([param])
    param.grad = torch.ones_like(param)
    opt.step()
    assert torch.equal(param, torch.full_like(param, -0.1)), param


def tiny_gradients(case):
    """Of float64, which are far below those of float32."""
    run = Run(case, torch.float64)
    if case["name"] == "lion":
        before = [p.detach().clone() for p in run.params]
        for p in run.params:
            p.grad = torch.full_like(p, 1e-200)
        run.opt.step()
        for p, q in zip(run.params, before):
            assert torch.allclose(p, q - 0.1 * (1 + 1e-3 * q), rtol=1e-12), (p, q)


def refused_gradients(case):
    run = Run(case)
    run.gradients()
    run.params[0].grad = run.params[0].grad.to_sparse()
    fails(RuntimeError, "does not support sparse gradients", lambda: run.opt.step(**run.inputs()))
    if "names" in case or run.inputs():
        return
    number = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.complex64))
    number.grad = torch.ones(2, 2, dtype=torch.complex64)
    fails(RuntimeError, "does not support complex parameters", lambda: case["class"]([number]).step())


def a_scheduler(case):
    if "lr" not in case["options_there"]:
        return
    run, other = Run(case, lr=0.1), Run(case, lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(run.opt, 1, 0.5)
    for k in range(3):
        run.step()
        scheduler.step()
        for group in other.opt.param_groups:
            group["lr"] = 0.1 * 0.5**k
        other.step()
    same(run, other)


def a_scaler(case):
    run, other = Run(case), Run(case)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    scaler.scale(torch.zeros(()))
    for k in range(3):
        run.gradients(1024.0)
        if k == 1:
            run.params[0].grad[0] = math.inf
        scaler.step(run.opt, **run.inputs())
        # What is not finite is skipped, and halves the scale.
        scaler.update(1024.0)
        run.at += 1
        if k == 1:
            other.at += 1
        else:
            other.step()
    same(run, other)


def groups(case):
    if "names" in case or "lr" not in case["options_there"]:
        return
    run = Run(case, lr=0.1)
    params = [torch.nn.Parameter(p) for p in run.tree(case["params"])]
    opt = case["class"]([{"params": params[:1], "lr": 0.0}, {"params": params[1:]}], lr=0.1)
    other = run.other(opt, params).step()
    run.step()
    assert torch.equal(other.params[0], run.tree(case["params"])[0])
    if case["loose"]:
        return
    for p, q in zip(other.params[1:], run.params[1:]):
        assert torch.equal(p, q)


def names(case):
    if "names" not in case:
        return
    run = Run(case)
    fails(ValueError, "named_parameters", lambda: case["class"](run.params))
    fails(ValueError, "other.weight", lambda: case["class"]([("other.weight", run.params[0])]))
    fails(ValueError, repr(case["names"][1]), lambda: case["class"]([(case["names"][0], run.params[0])]))


def evaluated(case):
    if "evaluated" not in case:
        assert not hasattr(case["class"], "evaluation_params")
        return
    run = Run(case)
    run.step(len(case["gradients"]))
    trained = [p.detach().clone() for p in run.params]
    own = run.opt.evaluation_params()
    for p, q in zip(own, run.tree(case["evaluated"])):
        assert (p - q).abs().max() <= 1e-6 * q.abs().max(), (p, q)
    run.opt.eval()
    assert all(torch.equal(p, q) for p, q in zip(run.params, own))
    run.at = 0
    run.gradients()
    fails(RuntimeError, "call train()", lambda: run.opt.step(**run.inputs()))
    run.opt.train()
    assert all(torch.equal(p, q) for p, q in zip(run.params, trained))


def sharded(case):
    """Parameters that are DTensors, of one process: of what is computed element by element."""
    if not case["is_element_wise"]:
        return
    import torch.distributed as dist
    from torch.distributed.tensor import DTensor, Shard, distribute_tensor, init_device_mesh

    if not dist.is_initialized():
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    mesh = init_device_mesh("cpu", (1,))
    run, other = Run(case), Run(case)
    of = lambda x: distribute_tensor(x.detach(), mesh, [Shard(0)]) if x.dim() > 0 else x.detach()
    run.params = [torch.nn.Parameter(of(p)) for p in run.params]
    run.opt = run.made(run.params)
    for _ in range(3):
        for p, g in zip(run.params, run.tree(case["gradients"][run.at])):
            p.grad = of(g)
        run.opt.step()
        run.at += 1
    state = next(x for x in run.opt.state[run.params[0]].values() if x.dim() > 0)
    assert isinstance(state, DTensor), type(state)
    other.step(3)
    for p, q in zip(run.params, other.params):
        assert torch.equal(p.full_tensor() if isinstance(p, DTensor) else p, q)


WAYS = [
    plain_state, goes_on_when_loaded, copied_and_pickled, maximized, one_by_one, numbers_on_the_device,
    a_tensor_for_a_rate, a_closure, without_gradients, other_types, tiny_gradients, an_identity_of_many_rows, refused_gradients, a_scheduler, a_scaler, groups,
    names, evaluated, sharded,
]
failed = []
with tempfile.TemporaryDirectory() as folder, open(sys.argv[1]) as file:
    for k, case in enumerate(json.load(file)):
        module = module_of(case["source"], folder, k)
        case["class"] = getattr(module, case["className"])
        case["options_there"] = case["class"].__init__.__code__.co_varnames
        for way in WAYS:
            try:
                way(case)
            except Exception:
                failed.append(f"{case['name']}: {way.__name__}: {traceback.format_exc(limit=-3)}")
print(json.dumps({"failed": failed, "ways": len(WAYS)}))
