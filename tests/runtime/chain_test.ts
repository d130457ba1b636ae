/** Chains: one program that does what the optimizers in it do in turn. */
import {
  adamw,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  type Document,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  printProgram,
  sgd,
} from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const make = (document: Document): Optimizer => factory(parseProgram(document))();
const clip = () => clipByGlobalNorm({ maxNorm: 1 });
const descent = () => sgd({ learningRate: 0.5, momentum: 0.5 });

Deno.test("a chain is one program, in which each update is the next one's gradient", () => {
  const program = chain(clip(), descent(), descent()).program;
  const { doc: _doc, source: _source, ...document } = printProgram(program);
  assertEquals(document, {
    name: "clipByGlobalNorm_sgd_sgd",
    hyper: {
      maxNorm: { default: "required", domain: "[0, inf]" },
      learningRate: "required",
      momentum: { default: 0, domain: "(-1, 1]" },
      nesterov: false,
      dampening: { default: 0, domain: "[0, 1]" },
      learningRate_2: "required",
      momentum_2: { default: 0, domain: "(-1, 1]" },
      nesterov_2: false,
      dampening_2: { default: 0, domain: "[0, 1]" },
    },
    state: { m: 0, m_2: 0 },
    step: [
      "n = globalNorm(g)",
      "u = where(n <= maxNorm, 1, maxNorm/n)*g",
      "g = u",
      "m = where(momentum == 0 | t == 1, 1, 1 - dampening)*g + momentum*m",
      "u = -learningRate*where(nesterov, g + momentum*m, m)",
      "g = u",
      "m_2 = where(momentum_2 == 0 | t == 1, 1, 1 - dampening_2)*g + momentum_2*m_2",
      "u = -learningRate_2*where(nesterov_2, g + momentum_2*m_2, m_2)",
    ].join("\n"),
  });
  assert(parseProgram(printProgram(program)) === program);
});

Deno.test("a chain of one has its program", () => {
  assert(chain(lion({ learningRate: 0.1 })).program === lion.program);
});

Deno.test("equal chains are one program object", () => {
  assert(chain(clip(), descent()).program === chain(clip(), descent()).program);
});

const links: readonly [name: string, make: () => Optimizer][] = [
  ["clip", clip],
  ["descent", descent],
  ["lion", () => lion({ learningRate: 0.1 })],
  ["a state and a hyperparameter named as the descent's the other way about", () =>
    make({
      name: "crossed",
      hyper: { m: 0.5 },
      state: { momentum: 0 },
      step: "momentum = m*momentum + g\nu = momentum",
    })],
  ["numbered", () =>
    make({
      name: "numbered",
      hyper: { m_2: 0.5, learningRate: 1 },
      state: { m: 0, m_3: 0 },
      step: "c = m_2*m\nm = g - c\nm_3 = m\nu = learningRate*m + m_3",
    })],
];

/** What a chain of three is in the three ways to group it, by `part`. */
function assertAssociative(first: () => Optimizer, part: (document: Document) => unknown): void {
  for (const [, second] of links) {
    for (const [, third] of links) {
      const [a, b, c] = [first(), second(), third()];
      const [flat, left, right] = [chain(a, b, c), chain(chain(a, b), c), chain(a, chain(b, c))]
        .map((opt) => ({ shown: part(printProgram(opt.program)), settings: opt.settings }));
      assertEquals(left, flat);
      assertEquals(right, flat);
    }
  }
}

for (const [name, link] of links) {
  Deno.test(`chaining is associative in all names and statements: ${name} first`, () => {
    assertAssociative(link, ({ doc: _doc, source: _source, ...document }) => document);
  });

  Deno.test(`chaining is associative in the notes for a reader: ${name} first`, () => {
    assertAssociative(link, ({ doc, source }) => ({ doc, source }));
  });
}

Deno.test("a chain is the same program object however it was grouped", () => {
  const [a, b, c] = [clip(), descent(), lion({ learningRate: 0.1 })];
  const { program } = chain(a, b, c);
  assert(chain(chain(a, b), c).program === program);
  assert(chain(a, chain(b, c)).program === program);
});

