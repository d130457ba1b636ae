/**
 * States of PyTorch's optimizers, against files that PyTorch made (`make_fixtures.py`): after 5 of its steps
 * Gradus goes on, and lands where it landed after 10.
 */
import {
  adagrad,
  adam,
  adamw,
  addDecayedWeights,
  chain,
  lion,
  muon,
  type Optimizer,
  rmsprop,
  sgd,
  type Tensor,
} from "../../../../mod.ts";
import {
  fromTorchStateDict,
  readSafetensors,
  type TorchStateDict,
  toTorchStateDict,
  writeSafetensors,
} from "../../../../export/safetensors/mod.ts";
import { assert, assertEquals } from "../../../assert.ts";

const file = readSafetensors(
  await Deno.readFile(new URL("torch.safetensors", import.meta.url)),
);

type Tree = Record<string, Tensor>;

const KEYS = ["weight", "bias", "out"];

/** Tensors of the file whose names differ by a number at the end, copied. */
function treeAt(prefix: string): Tree {
  return Object.fromEntries(KEYS.map((key, i) => {
    const { data, shape } = file.tensors.get(`${prefix}/${i}`)!;
    return [key, { data: (data as Float32Array).slice(), shape }];
  }));
}

/** The dict that PyTorch saved after so many steps. */
function dictAt(name: string, step: number): TorchStateDict {
  const state: Record<string, Record<string, unknown>> = {};
  for (const [path, { data, shape }] of file.tensors) {
    const [own, at, kind, id, key] = path.split("/");
    if (own !== name || at !== String(step) || kind !== "state") continue;
    (state[id] ??= {})[key] = { data, shape };
  }
  return { state, param_groups: JSON.parse(file.metadata.get(name)!) };
}

const kindOf = (name: string) => name.startsWith("muon") ? "matrices" : "vectors";

function train(
  opt: Optimizer,
  name: string,
  params: Tree,
  state: ReturnType<Optimizer["init"]>,
  from: number,
  to: number,
): void {
  for (let step = from; step < to; step++) {
    opt.step(params, treeAt(`gradients/${kindOf(name)}/${step}`), state);
  }
}

/** The largest difference between two tensors, by the largest number of the second. */
function apart(a: Tensor, b: Tensor): number {
  const scale = Math.max(...b.data.map(Math.abs));
  return Math.max(...a.data.map((x, i) => Math.abs(x - b.data[i]))) / scale;
}

/** Float32 keeps 6e-8 of a number; five steps round some twenty times. */
const CLOSE = 1e-6;

function namesIn({ param_groups: groups }: TorchStateDict): string[] {
  return groups.flatMap(({ params }) => params.map((id) => KEYS[Number(id)]));
}

const decay = (weightDecay: number) => addDecayedWeights({ weightDecay });

/** Torch scales updates by √max(1, rows/columns), Gradus by √max(1, columns/rows). */
function byWidth(value: number, power: 1 | -1): Record<string, number> {
  const widths = { weight: 4 / 3, bias: 2 / 4, out: 1 };
  return Object.fromEntries(
    Object.entries(widths).map(([key, width]) => [key, value / Math.sqrt(width) ** power]),
  );
}

interface Case {
  readonly opt: Optimizer;
  /** The name of PyTorch's run, if another. */
  readonly file?: string;
  /** The steps so far, where torch keeps no such number. */
  readonly count?: number;
  /** Options that come to the same as PyTorch's, and are written so. */
  readonly writes?: Readonly<Record<string, unknown>>;
}

