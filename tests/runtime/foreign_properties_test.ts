/** What other libraries hang on their tensors is never looked at. */
import {
  adam,
  applyUpdates,
  explain,
  lion,
  release,
  resident,
  sgd,
  type State,
  type Tensor,
} from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { leavesIn, mapGpuTensors, mapToBuffers } from "../../export/ort/held.ts";
import { Snapshot } from "../../runtime/trees/snapshot.ts";
import { assert, assertEquals } from "../assert.ts";
import { assertRefused } from "../refused.ts";
import { backends } from "./backends.ts";

/** A tensor as autograd has them: it knows who made it, what came of it, and a thing that must not be read. */
class Variable implements Tensor {
  readonly shape: readonly number[];
  owner: unknown;
  readonly parents: unknown[] = [];
  #data: Float32Array;

  constructor(data: Float32Array, shape: readonly number[]) {
    [this.#data, this.shape] = [data, shape];
  }

  // On the prototype, where nothing that enumerates keys finds it.
  get data(): Float32Array {
    return this.#data;
  }

  set data(data: Float32Array) {
    this.#data = data;
  }

  get grad(): never {
    throw new Error("the gradient was read");
  }
}

/** Parameters that know their tree, and each of them. */
function owned() {
  const w = new Variable(Float32Array.of(1, 2), [2, 1]);
  const b = { data: Float32Array.of(3), shape: [1] };
  const params: { w: Tensor; b: Tensor } = { w, b };
  w.owner = params;
  w.parents.push(w, [params], new Int8Array(3));
  Object.assign(b, { owner: params, self: b, of: new Map() });
  Object.defineProperty(b, "grad", {
    enumerable: true,
    get: () => {
      throw new Error("the gradient was read");
    },
  });
  return { params, w, b };
}

const gradients: { w: Tensor; b: Tensor } = {
  w: { data: Float32Array.of(1, -1), shape: [2, 1] },
  b: new Variable(Float32Array.of(2), [1]),
};

for (const backend of backends) {
  Deno.test(`tensors that know their owners step and update (${backend})`, () => {
    const opt = sgd({ learningRate: 0.5, momentum: 0.5 }).with({ backend });
    const { params } = owned();
    const state = opt.init(params);
    for (let t = 0; t < 3; t++) opt.step(params, gradients, state);
    // 0.5·(1 + 1.5 + 1.75)
    assertEquals([...params.w.data, ...params.b.data], [-1.125, 4.125, -1.25]);
    const [updates, next] = opt.update(gradients, state, params);
    assertEquals(Object.keys(updates.w), ["data", "shape"]);
    assertEquals(Object.keys((next.m as typeof updates).b), ["data", "shape"]);
    assertEquals(applyUpdates(params, updates).b.data, Float32Array.of(-1.25 - 0.9375 * 2));
  });
}

Deno.test("an array that takes the place of another is seen, though its property is inherited", () => {
  const opt = lion({ learningRate: 1, weightDecay: 0 });
  const { params, w } = owned();
  const state = opt.init(params);
  for (let t = 0; t < 3; t++) opt.step(params, gradients, state);
  const before = w.data.slice();
  const old = w.data;
  w.data = old.slice();
  opt.step(params, gradients, state);
  assertEquals(old, before);
  assertEquals(w.data, before.map((x, i) => x - [1, -1][i]));
});

Deno.test("a snapshot sees what a leaf holds, and nothing else of it", () => {
  const { params, w } = owned();
  const snapshot = new Snapshot(params);
  w.owner = undefined;
  w.parents.push(1);
  assert(snapshot.matches(params));
  const changes: ((given: ReturnType<typeof owned>) => void)[] = [
    ({ w }) => w.data = w.data.slice(),
    ({ b }) => b.data = b.data.slice(),
    ({ b }) => b.shape = [1],
    ({ b }) => b.shape[0] = 2,
    ({ b }) => b.shape.push(1),
    ({ b }) => Object.assign(b, { dtype: "bfloat16" }),
    ({ b }) => structuredClone(b.data, { transfer: [b.data.buffer] }),
    ({ params }) => Object.assign(params, { c: 1 }),
    ({ params, b }) => params.b = { data: b.data, shape: b.shape },
  ];
  for (const change of changes) {
    const given = owned();
    const seen = new Snapshot(given.params);
    assert(seen.matches(given.params));
    change(given);
    assert(!seen.matches(given.params), change.toString());
  }
});

Deno.test("parameters called as the properties of a tensor are parameters", () => {
  const named = () => ({
    ...{ buffer: { a: Float32Array.of(1) }, offset: Float32Array.of(1), dtype: Float32Array.of(1) },
    ...{ shape: [Float32Array.of(1)], data: Float32Array.of(1), blank: Float32Array.of(1) },
  });
  const snapshotOf = named();
  const snapshot = new Snapshot(snapshotOf);
  snapshotOf.buffer.a = Float32Array.of(1);
  assert(!snapshot.matches(snapshotOf));
  const opt = sgd({ learningRate: 1 });
  const params = named();
  const state = opt.init(params);
  for (let t = 0; t < 2; t++) opt.step(params, named(), state);
  params.blank = Float32Array.of(5);
  opt.step(params, named(), state);
  assertEquals([params.buffer.a[0], params.shape[0][0], params.data[0], params.blank[0]], [
    -2,
    -2,
    -2,
    4,
  ]);
});

Deno.test("giving memory back takes the arrays of the tree and none that its tensors know of", () => {
  const other = resident({ v: Float32Array.of(1) });
  const params = resident(owned().params);
  Object.assign(params.b, { owner: { other, params } });
  const opt = adam({ learningRate: 1 });
  const state = opt.init(params);
  opt.step(params, gradients, state);
  release(params);
  release(state as State & Disposable);
  assertRefused(() => opt.step(params, gradients, state), "given back by `release`");
  const alone = sgd({ learningRate: 1 });
  alone.step(other, { v: Float32Array.of(1) }, alone.init(other));
  assertEquals(other.v[0], 0);
  release(other);
});

Deno.test("a tensor of the host is no resident one because of what it knows", () => {
  const { params } = owned();
  Object.assign(params.b, { owner: resident({ v: Float32Array.of(1) }) });
  assertEquals(Symbol.dispose in sgd({ learningRate: 1 }).init(params), false);
});

Deno.test("what is exported and explained of such tensors is their shape", () => {
  const plain = { w: [2, 1], b: [1] };
  const opt = adam({ learningRate: 1 });
  assertEquals(toOnnx(opt, owned().params), toOnnx(opt, plain));
  assertEquals(String(explain(opt)).length > 0, true);
});

Deno.test("the ways to devices look at arrays and shapes alone", () => {
  const { params } = owned();
  assertEquals(leavesIn(params), new Set<unknown>([params.w.data, params.b.data]));
  assert(mapGpuTensors(params, () => 0) === params);
  const buffer = {} as GPUBuffer;
  assertEquals(mapToBuffers(params, () => buffer, "Cannot test"), {
    w: { buffer, shape: [2, 1] },
    b: { buffer, shape: [1] },
  });
});
