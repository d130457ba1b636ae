/**
 * Steps of a joined model on the library's own kernels. On WebAssembly whatever a graph is given and gives is copied at
 * every step: of parameters and gradients that is a third of what it is of parameters and states.
 */
import { create } from "@bufbuild/protobuf";
import { type ModelProto, ValueInfoProtoSchema } from "onnx-buf";
import { GradusError } from "../../dsl/errors.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { resident } from "../../runtime/resident.ts";
import type { Tensor } from "../../runtime/trees/leaf.ts";
import { beside, release } from "../../runtime/trees/placement.ts";
import type { State } from "../../runtime/trees/state.ts";
import { valueInfo } from "../onnx/proto.ts";
import { cutModel } from "./cut.ts";
import type { Value } from "./engine.ts";
import { type Joined, joinedOptimizer } from "./joined.ts";

type Tensors = Record<string, Tensor>;

/** The optimizer of a joined model, which steps parameters where its kernels compute. */
export class Kernel {
  /** The value that is the gradient of each parameter. */
  readonly gradients: ReadonlyMap<string, string>;
  /** What the graph without the step takes of the state, such as the scale of the loss. */
  readonly kept: Joined["kept"];
  readonly #optimizer: Optimizer;
  #given: Tensors | undefined;

  constructor(
    optimizer: Optimizer,
    gradients: ReadonlyMap<string, string>,
    kept: Joined["kept"],
  ) {
    [this.#optimizer, this.gradients, this.kept] = [optimizer, gradients, kept];
  }

  /** Parameters and their state in the memory of the kernels. */
  place(params: Tensors, state: State): [params: Tensors, state: State] {
    this.#given ??= resident(params);
    const own = resident(params);
    const placed = { ...state };
    for (const [name, tree] of Object.entries(state)) {
      if (name === "hyper" || typeof tree !== "object") continue;
      placed[name] = Object.fromEntries(
        Object.entries(tree as object).map((
          [path, leaf],
        ) => [path, beside(leaf, path, own[path].data)]),
      );
    }
    return [own, placed];
  }

  /** Makes a step of the gradients among `values`. */
  step(
    params: Tensors,
    values: ReadonlyMap<string, Value>,
    state: State,
    inputs: Readonly<Record<string, unknown>>,
  ): void {
    const given = this.#given!;
    for (const [name, gradient] of this.gradients) {
      given[name].data.set(values.get(gradient)!.data as Float32Array);
    }
    this.#optimizer.step(params, given, state, inputs);
  }

  /** Gives back what was placed. */
  release(params: Tensors, state: State): void {
    for (const tree of [params, ...Object.values(state)]) {
      if (typeof tree === "object" && tree !== null) release(tree);
    }
  }

  /** Gives back what it took for itself. */
  dispose(): void {
    if (this.#given !== undefined) release(this.#given);
    this.#given = undefined;
  }
}

/**
 * What makes the steps of a joined model in the place of its graph, of which `rest` is left; undefined where only the graph can: its file lacks
 * a number that is yet to be written into the state, or numbers were `given` for parts of a hyperparameter.
 */
export function kernelOf(
  { read: { model, program }, gradients, kept }: Joined,
  rest: ModelProto,
  given: Readonly<Record<string, number | Schedule>>,
  threads: number,
  doing: string,
): Kernel | undefined {
  if (!Object.keys(given).every((name) => program.hyper.has(name))) return undefined;
  try {
    const optimizer = joinedOptimizer(model.metadata, program, given, doing).with({ threads });
    const taken = new Set(rest.graph!.input.map(({ name }) => name));
    return new Kernel(optimizer, gradients, kept.filter(({ name }) => taken.has(name)));
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

/** A joined model without its step: its own outputs, what else is carried, and the gradients. */
export function withoutStep(model: ModelProto, joined: Joined): ModelProto {
  const { read, gradients, carried, outputs } = joined;
  const own = new Set([...outputs, ...carried.map((name) => `next/${name}`)]);
  const params = new Map(read.model.inputs.map((input) => [input.name, input]));
  const given = [...gradients].filter(([, gradient]) => !own.has(gradient));
  const added = given.map(([name, gradient]) => {
    const { type, shape } = params.get(`w/${name}`)!;
    return create(ValueInfoProtoSchema, valueInfo(gradient, type, shape));
  });
  const kept = model.graph!.output.filter(({ name }) => own.has(name));
  const held = new Set([...gradients.keys(), ...carried]);
  return cutModel(model, [...kept, ...added], held);
}
