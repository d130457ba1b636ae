/** The trees of a step: checked once, and prepared once for as long as they hold the same buffers. */
import { GradusError, shown } from "../../../dsl/errors.ts";
import type { Program } from "../../../dsl/program.ts";
import type { Binding } from "../../step/binding.ts";
import { spellPath } from "../../trees/leaf.ts";
import { elementInputs } from "../../backends/backend.ts";
import { Snapshot } from "../../trees/snapshot.ts";
import type { State } from "../../trees/state.ts";
import { stateShape } from "../../step/initial.ts";
import type { StepTensors } from "../../backends/webgpu/places.ts";
import type { GpuStep } from "../../backends/webgpu/run.ts";
import { align, type GpuTensor, isGpuTensor, place, sizeOf } from "./tensor.ts";

/** What a step is given. */
export interface StepTrees {
  readonly params: object;
  readonly gradients: object;
  readonly state: State;
  readonly inputs: Readonly<Record<string, unknown>>;
}

const MOST_FORMS = 16;

/** The arrays of a step and what has been prepared for them. */
export class GatheredStep {
  readonly known: Binding;
  readonly tensors: StepTensors;
  #snapshots: readonly Snapshot[] = [];
  #binding: Binding;
  /** By what is known of a step before it begins: a step that alternates is prepared once a form. */
  readonly #prepared = new Map<string, GpuStep>();

  constructor(known: Binding, tensors: StepTensors) {
    [this.known, this.tensors, this.#binding] = [known, tensors, known];
  }

  /** Remembers the trees that hold the arrays. */
  remember(trees: readonly unknown[]): void {
    this.#snapshots = trees.map((tree) => new Snapshot(tree));
  }

  /** Whether these are those trees, unchanged. */
  matches(trees: readonly unknown[]): boolean {
    return this.#snapshots.length === trees.length &&
      this.#snapshots.every((snapshot, i) => snapshot.matches(trees[i]));
  }

  /** Whether other tensors are in the same places. */
  holds(known: Binding, { arrays, ofTree }: StepTensors): boolean {
    if (known !== this.known) return false;
    const all = (
      tensors: StepTensors,
    ) => [...tensors.arrays.values(), [...tensors.ofTree.values()]];
    const own = all(this.tensors);
    return all({ arrays, ofTree }).every((tensors, k) =>
      tensors.every((tensor, i) => isSamePlace(tensor, own[k][i]))
    );
  }

  /** The step for a binding in one form. */
  prepared(binding: Binding, form: string, prepare: () => GpuStep): GpuStep {
    if (binding !== this.#binding || this.#prepared.size >= MOST_FORMS) this.dispose();
    this.#binding = binding;
    let step = this.#prepared.get(form);
    if (step === undefined) this.#prepared.set(form, step = prepare());
    return step;
  }

  /** Gives back what has been prepared. */
  dispose(): void {
    this.#prepared.forEach((step) => step.dispose());
    this.#prepared.clear();
  }
}

function isSamePlace(a: GpuTensor, b: GpuTensor): boolean {
  return a.buffer === b.buffer && (a.offset ?? 0) === (b.offset ?? 0);
}

/** The trees of a step whose arrays matter, in one order. */
export function treesOf(
  program: Program,
  { live }: Binding,
  ofData: ReadonlySet<string>,
  { params, gradients, state, inputs }: StepTrees,
): unknown[] {
  const states = [...live].filter((name) =>
    program.state.get(name)!.over !== "tree" || ofData.has(name)
  );
  return [
    ...[params, gradients, ...elementInputs(program).map((name) => inputs?.[name])],
    ...states.map((name) => state?.[name]),
  ];
}

/** The arrays of a step, checked. A number that is to stay on the GPU is placed there in `state`. */
export function tensorsOf(
  device: GPUDevice,
  program: Program,
  { layout, groupOf, live }: Binding,
  ofData: ReadonlySet<string>,
  { params, gradients, state, inputs }: StepTrees,
  doing: string,
): StepTensors {
  const like = (tree: unknown, what: string) =>
    align(layout, tree, (i) => layout.leaves[i].shape, what, doing);
  const arrays = new Map([["w", like(params, "parameters")], ["g", like(gradients, "gradients")]]);
  const readOnly = elementInputs(program);
  for (const name of readOnly) arrays.set(name, like(inputs?.[name], `input \`${name}\``));
  for (const name of live) {
    if (program.state.get(name)!.over === "tree") continue;
    const shapeOf = (i: number) => stateShape(program, name, layout.leaves[i], groupOf[i].live);
    arrays.set(name, align(layout, state[name], shapeOf, `state \`${name}\``, doing));
  }
  requireApart(arrays, ["g", ...readOnly], layout.leaves.map(({ path }) => path), doing);
  const ofTree = new Map<string, GpuTensor>();
  for (const name of live) {
    if (ofData.has(name)) ofTree.set(name, placedNumber(device, state, name, doing));
  }
  return { arrays, ofTree };
}

/** A number of the tree that is to stay on the GPU. */
function placedNumber(device: GPUDevice, state: State, name: string, doing: string): GpuTensor {
  const value = state[name];
  if (isGpuTensor(value)) return value;
  if (typeof value !== "number") {
    throw new GradusError(`${doing}: state \`${name}\` must be a number: given ${shown(value)}`);
  }
  const [tensor] = place(device, [{ shape: [], kind: "number", fill: value }], doing);
  state[name] = tensor;
  return tensor;
}

// A dispatch may not read a buffer as such that it writes, nor write one place twice.
function requireApart(
  arrays: ReadonlyMap<string, readonly GpuTensor[]>,
  readOnly: readonly string[],
  paths: readonly string[],
  doing: string,
): void {
  const written = new Map<GPUBuffer, { from: number; to: number; what: string }[]>();
  for (const [name, tensors] of arrays) {
    if (readOnly.includes(name)) continue;
    tensors.forEach((tensor, i) => {
      const { buffer, offset = 0 } = tensor;
      const where = spellPath(paths[i]);
      const what = name === "w" ? where : `${where} of state \`${name}\``;
      const ranges = written.get(buffer) ?? [];
      written.set(buffer, ranges);
      ranges.push({ from: offset, to: offset + 4 * sizeOf(tensor), what });
    });
  }
  for (const ranges of written.values()) {
    ranges.sort((a, b) => a.from - b.from || a.to - b.to);
    ranges.slice(1).forEach(({ from, what }, i) => {
      if (ranges[i].to <= from) return;
      throw new GradusError(
        `${doing}: every array must be at one place of the tree: given one at both ` +
          `${ranges[i].what} and ${what}; pass a tied parameter once`,
      );
    });
  }
  for (const name of readOnly) {
    if (arrays.get(name)!.every(({ buffer }) => !written.has(buffer))) continue;
    throw new GradusError(
      `${doing}: ${
        name === "g" ? "gradients" : `input \`${name}\``
      } must lie in other buffers than ` +
        `the parameters and states, which are written: given one that is in both`,
    );
  }
}
