/**
 * Products of matrices in WebAssembly. Factors are packed into a memory of their own as float64, a block
 * that stays in the cache at a time, and multiplied in tiles of 4 rows by 4 columns that stay in registers.
 */
import { type Operand, readSizes } from "../../plan/products.ts";
import { Code } from "./code.ts";
import { Module } from "./module.ts";

/** Rows or columns of a tile, side by side in a packed panel. */
const LANES = 4;
/** Terms that one turn of the innermost loop takes: what is beyond the last is 0, which changes no sum. */
const TURN = 4;
/** The most rows, columns and terms that are packed at once, in whole panels. */
const BLOCK = { rows: 512, columns: 256, depth: 256 } as const;
const PAGE = 65_536;

interface Workspace {
  /** The packed rows of the left factor, the columns of the right one, and the sums so far. */
  readonly left: Float64Array;
  readonly right: Float64Array;
  readonly sums: Float64Array;
  /** Adds the product of so many panels to the sums. */
  run(leftPanels: number, rightPanels: number, depth: number): void;
}

let workspace: Workspace | undefined;

/** Multiplies two matrices, block by block: every sum still takes its terms from first to last. */
export function multiply(left: Operand, right: Operand, out: Operand["data"]): void {
  const { left: lefts, right: rights, sums, run } = workspace ??= makeWorkspace();
  const { rows, columns: depth, ...near } = readSizes(left);
  const { columns, ...far } = readSizes(right);
  for (let row = 0; row < rows; row += BLOCK.rows) {
    const someRows = Math.min(BLOCK.rows, rows - row);
    for (let column = 0; column < columns; column += BLOCK.columns) {
      const someColumns = Math.min(BLOCK.columns, columns - column);
      sums.fill(0, 0, panels(someRows) * panels(someColumns) * LANES * LANES);
      for (let k = 0; k < depth; k += BLOCK.depth) {
        const terms = Math.min(BLOCK.depth, depth - k);
        const leftAt = row * near.rowStride + k * near.columnStride;
        pack(left.data, leftAt, near.rowStride, near.columnStride, someRows, terms, lefts);
        const rightAt = k * far.rowStride + column * far.columnStride;
        pack(right.data, rightAt, far.columnStride, far.rowStride, someColumns, terms, rights);
        run(panels(someRows), panels(someColumns), terms);
      }
      unpack(sums, out, row * columns + column, columns, someRows, someColumns);
    }
  }
}

function panels(count: number): number {
  return Math.ceil(count / LANES);
}

/** Packs `count` rows or columns into panels, of terms in whole turns; what is beyond the last is 0. */
function pack(
  data: Operand["data"],
  start: number,
  laneStride: number,
  termStride: number,
  count: number,
  terms: number,
  into: Float64Array,
): void {
  let at = 0;
  for (let first = 0; first < count; first += LANES) {
    const lanes = Math.min(LANES, count - first);
    let from = start + first * laneStride;
    for (let k = 0; k < terms; k++, from += termStride) {
      if (lanes === LANES) {
        into[at] = data[from];
        into[at + 1] = data[from + laneStride];
        into[at + 2] = data[from + 2 * laneStride];
        into[at + 3] = data[from + 3 * laneStride];
      } else {
        for (let lane = 0; lane < LANES; lane++) {
          into[at + lane] = lane < lanes ? data[from + lane * laneStride] : 0;
        }
      }
      at += LANES;
    }
    const end = at + LANES * (Math.ceil(terms / TURN) * TURN - terms);
    into.fill(0, at, end);
    at = end;
  }
}

/** Writes the sums of all tiles out, rounded as `out` stores them. */
function unpack(
  sums: Float64Array,
  out: Operand["data"],
  start: number,
  stride: number,
  rows: number,
  columns: number,
): void {
  const across = panels(columns);
  for (let i = 0; i < rows; i++) {
    for (let panel = 0; panel < across; panel++) {
      const tile = (Math.floor(i / LANES) * across + panel) * LANES + i % LANES;
      const first = panel * LANES;
      const count = Math.min(LANES, columns - first);
      for (let j = 0; j < count; j++) {
        out[start + i * stride + first + j] = sums[tile * LANES + j];
      }
    }
  }
}

function makeWorkspace(): Workspace {
  const { rows, columns, depth } = BLOCK;
  const [left, right] = [8 * rows * depth, 8 * columns * depth];
  const pages = Math.ceil((left + right + 8 * rows * columns) / PAGE);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new Module({ shared: false, initial: pages, maximum: pages });
  module.add(tiles());
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module.bytes()), {
    env: { memory },
  });
  const run = exports.tiles as (...numbers: number[]) => void;
  const { buffer } = memory;
  return {
    left: new Float64Array(buffer, 0, rows * depth),
    right: new Float64Array(buffer, left, columns * depth),
    sums: new Float64Array(buffer, left + right, rows * columns),
    run: (leftPanels, rightPanels, terms) =>
      run(0, left, left + right, leftPanels, rightPanels, Math.ceil(terms / TURN)),
  };
}

/** The loops over panels of both factors and, innermost, the terms of a tile. */
function tiles(): Code {
  const params = ["i32", "i32", "i32", "i32", "i32", "i32"] as const;
  const code = new Code({ name: "tiles", params, results: [] });
  const [left, right, sums, leftPanels, rightPanels, terms] = params.map((_, i) => code.param(i));
  const [near, far, panel, term] = Array.from({ length: 4 }, () => code.local("i32"));
  const [low, high, splat] = Array.from({ length: 3 }, () => code.local("v128"));
  const tile = Array.from({ length: 2 * LANES }, () => code.local("v128"));
  const advance = (local: typeof near, bytes: number) =>
    code.get(local).i32(bytes).op("i32.add").set(local);
  const again = (count: typeof near) => code.get(count).i32(1).op("i32.sub").tee(count).branchIf(0);

  code.loop(() => {
    code.get(right).set(far).get(rightPanels).set(panel);
    code.loop(() => {
      tile.forEach((local, i) => code.get(sums).memory("v128.load", 16 * i).set(local));
      code.get(left).set(near).get(terms).set(term);
      code.loop(() => {
        for (let k = 0; k < TURN; k++) {
          const at = 8 * LANES * k;
          code.get(far).memory("v128.load", at).set(low);
          code.get(far).memory("v128.load", at + 16).set(high);
          for (let row = 0; row < LANES; row++) {
            code.get(near).memory("v128.load64_splat", at + 8 * row).set(splat);
            for (const [half, columns] of [low, high].entries()) {
              const local = tile[2 * row + half];
              code.get(local).get(splat).get(columns).op("f64x2.mul", "f64x2.add").set(local);
            }
          }
        }
        advance(near, 8 * LANES * TURN);
        advance(far, 8 * LANES * TURN);
        again(term);
      });
      tile.forEach((local, i) => code.get(sums).get(local).memory("v128.store", 16 * i));
      advance(sums, 8 * LANES * LANES);
      again(panel);
    });
    code.get(near).set(left);
    again(leftPanels);
  });
  return code;
}
