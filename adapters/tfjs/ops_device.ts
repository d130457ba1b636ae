/** Steps variables by tfjs's own operations, on backends that Gradus has no way into, such as WebGL. */
import { GradusError, shown } from "../../dsl/errors.ts";
import { symbol } from "../../dsl/node.ts";
import type { Program } from "../../dsl/program.ts";
import { statesOfData } from "../../runtime/plan/counts.ts";
import { settledUpdate, stepped } from "../../runtime/plan/plan.ts";
import { requireKnownClocks, type StepForm } from "../../runtime/step/form.ts";
import type { Admit, Blank, Device, Prepared, Work } from "../../runtime/step/device.ts";
import { initialLeaf, initialNumber, isInitialNumber } from "../../runtime/step/initial.ts";
import { type Leaf, sizeOf, type Tensor } from "../../runtime/trees/leaf.ts";
import { Fold } from "../fold.ts";
import type { ArrayLibrary } from "../library.ts";
import { drawing, type Operations, operationsOf, spellings } from "./ops.ts";
import type { Tfjs, TfTensor, TfVariable } from "./tf.ts";
import { requireWholeLeaves } from "../../runtime/step/views.ts";

/** Arrays are variables of tfjs: what is written is assigned. */
export class OpsDevice implements Device<TfVariable, StepForm> {
  readonly storesAsGiven = false;
  readonly ownNumbers: ReadonlySet<string>;
  readonly #tf: Tfjs;
  readonly #ops: Operations;

  constructor(tf: Tfjs, program: Program) {
    [this.#tf, this.#ops] = [tf, operationsOf(tf)];
    this.ownNumbers = statesOfData(program);
  }

  read(node: unknown): Leaf<TfVariable> | undefined {
    if (typeof node !== "object" || node === null || !("dataId" in node)) return undefined;
    const data = node as TfVariable;
    return { data, shape: data.shape, dtype: "float32", stored: "float32", isBare: false };
  }

  create(blanks: readonly Blank<TfVariable>[]): TfVariable[] {
    const made: TfVariable[] = [];
    try {
      for (const blank of blanks) made.push(this.#variable(this.#initial(blank)));
      return made;
    } catch (error) {
      made.forEach((variable) => variable.dispose());
      throw error;
    }
  }

  // Tensors never change: whatever is read is as it was before the step.
  write(): Admit<TfVariable> {
    return (variable) => variable;
  }

  place(value: unknown, state: string, doing: string): TfVariable {
    const known = this.read(value);
    if (known !== undefined) return known.data;
    if (typeof value === "number") return this.#variable(this.#ops.scalar(value, "float32"));
    throw new GradusError(`${doing}: state \`${state}\` must be a number: given ${shown(value)}`);
  }

  prepare(work: Work<TfVariable>, form: StepForm, doing: string): Prepared<StepForm> {
    return new OpsStep(this.#tf, work, form, doing);
  }

  #variable(tensor: TfTensor): TfVariable {
    const variable = this.#tf.variable(tensor, false);
    tensor.dispose();
    return variable;
  }

  #initial({ info, stored, shape, init, symbols, parameter }: Blank<TfVariable>): TfTensor {
    if (isInitialNumber(init)) {
      return this.#ops.fill([...shape], initialNumber(init, symbols), "float32");
    }
    if (init === symbol("w") && sizeOf(shape) === info.size) return this.#ops.clone(parameter!);
    const numbers = parameter!.dataSync() as Float32Array;
    const { data } = initialLeaf(init, info, numbers, symbols, stored, shape) as Tensor;
    return this.#tf.tensor(data as Float32Array, [...shape], "float32");
  }
}

/** A step as calls of tfjs. */
class OpsStep implements Prepared<StepForm> {
  readonly #library: ArrayLibrary<TfTensor>;
  readonly #work: Work<TfVariable>;
  readonly #fold: Fold<TfTensor>;

  constructor(
    tf: Tfjs,
    work: Work<TfVariable>,
    { key, symbols }: StepForm,
    doing: string,
  ) {
    const { binding, program, keys } = key;
    requireKnownClocks(key, doing);
    const spelled = this.#library = spellings(operationsOf(tf));
    this.#work = work;
    requireWholeLeaves(binding, "arrays of tfjs", doing);
    const { groups, groupOf } = binding;
    const { leaves } = work.bound.layout;
    this.#fold = new Fold({
      library: { ...spelled, random: drawing(tf, (leaf) => leaves[leaf].number) },
      program,
      groups: groups.map(({ live, axes }, i) => ({ ...keys[i], live, axes })),
      leaves: leaves.map(({ shape }, leaf) => ({ shape, group: groups.indexOf(groupOf[leaf]) })),
      isNumber: (name) => symbols[0].has(name),
      outcome: work.mode === "evaluate" ? settledUpdate : stepped,
      doing,
    });
  }

  run({ symbols }: StepForm): ReadonlyMap<string, number> {
    const { arrays, inputs, states } = this.#work;
    const { params, reads, out, next, numbers } = arrays;
    const named = [
      ["w", params!] as const,
      ...["g", ...inputs].map((name, k) => [name, reads[k]] as const),
      ...states.map((name, k) => [name, arrays.states[k]] as const),
    ].filter(([name]) => this.#fold.reads.has(name));
    const handle = (variable: TfVariable) => this.#library.keep(variable);
    const made = this.#fold.run({
      leaves: new Map(named.map(([name, variables]) => [name, variables.map(handle)])),
      tree: new Map([...numbers].map(([name, variable]) => [name, handle(variable)])),
      numbers: symbols,
    });
    const assign = (variable: TfVariable, value: TfTensor) => {
      variable.assign(value);
      value.dispose();
    };
    made.updates.forEach((value, leaf) => assign(out[leaf], value));
    states.forEach((name, k) =>
      made.states.get(name)?.forEach((value, leaf) => value && assign(next[k][leaf], value))
    );
    const known = new Map<string, number>();
    for (const [name, value] of made.treeStates) {
      const variable = numbers.get(name);
      if (variable === undefined) known.set(name, value as number);
      else assign(variable, typeof value === "number" ? this.#library.full(value, []) : value);
    }
    return known;
  }
}
