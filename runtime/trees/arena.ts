/**
 * WebAssembly memory: arrays that live in it, and who may still use them. A memory never moves: shared
 * ones grow without detaching a view, others are made in their final size and never grow.
 */
import { GradusError } from "../../dsl/errors.ts";
import type { MemoryArray } from "./dtype.ts";
import { countBefore } from "./halving.ts";

/** The size of a page. */
const PAGE = 65_536;
/** The most pages one memory can have: 4 GiB less a page, so that every end has an address. */
const MOST_PAGES = 65_535;
/** The most bytes one array can have. */
const MOST_BYTES = 63 * 2 ** 26;
/** Every block begins and ends on a cache line. */
const LINE = 64;
/** What a memory that cannot grow is made to hold at least. */
const FIXED_PAGES = 256;
/** How many times the first array a memory that cannot grow is made for, and up to how many pages. */
const ROOM_BESIDE = 8;
const MOST_AMPLE = 16_384;
/** What arrays leave free for the working space of steps, of which those of small arrays take the most. */
const WORKING_SPACE = { bytes: 1 << 21, share: 1 / 128, eachBlock: LINE } as const;

/** A part of an arena. */
export interface Block {
  readonly arena: Arena;
  readonly address: number;
  readonly bytes: number;
  /** Whether nothing was ever there: it is all zeros. */
  readonly isNew?: boolean;
}

/** One memory and what is free in it. */
export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly isShared: boolean;
  /** In the order of their addresses; no two touch. */
  readonly #free: { address: number; bytes: number }[] = [];
  #end: number;
  /** The furthest end that there was. */
  #furthest = 0;
  #blocks = 0;

  private constructor(memory: WebAssembly.Memory, isShared: boolean) {
    [this.memory, this.isShared] = [memory, isShared];
    // Address 0 stays unused, so that no array is there by mistake.
    this.#end = LINE;
  }

  /** A memory with room for `bytes` at least, shared between threads where that is allowed and asked. */
  static of(bytes: number, mayShare: boolean): Arena {
    const needed = bytes + 3 * LINE;
    const pages = Math.min(MOST_PAGES, Math.ceil((needed + spaceBeside(needed, 1)) / PAGE) + 1);
    if (mayShare && canShare()) {
      const limits = { initial: Math.max(1, pages), maximum: MOST_PAGES, shared: true };
      try {
        return new Arena(new WebAssembly.Memory(limits), true);
      } catch {
        // Some engines reserve all of the maximum and refuse: then a fixed memory will do.
      }
    }
    // Room for what will stand beside the first array, so that steps need not copy between memories;
    // pages that are never written cost nothing.
    const ample = Math.max(FIXED_PAGES, pages, Math.min(MOST_AMPLE, ROOM_BESIDE * pages));
    for (const size of [ample, Math.max(FIXED_PAGES, pages)]) {
      try {
        return new Arena(new WebAssembly.Memory({ initial: size, maximum: size }), false);
      } catch {
        // Not that much, then.
      }
    }
    throw new GradusError(
      `Cannot place an array in WebAssembly memory: there is no memory left for ${bytes} bytes`,
    );
  }

  /** A block of at least `bytes` for an array, or undefined if there is no room. */
  allocate(bytes: number): Block | undefined {
    return this.#take(bytes, (end) => spaceBeside(end, this.#blocks + 1));
  }

  /** The same for the working space of steps, for which arrays leave room. */
  allocateWorkingSpace(bytes: number): Block | undefined {
    return this.#take(bytes, () => 0);
  }

  #take(bytes: number, spaceBehind: (end: number) => number): Block | undefined {
    const size = Math.max(LINE, Math.ceil(bytes / LINE) * LINE);
    const most = this.isShared ? MOST_PAGES * PAGE : this.memory.buffer.byteLength;
    const fits = (address: number) => address + size + spaceBehind(address + size) <= most;
    const hole = this.#free.findIndex((each) => each.bytes >= size && fits(each.address));
    if (hole >= 0) {
      this.#blocks++;
      const found = this.#free[hole];
      if (found.bytes === size) this.#free.splice(hole, 1);
      else this.#free[hole] = { address: found.address + size, bytes: found.bytes - size };
      return { arena: this, address: found.address, bytes: size };
    }
    const address = this.#end;
    if (!fits(address) || !this.#reach(address + size)) return undefined;
    this.#blocks++;
    this.#end = address + size;
    const isNew = address >= this.#furthest;
    this.#furthest = Math.max(this.#furthest, this.#end);
    return { arena: this, address, bytes: size, isNew };
  }

  /** Takes a block back, and joins what is free on either side of it. */
  free({ address, bytes }: Block): void {
    this.#blocks--;
    const free = this.#free;
    let at = countBefore(free, (hole) => hole.address < address);
    let joined = 0;
    if (free[at]?.address === address + bytes) {
      bytes += free[at].bytes;
      joined++;
    }
    const before = free[at - 1];
    if (before !== undefined && before.address + before.bytes === address) {
      address = before.address;
      bytes += before.bytes;
      at--;
      joined++;
    }
    const isLast = address + bytes === this.#end;
    if (isLast) this.#end = address;
    free.splice(at, joined, ...(isLast ? [] : [{ address, bytes }]));
  }

  #reach(end: number): boolean {
    const missing = Math.ceil((end - this.memory.buffer.byteLength) / PAGE);
    if (missing <= 0) return true;
    const pages = this.memory.buffer.byteLength / PAGE;
    if (!this.isShared || pages + missing > MOST_PAGES) return false;
    // A little more each time, so that many small arrays do not each pay for growing.
    const ample = Math.min(MOST_PAGES - pages, Math.max(missing, Math.ceil(pages / 8)));
    for (const step of [ample, missing]) {
      try {
        this.memory.grow(step);
        return true;
      } catch {
        // Not that much, then.
      }
    }
    return false;
  }
}

