/**
 * A device as an example: arrays are lists of numbers that count how often they are handed over, and the
 * interpreter computes. All that there is to another device is in this file.
 */
import { elaborate } from "../../../dsl/graph.ts";
import { arraysOf, type GroupRun, typesOf } from "../../../runtime/backends/backend.ts";
import { interpret } from "../../../runtime/backends/interpreter/run.ts";
import { variantOf } from "../../../runtime/plan/variants.ts";
import type { StepForm } from "../../../runtime/step/form.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../../runtime/step/device.ts";
import { initialLeaf } from "../../../runtime/step/initial.ts";
import { asLeaf, type Leaf, type LeafInfo } from "../../../runtime/trees/leaf.ts";

/** An array of this device. */
export interface List {
  readonly numbers: number[];
  /** How often a step has read or written it. */
  uses: number;
}

/** A list of these numbers. */
export function list(...numbers: number[]): List {
  return { numbers, uses: 0 };
}

/** Lists of numbers as a place where optimizers run. */
export class ListDevice implements Device<List, StepForm> {
  readonly storesAsGiven = false;
  readonly ownNumbers: ReadonlySet<string> = new Set();

  read(node: unknown): Leaf<List> | undefined {
    if (typeof node !== "object" || node === null || !("numbers" in node)) return undefined;
    const data = node as List;
    return {
      data,
      shape: [data.numbers.length],
      dtype: "float32",
      stored: "float32",
      isBare: false,
    };
  }

  create(blanks: readonly Blank<List>[]): List[] {
    return blanks.map(({ info, stored, shape, init, symbols, parameter }) => {
      const w = parameter && Float32Array.from(parameter.numbers);
      const bare: LeafInfo = { ...info, isBare: true };
      return list(...asLeaf(initialLeaf(init, bare, w, symbols, stored, shape), "", "")!.data);
    });
  }

  write(): Admit<List> {
    return (array) => array;
  }

  place(): never {
    throw new Error("Numbers are in the state.");
  }

  prepare(
    work: Work<List>,
    { key: { binding, program, keys } }: StepForm,
  ): Prepared<StepForm> {
    const { inputs, states } = work;
    const groups = binding.groups.map(({ stored, dtype, axes, live }, i): GroupRun => {
      const kinds = (names: readonly string[]) => names.map((name) => ({ name, dtype }));
      const kept = states.filter((name) => live.has(name));
      const arrays = arraysOf(work.mode, stored, kinds(["g", ...inputs]), kinds(kept), true);
      const key = { ...keys[i], live, mode: arrays.mode, axes, dtypes: typesOf(arrays) };
      const variant = variantOf(program, { ...key, backend: "interpreter" });
      return { ...variant, ...arrays, backend: "interpreter", symbols: new Map() };
    });
    return {
      run({ symbols }) {
        groups.forEach((group, i) => group.symbols = symbols[i]);
        const { params, reads, states: before, next, out } = work.arrays;
        const results: [List, Float32Array][] = [];
        const leaves = binding.layout.leaves.map(({ number, shape, size }, i) => {
          const k = binding.groups.indexOf(binding.groupOf[i]);
          const isKept = (_: unknown, s: number) => binding.groups[k].live.has(states[s]);
          const read = [params!, ...reads, ...before.filter(isKept)].map((tree) => tree[i]);
          const written = [out, ...next.filter(isKept)].map((tree) => tree[i]);
          for (const each of new Set([...read, ...written])) each.uses++;
          const outputs = written.map(({ numbers }) => new Float32Array(numbers.length));
          written.forEach((each, o) => results.push([each, outputs[o]]));
          const inputs = read.map(({ numbers }) => Float32Array.from(numbers));
          return { group: groups[k], number, shape, size, inputs, outputs };
        });
        const { globals } = elaborate(program);
        const treeStates = interpret({ leaves, globals });
        for (const [{ numbers }, result] of results) numbers.splice(0, Infinity, ...result);
        return treeStates;
      },
    };
  }
}
