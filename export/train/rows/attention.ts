/** What transformers are made of: attention, RMS normalisation and rotary positions. */
import { DataType, type Kind, type Shape, type Size, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

/** The operators of transformers. */
export const attentions: Rows = {
  Attention: { shape: attentionShapes, lower: attention },
  RMSNormalization: {
    shape: (at) => [{ type: at.input(0).type, shape: at.input(0).shape }],
    lower: (at) => {
      const { build } = at;
      const [x, scale] = [at.float32(0), at.input(1)];
      const rank = at.shape(0).length;
      const from = at.axis(at.int("axis", -1), rank);
      const axes = Array.from({ length: rank - from }, (_, i) => from + i);
      const m = build.reduce("ReduceMean", build.write("x*x", { x }), axes);
      const epsilon = at.float("epsilon", 1e-5);
      const h = build.write("x/sqrt(m + e)", { x, m }, { e: epsilon });
      return [build.write("h*s", { h, s: scale })];
    },
  },
  // Turned back by the same angles.
  RotaryEmbedding: {
    shape: (at) => [{ type: at.input(0).type, shape: at.input(0).shape }],
    gradient: ([g], at) => {
      const { build, attributes } = at;
      if (at.needs(1) || at.needs(2)) at.refuse("its cosines and sines must not be trained");
      const [, cos, sin, positions] = at.inputs;
      const back = build.emit("Neg", [sin]);
      return [build.emit("RotaryEmbedding", [g, cos, back, positions], attributes)];
    },
  },
};

/** Sizes of queries, keys and values: [B, heads, T, D], or [B, T, heads·D]. */
interface Heads {
  readonly batch: Size;
  readonly count: number;
  readonly length: Size;
  readonly width: number;
}

function headsOf(i: number, attribute: string, at: At): Heads {
  const shape = at.shape(i);
  if (shape.length === 4) {
    const [batch, count, length, width] = shape;
    if (typeof count === "number" && typeof width === "number") {
      return { batch, count, length, width };
    }
  } else if (shape.length === 3) {
    const [batch, length, all] = shape;
    const count = at.int(attribute, 0);
    if (typeof all === "number" && count > 0 && all % count === 0) {
      return { batch, count, length, width: all / count };
    }
  } else at.refuse("its inputs must have three or four dimensions");
  return at.refuse("the numbers of heads and of what each reads must be known");
}

function attentionShapes(at: At): Kind[] {
  const { type, shape: q } = at.input(0);
  const unknown = { type, shape: undefined };
  const v = at.input(2).shape;
  const isPast = at.inputs[4] !== undefined || at.count > 1;
  if (q === undefined || v === undefined || isPast) return Array(at.count).fill(unknown);
  if (q.length === 4) return [{ type, shape: [...q.slice(0, 3), v[3]] }];
  const values = headsOf(2, "kv_num_heads", at);
  return [{ type, shape: [q[0], q[1], at.int("q_num_heads", 0) * values.width] }];
}

/** softmax(q·kᵀ·scale + mask)·v, head by head. */
function attention(at: At): Value[] {
  const { build } = at;
  const type = at.float32(0).type;
  if (at.inputs[4] !== undefined || at.inputs[5] !== undefined || at.count > 1) {
    at.refuse("keys and values of the past, and outputs but the first, have no gradient here");
  }
  if (at.int("softmax_precision", type) !== type) {
    at.refuse("its attribute `softmax_precision` must be the type of its inputs");
  }
  const q = headsOf(0, "q_num_heads", at);
  const [k, v] = [headsOf(1, "kv_num_heads", at), headsOf(2, "kv_num_heads", at)];
  if (k.count !== v.count || q.count % k.count !== 0) {
    at.refuse(
      "the heads of its queries must be shared alike by those of keys and values: given " +
        `${q.count}, ${k.count} and ${v.count}`,
    );
  }
  const isFlat = at.shape(0).length === 3;
  const apart = (i: number, { batch, count, length, width }: Heads) => {
    const value = at.float32(i);
    if (value.shape!.length === 4) return value;
    return build.transpose(build.reshape(value, [batch, length, count, width]), [0, 2, 1, 3]);
  };
  const shared = (value: Value, { batch, count, length, width }: Heads) => {
    if (count === q.count) return value;
    const wide = [batch, count, q.count / count, length, width];
    const each = build.emit("Unsqueeze", [value, build.ints([2])]);
    const many = build.emit("Expand", [each, build.sizes(wide)]);
    return build.reshape(many, [batch, q.count, length, width]);
  };
  const queries = apart(0, q);
  const [keys, values] = [shared(apart(1, k), k), shared(apart(2, v), v)];
  const scale = at.has("scale") ? at.float("scale", 0) : 1 / Math.sqrt(q.width);
  const scores = build.write(
    "s*c",
    { s: build.emit("MatMul", [queries, build.turned(keys)]) },
    { c: scale },
  );
  const soft = at.float("softcap", 0);
  const capped = soft === 0 ? scores : build.write("c*tanh(s/c)", { s: scores }, { c: soft });
  const masked = withMask(at.int("is_causal", 0) === 0 ? capped : causal(capped, at), at);
  const weights = build.emit("Softmax", [masked], { axis: -1 });
  const y = build.emit("MatMul", [weights, values]);
  if (!isFlat) return [y];
  const together = build.transpose(y, [0, 2, 1, 3]);
  return [build.reshape(together, [q.batch, q.length, q.count * v.width])];
}

/** Scores of which those of later keys are -∞. */
function causal(scores: Value, { build }: At): Value {
  const sizes: Shape = scores.shape!.slice(-2);
  const ones = build.emit("Expand", [build.number(1, scores), build.sizes(sizes)]);
  const seen = build.emit("Trilu", [ones], { upper: 0 });
  return build.write("where(b == 0, -inf, s)", { s: scores, b: seen });
}

function withMask(scores: Value, at: At): Value {
  const mask = at.inputs[3];
  if (mask === undefined) return scores;
  const { build } = at;
  if (mask.type !== DataType.BOOL) return build.write("s + b", { s: scores, b: mask });
  return build.write("where(a, s, -inf)", { a: mask, s: scores });
}
