/** What a state of torch's is told by, what is written of it, and what is refused. */
import {
  adagrad,
  adam,
  adamw,
  amsgrad,
  chain,
  clipByGlobalNorm,
  exponentialDecay,
  lion,
  muon,
  nadam,
  type Optimizer,
  resident,
  rmsprop,
  sgd,
  type Tensor,
} from "../../../../mod.ts";
import {
  fromTorchStateDict,
  readSafetensors,
  type TorchStateDict,
  toTorchStateDict,
} from "../../../../export/safetensors/mod.ts";
import { assertRefused, assertRefusedUnchanged } from "../../../refused.ts";
import { assertEquals } from "../../../assert.ts";

const f = Float32Array;
const params = () => ({ layers: [{ weight: f.of(1, 2) }, { weight: f.of(3, 4), bias: f.of(5) }] });
const gradients = { layers: [{ weight: f.of(1, 1) }, { weight: f.of(2, 2), bias: f.of(3) }] };

function stepped(opt: Optimizer, tree: object = params(), by: object = gradients): TorchStateDict {
  const state = opt.init(tree);
  opt.step(tree, by, state);
  return toTorchStateDict(opt, tree, state);
}

const momentum = sgd({ learningRate: 0.5, momentum: 0.5 });

Deno.test("ids count parameters as their keys stand, and names are keys joined by dots", () => {
  const { state, param_groups } = stepped(momentum, { b: f.of(0), a: f.of(0, 0) }, {
    a: f.of(2, 3),
    b: f.of(1),
  });
  const own = Object.values(state).map(({ momentum_buffer: m }) => (m as Tensor).data);
  assertEquals(own, [f.of(1), f.of(2, 3)]);
  assertEquals(param_groups[0].param_names, ["b", "a"]);
  assertEquals(stepped(momentum).param_groups[0].param_names, [
    "layers.0.weight",
    "layers.1.weight",
    "layers.1.bias",
  ]);
});

Deno.test("parameters are told by names, in whatever order they are given", () => {
  const { state, param_groups: [{ params: ids, param_names, ...options }] } = stepped(momentum);
  const names = param_names!.toReversed();
  const byName = {
    state: Object.fromEntries(ids.map((id, i) => [param_names![i], state[id]])),
    param_groups: [{ ...options, params: names }],
  };
  for (const dict of [byName, { state: byName.state }]) {
    const read = fromTorchStateDict(momentum, params(), dict);
    assertEquals(toTorchStateDict(momentum, params(), read).state, state);
  }
  const renumbered = {
    state: Object.fromEntries(ids.map((id, i) => [2 - i, state[id]])),
    param_groups: [{ ...options, params: ids, param_names: names }],
  };
  const read = fromTorchStateDict(momentum, params(), renumbered);
  assertEquals(toTorchStateDict(momentum, params(), read).state, state);
  assertRefused(
    () =>
      fromTorchStateDict(momentum, params(), { state: { ...byName.state, "layers.1.bais": {} } }),
    "given unknown ones, `layers.1.bais`, and missing, none",
  );
});

Deno.test("an optimizer that has made no step is read as one", () => {
  const opt = adam({ learningRate: 1 });
  const [read, begun] = [fromTorchStateDict(opt, params(), { state: {} }), opt.init(params())];
  assertEquals([read.count, read.m, read.v], [0, begun.m, begun.v]);
});

Deno.test("options that differ are written into the state, by parameter where they differ between them", () => {
  const opt = adamw({ learningRate: 1 });
  const dict = stepped(opt);
  const [{ params: _, param_names, ...options }] = dict.param_groups;
  dict.param_groups = [
    {
      ...options,
      lr: 0.25,
      weight_decay: 0.5,
      params: [0, 1],
      param_names: param_names!.slice(0, 2),
    },
    { ...options, lr: 0.25, weight_decay: 0, params: [2], param_names: param_names!.slice(2) },
  ];
  const { hyper } = fromTorchStateDict(opt, params(), dict);
  assertEquals(Object.entries(hyper), [
    ["learningRate", 0.25],
    ["weightDecay", { layers: [{ weight: 0.5 }, { weight: 0.5, bias: 0 }] }],
  ]);
  // A schedule stays, and what it gives for the next step is written.
  const scheduled = adamw({
    learningRate: exponentialDecay({ initValue: 8, transitionSteps: 1, decayRate: 0.5 }),
  });
  const state = fromTorchStateDict(scheduled, params(), stepped(opt));
  assertEquals(Object.keys(state.hyper), []);
  assertEquals(toTorchStateDict(scheduled, params(), state).param_groups[0].lr, 4);
});

