/** Optax's options by Optax's names in camel case, with Optax's defaults: the table of names has them all. */
import * as gradus from "../../mod.ts";
import type { Optimizer, OptimizerFactory } from "../../mod.ts";
import { assert, assertEquals } from "../assert.ts";
import { optionsOf, parametersOf, tableOf, valueOf } from "../parity/tables.ts";
import { camelCase, OPTIMIZERS } from "./cases.ts";

const exported = gradus as unknown as Readonly<Record<string, OptimizerFactory<unknown>>>;

/** The options of each function of Optax that is a factory here, by our names, and what Optax has by default. */
const signatures: Readonly<Record<string, Readonly<Record<string, unknown>>>> = Object.fromEntries(
  Object.entries(tableOf("optax").names)
    .filter(([, { here, entry }]) =>
      here !== undefined && entry === undefined && typeof exported[here] === "function" &&
      "program" in exported[here]
    )
    .map(([name, row]) => {
      const usual = new Map(parametersOf(row));
      const { differs = {} } = row;
      const same = optionsOf(row).filter(([theirs]) => !Object.hasOwn(differs, theirs));
      const options = same.map(([theirs, ours]) => {
        const text = usual.get(theirs);
        return [ours, text === undefined ? "required" : valueOf(text)];
      });
      return [name.split(".").at(-1), Object.fromEntries(options)];
    }),
);

/** Defaults that are functions there, and what stands for them here. */
const FUNCTIONS: Readonly<Record<string, unknown>> = { clipValueFn: 0 };

function given(name: string, value: unknown): unknown {
  if (value === "required") return 0.5;
  // A type of storage, or a function.
  if (value === undefined) return name.endsWith("ype") ? "float32" : FUNCTIONS[name];
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
  const present = Object.entries(signature);
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
  for (const [fn, { learningRate: rate }] of Object.entries(signatures)) {
    if (typeof rate !== "number") continue;
    assertEquals(exported[camelCase(fn)].program.hyper.get("learningRate"), rate, fn);
  }
});

Deno.test("defaults that the table says differ do", () => {
  const rows = Object.values(tableOf("optax").names).filter(({ differs }) => differs !== undefined);
  for (const row of rows) {
    const usual = new Map(parametersOf(row));
    for (const [theirs, ours] of optionsOf(row)) {
      if (!Object.hasOwn(row.differs!, theirs)) continue;
      const here = exported[row.here!].program.hyper.get(ours);
      assert(
        here !== undefined && here !== valueOf(usual.get(theirs)!),
        `${theirs} of ${row.here}`,
      );
    }
  }
  assert(rows.length > 0);
});

Deno.test("every case is a direct call of the optimizer of its name", () => {
  for (const [fn, factory] of Object.entries(OPTIMIZERS)) {
    assert((factory as unknown) === exported[camelCase(fn)], fn);
    assert(fn in signatures, fn);
  }
});
