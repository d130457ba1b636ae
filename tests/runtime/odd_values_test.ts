/** Whatever stands where a number, a shape or a name should is refused in a few words. */
import * as gradus from "../../mod.ts";
import { adam, GradusError, type State } from "../../mod.ts";
import { toOnnx } from "../../export/onnx/mod.ts";
import { assert } from "../assert.ts";

const LONG = "k".repeat(1_000_000);

/** Things that are no number; as text, many of them throw or fill a screen. */
const ODD: readonly unknown[] = [
  ...[Symbol(LONG), () => 1, 10n ** 5000n, null, new Date(0), new Map(), /x/, LONG, NaN, true],
  ...[{ a: Symbol() }, [() => 1], { a: () => 1 }, [], {}, new Proxy({}, {}), Object.create(null)],
  ...[new DataView(new ArrayBuffer(3)), new Uint8Array(2), { [LONG]: 1 }],
];

const params = () => ({ a: Float32Array.of(1), b: { data: Float32Array.of(1, 2), shape: [2] } });

/** A step of Adam from a state that `change` has been at. */
function stepped(change: (state: State, params: Record<string, unknown>) => void, isPure = false) {
  const opt = adam({ learningRate: 1 });
  const given = params();
  const state = opt.init(given);
  const gradients: Record<string, unknown> = params();
  change(state, gradients);
  if (isPure) opt.update(gradients as typeof given, state, given);
  else opt.step(given, gradients as typeof given, state);
}

type Make = Record<string, (...given: unknown[]) => { init(params: unknown): unknown }>;
const make = gradus as unknown as Make;

const places: Readonly<Record<string, (odd: unknown) => unknown>> = {
  "a number written into a state": (odd) => stepped(({ hyper }) => hyper.b1 = odd as number),
  "the same in an update": (odd) => stepped(({ hyper }) => hyper.b1 = odd as number, true),
  "one of a tree": (odd) => stepped(({ hyper }) => hyper.b1 = { a: odd as number, b: 0.5 }, true),
  "all that is written": (odd) => stepped((state) => state.hyper = odd as State["hyper"]),
  "a state": (odd) => stepped((state) => state.m = odd),
  "a count": (odd) => stepped((state) => state.count = odd as number),
  "a gradient": (odd) => stepped((_, gradients) => gradients.a = odd),
  "parameters": (odd) => make.adam({ learningRate: 1 }).init(odd),
  "a parameter": (odd) => make.adam({ learningRate: 1 }).init({ a: odd }),
  "a shape": (odd) =>
    make.adam({ learningRate: 1 }).init({ data: new Float32Array(2), shape: odd }),
  "an extent": (odd) =>
    make.adam({ learningRate: 1 }).init({ data: new Float32Array(2), shape: [odd] }),
  "an extent of an exported graph": (odd) => toOnnx(adam({ learningRate: 1 }), [odd] as object),
  "options": (odd) => make.adam(odd),
  "an option": (odd) => make.adam({ learningRate: 1, b1: odd }).init(params()),
  "a mask": (odd) => make.adamw({ learningRate: 1, mask: odd }).init(params()),
  "what a schedule gives": (odd) => make.adam({ learningRate: () => odd }).init(params()),
  "labels": (odd) => make.partition({ a: adam({ learningRate: 1 }) }, odd).init(params()),
  "parts of a chain": (odd) => make.namedChain(odd),
  "what is fixed": (odd) => make.fixed(adam, { name: "x" }, odd),
  "notes": (odd) => make.fixed(adam, odd, {}),
  "a number that is fixed": (odd) => make.fixed(adam, { name: "x" }, { b1: odd }),
  "a default of a document": (odd) =>
    make.parseProgram({ name: "x", hyper: { a: odd }, step: "u = g" }),
  "a domain": (odd) =>
    make.parseProgram({ name: "x", hyper: { a: { default: 1, domain: odd } }, step: "u = g" }),
};

for (const [name, run] of Object.entries(places)) {
  Deno.test(`${name} is taken or refused in a few words, whatever it is`, () => {
    let refused = 0;
    for (const odd of ODD) {
      try {
        run(odd);
      } catch (error) {
        assert(error instanceof GradusError, `${error}`.slice(0, 200));
        assert(
          error.message.length < 600,
          `${error.message.length}: ${error.message.slice(0, 200)}`,
        );
        refused++;
      }
    }
    assert(refused >= 8, `${refused} were refused`);
  });
}

const keys: Readonly<Record<string, () => unknown>> = {
  "parameter that is no array": () => make.adam({ learningRate: 1 }).init({ [LONG]: 1 }),
  "parameter without a gradient": () => {
    const opt = adam({ learningRate: 1 });
    opt.step({ [LONG]: Float32Array.of(1) }, {}, opt.init({ [LONG]: Float32Array.of(1) }));
  },
  "gradient without a parameter": () => stepped((_, gradients) => gradients[LONG] = 1),
  "option": () => make.adam({ learningRate: 1, [LONG]: 1 }),
  "written hyperparameter": () => stepped(({ hyper }) => hyper[LONG] = 1),
  "part of a chain": () => make.namedChain({ [LONG]: adam({ learningRate: 1 }) }),
  "key of a document": () => make.parseProgram({ name: "x", step: "u = g", [LONG]: 1 }),
  "hyperparameter of a document": () =>
    make.parseProgram({ name: "x", hyper: { [LONG]: 1 }, step: "" }),
  "leaf of a mask": () =>
    make.adamw({ learningRate: 1, mask: { a: true, b: true, [LONG]: true } }).init(params()),
};
for (const [name, run] of Object.entries(keys)) {
  Deno.test(`a ${name} with a name of a million letters is refused in a few words`, () => {
    let error: unknown;
    try {
      run();
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof GradusError, `${error}`.slice(0, 200));
    assert(error.message.length < 600, `${error.message.length}`);
    assert(error.message.includes("k".repeat(20)), error.message);
  });
}