Deno.test("groups without names are those of the optimizer, of the same sizes", () => {
  const opt = adamw({
    learningRate: 1,
    weightDecay: { layers: [{ weight: 0.5 }, { weight: 0.5, bias: 0 }] },
  });
  const dict = stepped(opt);
  assertEquals(dict.param_groups.map((group) => group.params), [[0, 1], [2]]);
  for (const group of dict.param_groups) delete group.param_names;
  const again = fromTorchStateDict(opt, params(), dict);
  assertEquals(toTorchStateDict(opt, params(), again).state, dict.state);
  assertRefused(
    () => fromTorchStateDict(adamw({ learningRate: 1 }), params(), dict),
    "the groups of the dict must be those of the optimizer, of 3 parameters, or name their parameters",
    "given groups of 2, 1",
  );
});

Deno.test("states that are unknown, missing or of another shape are listed, all of them", () => {
  const opt = adam({ learningRate: 1 });
  const dict = stepped(opt);
  dict.state[0].exp_avg_sqr = dict.state[0].exp_avg_sq;
  delete dict.state[0].exp_avg_sq;
  dict.state[1].exp_avg = { data: f.of(1, 2, 3), shape: [3] };
  dict.state[2].exp_avg = "none";
  delete dict.state[2].step;
  const read = (given: TorchStateDict) => () => fromTorchStateDict(opt, params(), given);
  assertRefused(read(dict), "`step` of `2` must be a whole number from 0: given undefined");
  dict.state[2].step = 1;
  assertRefusedUnchanged(
    read(dict),
    [dict],
    'Cannot read the state of "adam" from torch\'s:',
    "torch.optim.Adam keeps no `exp_avg_sqr` of `0`; did you mean `exp_avg_sq`?",
    "`exp_avg_sq` of `0` is missing",
    "`exp_avg` of `1` must be a tensor of shape [2]: given one of [3]",
    '`exp_avg` of `2` must be a tensor of shape [1]: given "none"',
  );
  const other = stepped(opt);
  other.state[1].step = 3;
  assertRefused(
    read(other),
    "`step` must be one for all parameters",
    "given 1 for `0` and 3 for `1`",
  );
  const fewer = stepped(opt);
  delete fewer.state[1];
  assertRefused(read(fewer), "`exp_avg` of `1` is missing");
  const more = stepped(opt);
  more.state[7] = more.state[0];
  assertRefused(read(more), "the dict has a state of `7`, which no group has");
});

Deno.test("options that Gradus has no rule for are refused by name", () => {
  const refused = (opt: Optimizer, options: Record<string, unknown>, ...parts: string[]) => {
    const dict = stepped(opt);
    Object.assign(dict.param_groups[0], options);
    assertRefused(() => fromTorchStateDict(opt, params(), dict), ...parts);
  };
  const opt = adam({ learningRate: 1 });
  refused(momentum, { dampening: 0.5 }, "`dampening` must be 0, since", "given 0.5");
  refused(
    momentum,
    { maximize: true },
    "`maximize` must be false, since Gradus descends: given true",
  );
  refused(momentum, { nesterov: true }, "made with `nesterov` true, as torch's was: given false");
  refused(
    opt,
    { amsgrad: true },
    "`amsgrad` must be false, since torch keeps the largest second moment",
  );
  refused(opt, { weight_decay: 0.1 }, "no `weightDecay`", "chain(addDecayedWeights(…), …)");
  refused(opt, { decoupled_weight_decay: true }, "`decoupled_weight_decay` must be false");
  refused(opt, { betas: [0.9] }, "`betas` must be a pair of numbers: given an array of 1");
  refused(opt, { betas: [0.9, 2] }, "`b2` must be a number in [0, 1): given 2");
  refused(opt, { epss: 1 }, "torch.optim.Adam has no option `epss`; did you mean `eps`?");
  const summed = adagrad({ learningRate: 1, eps: 0 });
  refused(summed, { lr_decay: 0.1 }, "`lr_decay` must be 0, since in Gradus that is a schedule");
  refused(summed, { eps: 0.01 }, "`eps` must be 0, or too small to change the root of a sum");
});

