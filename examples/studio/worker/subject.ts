/** A network that is open, with its examples, which are read once for what a step takes. */
import { GradusError } from "../../../mod.ts";
import { describe, type Objective, objectiveOf, type TrainingInput } from "../../../trainer/mod.ts";
import { optimizerOf } from "../optimizers.ts";
import type { Checked, OptimizerChoice, Plan } from "../protocol.ts";
import type { ReadData } from "./files.ts";
import type { Material } from "./material.ts";
import { arrayInfo } from "./opened.ts";

/** The network. */
export class Subject {
  readonly material: Material;
  #read: { readonly key: string; readonly read: ReadData } | undefined;

  constructor(material: Material) {
    this.material = material;
  }

  /** The examples as the inputs of a step; they must be those of the objective. */
  async examples(
    inputs: readonly TrainingInput[],
    { accuracy }: Objective,
    outputShape: Parameters<NonNullable<Objective["accuracy"]>["requireLabels"]>[1],
  ): Promise<ReadData> {
    const key = JSON.stringify(inputs);
    if (this.#read?.key !== key) {
      this.#read = { key, read: await this.material.read(inputs) };
    }
    accuracy?.requireLabels(this.#read.read.data, outputShape);
    return this.#read.read;
  }

  /** What a training of it would be. */
  async check(plan: Plan, optimizer: OptimizerChoice): Promise<Checked> {
    const { params, batch } = plan;
    const objective = objectiveOf(plan.loss);
    const opt = optimizerOf(optimizer, plan.steps);
    const told = describe(this.material.model, opt, { objective, params, batch });
    if (told.prepared === undefined) throw new GradusError(told.refusal!);
    const { memory, nodes, prepared: { inputs, outputShape } } = told;
    // Parameters and states are there twice, since a step writes new ones.
    const bytes = memory === undefined
      ? 0
      : 2 * (memory.parameters + memory.states) + memory.gradients + memory.activations;
    const unknown = [...new Set(told.unknown.map(({ op }) => op))].join(", ");
    const notes = unknown === ""
      ? []
      : [`No gradient goes through ${unknown}: what is before stays as it is.`];
    const { data, notes: more } = await this.examples(inputs, objective, outputShape);
    const arrays = Object.entries(data.arrays).map(([name, { data, shape }]) =>
      arrayInfo(name, data.constructor.name.replace(/Big|Array/g, "").toLowerCase(), shape)
    );
    return {
      count: data.count,
      arrays,
      classes: data.classes ?? [],
      notes: [...told.warnings, ...notes, ...more],
      nodes: nodes.step ?? 0,
      memory: bytes,
    };
  }
}
