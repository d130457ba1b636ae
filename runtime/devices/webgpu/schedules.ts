/**
 * Schedules that follow a count on the GPU, such as the steps that were finite: the host knows between which
 * numbers it is, forms what the schedules give there, and the GPU picks the one.
 */
import { GradusError } from "../../../dsl/errors.ts";
import type { Node } from "../../../dsl/node.ts";
import type { Pick } from "../../backends/webgpu/picks.ts";
import type { LateSchedule } from "../../step/form.ts";
import type { GpuTensor } from "../../trees/gpu_tensor.ts";

/** The least and the greatest number that a count may be. */
export type Bounds = readonly [least: number, most: number];

const bounds = new WeakMap<GpuTensor, Bounds>();

/** Tells between which numbers a count is. */
export function setBounds(count: GpuTensor, between: Bounds): void {
  bounds.set(count, between);
}

/** What the counts of a step may be after it, by what they may be before; `nodes` are their next numbers. */
export function passBounds(
  counts: ReadonlyMap<string, GpuTensor>,
  nodes: ReadonlyMap<string, Node>,
): void {
  const before = new Map([...counts].flatMap(([name, count]) => {
    const between = bounds.get(count);
    return between === undefined ? [] : [[name, between] as const];
  }));
  for (const [name, count] of counts) {
    const next = nodes.get(name);
    const after = next === undefined ? before.get(name) : boundsOf(next, before);
    if (after !== undefined) bounds.set(count, after);
    else bounds.delete(count);
  }
}

/** Between which numbers something is that is made of counts. */
function boundsOf({ op, arg, src }: Node, known: ReadonlyMap<string, Bounds>): Bounds | undefined {
  if (op === "Const") return [arg as number, arg as number];
  if (op === "Symbol") return known.get(arg as string);
  if (op !== "Add" && op !== "Sub" && op !== "Where") return undefined;
  const [a, b] = src.slice(-2).map((operand) => boundsOf(operand, known));
  if (a === undefined || b === undefined) return undefined;
  if (op === "Where") return [Math.min(a[0], b[0]), Math.max(a[1], b[1])];
  return op === "Add" ? [a[0] + b[0], a[1] + b[1]] : [a[0] - b[1], a[1] - b[0]];
}

const LEAST_ROOM = 64;

/** The numbers that some schedules may give. */
export class Schedules {
  readonly #device: GPUDevice;
  readonly #late: readonly LateSchedule[];
  readonly #groups: number;
  /** How many steps ago the clocks are read that schedules follow. */
  readonly #ago: 0 | 1;
  readonly #doing: string;
  #buffer: GPUBuffer | undefined;
  /** By schedule, the count of the first number, for how many there is room, and how many there are. */
  #ranges: { readonly first: number; readonly room: number; filled: number }[] = [];

  constructor(
    device: GPUDevice,
    late: readonly LateSchedule[],
    groups: number,
    ago: 0 | 1,
    doing: string,
  ) {
    [this.#device, this.#late, this.#groups] = [device, late, groups];
    [this.#ago, this.#doing] = [ago, doing];
  }

  /** What is picked from which buffer, for steps that are made now. */
  get picked(): { readonly buffer: GPUBuffer; readonly picks: readonly Pick[] } | undefined {
    if (this.#buffer === undefined) return undefined;
    let start = 0;
    const picks = this.#late.flatMap(({ name, clock }, k) => {
      const { first, room } = this.#ranges[k];
      return Array.from({ length: this.#groups }, (_, group): Pick => {
        start += room;
        return { group, name, clock, first: first + this.#ago, start: start - room, room };
      });
    });
    return { buffer: this.#buffer, picks };
  }

  /** Adds what may be needed by now; true if it lies elsewhere than before, and all of it is written anew. */
  update(counts: ReadonlyMap<string, GpuTensor>): boolean {
    if (this.#late.length === 0) return false;
    const between = this.#late.map(({ clock }) => this.#boundsOf(counts.get(clock)!, clock));
    const fits = this.#buffer !== undefined &&
      between.every(([least, most], k) => {
        const { first, room } = this.#ranges[k];
        return least >= first && most - first < room;
      });
    if (!fits) this.#make(between);
    let start = 0;
    this.#late.forEach((schedule, k) => {
      const range = this.#ranges[k];
      const from = range.first + range.filled;
      const added = Array.from(
        { length: Math.max(0, between[k][1] + 1 - from) },
        (_, i) => schedule.numbersAt(from + i),
      );
      for (let group = 0; group < this.#groups; group++) {
        const numbers = Float32Array.from(added, (each) => each[group]);
        if (numbers.length > 0) {
          this.#device.queue.writeBuffer(this.#buffer!, 4 * (start + range.filled), numbers);
        }
        start += range.room;
      }
      range.filled += added.length;
    });
    return !fits;
  }

  dispose(): void {
    this.#buffer?.destroy();
    this.#buffer = undefined;
  }

  /** Makes room for twice as many numbers as there may be. */
  #make(between: readonly Bounds[]): void {
    this.dispose();
    this.#ranges = between.map(([least, most]) => ({
      first: least,
      room: Math.max(LEAST_ROOM, 2 * (most - least + 1)),
      filled: 0,
    }));
    const size = this.#ranges.reduce((sum, { room }) => sum + room, 0);
    this.#buffer = this.#device.createBuffer({
      size: 4 * this.#groups * size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
    });
  }

  #boundsOf(count: GpuTensor, clock: string): Bounds {
    const known = bounds.get(count);
    if (known === undefined) {
      throw new GradusError(
        `${this.#doing}: a schedule must follow a count whose bounds are known: it follows state ` +
          `\`${clock}\`, whose tensor is none that a step has made of a number`,
      );
    }
    return [Math.max(0, known[0] - this.#ago), Math.max(0, known[1] - this.#ago)];
  }
}
