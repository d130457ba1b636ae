/** Bad gradients to a running optimizer: each is refused by name, and nothing given is changed. */
import { applyUpdates, lion } from "../../mod.ts";
import type { Document, State } from "../../mod.ts";
import { assert, assertEquals, assertThrows } from "../assert.ts";
import { assertRefused, assertRefusedUnchanged, contents } from "../refused.ts";
import { backends } from "./backends.ts";
import { type BadStep, gradients, parameters, sketch, testRefused } from "./bad_steps.ts";

const bad: readonly BadStep[] = [
  {
    name: "a gradient of another length is refused at its path",
    gradients: () => ({ ...gradients(), bias: Float32Array.of(1) }),
    says: ["gradients at `bias` must have shape [2] as the parameter has: given [1]"],
  },
  {
    name: "a gradient of another shape and the same length is refused at its path",
    gradients: () => ({
      ...gradients(),
      layers: [{ weight: { data: new Float32Array(6), shape: [3, 2] } }],
    }),
    says: [
      "gradients at `layers/0/weight` must have shape [2, 3] as the parameter has: given [3, 2]",
    ],
  },
  {
    name: "a gradient of another type is refused at its path",
    gradients: () => ({ ...gradients(), bias: Float64Array.of(1, 2) }),
    says: ["gradients at `bias` must be float32: given float64"],
  },
  {
    name: "a gradient of integers is refused at its path",
    gradients: () => ({ ...gradients(), bias: Int32Array.of(1, 2) }),
    says: [
      "`bias` must be a Float32Array, a Float64Array, a Float16Array or a Tensor: given a",
      "Int32Array of 2",
    ],
  },
  {
    name: "a gradient that is a plain list of numbers is refused at its path",
    gradients: () => ({ ...gradients(), bias: [1, -1] }),
    says: ["gradients at `bias` must be an array as the parameter is: given an array of 2"],
  },
  {
    name: "a gradient tensor whose shape does not fit its data is refused at its path",
    gradients: () => ({
      ...gradients(),
      layers: [{ weight: { data: new Float32Array(5), shape: [2, 3] } }],
    }),
    says: [
      "the tensor at `layers/0/weight` must have a shape whose product is the length of its data, " +
      "5: given [2, 3]",
    ],
  },
  {
    name: "a missing gradient is refused at its path",
    gradients: () => ({ layers: gradients().layers }),
    says: ["gradients at the root must have the parameters' structure: `bias` is missing"],
  },
  {
    name: "a missing gradient deep in the tree is refused at its path",
    gradients: () => ({ ...gradients(), layers: [{}] }),
    says: [
      "gradients at `layers/0` must have the parameters' structure: `layers/0/weight` is missing",
    ],
  },
  {
    name: "a gradient of no parameter is refused at its path",
    gradients: () => ({ ...gradients(), extra: Float32Array.of(1) }),
    says: [
      "gradients at the root must have the parameters' structure: there is no parameter `extra`",
    ],
  },
  {
    name: "a gradient object in place of a list is refused at its path",
    gradients: () => ({ ...gradients(), layers: { 0: gradients().layers[0] } }),
    says: [
      "gradients at `layers` must have the parameters' structure, an array of 1: given an object " +
      "with keys 0",
    ],
  },
  {
    name: "a gradient list in place of an object is refused at its path",
    gradients: () => ({ ...gradients(), layers: [[gradients().layers[0].weight]] }),
    says: [
      "gradients at `layers/0` must have the parameters' structure, an object of 1: given an array " +
      "of 1",
    ],
  },
  {
    name: "a gradient list that is too long is refused at its path",
    gradients: () => ({
      ...gradients(),
      layers: [...gradients().layers, ...gradients().layers],
    }),
    says: [
      "gradients at `layers` must have the parameters' structure: there is no parameter `layers/1`",
    ],
  },
  {
    name: "gradients that contain themselves are refused",
    gradients: () => {
      const cyclic: Record<string, unknown> = { ...gradients() };
      cyclic.bias = cyclic;
      return cyclic;
    },
    says: ["gradients at `bias` must be an array as the parameter is: given an object with keys"],
  },
  {
    name: "null in place of the gradients is refused",
    gradients: () => null,
    says: ["gradients at the root must have the parameters' structure, an object of 2: given null"],
  },
];

bad.forEach(testRefused);

Deno.test("a missing input is refused by name and nothing is changed", () => {
  const opt = sketch({ inputs: { value: "scalar" }, step: "u = -value*g" });
  const [params, state] = [parameters(), opt.init(parameters())];
  const says = "input `value` must be given as a number: given undefined";
  const all = [params, state];
  assertRefusedUnchanged(() => opt.step(params, gradients(), state), all, says);
  assertRefusedUnchanged(() => opt.step(params, gradients(), state, { valeu: 1 }), all, says);
});

