/** The state of an optimizer on the GPU before its first step. */
import { GradusError } from "../../../dsl/errors.ts";
import { type Node, postorder, symbol } from "../../../dsl/node.ts";
import { sketchExpression } from "../../../dsl/print.ts";
import type { Program } from "../../../dsl/program.ts";
import type { Binding } from "../../step/binding.ts";
import { isScheduled, numbersAt, type Setting } from "../../trees/hyperparameters.ts";
import { numbersOf } from "../../step/numbers.ts";
import type { State } from "../../trees/state.ts";
import { initialNumber, stateShape } from "../../step/initial.ts";
import { type Blank, type GpuTensor, leavesOf, place, sizeOf } from "./tensor.ts";

/** The state before the first step. */
export function initialState(
  device: GPUDevice,
  program: Program,
  settings: ReadonlyMap<string, Setting>,
  binding: Binding,
  params: object,
  doing: string,
): State {
  const { layout, groups, groupOf } = binding;
  const tensors = leavesOf(params, "parameters", doing).map(({ tensor }) => tensor);
  const hyper: State["hyper"] = {};
  for (const [name, { value }] of settings) {
    if (typeof value !== "boolean" && !isScheduled(value)) hyper[name] = numbersAt(value, 0);
  }
  const state: State = { optimizer: program.name, count: 0, hyper };
  const numbers = numbersOf(program, settings, binding, {}, () => 0, params, doing).groups;
  const isTree = (name: string) => program.state.get(name)!.over === "tree";
  const names = [...binding.live].filter((name) => !isTree(name));
  const blanks = names.flatMap((name) =>
    layout.leaves.map((info, i): Blank => {
      const { init } = program.state.get(name)!;
      const shape = stateShape(program, name, info, groupOf[i].live);
      const { kind = "tensor" } = tensors[i];
      if (readsParameter(init)) return { shape, kind };
      return { shape, kind, fill: initialNumber(init, numbers[groups.indexOf(groupOf[i])]) };
    })
  );
  const placed = place(device, blanks, doing);
  names.forEach((name, k) => {
    const own = placed.slice(k * layout.leaves.length, (k + 1) * layout.leaves.length);
    state[name] = layout.build(own);
    const { init } = program.state.get(name)!;
    if (readsParameter(init)) copyParameters(device, name, init, tensors, own, doing);
  });
  for (const name of binding.live) {
    if (isTree(name)) state[name] = initialNumber(program.state.get(name)!.init, numbers[0]);
  }
  return state;
}

function readsParameter(init: Node): boolean {
  return postorder([init]).includes(symbol("w"));
}

function copyParameters(
  device: GPUDevice,
  name: string,
  init: Node,
  params: readonly GpuTensor[],
  own: readonly GpuTensor[],
  doing: string,
): void {
  const isSame = own.every((tensor, i) => [0, sizeOf(params[i])].includes(sizeOf(tensor)));
  if (init !== symbol("w") || !isSame) {
    throw new GradusError(
      `${doing}: on WebGPU a state begins as a number or as the parameter: \`${name}\` begins as ` +
        `\`${sketchExpression(init)}\`; initialise it in the library and upload its state`,
    );
  }
  const encoder = device.createCommandEncoder();
  own.forEach(({ buffer, offset = 0, ...tensor }, i) => {
    const bytes = 4 * sizeOf(tensor);
    if (bytes === 0) return;
    encoder.copyBufferToBuffer(params[i].buffer, params[i].offset ?? 0, buffer, offset, bytes);
  });
  device.queue.submit([encoder.finish()]);
}
