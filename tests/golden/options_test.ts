/** Optax's options by Optax's names in camel case, with Optax's defaults: optax_options.json has them all. */
import * as gradus from "../../mod.ts";
import type { Optimizer, OptimizerFactory } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { camelCase, OPTIMIZERS } from "./cases.ts";

type Default = number | boolean | string | null | readonly (number | string)[];

const signatures: Readonly<Record<string, Readonly<Record<string, Default>>>> = JSON.parse(
  Deno.readTextFileSync(new URL("optax_options.json", import.meta.url)),
);
const exported = gradus as unknown as Readonly<Record<string, OptimizerFactory<unknown>>>;

/** Options that there are not, each for its reason; by the function, or `*` for any. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  // A key of JAX's random numbers: `seed` says which noise.
  "*": ["key"],
  // Types of states are chosen by the option `storage` of `init`.
  scale_by_distance_over_gradients: ["param_dtype"],
  // Units of parameters of another layout.
  adaptive_grad_clip: ["axis"],
  muon: ["muon_weight_dimension_numbers"],
  // None by default: a step with a search takes a function of the caller's.
  lbfgs: ["linesearch"],
  // The diagonal is an input of the step.
  sophia: ["hessian_diagonal_fn", "verbose", "print_win_rate_every_n_steps"],
  // Adam and AdamW with `nesterov` for good.
  nadam: ["nesterov"],
  nadamw: ["nesterov"],
  // `decayRate` may be a schedule itself.
  scale_by_factored_rms: ["decay_rate_fn"],
};

/** Defaults that are functions there, and what stands for them here. */
const FUNCTIONS: Readonly<Record<string, unknown>> = { clipValueFn: 0 };

function given(name: string, value: Default): unknown {
  if (value === "required") return 0.5;
  if (value === "callable") return FUNCTIONS[name];
  if (value !== null) return value;
  // None says that there is no mask, and that states are stored in the type of the parameters.
  if (name.toLowerCase().endsWith("mask")) return true;
  return name.endsWith("Dtype") ? "float32" : value;
}

/** What an optimizer was made with; a mask that is true for all is none. */
function made({ program, settings }: Optimizer): string {
  const plain = [...settings].map(([name, { value, mask }]) => [
    name,
    value,
    mask === true ? undefined : mask,
  ]);
  return JSON.stringify([program.name, gradus.printProgram(program), plain]);
}

for (const [fn, signature] of Object.entries(signatures)) {
  const absent = [...ABSENT["*"], ...ABSENT[fn] ?? []];
  const present = Object.entries(signature).filter(([name]) => !absent.includes(name))
    .map(([name, value]) => [camelCase(name), value] as const);
  const named = present.map(([name]) => name).join(", ");

  Deno.test(`${fn} by its names and defaults: ${named}`, () => {
    const make = exported[camelCase(fn)] as (options: object) => Optimizer;
    const isNeeded = ([name, value]: typeof present[number]) =>
      value === "required" || ["seed", "learningRate"].includes(name);
    const least = present.filter(isNeeded).map(([name]) => [name, name === "seed" ? 1 : 0.5]);
    const needed = Object.fromEntries(least);
    const all = Object.fromEntries(present.map(([name, value]) => [name, given(name, value)]));
    assertEquals(made(make({ ...all, ...needed })), made(make(needed)));
  });
}

Deno.test("step sizes that Optax has defaults for have the same ones", () => {
  for (const [fn, { learning_rate: rate }] of Object.entries(signatures)) {
    if (typeof rate !== "number") continue;
    assertEquals(exported[camelCase(fn)].program.hyper.get("learningRate"), rate, fn);
  }
});

Deno.test("what is named absent is an option of Optax that is none here", () => {
  for (const [fn, names] of Object.entries(ABSENT)) {
    for (const name of names) {
      if (fn === "*") continue;
      assert(name in signatures[fn], `${fn} has no ${name}`);
      assert(!exported[camelCase(fn)].program.hyper.has(camelCase(name)));
    }
  }
});

Deno.test("every case is a direct call of the optimizer of its name", () => {
  for (const [fn, factory] of Object.entries(OPTIMIZERS)) {
    assert((factory as unknown) === exported[camelCase(fn)], fn);
    assert(fn in signatures, fn);
  }
});