for (const backend of backends) {
  Deno.test(`a chain does what its optimizers do in turn, bit for bit (${backend})`, () => {
    const parts = [clip(), adamw({ learningRate: 0.1 }), descent()].map((opt) =>
      opt.with({ backend })
    );
    const [one, ...others] = parts;
    const whole = chain(one, ...others).with({ backend });
    let expected = { a: randomArray(9, 1), b: [randomArray(4, 2)] };
    const params = structuredClone(expected);
    const state = whole.init(params);
    let states = parts.map((opt) => opt.init(expected));
    for (let step = 0; step < 4; step++) {
      const gradients = { a: randomArray(9, 10 + step), b: [randomArray(4, 20 + step)] };
      whole.step(params, structuredClone(gradients), state);
      let updates = gradients;
      states = states.map((each, i) => {
        const [given, next] = parts[i].update(updates, each, expected);
        updates = given;
        return next;
      });
      expected = applyUpdates(expected, updates);
      assertEquals(contents(params), contents(expected));
    }
    assertEquals(state.m_2, states[2].m);
    assertEquals([state.m, state.v], [states[1].m, states[1].v]);
  });

  Deno.test(`clipping goes by the norm of the whole tree (${backend})`, () => {
    const { fround } = Math;
    const grads = {
      a: Float32Array.of(0.1, -0.2, 0.3),
      b: [Float32Array.of(-0.4), { data: Float32Array.of(0.5, 0.6), shape: [1, 2] }],
    };
    const numbers = [0.1, -0.2, 0.3, -0.4, 0.5, 0.6].map(fround);
    const norm = Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
    const clipped = (maxNorm: number) => {
      const opt = clipByGlobalNorm({ maxNorm }).with({ backend });
      const [{ a, b }] = opt.update(grads, opt.init(grads));
      return [...a, ...b[0] as Float32Array, ...(b[1] as { data: Float32Array }).data];
    };
    const scaled = (maxNorm: number) => numbers.map((x) => fround(fround(maxNorm / norm) * x));
    assertEquals(clipped(0.25), scaled(0.25));
    assertEquals(clipped(0.9), scaled(0.9));
    assertEquals(clipped(1), numbers);
    assert(norm > 0.9 && norm < 1, `the norm is ${norm}`);
  });

  Deno.test(`a norm that is just the largest let through is scaled by 1 (${backend})`, () => {
    const opt = clipByGlobalNorm({ maxNorm: 5 }).with({ backend });
    const grads = { a: Float32Array.of(3), b: Float32Array.of(4) };
    const { fround } = Math;
    assertEquals(opt.update(grads, opt.init(grads))[0], {
      a: Float32Array.of(fround(3 / 5) * 5),
      b: Float32Array.of(fround(4 / 5) * 5),
    });
  });

  Deno.test(`a later clip goes by what the earlier optimizer makes of all (${backend})`, () => {
    const opt = chain(lion({ learningRate: 1, weightDecay: 0 }), clipByGlobalNorm({ maxNorm: 1 }))
      .with({ backend });
    const params = { a: Float32Array.of(0, 0, 0), b: Float32Array.of(0) };
    opt.step(params, { a: Float32Array.of(9, 8, -7), b: Float32Array.of(1e-9) }, opt.init(params));
    assertEquals(params, { a: Float32Array.of(-0.5, -0.5, 0.5), b: Float32Array.of(-0.5) });
  });
}

Deno.test("the second of two learning rates is written as `learningRate_2`", () => {
  const opt = chain(sgd({ learningRate: 0.5 }), sgd({ learningRate: -0.25 }));
  const params = Float32Array.of(0);
  const state = opt.init(params);
  assertEquals([state.hyper.learningRate, state.hyper.learningRate_2], [0.5, -0.25]);
  opt.step(params, Float32Array.of(-1), state);
  assertEquals(params[0], 0.5 * 0.25);
  state.hyper.learningRate_2 = -8;
  opt.step(params, Float32Array.of(-1), state);
  assertEquals(params[0], 0.5 * 0.25 + 0.5 * 8);
  state.hyper.learningRate = 2;
  opt.step(params, Float32Array.of(-1), state);
  assertEquals(params[0], 0.5 * 0.25 + 0.5 * 8 + 2 * 8);
});