Deno.test("a schedule that throws passes its own error on and nothing is changed", () => {
  const learningRate = (count: number) => {
    if (count === 1) throw new RangeError("no value at 1");
    return 0.1;
  };
  const opt = lion({ learningRate });
  const params = parameters();
  const state = opt.init(params);
  opt.step(params, gradients(), state);
  const before = contents([params, state]);
  const error = assertThrows(() => opt.step(params, gradients(), state), RangeError);
  assertEquals(error.message, "no value at 1");
  assertEquals(contents([params, state]), before);
});

Deno.test("a state that cannot be written is refused before anything is changed", () => {
  const opt = lion({ learningRate: 0.1 });
  for (const freeze of [(s: State) => s, (s: State) => s.hyper]) {
    const params = parameters();
    const state = opt.init(params);
    Object.freeze(freeze(state));
    const before = contents([params, state]);
    try {
      opt.step(params, gradients(), state);
      assertEquals(state.count, 1);
    } catch {
      assertEquals(contents([params, state]), before, "a refusal has changed what was given");
    }
  }
});

Deno.test("nothing in place of a state is refused", () => {
  const opt = lion({ learningRate: 0.1 });
  const params = parameters();
  for (const state of [undefined, null, 3, []] as unknown as State[]) {
    const all = [params];
    const says = 'the state must be one of "lion": given ';
    assertRefusedUnchanged(() => opt.step(params, gradients(), state), all, says);
    assertRefusedUnchanged(() => opt.update(gradients(), state, params), all, says);
  }
});

Deno.test("an update without parameters that its program reads is refused", () => {
  const opt = lion({ learningRate: 0.1 });
  const state = opt.init(parameters());
  assertRefusedUnchanged(
    () => opt.update(gradients(), state),
    [state],
    'Cannot update by "lion": it reads the parameters: they must be given as third argument',
  );
});

const sketches: readonly [name: string, document: Omit<Document, "name">, says: string][] = [
  [
    "an axis that a tensor lacks is refused by optimizer and axis",
    { step: "u = -mean(g, axis=2)*g" },
    "axis 2 needs a tensor of 3 or more dimensions: given one of ",
  ],
  [
    "an axis from the end that a tensor lacks is refused by optimizer and axis",
    { step: "u = -mean(g, axis=-2)*g" },
    "axis -2 needs a tensor of 2 or more dimensions: given one of 1",
  ],
  [
    "a state over an axis that a tensor lacks is refused by optimizer and axis",
    { state: { v: { over: 1 } }, step: "v = mean(g, axis=1)\nu = -v*g" },
    "axis 1 needs a tensor of 2 or more dimensions: given one of 1",
  ],
  [
    "an axis by extent that a tensor lacks is refused by optimizer and axis",
    { step: "u = -mean(g, axis=secondLargest)*g" },
    "axis secondLargest needs a tensor of 2 or more dimensions: given one of 1",
  ],
];

for (const [name, document, says] of sketches) {
  for (const backend of backends) {
    Deno.test(`${name} and nothing is changed (${backend})`, () => {
      const opt = sketch(document).with({ backend });
      const params = parameters();
      assertRefusedUnchanged(
        () => opt.step(params, gradients(), opt.init(params)),
        [params],
        'optimizer "sketch"',
        says,
      );
    });
  }
}

Deno.test("updates of another structure are not applied", () => {
  const params = parameters();
  const updates = { bias: Float32Array.of(1, 2), layers: [] } as unknown as typeof params;
  assertRefusedUnchanged(
    () => applyUpdates(params, updates),
    [params, updates],
    "Cannot apply updates: updates at `layers` must have the parameters' structure: " +
      "`layers/0` is missing",
  );
});

Deno.test("updates of another type are not applied", () => {
  assertRefused(
    () => applyUpdates({ a: Float32Array.of(1) }, { a: Float64Array.of(1) } as never),
    "Cannot apply updates: updates at `a` must be float32: given float64",
  );
});

Deno.test("an optimizer that has refused a step takes the next good one", () => {
  const [opt, other] = [lion({ learningRate: 0.1 }), lion({ learningRate: 0.1 })];
  const [params, expected] = [parameters(), parameters()];
  const [state, expectedState] = [opt.init(params), other.init(expected)];
  assertRefused(() => opt.step(params, {} as typeof params, state));
  opt.step(params, gradients(), state);
  other.step(expected, gradients(), expectedState);
  assertEquals(contents([params, state]), contents([expected, expectedState]));
  assert(params.bias[0] !== parameters().bias[0]);
});

Deno.test("a state in place of gradients or parameters is refused with the order of the arguments", () => {
  const opt = lion({ learningRate: 0.1 });
  const params = { w: Float32Array.of(1) };
  const state = opt.init(params);
  assertRefused(
    () => opt.update(params, params as never, state as never),
    "a state is given as parameters: the order is gradients, state, parameters",
  );
  assertRefused(
    () => opt.step(params, state as never, params as never),
    "a state is given as gradients: the order is parameters, gradients, state",
  );
});