Deno.test("what torch does in another way is not written as torch's", () => {
  const refused = (opt: Optimizer, ...parts: string[]) => {
    assertRefused(() => stepped(opt), `Cannot write the state of "${opt.program.name}"`, ...parts);
  };
  const learningRate = 1;
  refused(
    chain(clipByGlobalNorm({ maxNorm: 1 }), adam({ learningRate })),
    "torch must have the same rule",
  );
  refused(nadam({ learningRate }), "torch must have the same rule");
  refused(amsgrad({ learningRate }), "before its bias is corrected, Gradus after that");
  refused(adam({ learningRate, epsRoot: 1e-8 }), "`epsRoot` must be 0", "given 1e-8");
  refused(adam({ learningRate, nesterov: true }), "`nesterov` must be false");
  refused(
    rmsprop({ learningRate }),
    "`epsInSqrt` must be false, since torch adds ε outside the root",
  );
  refused(
    adagrad({ learningRate, eps: 0.1 }),
    "`eps` must be 0, or too small to change a sum",
    "given 0.1",
  );
  const schedule = exponentialDecay({ initValue: 1, transitionSteps: 1, decayRate: 0.5 });
  const rms = { epsInSqrt: false, momentum: 0.5 };
  refused(
    rmsprop({ learningRate: schedule, ...rms }),
    "`learningRate` must be a number where there is momentum",
  );
  refused(muon({ learningRate, nsSteps: 6 }), "five standard steps of Newton and Schulz");
  refused(muon({ learningRate }), "`layers/0/weight` must be a matrix", "given shape [2]");
});

Deno.test("a count that torch does not keep must be given where steps depend on it", () => {
  const tree = { w: { data: f.of(1, 2, 3, 4, 5, 6), shape: [2, 3] } };
  const opt = muon({ learningRate: 1 });
  const dict = stepped(opt, tree, { w: { data: f.of(1, 0, 0, 1, 2, 3), shape: [2, 3] } });
  assertRefused(
    () => fromTorchStateDict(opt, tree, dict),
    "`count` must be given",
    "torch.optim.Muon",
  );
  const { count, hyper } = fromTorchStateDict(opt, tree, dict, { count: 7 });
  assertEquals([count, Object.keys(hyper)], [7, []]);
  const schedule = exponentialDecay({ initValue: 1, transitionSteps: 1, decayRate: 0.5 });
  const scheduled = lion({ learningRate: schedule });
  assertRefused(
    () => fromTorchStateDict(scheduled, params(), stepped(scheduled)),
    "follows a schedule",
  );
  const counted = adam({ learningRate: 1 });
  assertRefused(
    () => fromTorchStateDict(counted, params(), stepped(counted), { count: 2 }),
    "`count` must be the `step` of the dict, 1: given 2",
  );
});

Deno.test("a momentum that the optimizer keeps none of is refused, and one that has not begun is 0", () => {
  const plain = sgd({ learningRate: 0.5 });
  assertRefused(
    () => fromTorchStateDict(plain, params(), stepped(momentum)),
    "`momentum_buffer` of `0` must not be there: the optimizer, as it was made, keeps none",
  );
  const dict = stepped(plain);
  assertEquals(dict.state, {});
  for (const id of [0, 1, 2]) dict.state[id] = { momentum_buffer: null };
  assertEquals(fromTorchStateDict(plain, params(), dict).m, undefined);
  dict.param_groups[0].momentum = 0.5;
  const { m } = fromTorchStateDict(momentum, params(), dict);
  assertEquals(m, momentum.init(params()).m);
});

