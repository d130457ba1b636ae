/** What a trainer trains: parameters, the state of their optimizer and what else is carried, and steps of these. */
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { Step } from "../../runtime/step/step.ts";
import { isTensor, sameShape, type Tensor } from "../../runtime/trees/leaf.ts";
import { type State, treeNumber } from "../../runtime/trees/state.ts";
import type { Loaded } from "../safetensors/load.ts";
import { OrtDevice } from "./device.ts";
import type { Engine, Further, Run, Taken, Value } from "./engine.ts";
import { type HeldLeaf, leavesIn } from "./held.ts";
import type { Joined } from "./joined.ts";
import type { Kernel } from "./kernel.ts";
import type { GraphForm, GraphRule } from "./rule.ts";
import { requireAlike, takenOf } from "./trees.ts";

/** Flat trees of tensors, by name. */
export type Tensors = Record<string, Tensor>;

/** A run of a joined model, step by step. */
export class Training {
  readonly #engine: Engine;
  readonly #step: Step<HeldLeaf, GraphForm>;
  readonly #kernel: Kernel | undefined;
  #params: Tensors;
  #carried: Tensors;
  #state: State;
  /** What the graph is given and asked for in the step that is running. */
  #further: Further | undefined;
  /** The program's further inputs in that step. */
  #inputs: Readonly<Record<string, unknown>> = {};

