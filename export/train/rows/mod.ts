/** The table of operators: what their results are shaped like, and how gradients come back through them. */
import { attentions } from "./attention.ts";
import { imageNormals } from "./batch_norm.ts";
import { constants } from "./constant.ts";
import { convolutions } from "./conv.ts";
import { depths } from "./depth.ts";
import { dropouts } from "./dropout.ts";
import { cuts } from "./cut.ts";
import { elements } from "./element.ts";
import { gathers } from "./gather.ts";
import { losses } from "./loss.ts";
import { moves } from "./move.ts";
import { normals } from "./normal.ts";
import { pools } from "./pool.ts";
import { products } from "./product.ts";
import { quantized } from "./quantized.ts";
import { recurrences } from "./recurrent.ts";
import { reductions } from "./reduce.ts";
import { resizes } from "./resize.ts";
import type { Rows } from "./row.ts";
import { sequences } from "./sequence.ts";
import { slicing } from "./slice.ts";

/** Rows by the names of operators; those outside ONNX's default domain have it before their name. */
export const rows: Rows = {
  ...elements,
  ...products,
  ...moves,
  ...cuts,
  ...slicing,
  ...depths,
  ...resizes,
  ...constants,
  ...reductions,
  ...normals,
  ...gathers,
  ...convolutions,
  ...pools,
  ...imageNormals,
  ...recurrences,
  ...dropouts,
  ...sequences,
  ...attentions,
  ...losses,
  ...quantized,
};

/** The operators of which a result is made again sooner than kept, where that takes less memory: they but read and write. */
export const cheap: ReadonlySet<string> = new Set(
  [elements, moves, cuts, slicing, reductions, normals, imageNormals].flatMap((each) =>
    Object.keys(each)
  ),
);