/** The working space that the arrays up to `end`, in so many blocks, may need. */
function spaceBeside(end: number, blocks: number): number {
  const { bytes, share, eachBlock } = WORKING_SPACE;
  return bytes + Math.ceil(share * end) + eachBlock * blocks;
}

const arenas: Arena[] = [];
const resident = new WeakMap<MemoryArray, Block>();
const released = new WeakSet<MemoryArray>();

/** Whether memory may be shared between threads here. */
export function canShare(): boolean {
  const { crossOriginIsolated } = globalThis as { crossOriginIsolated?: boolean };
  return typeof SharedArrayBuffer !== "undefined" && crossOriginIsolated !== false;
}

/** A block in `preferred` or, where it is full, in another memory. */
export function allocateBlock(bytes: number, preferred?: Arena): Block {
  for (const arena of new Set([...(preferred === undefined ? [] : [preferred]), ...arenas])) {
    const block = arena.allocate(bytes);
    if (block !== undefined) return block;
  }
  const arena = Arena.of(bytes, true);
  const block = arena.allocate(bytes);
  if (block === undefined) {
    throw new GradusError(
      `Cannot place an array in WebAssembly memory: one array may have at most ` +
        `${MOST_BYTES} bytes there: given ${bytes}`,
    );
  }
  arenas.push(arena);
  return block;
}

let staging: Arena | undefined;

/**
 * The memory that ordinary arrays pass through, with `room` for what stays in it for the time of a step. It
 * is not shared, since engines copy in and out of shared memory word by word.
 */
export function stagingArena(room = 0): Arena {
  // Steps that were prepared for the one before keep it.
  if (staging === undefined || room > staging.memory.buffer.byteLength / 2) {
    staging = Arena.of(2 * room, false);
  }
  return staging;
}

/** A zeroed array like `array` in WebAssembly memory. */
export function allocateResident<A extends MemoryArray>(array: A, preferred?: Arena): A {
  return residentArray(array.constructor as ArrayMaker<A>, array.length, preferred);
}

/** A zeroed array of `length` numbers in WebAssembly memory. */
export function residentArray<A extends MemoryArray>(
  make: ArrayMaker<A>,
  length: number,
  preferred?: Arena,
): A {
  const block = allocateBlock(length * make.BYTES_PER_ELEMENT, preferred);
  const view = new make(block.arena.memory.buffer, block.address, length);
  // Pages that nobody has written cost nothing yet.
  if (block.isNew !== true) view.fill(0);
  resident.set(view, block);
  return view;
}

interface ArrayMaker<A> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, at: number, length: number): A;
}

/** The part of an array that begins at `from`, where the array is. */
export function partOf<A extends MemoryArray>(array: A, from: number, length: number): A {
  const part = array.subarray(from, from + length) as A;
  const block = resident.get(array);
  if (block === undefined) return part;
  const offset = from * array.BYTES_PER_ELEMENT;
  resident.set(part, {
    arena: block.arena,
    address: block.address + offset,
    bytes: part.byteLength,
  });
  return part;
}

/** Where an array lives in WebAssembly memory, or undefined if it is an ordinary one. */
export function blockOf(array: MemoryArray): Block | undefined {
  return resident.get(array);
}

/** Gives an array's memory back, if it is resident; it must not be used again. */
export function releaseArray(array: MemoryArray): void {
  const block = resident.get(array);
  if (block === undefined) return;
  resident.delete(array);
  released.add(array);
  releaseCount++;
  block.arena.free(block);
}

let releaseCount = 0;

/** How many arrays have been given back so far: while it stays, what was resident still is. */
export function releases(): number {
  return releaseCount;
}

/** Whether an array was resident and has been given back. */
export function isReleased(array: MemoryArray): boolean {
  return releaseCount > 0 && released.has(array);
}