const CASES: Readonly<Record<string, Case>> = {
  "sgd": { opt: sgd({ learningRate: 0.1 }) },
  "sgd-momentum": { opt: sgd({ learningRate: 0.1, momentum: 0.9 }) },
  "sgd-nesterov": { opt: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true }) },
  "sgd-decay": { opt: chain(decay(0.05), sgd({ learningRate: 0.1, momentum: 0.9 })) },
  "adam": { opt: adam({ learningRate: 0.01, b1: 0.8, b2: 0.95 }) },
  "adam-decay": { opt: chain(decay(0.1), adam({ learningRate: 0.01 })) },
  "adamw": { opt: adamw({ learningRate: 0.01, weightDecay: 0.1 }) },
  "adamw-groups": {
    opt: adamw({
      learningRate: { weight: 0.01, bias: 0.02, out: 0.01 },
      weightDecay: 0.1,
      mask: { weight: true, bias: false, out: true },
    }),
  },
  "adagrad": {
    opt: adagrad({ learningRate: 0.1, eps: 0, initialAccumulatorValue: 0 }),
    writes: { eps: 0 }, // 1e-10 changes the root of no sum
  },
  "adagrad-initial": {
    opt: chain(decay(0.05), adagrad({ learningRate: 0.1, eps: 0, initialAccumulatorValue: 0.5 })),
  },
  "rmsprop": { opt: rmsprop({ learningRate: 0.01, decay: 0.99, epsInSqrt: false }) },
  "rmsprop-centered": {
    opt: rmsprop({ learningRate: 0.01, decay: 0.9, epsInSqrt: false, centered: true }),
  },
  "rmsprop-momentum": {
    opt: chain(
      decay(0.05),
      rmsprop({
        learningRate: 0.01,
        decay: 0.9,
        epsInSqrt: false,
        centered: true,
        momentum: 0.8,
      }),
    ),
  },
  "lion": { opt: lion({ learningRate: 0.01, weightDecay: 0.1 }) },
  "muon": {
    opt: muon({ learningRate: byWidth(0.02, 1), weightDecay: byWidth(0.1, -1), eps: 1e-7 }),
    // So many that Gradus's correction of the bias is none, as in torch.
    count: 1000,
    writes: { adjust_lr_fn: "original" },
  },
  "muon as torch has it": {
    opt: muon({
      learningRate: 0.02,
      weightDecay: 0.1,
      eps: 1e-7,
      scaling: "original",
      biasCorrection: false,
      epsAsFloor: true,
    }),
    file: "muon",
    writes: { adjust_lr_fn: "original" },
  },
  "muon-rms": {
    opt: muon({
      learningRate: 0.02,
      weightDecay: 0.1,
      eps: 1e-7,
      nesterov: false,
      consistentRms: 0.2,
    }),
    count: 5,
  },
};

/** The entries of a dict in the order of the parameters that torch was given. */
function inOrder({ state, param_groups: groups }: TorchStateDict): Record<string, unknown>[] {
  return groups.flatMap(({ params }) => params.map((id) => state[id] ?? {}));
}

function assertSameStates(dict: TorchStateDict, expected: TorchStateDict): void {
  const [own, theirs] = [dict, expected].map(inOrder);
  assertEquals(own.map(Object.keys), theirs.map(Object.keys).map((keys) => sorted(keys, own)));
  theirs.forEach((entry, i) => {
    for (const [key, value] of Object.entries(entry)) {
      const [a, b] = [own[i][key] as Tensor, value as Tensor];
      assertEquals(a.shape, b.shape, key);
      assert(apart(a, b) <= CLOSE, `${key} is ${apart(a, b)} apart`);
    }
  });
}

