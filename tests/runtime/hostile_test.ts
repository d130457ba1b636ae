/** Names chosen to break something run like any other, and never reach generated code. */
import {
  type Backend,
  type Document,
  factory,
  lion,
  type Optimizer,
  parseProgram,
  type State,
} from "../../mod.ts";
import { assert, assertEquals, assertStringIncludes } from "../assert.ts";
import { contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { randomArray } from "./random.ts";

const make = (document: Document, options = {}): Optimizer =>
  factory(parseProgram(document))(options);

/** What every object has, what JavaScript keeps for itself, and what generated code uses. */
const names = [
  ...["constructor", "toString", "valueOf", "hasOwnProperty", "isPrototypeOf", "toLocaleString"],
  ...["propertyIsEnumerable", "prototype", "then", "length", "name", "eval", "arguments"],
  ...["Function", "globalThis", "process", "Deno", "import", "return", "this", "await", "const"],
  ...["shape", "inputs", "outputs", "scalars", "cells", "sums", "convert", "n", "i", "x0", "y0"],
  ...["s0", "v0", "t0", "l0", "r0", "c0", "d0", "Math", "fround", "Float64Array", "NaN"],
  ...["optimizer_", "state", "step", "init", "program", "settings", "_", "π2"],
];

/** A program whose every name is made by `named`, and two steps of it. */
function run(named: (plain: string) => string, backend: Backend): string {
  const [hyper, other, state, narrow, tree, input, local, unused] = "abcdefhi".split("").map(named);
  const opt = make({
    name: "sketch",
    hyper: { [hyper]: 0.5, [other]: "required" },
    state: { [state]: 0, [narrow]: { init: hyper, over: "tensor" }, [tree]: { over: "tree" } },
    inputs: { [input]: "scalar" },
    step: `
      ${local} = ${hyper}*g + ${other}*${state}
      ${unused} = 2*${local}
      ${narrow} = 0.5*${narrow} + norm(${local})
      ${tree} = ${tree} + globalNorm(g)
      ${state} = ${local} + 0.25*w
      u = -${input}*${state}/(${narrow} + ${tree})
    `,
  }, { [other]: (count: number) => 0.125 * count }).with({ backend });
  const params = { a: randomArray(9, 1), b: [randomArray(5, 2)] };
  const first = opt.init(params);
  first.hyper[hyper] = 0.75;
  const inputs = { [input]: 0.5 };
  opt.step(params, { a: randomArray(9, 3), b: [randomArray(5, 4)] }, first, inputs);
  const gradients = { a: randomArray(9, 5), b: [randomArray(5, 6)] };
  const [updates, next] = opt.update(gradients, structuredClone(first), params, inputs);
  const saved = (s: State) => [state, narrow, tree].map((name) => s[name]);
  const used = [hyper, other].map((name) => next.hyper[name]);
  assertEquals(
    Object.keys(next).sort(),
    [
      ...["optimizer", "count", "hyper", state, narrow, tree],
    ].sort(),
  );
  return contents([params, updates, saved(first), saved(next), used]);
}

for (const backend of backends) {
  const plain = run((name) => `plain_${name}`, backend);

  for (const name of names) {
    Deno.test(`\`${name}\` may name whatever a program names (${backend})`, () => {
      // Each place in turn, the others keep plain names.
      for (const place of "abcdefhi") {
        assertEquals(run((p) => p === place ? name : `plain_${p}`, backend), plain);
      }
    });
  }
}

Deno.test("an option, a state's number and an input must be own, not inherited from all objects", () => {
  const opt = make({
    name: "sketch",
    hyper: { valueOf: 0.5 } as unknown as Document["hyper"],
    inputs: { toString: "scalar" } as unknown as Document["inputs"],
    step: "u = valueOf*toString*g",
  });
  const params = Float32Array.of(0);
  const state = opt.init(params);
  assertEquals((state.hyper as Record<string, unknown>)["valueOf"], 0.5);
  opt.step(params, Float32Array.of(1), state, { toString: 4 } as unknown as { toString: number });
  assertEquals(params[0], 2);
  Reflect.deleteProperty(state.hyper, "valueOf");
  opt.step(params, Float32Array.of(1), state, { toString: 4 } as unknown as { toString: number });
  assertEquals(params[0], 4);
});

Deno.test("a hyperparameter that is required is missed, whatever all objects inherit", () => {
  let message = "";
  try {
    make(
      { name: "sketch", hyper: { constructor: "required" }, step: "u = constructor*g" } as never,
    );
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(
    message,
    'Cannot make "sketch": hyperparameter `constructor` is required and has no default: given ' +
      "undefined",
  );
});

/** The text of every function that `act` makes from text. */
function codeMadeBy(act: () => void): string[] {
  const texts: string[] = [];
  const original = globalThis.Function;
  globalThis.Function = new Proxy(original, {
    construct(target, given: unknown[]) {
      texts.push(given.join("\n"));
      return Reflect.construct(target, given);
    },
    apply(target, self, given: unknown[]) {
      texts.push(given.join("\n"));
      return Reflect.apply(target, self, given);
    },
  });
  try {
    act();
  } finally {
    globalThis.Function = original;
  }
  return texts;
}

// Words of the language it is written in, and slots: a letter and a number.
const WORDS = new RegExp(
  "^(?:use|strict|return|function|const|let|for|if|else|new|fill|length|" +
    "shape|n|i|inputs|outputs|scalars|cells|sums|convert|random|rounding|temporaries|" +
    "seed|count|element|leaf|split|upper|bits|" +
    "(?:to|from|round)(?:Bfloat16|Float16|Split)|Math|Float64Array|NaN|Infinity|" +
    "fround|pow|sqrt|cbrt|exp|log|sin|cos|tan|tanh|abs|min|max|floor|ceil|[a-z][0-9]+)$",
);

Deno.test("generated code holds no text of a program", () => {
  const marked = (name: string) => `ZQ_${name}_QZ`;
  const document: Document = {
    name: marked("name"),
    doc: marked("doc"),
    source: `*/ ${marked("source")} \u2028 \``,
    hyper: { [marked("hyper")]: 0.1 },
    state: {
      [marked("state")]: `2*w + ${marked("hyper")}`,
      [marked("narrow")]: { over: -1 },
      [marked("tensor")]: { over: "tensor" },
      [marked("tree")]: { over: "tree" },
    },
    inputs: { [marked("input")]: "scalar" },
    step: `
      # ${marked("comment")}
      ${marked("local")} = exp(-abs(g)) + ${marked("hyper")}*${marked("state")}
      ${marked("narrow")} = mean(g^2, axis=-1) + ${marked("narrow")}
      ${marked("tensor")} = norm(w) + ${marked("tensor")}
      ${marked("tree")} = globalNorm(g) + ${marked("tree")}
      ${marked("state")} = where(g > 0, ${marked("local")}, ${marked("input")})
      ${marked("local")} = ${marked("local")} + normal(${marked("hyper")}) - uniform(${
      marked("tree")
    })
      u = clip(-g*${marked("local")}/${marked("narrow")}, -${marked("tree")}, ${marked("tensor")})
    `,
  };
  const key = marked("key");
  const params = { [key]: { data: randomArray(6, 1), shape: [2, 3] } };
  const texts = codeMadeBy(() => {
    const opt = make(document).with({ backend: "js" });
    const stored = { dtype: "bfloat16+8", rounding: "stochastic" } as const;
    const storage = { [marked("state")]: stored, [marked("narrow")]: stored };
    const state = opt.init(params, { storage });
    opt.step(params, { [key]: { data: randomArray(6, 2), shape: [2, 3] } }, state, {
      [marked("input")]: 0.25,
    });
  });
  const code = texts.join("\n");
  assert(code.includes("Math.fround(Math.exp("), `no phase was compiled:\n${code}`);
  assertEquals(code.includes("ZQ"), false);
  // Numbers are taken out first, with their exponents.
  const words = code.replace(/\b[0-9][0-9.]*(?:e[+-]?[0-9]+)?/g, " ").match(
    /[\p{L}_$][\p{L}\p{N}_$]*/gu,
  );
  assertEquals([...new Set(words)].filter((word) => !WORDS.test(word)), []);
  // What else is in it: no quotes but those of "use strict", no templates, no comments.
  assertEquals(code.replaceAll('"use strict"', "").match(/["'`\\#@]|\/\/|\/\*/g), null);
});

Deno.test("WebAssembly modules hold no text of a program", () => {
  const modules: string[] = [];
  const original = WebAssembly.Module;
  WebAssembly.Module = new Proxy(original, {
    construct(target, [bytes]: [Uint8Array]) {
      modules.push(String.fromCharCode(...bytes));
      return Reflect.construct(target, [bytes]);
    },
  });
  try {
    const opt = make({
      name: "ZQ_name",
      hyper: { ZQ_hyper: 0.1, nested: 0.25 },
      state: { ZQ_state: 0 },
      inputs: { ZQ_input: "scalar" },
      step: `
        ZQ_local = abs(g)*ZQ_hyper + 0.4375*ZQ_state
        ZQ_state = min(ZQ_local, globalNorm(g)) - nested
        u = -ZQ_input*ZQ_state
      `,
    }).with({ backend: "wasm" });
    const params = { ZQ_key: randomArray(9, 1) };
    const state = opt.init(params);
    opt.step(params, { ZQ_key: randomArray(9, 2) }, state, { ZQ_input: 0.25 });
  } finally {
    WebAssembly.Module = original;
  }
  assert(modules.some((bytes) => bytes.startsWith("\0asm")), "nothing was compiled");
  assertEquals(modules.filter((bytes) => bytes.includes("ZQ")), []);
});

Deno.test("programs that differ in their names only share their compiled code", () => {
  const step = (name: string) => {
    const opt = make({
      name,
      hyper: { [`${name}Rate`]: 0.5 },
      state: { [`${name}State`]: 0 },
      step: `${name}State = g - atan(${name}State)\nu = ${name}Rate*${name}State`,
    }).with({ backend: "js" });
    const params = Float32Array.of(1, 2);
    opt.step(params, Float32Array.of(3, 4), opt.init(params));
    assertEquals(params, Float32Array.of(2.5, 4));
  };
  assert(codeMadeBy(() => step("first")).length > 0, "nothing was compiled");
  assertEquals(codeMadeBy(() => step("second")), []);
});

for (
  const name of ["mask", "weightDecayMask", "muDtype", "accumulatorDtype", "dtypeMomentum"]
) {
  Deno.test(`a hyperparameter named \`${name}\`, as an option, is set by it or refused`, () => {
    let opt: Optimizer;
    try {
      opt = make({ name: "sketch", hyper: { [name]: 0.5 }, step: `u = ${name}*g` }, { [name]: 2 });
    } catch (error) {
      assertStringIncludes((error as Error).message, "Cannot read ");
      assertStringIncludes((error as Error).message, `\`${name}\``);
      return;
    }
    const params = Float32Array.of(0);
    opt.step(params, Float32Array.of(1), opt.init(params));
    assertEquals(params[0], 2);
  });
}

Deno.test("a hyperparameter may be named as a state tree's own keys are", () => {
  const opt = make({
    name: "sketch",
    hyper: { optimizer: 2, hyper: 3 },
    step: "u = optimizer*hyper*g",
  });
  const params = Float32Array.of(0);
  const state = opt.init(params);
  opt.step(params, Float32Array.of(1), state);
  assertEquals(params[0], 6);
  state.hyper.optimizer = 1;
  opt.step(params, Float32Array.of(1), state);
  assertEquals(params[0], 9);
  assert(state.optimizer.startsWith("sketch "));
});

Deno.test("a key `__proto__` of parameters, gradients and states is a key like any other", () => {
  const tree = (a: number, proto: number) =>
    JSON.parse(
      `{ "a": [${a}], "__proto__": [${proto}] }`,
      (_, value) => Array.isArray(value) ? Float32Array.from(value) : value,
    );
  const opt = lion({
    learningRate: JSON.parse('{ "a": 0.5, "__proto__": 0.25 }'),
    weightDecay: 0,
    mask: JSON.parse('{ "a": true, "__proto__": false }'),
  });
  const params = tree(1, 1);
  const state = opt.init(params);
  assertEquals(Object.keys(state.m as object).sort(), ["__proto__", "a"]);
  opt.step(params, tree(1, 1), state);
  const own = (key: string) => Object.getOwnPropertyDescriptor(params, key)?.value[0];
  assertEquals([own("a"), own("__proto__")], [0.5, 0.75]);
  state.hyper.learningRate = JSON.parse('{ "a": 0.125, "__proto__": 0.5 }');
  opt.step(params, tree(1, 1), state);
  assertEquals([own("a"), own("__proto__")], [0.375, 0.25]);
  assertEquals(({} as { a?: unknown }).a, undefined);
});
