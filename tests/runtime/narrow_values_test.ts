import { type Document, factory, GradusError, type Optimizer, parseProgram } from "../../mod.ts";
import { assertEquals, assertThrows } from "../assert.ts";
import { backends } from "./backends.ts";

// What is narrower than an element: one value a tensor or an axis, and tensors without elements.

function optimizerOf(document: Omit<Document, "name">): Optimizer {
  return factory(parseProgram({ name: "narrow", ...document }))({});
}

/** Runs `check` with the optimizer on every backend. */
function onEvery(document: Omit<Document, "name">, check: (opt: Optimizer) => void): void {
  for (const backend of backends) check(optimizerOf(document).with({ backend }));
}

const tensor = (shape: readonly number[], ...numbers: number[]) => ({
  data: Float32Array.from(numbers),
  shape: [...shape],
});

Deno.test("a number is kept for a tensor that has no elements", () => {
  onEvery({ state: { m: { over: "tensor" } }, step: "m = t; u = g" }, (opt) => {
    const params = tensor([3, 0]);
    const [, state] = opt.update(params, opt.init(params), params);
    assertEquals(state.m, tensor([1, 1], 1));
  });
});

Deno.test("a tensor without elements adds nothing to a sum over the tree", () => {
  const document: Omit<Document, "name"> = {
    state: { s: { init: 1, over: "tensor" } },
    step: "u = globalSum(s + w)*g",
  };
  onEvery(document, (opt) => {
    const params = { a: tensor([2], 1, 2), b: tensor([0, 3]) };
    const [updates] = opt.update(params, opt.init(params), params);
    assertEquals(updates, { a: tensor([2], 5, 10), b: tensor([0, 3]) });
  });
});

Deno.test("a tensor's value is kept over axes and read by every element", () => {
  onEvery({ state: { m: { over: 0 } }, step: "m = sum(w); u = m + w" }, (opt) => {
    const params = tensor([2, 2], 1, 2, 3, 4);
    const [updates, state] = opt.update(params, opt.init(params), params);
    assertEquals(updates, tensor([2, 2], 11, 12, 13, 14));
    assertEquals(state.m, tensor([1, 2], 10, 10));
  });
});

Deno.test("an axis' value is kept over fewer axes and read by every element", () => {
  const document: Omit<Document, "name"> = {
    state: { m: { over: 2 } },
    step: "m = sum(w, axis=(1, 2)); u = m + w",
  };
  onEvery(document, (opt) => {
    const params = tensor([2, 2, 1], 1, 2, 3, 4);
    const [updates, state] = opt.update(params, opt.init(params), params);
    assertEquals(updates, tensor([2, 2, 1], 4, 5, 10, 11));
    assertEquals(state.m, tensor([2, 2, 1], 3, 3, 7, 7));
  });
});

Deno.test("a reduction of the only axis has the same bits on every backend", () => {
  // In float64 this sum depends on its order: 0 from left to right, 2 in four lanes.
  const params = Float64Array.of(1, 1e16, 1, -1e16);
  const sums = backends.map((backend) => {
    const opt = optimizerOf({ step: "u = sum(w, axis=0)" }).with({ backend });
    return opt.update(params, opt.init(params), params)[0];
  });
  for (const sum of sums) assertEquals(sum, sums[0]);
});

Deno.test("a state kept over axes refuses what varies over others", () => {
  for (const value of ["mean(g, axis=1)", "mean(g, axis=0)*mean(g, axis=1)"]) {
    onEvery({ state: { m: { over: 0 } }, step: `m = ${value}; u = m*g` }, (opt) => {
      const params = tensor([2, 3], 1, 2, 3, 4, 5, 6);
      assertThrows(() => opt.update(params, opt.init(params), params), GradusError, "`m`");
    });
  }
  // The same axis, counted from the end.
  onEvery({ state: { m: { over: 0 } }, step: "m = mean(g, axis=-2); u = m*g" }, (opt) => {
    const params = tensor([2, 3], 1, 2, 3, 4, 5, 6);
    const [, state] = opt.update(params, opt.init(params), params);
    assertEquals(state.m, tensor([1, 3], 2.5, 3.5, 4.5));
  });
});

Deno.test("an initial value reduces a leaf, but not the tree or a number", () => {
  const params = Float32Array.of(1, 2, 6);
  const opt = optimizerOf({ state: { m: "w - mean(w)" }, step: "u = m*g" });
  assertEquals(opt.init(params).m, Float32Array.of(-2, -1, 3));
  for (const init of ["globalSum(w)", "sum(b)", "sum(1) + w"]) {
    const document = { hyper: { b: 2 }, state: { m: init }, step: "u = m*g" };
    assertThrows(() => optimizerOf(document).init(params), GradusError, "`m`");
  }
});

Deno.test("a hyperparameter with the name of an inherited property keeps its default", () => {
  for (const name of ["constructor", "valueOf", "toString"]) {
    onEvery({ hyper: { [name]: 0.5 }, step: `u = ${name}*g` }, (opt) => {
      const params = Float32Array.of(4);
      assertEquals(opt.update(params, opt.init(params))[0], Float32Array.of(2));
    });
  }
});
