/** Causal attention of several heads on sequences that lie one after the other, and its gradient. */
import type { Code } from "../../runtime/backends/wasm/code.ts";
import type { Module } from "../../runtime/backends/wasm/module.ts";
import type { Kernel, Region } from "./kernel.ts";
import { product, transposition } from "./product.ts";
import { softmax, softmaxGradient } from "./rows.ts";

/** The sizes of attention; `context` and `width / heads` are multiples of 4. */
export interface AttentionSizes {
  /** Sequences, and places of each. */
  readonly batch: number;
  readonly context: number;
  /** Numbers of a place, which the heads share among them. */
  readonly width: number;
  readonly heads: number;
}

/** The functions of attention. Of each place there are queries, keys and values, side by side. */
export function attentionFunctions(
  module: Module,
  added: Map<string, number>,
  { context, width, heads }: AttentionSizes,
): Code[] {
  const part = width / heads;
  const wide = 3 * width;
  const scale = 1 / Math.sqrt(part);
  const square = { rows: context, depth: part, columns: context };
  const vectors = { rows: context, depth: context, columns: part };
  return [
    transposition("turn", { rows: context, columns: part, stride: wide }),
    product("compare", { ...square, left: [wide, 1] }),
    softmax("attend", module, { width: context, scale, isCausal: true }, added),
    product("gather", { ...vectors, left: [context, 1], right: wide, result: width }),
    product("compare.gradient", { ...square, left: [width, 1] }),
    softmaxGradient("attend.gradient", { width: context, scale }),
    product("queries.gradient", { ...vectors, left: [context, 1], right: wide, result: wide }),
    product("keys.gradient", { ...vectors, left: [1, context], right: wide, result: wide }),
    product("values.gradient", { ...vectors, left: [1, context], right: width, result: wide }),
  ];
}

/** Attention of a kernel. */
export interface Attention {
  /** Memory for the chances of one attention, which its gradient needs. */
  chances(): Region;
  /** Writes what each place gathers. */
  forward(to: Region, from: Region, chances: Region): void;
  /** Writes the gradient of queries, keys and values, of that of what was gathered. */
  back(to: Region, slope: Region, from: Region, chances: Region): void;
}

/** The attention whose functions a kernel has. */
export function attentionOf(kernel: Kernel, sizes: AttentionSizes): Attention {
  const { batch, context, width, heads } = sizes;
  const { run } = kernel;
  const squares = batch * heads * context * context;
  const mask = kernel.take(context * context);
  mask.data.set(
    mask.data.map((_, i) => i % context > Math.floor(i / context) ? -Infinity : 0),
  );
  const notes = kernel.take(2 * batch * heads * context);
  const turned = kernel.take(context * width / heads);
  const slopes = kernel.take(context * context);

  /** Visits each head of each sequence: where what it reads begins, in bytes, and what it writes. */
  const overHeads = (visit: (query: number, vector: number, square: number) => void) => {
    for (let sequence = 0; sequence < batch; sequence++) {
      const first = 4 * sequence * context * width;
      for (let head = 0; head < heads; head++) {
        const at = 4 * head * width / heads;
        const square = 4 * (sequence * heads + head) * context * context;
        visit(3 * first + at, first + at, square);
      }
    }
  };
  const [keys, values] = [4 * width, 8 * width];
  return {
    chances: () => kernel.take(squares),
    forward({ at: to }, { at: from }, { at: chances }) {
      overHeads((query, _, square) => {
        run.turn(turned.at, from + query + keys);
        run.compare(chances + square, from + query, turned.at);
      });
      run.attend(chances, notes.at, mask.at, batch * heads * context);
      overHeads((query, vector, square) =>
        run.gather(to + vector, chances + square, from + query + values)
      );
    },
    back({ at: to }, { at: slope }, { at: from }, { at: chances }) {
      overHeads((query, vector, square) => {
        run.turn(turned.at, from + query + values);
        run["compare.gradient"](slopes.at, slope + vector, turned.at);
        run["values.gradient"](to + query + values, chances + square, slope + vector);
        run["attend.gradient"](slopes.at, chances + square, context);
        run["queries.gradient"](to + query, slopes.at, from + query + keys);
        run["keys.gradient"](to + query + keys, slopes.at, from + query);
      });
    },
  };
}
