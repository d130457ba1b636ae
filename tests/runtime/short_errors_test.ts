/** What is refused of short parameters: nothing given is changed, and the message says where. */
import {
  applyUpdates,
  lion,
  type Optimizer,
  optimizer,
  type State,
  type StoredTensor,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";
import { backends } from "./backends.ts";

type Tree = Record<string, unknown>;

const bits = (dtype: StoredTensor["dtype"], ...data: number[]): StoredTensor => ({
  data: Uint16Array.from(data),
  shape: [data.length],
  dtype,
});
const parameters = () => ({
  short: bits("bfloat16", 0x3f80, 0x4000),
  wide: Float32Array.of(1, 2, 3),
});

interface Bad {
  readonly name: string;
  readonly says: string;
  readonly gradients?: unknown;
  readonly params?: (params: Tree) => void;
  readonly spoil?: (state: State & { master: Tree }, params: Tree) => void;
  /** Whether an update, which writes no parameter, is refused as well. */
  readonly isUpdateFine?: boolean;
}

const bad: readonly Bad[] = [
  {
    name: "a state without the master copies",
    spoil: (state) => delete (state as Partial<typeof state>).master,
    says: "the state must have `master`: it is missing",
  },
  {
    name: "master copies that lack a parameter's",
    spoil: ({ master }) => delete master.short,
    says:
      "the state's `master` at the root must have the parameters' structure: `short` is missing",
  },
  {
    name: "a master copy that is short itself",
    spoil: ({ master }) => master.short = bits("bfloat16", 0, 0),
    says: "the state's `master` at `short` must be float32: given bfloat16",
  },
  {
    name: "a master copy of another shape",
    spoil: ({ master }) => master.short = Float32Array.of(1, 2, 3),
    says: "the state's `master` at `short` must have shape [2] as the parameter has: given [3]",
  },
  {
    name: "a master copy of a wide parameter",
    spoil: ({ master }) => master.wide = Float32Array.of(1, 2, 3),
    says: "the state's `master` at `wide` must have shape [0]: given [3]",
  },
  {
    name: "master copies of parameters that are not short",
    params: (params) => params.short = { data: Float32Array.of(1, 2), shape: [2] },
    gradients: { short: Float32Array.of(1, 2), wide: Float32Array.of(1, 2, 3) },
    says: "the state must have no `master`, the copies of short parameters, since none is short: " +
      "given an object",
  },
  {
    name: "a master copy that shares memory with another array",
    spoil: ({ master, m }) => (m as Tree).short = master.short,
    isUpdateFine: true,
    says: "every array must be at one place of the tree: given one at both `short` of state " +
      "`master` and `short` of state `m`",
  },
  {
    name: "a gradient of the other short type",
    gradients: { short: bits("float16", 0, 0), wide: Float32Array.of(1, 2, 3) },
    says: "gradients at `short` must be bfloat16 or float32: given float16",
  },
  {
    name: "a float64 gradient of a short parameter",
    gradients: { short: Float64Array.of(1, 2), wide: Float32Array.of(1, 2, 3) },
    says: "gradients at `short` must be bfloat16 or float32: given float64",
  },
  {
    name: "a short gradient of a wide parameter",
    gradients: { short: bits("bfloat16", 0, 0), wide: bits("bfloat16", 0, 0, 0) },
    says: "gradients at `wide` must be float32: given bfloat16",
  },
];

for (const { name, says, gradients, params: change, spoil, isUpdateFine } of bad) {
  for (const backend of backends) {
    Deno.test(`${name} is refused and nothing is changed (${backend})`, () => {
      const opt: Optimizer = lion({ learningRate: 0.1 }).with({ backend });
      const params: Tree = parameters();
      const good = parameters();
      const state = opt.init(params);
      opt.step(params, good, state);
      change?.(params);
      spoil?.(state as State & { master: Tree }, params);
      const given = (gradients ?? good) as Tree;
      const all = [params, given, state];
      assertRefusedUnchanged(
        () => opt.step(params, given, state),
        all,
        `Cannot step by "lion": ${says}`,
      );
      if (isUpdateFine) return;
      assertRefusedUnchanged(
        () => opt.update(given, state, params),
        all,
        `Cannot update by "lion": ${says}`,
      );
    });
  }
}

Deno.test("an update of short parameters needs them, even where the program does not", () => {
  const descent = optimizer({ name: "descent", step: "u = -g" })();
  const params = parameters();
  const state = descent.init(params);
  const says =
    'Cannot update by "descent": its state is of short parameters: they must be given as ' +
    "third argument";
  assertRefused(() => descent.update(params, state), says);
});

Deno.test("updates of the other short type are not applied", () => {
  const updates = { ...parameters(), short: bits("float16", 0, 0) };
  assertRefused(
    () => applyUpdates<Tree>(parameters(), updates),
    "Cannot apply updates: updates at `short` must be bfloat16 or float32: given float16",
  );
});

Deno.test("a program has no state of the name that master copies have", () => {
  assertRefused(
    () => optimizer({ name: "taken", state: { master: 0 }, step: "u = -g" }),
    "`master` in `state` is already kept for the state tree",
  );
});

Deno.test("a graph has no place for short parameters", () => {
  assertRefused(
    () => toOnnx(lion({ learningRate: 0.1 }), { layer: [bits("float16", 0)] }),
    'Cannot export "lion" to ONNX: the parameter at `layer/0` must be float32 or float64: given float16',
  );
});