Deno.test("names that objects inherit are no parameters, and none is one twice", () => {
  const hostile = JSON.parse('{"state": {"__proto__": {"momentum_buffer": null}}}');
  assertRefused(
    () => fromTorchStateDict(momentum, params(), hostile),
    "given unknown ones, `__proto__`",
  );
  const options = JSON.parse('{"lr": 1, "__proto__": 1, "params": ["constructor"]}');
  assertRefused(
    () => fromTorchStateDict(momentum, params(), { state: {}, param_groups: [options] }),
    "given unknown ones, `constructor`",
  );
  const twice = [{ lr: 1, momentum: 0.5, params: [0, 1, 0] }];
  assertRefused(
    () => fromTorchStateDict(momentum, params(), { state: {}, param_groups: twice }),
    "each parameter must be in one group, once: given `0` again",
  );
  assertRefused(
    () => fromTorchStateDict(momentum, params(), { state: {} }, { cuont: 1 } as never),
    "there is no option `cuont`; did you mean `count`?",
  );
  for (const given of [null, 1, [], { state: [] }, { state: {}, param_groups: {} }]) {
    assertRefused(() => fromTorchStateDict(momentum, params(), given as never), "must");
  }
});

Deno.test("names tell the order of ids where the keys of a tree do not, as in resident trees", () => {
  const opt = adam({ learningRate: 0.5 });
  using tree = resident(params());
  using state = opt.init(tree);
  opt.step(tree, gradients, state);
  const names = ["layers.0.weight", "layers.1.weight", "layers.1.bias"];
  const dict = toTorchStateDict(opt, tree, state, { names });
  assertEquals(dict, stepped(opt));
  delete dict.param_groups[0].param_names;
  const read = fromTorchStateDict(opt, tree, dict, { names });
  assertEquals(toTorchStateDict(opt, tree, read, { names }), stepped(opt));
  assertRefused(
    () => toTorchStateDict(opt, tree, state, { names: [names[0], names[1], "layers.1.bais"] }),
    '`names` must be those of all 3 parameters, each once: given "layers.1.bais"; did you mean',
  );
});

Deno.test("short states are widened, and read from the bits of a safetensors file", () => {
  const opt = adam({ learningRate: 0.5, muDtype: "bfloat16", b1: 0.5 });
  const dict = stepped(opt);
  assertEquals(dict.state[1].exp_avg, { data: f.of(1, 1), shape: [2] });
  dict.state[1].exp_avg = { data: Uint16Array.of(0x3f80, 0x3f80), shape: [2], dtype: "BF16" };
  const state = fromTorchStateDict(opt, params(), dict);
  assertEquals(toTorchStateDict(opt, params(), state).state[1], stepped(opt).state[1]);
});

Deno.test("AMSGrad of torch is another rule than ours: its file is told apart by name", async () => {
  const file = readSafetensors(await Deno.readFile(new URL("torch.safetensors", import.meta.url)));
  const tree = Object.fromEntries([0, 1, 2].map((i) => {
    const { data, shape } = file.tensors.get(`adam-amsgrad/5/params/${i}`)!;
    return [`p${i}`, { data: data as Float32Array, shape }];
  }));
  const state: TorchStateDict["state"] = { 0: {}, 1: {}, 2: {} };
  for (const [name, tensor] of file.tensors) {
    const [own, at, kind, id, key] = name.split("/");
    if (own === "adam-amsgrad" && at === "5" && kind === "state") state[id][key] = tensor;
  }
  const opt = adam({ learningRate: 0.01 });
  assertRefused(
    () => fromTorchStateDict(opt, tree, { state }),
    "torch.optim.Adam keeps no `max_exp_avg_sq` of `0`",
  );
});
