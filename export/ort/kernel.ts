/**
 * Steps of a joined model on the library's own kernels. On WebAssembly whatever a graph is given and gives is copied at
 * every step: of parameters and gradients that is a third of what it is of parameters and states.
 */
import { create } from "@bufbuild/protobuf";
import { type ModelProto, ValueInfoProtoSchema } from "onnx-buf";
import { GradusError } from "../../dsl/errors.ts";
import type { Schedule } from "../../dsl/schedules/mod.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import { valueInfo } from "../onnx/proto.ts";
import { cutModel } from "./cut.ts";
import { type Joined, joinedOptimizer } from "./joined.ts";

/** The optimizer of a joined model, and the value that is the gradient of each parameter. */
export interface Kernel {
  readonly optimizer: Optimizer;
  readonly gradients: ReadonlyMap<string, string>;
}

/**
 * What makes the steps of a joined model in the place of its graph; undefined where only the graph can: its file lacks
 * a number that is yet to be written into the state, or numbers were `given` for parts of a hyperparameter.
 */
export function kernelOf(
  { read: { model, program }, gradients }: Joined,
  given: Readonly<Record<string, number | Schedule>>,
  doing: string,
): Kernel | undefined {
  if (!Object.keys(given).every((name) => program.hyper.has(name))) return undefined;
  try {
    return { optimizer: joinedOptimizer(model.metadata, program, given, doing), gradients };
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
