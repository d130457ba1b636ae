/** What a graph that was read says of the steps it makes: how states begin, and which numbers it is given. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { type Node, ZERO } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { settle } from "../../dsl/simplify.ts";
import type { Blank, Bound, Form, Rule, StepNumbers } from "../../runtime/step/device.ts";
import { STORAGE_TYPES, type StorageType } from "../../runtime/trees/dtype.ts";
import type { RoundedStorage } from "../../runtime/trees/stored.ts";
import type { HyperNumbers } from "../../runtime/trees/hyperparameters.ts";
import type { Layout } from "../../runtime/trees/layout.ts";
import { type MatrixView, viewOf } from "../../runtime/trees/view.ts";
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
    this.storage = new Map<string, StorageType | RoundedStorage>(
      [...read.initial.keys()].flatMap((name) => {
        const own = read.model.inputs.filter((input) =>
          input.name === name || input.name.startsWith(`${name}/`)
        );
        const blocks = read.blocks.get(name);
        if (blocks !== undefined) return [[name, blocks]];
        const [type, ...others] = new Set(own.map((input) => input.type));
        const stored = STORAGE_TYPES.find((each) => each === type);
        return stored === undefined || others.length > 0 ? [] : [[name, stored]];
      }),
    );
  }

  bind(layout: Layout, _params: object, doing: string): GraphBinding {
    return new GraphBinding(this.#read, requireGraphs(layout, this.#read.model, doing), doing);
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
  readonly #lives: readonly ReadonlySet<string>[];
  readonly #views: readonly (MatrixView | undefined)[];

  constructor(read: ReadOptimizer, layout: Layout, doing: string) {
    [this.#read, this.program, this.layout] = [read, read.program, layout];
    this.live = new Set(read.initial.keys());
    this.#inputs = new Set(read.model.inputs.map(({ name }) => name));
    this.#counts = new Set(
      read.model.inputs.flatMap(({ name, type }) => type === "int64" ? [name] : []),
    );
    this.#views = layout.leaves.map(({ path, shape }) => {
      const axes = read.matrices.get(path);
      return axes && viewOf(axes, shape, path, doing);
    });
    this.#lives = layout.leaves.map((info) =>
      new Set([...this.live].filter((name) => this.#inputs.has(at(name, info))))
    );
  }

  /** What a state begins from, where its parameter is seen as matrices. */
  #seen(state: string, leaf: number): Blank<never>["seen"] {
    const isLikeLeaf = this.program.state.get(state)!.over === "element";
    return this.#views[leaf] && { view: this.#views[leaf], isLikeLeaf };
  }

  livesIn(leaf: number): ReadonlySet<string> {
    return this.#lives[leaf];
  }

  stateShape(state: string, leaf: number): readonly number[] {
    const info = this.layout.leaves[leaf];
    if (!this.#lives[leaf].has(state)) return [0];
    if (this.program.state.get(state)!.over === "element") return info.shape;
    return this.#read.model.inputs.find(({ name }) => name === at(state, info))!.shape;
  }

  beginning(): {
    readonly used: Form["used"];
    of(state: string, leaf: number | undefined): Pick<Blank<never>, "init" | "seen" | "symbols">;
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
        const seen = leaf === undefined ? undefined : this.#seen(state, leaf);
        return { init: settle(own), seen, symbols: NONE };
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
