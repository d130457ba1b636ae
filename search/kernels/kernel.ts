/** A WebAssembly module of kernels with memory of its own. */
import type { Code } from "../../runtime/backends/wasm/code.ts";
import { Module } from "../../runtime/backends/wasm/module.ts";

/** Bytes of a page of memory. */
const PAGE = 65_536;
/** Where arrays begin, in bytes. */
const GRAIN = 64;
/** Pages at first and at most: 1 GiB. */
const MEMORY = { initial: 1, maximum: 16_384 } as const;

/** A stretch of a kernel's memory. */
export class Region {
  /** Where it begins, in bytes. */
  readonly at: number;
  readonly #memory: WebAssembly.Memory;
  readonly #count: number;
  #data: Float32Array<ArrayBuffer> | undefined;

  /** The stretch of so many numbers from a place on. */
  constructor(memory: WebAssembly.Memory, at: number, count: number) {
    [this.#memory, this.at, this.#count] = [memory, at, count];
  }

  /** Its numbers; another array once memory has grown. */
  get data(): Float32Array<ArrayBuffer> {
    const buffer = this.#memory.buffer as ArrayBuffer;
    if (this.#data?.buffer !== buffer) this.#data = new Float32Array(buffer, this.at, this.#count);
    return this.#data!;
  }
}

/** Functions by name, and the memory that they work on. */
export class Kernel {
  /** The functions; what they take are addresses in bytes, and counts. */
  readonly run: Readonly<Record<string, (...args: number[]) => void>>;
  readonly #memory = new WebAssembly.Memory(MEMORY);
  #top = 0;

  /** A kernel of the functions that `write` gives; `added` keeps account of what those call. */
  constructor(write: (module: Module, added: Map<string, number>) => readonly Code[]) {
    const module = new Module({ shared: false, ...MEMORY });
    for (const code of write(module, new Map())) module.add(code);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
      env: { memory: this.#memory },
    });
    this.run = exports as Kernel["run"];
  }

  /** Takes memory for so many numbers, which are 0. */
  take(count: number): Region {
    const region = new Region(this.#memory, this.#top, count);
    this.#top += Math.ceil(4 * count / GRAIN) * GRAIN;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) this.#memory.grow(Math.ceil(missing / PAGE));
    return region;
  }
}