Deno.test("options go into a chain with their optimizers", () => {
  const first = lion({ learningRate: 0.5, mask: { a: false, b: true }, weightDecay: 0.5 });
  const second = lion({
    learningRate: (count) => -(2 ** -count),
    weightDecay: { a: 1, b: 0 },
    muDtype: "bfloat16",
  });
  const opt = chain(first, second);
  const params = { a: Float32Array.of(1), b: Float32Array.of(1) };
  const state = opt.init(params);
  assert((state.m as typeof params).a instanceof Float32Array);
  assertEquals((state.m_2 as { a: object }).a, {
    data: new Uint16Array(1),
    shape: [1],
    dtype: "bfloat16",
  });
  opt.step(params, { a: Float32Array.of(1), b: Float32Array.of(1) }, state);
  // What the first makes, -0.5 and -0.75, the second takes the sign of: 1·(-1 + decay·1).
  assertEquals(params, { a: Float32Array.of(1), b: Float32Array.of(0) });
  assertEquals(state.hyper.learningRate_2, -1);
});

Deno.test("a chain may hold the same optimizer twice", () => {
  const half = sgd({ learningRate: -0.5 });
  const opt = chain(half, half, half);
  const params = Float32Array.of(0);
  opt.step(params, Float32Array.of(8), opt.init(params));
  assertEquals(params[0], 1);
});

const scaling = (name: string): Optimizer =>
  make({ name, inputs: { value: "scalar" }, step: "u = g*value" });

Deno.test("inputs of one name are one input of the chain", () => {
  const opt = chain(scaling("a"), scaling("b"));
  const params = Float32Array.of(0);
  opt.step(params, Float32Array.of(1), opt.init(params), { value: 3 });
  assertEquals(params[0], 9);
});

Deno.test("a local may have the name of another optimizer's input", () => {
  const local = make({ name: "local", step: "value = 2*g\nu = value" });
  for (const opt of [chain(local, scaling("b")), chain(scaling("a"), local)]) {
    const params = Float32Array.of(0);
    opt.step(params, Float32Array.of(1), opt.init(params), { value: 3 });
    assertEquals(params[0], 6);
  }
});

Deno.test("a hyperparameter may have the name of another optimizer's input", () => {
  const hyper = make({ name: "hyper", hyper: { value: 2 }, step: "u = value*g" });
  for (const opt of [chain(hyper, scaling("b")), chain(scaling("a"), hyper)]) {
    const params = Float32Array.of(0);
    opt.step(params, Float32Array.of(1), opt.init(params), { value: 3 });
    assertEquals(params[0], 6);
  }
});

Deno.test("names that every object inherits are renamed like any other", () => {
  const document: Document = {
    name: "inherited",
    hyper: { toString: 2 },
    state: { valueOf: 0 },
    step: "constructor = toString*g\nvalueOf = valueOf + constructor\nu = valueOf",
  } as unknown as Document;
  const opt = chain(make(document), make(document));
  const params = Float32Array.of(0);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1), state);
  opt.step(params, Float32Array.of(1), state);
  assertEquals([state.valueOf, state.valueOf_2] as unknown[], [
    Float32Array.of(4),
    Float32Array.of(12),
  ]);
  assertEquals(params[0], 16);
});

Deno.test("names of 64 characters are renamed within that length", () => {
  const long = "x".repeat(64);
  const link = () =>
    make({ name: "long", state: { [long]: 0 }, step: `${long} = g\nu = 2*${long}` });
  const opt = chain(link(), link());
  const params = Float32Array.of(0);
  opt.step(params, Float32Array.of(1), opt.init(params));
  assertEquals(params[0], 4);
});

Deno.test("a chain may be forty optimizers long", () => {
  const [first, ...others] = Array.from({ length: 40 }, clip);
  const opt = chain(first, ...others);
  const params = { a: Float32Array.of(0), b: Float32Array.of(0) };
  opt.step(params, { a: Float32Array.of(3), b: Float32Array.of(-4) }, opt.init(params));
  assert(Math.abs(params.a[0] - 0.6) < 1e-5 && Math.abs(params.b[0] + 0.8) < 1e-5);
});