  /** Begins with arrays that are its own from then on; `kernel` makes the steps where the graph does not. */
  constructor(
    engine: Engine,
    rule: GraphRule,
    kernel: Kernel | undefined,
    params: Tensors,
    carried: Tensors,
    doing: string,
  ) {
    [this.#engine, this.#kernel] = [engine, kernel];
    const device = new OrtDevice({
      read: (node, path, doing) => engine.read(node, path, doing),
      run: (run) =>
        kernel === undefined ? engine.run(this.#asJoined(run)) : this.#byKernel(kernel, run),
      numbersIn: (leaves, doing) => engine.numbersIn(leaves, doing),
    }, undefined);
    this.#step = new Step(rule, device);
    this.#carried = carried;
    const state = this.#step.init(params, doing);
    [this.#params, this.#state] = kernel === undefined
      ? [params, state]
      : kernel.place(params, state);
  }

  /** The state, whose arrays are those of the last download. */
  get state(): State {
    return this.#state;
  }

  /** One step; `take` is told the outputs before anything is written, and nothing is if it throws. */
  async step(
    feeds: ReadonlyMap<string, Value>,
    outputs: readonly string[],
    take: Further["take"],
    inputs: Readonly<Record<string, unknown>>,
    doing: string,
  ): Promise<void> {
    [this.#further, this.#inputs] = [{ feeds, outputs, take }, inputs];
    try {
      // Gradients are inside the graph: what stands in their place is not read.
      await this.#step.step(this.#params, this.#params, this.#state, inputs, doing);
    } finally {
      this.#further = undefined;
    }
  }

  /** All of it, with its numbers as they are now. */
  async download(
    doing: string,
  ): Promise<{ readonly params: Tensors; readonly state: State; readonly carried: Tensors }> {
    const all = { params: this.#params, state: this.#state, carried: this.#carried };
    await this.#engine.download(leavesIn(all), doing);
    return all;
  }

  /** Parameters and what else is carried, where they are. */
  taken(): Taken[] {
    return takenOf({ ...this.#params, ...this.#carried }).map((taken) => {
      const { leaf, shape } = taken;
      const buffer = this.#engine.bufferOf(leaf);
      return buffer === undefined ? taken : { ...taken, leaf: { buffer, shape } };
    });
  }

  /** Numbers that the state keeps for the tree, as tensors. */
  numbersOf(states: Joined["kept"], doing: string): Tensors {
    return Object.fromEntries(states.map(({ name, type }) => {
      const number = treeNumber(this.#state, name, doing);
      const data = type === "float64" ? Float64Array.of(number) : Float32Array.of(number);
      return [name, { data, shape: [] }];
    }));
  }

  /** Takes other numbers for some parameters. */
  set(params: Readonly<Record<string, Tensor>>, doing: string): void {
    const wrong = Object.keys(params).find((name) => !Object.hasOwn(this.#params, name));
    if (wrong !== undefined) {
      const near = suggestion(wrong, Object.keys(this.#params));
      throw new GradusError(`${doing}: there is no parameter ${quoted(wrong)}${near}`);
    }
    const pairs = Object.entries(params).map(([name, given]) => {
      const own = this.#params[name];
      const isAlike = isTensor(given) && given.data.constructor === own.data.constructor &&
        sameShape(given.shape, own.shape) && given.data.length === own.data.length;
      if (isAlike) return [own, given] as const;
      throw new GradusError(
        `${doing}: ${quoted(name)} must be a ${own.data.constructor.name} of shape ` +
          `[${own.shape.join(", ")}], as \`{ data, shape }\`: given ${shown(given)}`,
      );
    });
    for (const [own, given] of pairs) own.data.set(given.data);
    this.#engine.upload(leavesIn(pairs.map(([own]) => own)), doing);
  }

  /** The parameters, as a checkpoint must have them. */
  get like(): Tensors {
    return this.#params;
  }

  /** Goes on from what a checkpoint has, if that is of the same arrays. */
  restore({ params, state, buffers }: Loaded<Tensors>, doing: string): void {
    const fresh = this.#step.init(params, doing);
    requireAlike(state, fresh, doing);
    const carried = Object.entries(this.#carried).map(([name, { data, shape }]) => {
      const own = Object.hasOwn(buffers, name) ? buffers[name] : undefined;
      const isAlike = own !== undefined && own.data.constructor === data.constructor &&
        sameShape(own.shape, shape);
      if (isAlike) return [name, own] as const;
      throw new GradusError(
        `${doing}: the checkpoint must have ${quoted(`buffers/${name}`)} of shape ` +
          `[${shape.join(", ")}]`,
      );
    });
    this.#engine.release(leavesIn([this.#params, this.#state, this.#carried]));
    this.#kernel?.release(this.#params, this.#state);
    // States that the checkpoint's optimizer has no use for begin afresh.
    const next = { ...fresh, ...state };
    this.#carried = Object.fromEntries(carried);
    [this.#params, this.#state] = this.#kernel?.place(params, next) ?? [params, next];
  }

  /** Gives back what it took. */
  dispose(): void {
    this.#kernel?.release(this.#params, this.#state);
    this.#kernel?.dispose();
  }

  /** A run of a step alone as one of the graph without it, whose gradients the library makes a step of. */
  async #byKernel(kernel: Kernel, { doing }: Run): Promise<ReadonlyMap<string, number>> {
    const { feeds, outputs, take } = this.#further!;
    await this.#engine.run({
      written: takenOf(this.#carried),
      read: takenOf({ ...this.#params, ...this.numbersOf(kernel.kept, doing) }),
      numbers: new Map(),
      further: {
        feeds,
        outputs: [...new Set([...outputs, ...kernel.gradients.values()])],
        take: (values) => {
          take(values);
          kernel.step(this.#params, values, this.#state, this.#inputs);
        },
      },
      doing,
    });
    // The step has written the numbers of the state itself.
    return new Map();
  }

  /** A run of a step alone as one of the joined graph. */
  #asJoined({ written, read, ...run }: Run): Run {
    const renamed = written.map((taken) =>
      taken.name.startsWith("w/") ? { ...taken, name: taken.name.slice(2) } : taken
    );
    return {
      ...run,
      written: [...renamed, ...takenOf(this.#carried)],
      read: read.filter(({ name }) => !name.startsWith("g/")),
      further: this.#further,
    };
  }
}
