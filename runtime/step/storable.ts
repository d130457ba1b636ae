/** Refuses states that are stored too short for what a step does with them. */
import { GradusError } from "../../dsl/errors.ts";
import { elaborate, specialise } from "../../dsl/graph.ts";
import { constant, type Node, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { knownNumber, ordersOf, recurrencesOf } from "../plan/recurrence.ts";
import { allocate, isShort, load, type ShortType, SIGNIFICANT, storeAll } from "../trees/dtype.ts";
import { dtypeOf, isUnsigned, seedOf, type Stored } from "../trees/stored.ts";
import type { HyperValue, Setting } from "../trees/hyperparameters.ts";
import type { StateStorage } from "../trees/state_storage.ts";

/**
 * Refuses what of `storage` loses what a step does, as far as the constants among the `settings` tell:
 * squares as float16, a beginning that a type does not have, and what is rounded to nearest though a step
 * changes it by less than half a unit.
 */
export function requireStorable(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  storage: StateStorage,
  doing: string,
): void {
  const short = [...storage].filter(([, stored]) =>
    isShort(dtypeOf(stored)) || dtypeOf(stored) === "block8"
  );
  if (short.length > 0) requireShort(program, settings, short, doing);
}

/** The same of states that are stored short. */
function requireShort(
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  short: readonly (readonly [name: string, stored: Stored])[],
  doing: string,
): void {
  const graph = specialise(elaborate(program), structuralIn(settings));
  const orders = ordersOf(program, graph);
  for (const [name, stored] of short) {
    const dtype = dtypeOf(stored) as ShortType | "block8";
    const refuse = (why: string) => {
      throw new GradusError(
        `${doing}: state \`${name}\` must not be stored as ${spellWay(stored)}, ${why}`,
      );
    };
    if (dtype === "float16" && orders.get(name)! >= 2) {
      refuse(
        "since it is made of squares of gradients: float16 has no number between 0 and 2^-24, so that " +
          `the squares of gradients below 2^-12 are lost; ${instead("bfloat16")}`,
      );
    }
    for (const numbers of numbersIn(settings)) {
      const init = knownNumber(program.state.get(name)!.init, numbers) ?? 0;
      const [begun, inFloat32] = [storedValue(stored, init), Math.fround(init)];
      if (isOrdinary(inFloat32) && !isOrdinary(begun)) {
        refuse(`since it begins at ${init}, which would be ${begun}`);
      }
      if (seedOf(stored) !== undefined) continue;
      const ways = recurrencesOf(graph, name, numbers);
      const isSum = ways.some(({ isAdded }) => isAdded) && ways.every(({ kept }) => kept === 1);
      if (dtype === "block8") {
        // A mean that goes down does so with its scale, which is a float32.
        if (isSum) {
          refuse(
            "since it is a running sum, and what is added is rounded away when it is less than a hundredth " +
              `of the sum or more; ${instead("bfloat16")}`,
          );
        }
        continue;
      }
      const power = SIGNIFICANT[dtype] + 1;
      const slow = ways.find(({ kept }) => kept < 1 && 1 - kept < 2 ** -power);
      if (slow !== undefined) {
        refuse(
          `since a step lets go of ${
            digits(1 - slow.kept)
          } of it, and what changes it by less than ` +
            `2^-${power} is rounded away; ${instead(dtype)}`,
        );
      }
      if (isSum) {
        refuse(
          `since it is a running sum, and what is added is rounded away when it is less than ` +
            `2^-${power} of the sum; ${instead(dtype)}`,
        );
      }
    }
  }
}

function isOrdinary(value: number): boolean {
  return Number.isFinite(value) && value !== 0;
}

function spellWay(stored: Stored): string {
  const dtype = dtypeOf(stored);
  return seedOf(stored) === undefined ? `${dtype} rounded to nearest` : dtype;
}

function instead(dtype: ShortType): string {
  return `ask for { dtype: "${dtype}", rounding: "stochastic" }`;
}

function digits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function storedValue(stored: Stored, value: number): number {
  const dtype = dtypeOf(stored);
  const array = allocate(dtype, 1, isUnsigned(stored));
  storeAll(dtype, array, () => value);
  return load(dtype, array, 0);
}

/** What of the settings decides the form of the program, for parameters that no mask takes out. */
function structuralIn(settings: ReadonlyMap<string, Setting>): Map<string, Node> {
  const structural = new Map<string, Node>();
  for (const [name, { value, mask }] of settings) {
    if (value === 0) structural.set(name, ZERO);
    else if (typeof value === "boolean" && mask === undefined) {
      structural.set(name, constant(Number(value)));
    }
  }
  return structural;
}

/** The constants among the settings; of a tree, each of its numbers in turn. */
function numbersIn(settings: ReadonlyMap<string, Setting>): ReadonlyMap<string, number>[] {
  const all = [...settings].map(([name, { value }]) => [name, [...constantsIn(value)]] as const)
    .filter(([, numbers]) => numbers.length > 0);
  const first = new Map(all.map(([name, [number]]) => [name, number]));
  const others = all.flatMap(([name, [, ...numbers]]) =>
    numbers.map((number) => new Map([...first, [name, number]]))
  );
  return [first, ...others];
}

function constantsIn(value: HyperValue | boolean): Set<number> {
  if (typeof value === "number") return new Set([value]);
  if (typeof value !== "object") return new Set();
  return new Set(Object.values(value).flatMap((each) => [...constantsIn(each)]));
}
