/** What a graph that was read says of the steps it makes: how states begin, and which numbers it is given. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { type Node, ZERO } from "../../dsl/node.ts";
import type { Sizes } from "../../dsl/matrix.ts";
import type { Program } from "../../dsl/program.ts";
import { settle } from "../../dsl/simplify.ts";
import type { Side } from "../../runtime/plan/extent.ts";
import type { Blank, Bound, Form, Kept, Rule, StepNumbers } from "../../runtime/step/device.ts";
import { STORAGE_TYPES } from "../../runtime/trees/dtype.ts";
import type { HyperNumbers } from "../../runtime/trees/hyperparameters.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import { inputOf, type State, treeNumber } from "../../runtime/trees/state.ts";
import type { StateStorage } from "../../runtime/trees/state_storage.ts";
import { at } from "../onnx/names.ts";
import { evaluateHost } from "./host.ts";
import { inputsAt, numbersOf, partsOf } from "./hyper.ts";
import type { ReadOptimizer } from "./read.ts";
import { requireGraphs } from "./tensors.ts";

/** The numbers of a step that a graph makes. */
export interface GraphForm extends Form {
  /** What it is given, by the names of its inputs. */
  readonly numbers: ReadonlyMap<string, number>;
  /** The next numbers of states that the graph does not carry. */
  readonly following: ReadonlyMap<string, number>;
}

const NONE: ReadonlyMap<string, number> = new Map();
// A graph has one way of computing a step.
const KEY = {};

/** The steps of a graph. */
export class GraphRule implements Rule<GraphForm> {
  readonly program: Program;
  readonly writable: readonly string[];
  readonly storage: StateStorage;
  readonly #read: ReadOptimizer;

  constructor(read: ReadOptimizer) {
    [this.#read, this.program] = [read, read.program];
    this.writable = [...read.hyper.keys()];
    this.storage = new Map(
      [...read.initial.keys()].flatMap((name) => {
        const own = read.model.inputs.filter((input) =>
          input.name === name || input.name.startsWith(`${name}/`)
        );
        const [type, ...others] = new Set(own.map((input) => input.type));
        const stored = STORAGE_TYPES.find((each) => each === type);
        return stored === undefined || others.length > 0 ? [] : [[name, stored]];
      }),
    );
  }

  bind(layout: Layout, _params: object, doing: string): GraphBinding {
    return new GraphBinding(this.#read, requireGraphs(layout, this.#read.model, doing));
  }
}

/** A graph and the parameters that it was written for. */
export class GraphBinding implements Bound<GraphForm> {
  readonly layout: Layout;
  readonly program: Program;
  readonly live: ReadonlySet<string>;
  readonly #read: ReadOptimizer;
  readonly #inputs: ReadonlySet<string>;
  readonly #counts: ReadonlySet<string>;
  readonly #kept: readonly Kept[];

  constructor(read: ReadOptimizer, layout: Layout) {
    [this.#read, this.program, this.layout] = [read, read.program, layout];
    this.live = new Set(read.initial.keys());
    this.#inputs = new Set(read.model.inputs.map(({ name }) => name));
    this.#counts = new Set(
      read.model.inputs.flatMap(({ name, type }) => type === "int64" ? [name] : []),
    );
    const shapes = new Map(read.model.inputs.map(({ name, shape }) => [name, shape]));
    this.#kept = layout.leaves.map((info) => {
      const live = [...this.live].filter((name) => this.#inputs.has(at(name, info)));
      const own = live.filter((name) => this.program.state.get(name)!.sizes !== undefined);
      return {
        live: new Set(live),
        // A graph is of sizes that are numbers.
        sizes: new Map(own.map((name) => {
          const [rows, columns] = shapes.get(at(name, info))!;
          return [name, [`${rows}`, `${columns}`] as Sizes<Side>];
        })),
      };
    });
  }

  kept(leaf: number): Kept {
    return this.#kept[leaf];
  }

  beginning(): {
    readonly used: Form["used"];
    of(state: string, leaf: number | undefined): Pick<Blank<never>, "init" | "symbols">;
  } {
    const { hyper, initial } = this.#read;
    const used: Record<string, HyperNumbers> = {};
    for (const [name, parts] of hyper) {
      // What is to be given at each step is not known yet.
      if (partsOf(parts).every(({ value }) => value !== null)) used[name] = numbersOf(parts, 0);
    }
    return {
      used,
      of: (state, leaf) => {
        const init = initial.get(state)!;
        const path = leaf === undefined ? "" : this.layout.leaves[leaf].path;
        const own = init instanceof Map ? init.get(path) ?? ZERO : init as Node;
        return { init: settle(own), symbols: NONE };
      },
    };
  }

  evaluation(
    { state }: Pick<StepNumbers, "state">,
    _unknown: ReadonlySet<string>,
    doing: string,
  ): GraphForm {
    const { numbers, used } = this.#numbersOf(state, 1, doing);
    for (const [name, value] of this.#treeNumbers(state, doing)) numbers.set(`next/${name}`, value);
    for (const [name, value] of evaluateHost(this.#read.host, numbers)) {
      if (!name.startsWith("next/")) numbers.set(name, value);
    }
    return { key: KEY, used, numbers, following: NONE };
  }

  form({ state, inputs }: StepNumbers, _unknown: ReadonlySet<string>, doing: string): GraphForm {
    const { numbers: all, used } = this.#numbersOf(state, 0, doing);
    for (const [name, value] of this.#treeNumbers(state, doing)) all.set(name, value);
    for (const [name, kind] of this.program.inputs) {
      if (kind === "scalar") all.set(name, inputOf(inputs, name, doing));
    }
    const following = new Map<string, number>();
    for (const [name, value] of evaluateHost(this.#read.host, all)) {
      all.set(name, value);
      if (name.startsWith("next/")) following.set(name.slice("next/".length), value);
    }
    const given = [...all].filter(([name]) => this.#inputs.has(name));
    return { key: KEY, used, numbers: new Map(given), following };
  }

  /** The count and the hyperparameters of a step so many `ago`. */
  #numbersOf(
    state: State,
    ago: 0 | 1,
    doing: string,
  ): { readonly numbers: Map<string, number>; readonly used: Form["used"] } {
    const { hyper, clocks } = this.#read;
    const clockOf = (name: string): number => {
      const clock = clocks.get(name);
      const count = clock === undefined ? state.count : treeNumber(state, clock, doing);
      return Math.max(0, count - ago);
    };
    const { domains } = this.program;
    const { numbers, used } = inputsAt(hyper, domains, this.layout, state.hyper, clockOf, doing);
    const all = new Map([["count", state.count - ago]]);
    for (const [name, number] of numbers) all.set(`hyper/${name}`, number);
    return { numbers: all, used };
  }

  #treeNumbers(state: State, doing: string): [name: string, value: number][] {
    return [...this.live]
      .filter((name) => this.program.state.get(name)!.over === "tree")
      .map((name) => [name, this.#treeNumber(state, name, doing)]);
  }

  /** The number of a state, which is whole where the graph counts in it. */
  #treeNumber(state: State, name: string, doing: string): number {
    const value = treeNumber(state, name, doing);
    if (!this.#counts.has(name) || Number.isSafeInteger(value)) return value;
    throw new GradusError(
      `${doing}: state \`${name}\` must be a whole number: given ${shown(value)}`,
    );
  }
}
