/** Compiles a plan's phases to JavaScript, once, and runs them on leaves. */
import { Evaluator } from "../../../dsl/evaluate.ts";
import { reduceOps } from "../../../dsl/ops.ts";
import { finishLanes, lanesOf } from "../lanes.ts";
import { extentSize } from "../../plan/extent.ts";
import type { Phase, Plan } from "../../plan/plan.ts";
import { keysOf, type LeafNumbers, roundingKeys } from "../random.ts";
import type { Operand } from "../../plan/products.ts";
import {
  type AddGlobal,
  type GroupRun,
  type Known,
  type LeafRun,
  withGlobals,
} from "../backend.ts";
import type { NumberArray } from "../../trees/dtype.ts";
import { compiledBits, compiledNumbers } from "./random.ts";
import { CONVERT, renderPhases } from "./render.ts";

type PhaseFunction = (
  shape: readonly number[],
  size: number,
  inputs: LeafRun["inputs"],
  outputs: LeafRun["outputs"],
  scalars: Float64Array,
  cells: readonly Operand["data"][],
  sums: readonly Float64Array[],
  temporaries: readonly NumberArray[],
  convert: typeof CONVERT,
  random: LeafNumbers,
  rounding: LeafNumbers,
) => void;

// By source: programs of equal structure share what is compiled, whatever their names.
const compiled = new Map<string, PhaseFunction>();
const MOST_COMPILED = 1024;
let forbidden: boolean | undefined;

/** Whether this place forbids making functions from text, as a content security policy may. */
export function isCodeForbidden(): boolean {
  if (forbidden === undefined) {
    try {
      new Function("return 0");
      forbidden = false;
    } catch {
      forbidden = true;
    }
  }
  return forbidden;
}

/** A group's compiled phases and the numbers they take. */
export class Kernel {
  readonly #group: GroupRun;
  readonly #phases: readonly PhaseFunction[];
  readonly #scalars: Evaluator;
  readonly #numbers: Float64Array;
  #keys = new Uint32Array(0);
  #roundingKeys = new Uint32Array(0);
  readonly #round: (x: number) => number;

  constructor(group: GroupRun) {
    const { plan, dtype, inputs, outputs } = group;
    this.#group = group;
    this.#round = dtype === "float32" ? Math.fround : (x) => x;
    this.#numbers = new Float64Array(plan.scalars.length);
    let prepared = preparations.get(plan);
    if (prepared === undefined) {
      prepared = {
        phases: renderPhases(plan, dtype, inputs, outputs).map(compile),
        scalars: new Evaluator([
          ...plan.scalars.map(({ node }) => node),
          ...plan.treeStates.values(),
          ...plan.random.flatMap(({ src }) => src),
        ]),
      };
      preparations.set(plan, prepared);
    }
    this.#phases = prepared.phases;
    this.#scalars = prepared.scalars;
  }

  /** Brings the numbers up to date with the reductions over the tree known so far. */
  evaluate(globals: Known): void {
    this.#scalars.evaluate(withGlobals(this.#group.symbols, globals));
    this.#group.plan.scalars.forEach(({ node }, i) =>
      this.#numbers[i] = this.#round(this.#scalars.get(node))
    );
    this.#keys = keysOf(this.#group.plan.random, (node) => this.#scalars.get(node));
    this.#roundingKeys = roundingKeys(this.#group);
  }

  /** Runs the loops of a phase. */
  run(
    phase: number,
    leaf: LeafRun,
    cells: readonly Operand["data"][],
    temporaries: readonly NumberArray[],
    addGlobal: AddGlobal,
  ): void {
    const { plan } = this.#group;
    const { shape, size, inputs, outputs } = leaf;
    const accumulations = accumulationsOf(plan.phases[phase]);
    const lanes = accumulations.map(({ operand, extent }) =>
      // What is reduced to one value has joined its lanes by the end of the loop.
      extent === 0 ? 1 : lanesOf(extent, plan.extents.get(operand)!, plan.rank)
    );
    const sums = accumulations.map(({ op, extent }, k) =>
      new Float64Array(lanes[k] * extentSize(extent, shape)).fill(reduceOps[op].start)
    );
    const random = compiledNumbers(plan, this.#keys, leaf);
    this.#phases[phase](
      ...[shape, size, inputs, outputs, this.#numbers, cells, sums] as const,
      ...[temporaries, CONVERT, random, compiledBits(this.#roundingKeys, leaf)] as const,
    );
    accumulations.forEach(({ op, operand, into }, k) => {
      const reduced = extentSize(plan.extents.get(operand)!, shape);
      if ("global" in into) return addGlobal(into.global, sums[k][0], reduced);
      const cell = cells[into.cell];
      finishLanes(op, lanes[k], sums[k], reduced / cell.length, cell);
    });
  }

  /** The next values of states that are kept once for the tree. */
  treeStates(globals: Known): Map<string, number> {
    this.evaluate(globals);
    return new Map([...this.#group.plan.treeStates].map(([name, node]) => [
      name,
      this.#scalars.get(node),
    ]));
  }
}

const preparations = new WeakMap<Plan, {
  readonly phases: readonly PhaseFunction[];
  readonly scalars: Evaluator;
}>();

function compile(source: string): PhaseFunction {
  let phase = compiled.get(source);
  if (phase === undefined) {
    phase = new Function(`"use strict"; return ${source}`)() as PhaseFunction;
    if (compiled.size >= MOST_COMPILED) compiled.delete(compiled.keys().next().value!);
    compiled.set(source, phase);
  }
  return phase;
}

function accumulationsOf(phase: Phase): Phase[number]["accumulations"][number][] {
  return phase.flatMap(({ accumulations }) => accumulations);
}