/** Keys in the order that the first entry of `own` has. */
function sorted(keys: readonly string[], [first]: readonly object[]): string[] {
  const order = Object.keys(first);
  return keys.toSorted((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** The options of each group, without what says nothing of numbers. */
function optionsOf({ param_groups: groups }: TorchStateDict): unknown[] {
  const silent = ["params", "param_names", "foreach", "capturable", "differentiable", "fused"];
  return groups.map((group) =>
    Object.fromEntries(Object.entries(group).filter(([key]) => !silent.includes(key)).sort())
  );
}

for (const [title, { opt, file: name = title, count, writes }] of Object.entries(CASES)) {
  Deno.test(`${title}: from PyTorch's state after 5 steps, Gradus lands where PyTorch does after 10`, () => {
    const params = treeAt(`${name}/5/params`);
    const state = fromTorchStateDict(opt, params, dictAt(name, 5), { count });
    assertEquals(
      Object.keys(state.hyper),
      [],
      "the options of the groups are those of the optimizer",
    );
    train(opt, name, params, state, 5, 10);
    const theirs = treeAt(`${name}/10/params`);
    for (const key of KEYS) assert(apart(params[key], theirs[key]) <= CLOSE, key);
    assertSameStates(toTorchStateDict(opt, params, state), dictAt(name, 10));
  });

  Deno.test(`${title}: the dict of a Gradus that made 5 steps itself is PyTorch's`, () => {
    const params = treeAt(`begin/${kindOf(name)}`);
    const state = opt.init(params);
    train(opt, name, params, state, 0, 5);
    const [dict, expected] = [toTorchStateDict(opt, params, state), dictAt(name, 5)];
    assertSameStates(dict, expected);
    Object.assign(expected.param_groups[0], writes);
    assertEquals(optionsOf(dict), optionsOf(expected));
    assertEquals(dict.param_groups.flatMap((group) => group.param_names), namesIn(dict));
  });
}

const PYTHON = "/usr/bin/python3";

async function hasTorch(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(PYTHON, { args: ["-c", "import torch"] }).output();
    return success;
  } catch {
    return false;
  }
}

const CLASSES: Readonly<Record<string, string>> = {
  sgd: "SGD",
  adam: "Adam",
  adamw: "AdamW",
  adagrad: "Adagrad",
  rmsprop: "RMSprop",
};

Deno.test("PyTorch loads the dicts of Gradus and goes on as Gradus does", async () => {
  if (!await hasTorch()) {
    assert(!Deno.env.has("CI"), "PyTorch is required here: it is missing");
    return console.log("Not tested: PyTorch is missing (Debian has it as `python3-torch`)");
  }
  const folder = await Deno.makeTempDir();
  try {
    const names = Object.keys(CASES).filter((name) => Object.hasOwn(CLASSES, name.split("-")[0]));
    assertEquals(names.length, 13);
    const expected = new Map<string, Tree>();
    const args: string[] = [];
    for (const name of names) {
      const { opt } = CASES[name];
      const params = treeAt("begin/vectors");
      const state = opt.init(params);
      train(opt, name, params, state, 0, 5);
      const { state: kept, param_groups: groups } = toTorchStateDict(opt, params, state);
      const tensors = new Map<string, Tensor>();
      KEYS.forEach((key, i) => tensors.set(`params/${i}`, params[key]));
      for (let step = 0; step < 5; step++) {
        Object.values(treeAt(`gradients/vectors/${5 + step}`))
          .forEach((tensor, i) => tensors.set(`gradients/${step}/${i}`, tensor));
      }
      for (const [id, entry] of Object.entries(kept)) {
        for (const [key, tensor] of Object.entries(entry)) {
          tensors.set(`state/${id}/${key}`, tensor as Tensor);
        }
      }
      const bytes = writeSafetensors(tensors, { groups: JSON.stringify(groups) });
      await Deno.writeFile(`${folder}/${name}`, bytes);
      args.push(CLASSES[name.split("-")[0]], `${folder}/${name}`);
      train(opt, name, params, state, 5, 10);
      expected.set(name, params);
    }
    const script = new URL("go_on.py", import.meta.url).pathname;
    const { success, stderr } = await new Deno.Command(PYTHON, { args: ["-B", script, ...args] })
      .output();
    assert(success, new TextDecoder().decode(stderr));
    for (const [name, params] of expected) {
      const { tensors } = readSafetensors(await Deno.readFile(`${folder}/${name}.out`));
      KEYS.forEach((key, i) => {
        const distance = apart(tensors.get(`params/${i}`) as Tensor, params[key]);
        assert(distance <= CLOSE, `${name}: ${key} is ${distance} apart`);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
