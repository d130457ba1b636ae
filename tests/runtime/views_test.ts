/** A leaf that is seen as matrices is stepped as those are that are leaves of their own, bit for bit. */
import {
  adafactor,
  applyUpdates,
  chain,
  clipByBlockRms,
  clipByGlobalNorm,
  explain,
  lookahead,
  masked,
  muon,
  nadamw,
  type Optimizer,
  partition,
  resident,
  sgd,
  type State,
} from "../../mod.ts";
import { store } from "../../runtime/trees/dtype.ts";
import { assert, assertEquals } from "../assert.ts";
import { BACKENDS } from "../golden/replay.ts";
import { assertRefused, assertRefusedUnchanged } from "../refused.ts";
import { randomArray } from "./random.ts";
import { apart, MAKERS, places, SEEN, type Seen, sizes } from "./views.ts";

const KINDS = ["float32", "float64", "bfloat16"] as const;
type Kind = (typeof KINDS)[number];
type Numbers = Float32Array | Float64Array | Uint16Array;

function numbers(size: number, seed: number, kind: Kind): Numbers {
  const from = randomArray(size, seed);
  if (kind === "float32") return from;
  if (kind === "float64") return new Float64Array(from);
  const data = new Uint16Array(size);
  from.forEach((x, i) => store(kind, data, i, x));
  return data;
}

const tensor = (data: Numbers, shape: readonly number[], kind: Kind) =>
  kind === "bfloat16" ? { data, shape, dtype: kind } : { data, shape };

/** The leaf `w` beside a vector and a matrix, and the same with its matrices as leaves. */
function trees(seen: Seen, seed: number, kind: Kind) {
  const [count, rows, columns] = sizes(seen);
  const data = numbers(count * rows * columns, seed, kind);
  const others = () => ({
    a: tensor(numbers(3, seed + 1, kind), [3], kind),
    z: tensor(numbers(10, seed + 2, kind), [5, 2], kind),
  });
  const parts = apart(data, count, places(seen));
  return {
    whole: { ...others(), w: tensor(data, seen.shape, kind) },
    apart: { ...others(), w: parts.map((part) => tensor(part, [rows, columns], kind)) },
  };
}

/** A tree as the other one would be; `isWhole` says whether it is as large as the parameters. */
function takenApart(tree: Record<string, unknown>, seen: Seen, isWhole = true): unknown {
  const { w, ...others } = tree as { w: { data: Numbers; shape: number[]; dtype?: unknown } };
  const [count, rows, columns] = sizes(seen);
  const shape = isWhole ? [rows, columns] : w.shape.slice(seen.axes[0].length);
  // What a leaf does not keep, none of its matrices does.
  if (w.data.length === 0) return { ...others, w: new Array(count).fill({ ...w, shape: [0] }) };
  const parts = apart(w.data, count, isWhole ? places(seen) : undefined);
  return { ...others, w: parts.map((data) => ({ ...w, data, shape })) };
}

function assertAlike(
  { program }: Optimizer,
  params: object,
  state: State,
  others: object,
  otherState: State,
  seen: Seen,
): void {
  assertEquals(takenApart(params as Record<string, unknown>, seen), others);
  for (const [name, tree] of Object.entries(otherState)) {
    if (typeof tree !== "object" || tree === null || name === "hyper") continue;
    const isWhole = (program.state.get(name)?.over ?? "element") === "element";
    assertEquals(takenApart(state[name] as Record<string, unknown>, seen, isWhole), tree, name);
  }
}

for (const backend of BACKENDS) {
  Object.entries(MAKERS).forEach(([name, make], k) => {
    Deno.test(`${name} steps a leaf as its matrices would be, on ${backend}`, () => {
      SEEN.forEach((seen, i) => {
        const kind = KINDS[(i + k) % KINDS.length];
        const opt = make({ match: [["w", seen.matrices], ["*", true]] }).with({ backend });
        const plain = make().with({ backend });
        const { whole, apart } = trees(seen, 1, kind);
        const [state, other] = [opt.init(whole), plain.init(apart)];
        for (let t = 0; t < 3; t++) {
          const gradients = trees(seen, 10 * t + 10, kind);
          opt.step(whole, gradients.whole, state);
          plain.step(apart, gradients.apart, other);
        }
        assertAlike(opt, whole, state, apart, other, seen);
      });
    });
  });

  Deno.test(`updates, resident arrays and short states go the same way, on ${backend}`, () => {
    for (const seen of SEEN.slice(0, 5)) {
      for (const [name, make] of Object.entries(MAKERS)) {
        const opt = make({ match: [["w", seen.matrices], ["*", true]] }).with({ backend });
        const { whole } = trees(seen, 1, "float32");
        const gradients = trees(seen, 10, "float32").whole;
        const init = (params: object): State =>
          name === "muon" ? opt.init(params, { storage: { m: "bfloat16" } }) : opt.init(params);
        const lives = resident(structuredClone(whole));
        let params = structuredClone(whole);
        const [state, living] = [init(whole), init(lives)];
        let changing = init(params);
        for (let t = 0; t < 3; t++) {
          const [updates, next] = opt.update(gradients, changing, params);
          [params, changing] = [applyUpdates(params, updates), next];
          opt.step(whole, gradients, state);
          opt.step(lives, gradients, living);
        }
        assertEquals(params, whole);
        assertEquals(structuredClone(lives), whole);
        for (const key of Object.keys(state)) {
          if (key === "hyper") continue;
          assertEquals(changing[key], state[key], `${name} ${key}`);
          assertEquals(structuredClone(living[key]), state[key], `${name} ${key}`);
        }
      }
    }
  });

  Deno.test(`a leaf without a gradient stays, whatever it is seen as, on ${backend}`, () => {
    const seen = SEEN[3];
    const opt = MAKERS.byRows({ match: [["w", seen.matrices], ["*", true]] }).with({ backend });
    const { whole } = trees(seen, 1, "float32");
    const alone = { w: structuredClone(whole.w) };
    const gradients = trees(seen, 10, "float32").whole;
    const [state, other] = [opt.init(whole), opt.init(alone)];
    const before = structuredClone(whole);
    opt.step(whole, { ...gradients, z: null, a: null }, state, {}, { missing: "skip" });
    opt.step(alone, { w: gradients.w }, other);
    assertEquals(whole, { ...before, w: alone.w });
    opt.step(whole, { ...gradients, w: null }, state, {}, { missing: "skip" });
    assertEquals(whole.w, alone.w);
    assert(whole.z.data[0] !== before.z.data[0]);
  });

  Deno.test(`chains, masks and wrappers see what their part sees, on ${backend}`, () => {
    const seen = SEEN[0];
    const wraps = [
      (inner: ReturnType<typeof muon>) => chain(clipByGlobalNorm({ maxNorm: 0.5 }), inner),
      (inner: ReturnType<typeof muon>) => lookahead(inner, { syncPeriod: 2, slowStepSize: 0.5 }),
      (inner: ReturnType<typeof muon>) => masked(inner, { match: [["z", false], ["*", true]] }),
      (inner: ReturnType<typeof muon>) =>
        partition({ body: inner, rest: adafactor({ learningRate: 0.1 }) }, {
          match: [["w*", "body"], ["*", "rest"]],
        }),
    ];
    for (const wrap of wraps) {
      const opt = wrap(muon({ learningRate: 0.1, matrices: "last two" })).with({ backend });
      const plain = wrap(muon({ learningRate: 0.1 })).with({ backend });
      const { whole, apart } = trees(seen, 1, "float32");
      const [state, other] = [opt.init(whole), plain.init(apart)];
      for (let t = 0; t < 3; t++) {
        const gradients = trees(seen, 10 * t + 10, "float32");
        opt.step(whole, gradients.whole, state);
        plain.step(apart, gradients.apart, other);
      }
      assertAlike(opt, whole, state, apart, other, seen);
    }
  });
}

Deno.test("vectors, and leaves that a mask leaves out, go to AdamW as they do without words", () => {
  const matrices = { match: [["out", false], ["*", "flatten"]] } as const;
  const opt = muon({ learningRate: 0.1, matrices });
  const adam = nadamw({ learningRate: 0.1, weightDecay: 0 });
  const params = {
    out: tensor(randomArray(24, 1), [2, 3, 4], "float32"),
    bias: tensor(randomArray(5, 2), [5], "float32"),
  };
  const [other, gradients] = [structuredClone(params), structuredClone(params)];
  opt.step(params, gradients, opt.init(params));
  adam.step(other, gradients, adam.init(other));
  assertEquals(params, other);
});

Deno.test("a part that depends on the shape of the whole leaf is refused beside matrices", () => {
  const { whole } = trees(SEEN[0], 1, "float32");
  const clipped = chain(
    clipByBlockRms({ threshold: 1 }),
    muon({ learningRate: 0.1, matrices: "last two" }),
  );
  assertRefused(
    () => clipped.init(whole),
    "the parameter at `w`, seen as 6 matrices of 5 x 4 by `matrices`, must go through nothing else that " +
      "depends on its shape: given `",
  );
  // Of one matrix the whole leaf is the same.
  const flat = chain(
    clipByBlockRms({ threshold: 1 }),
    muon({ learningRate: 0.1, matrices: "flatten" }),
  );
  flat.step(whole, structuredClone(whole), flat.init(whole));
});

Deno.test("what is no way to see a leaf is refused with the leaf", () => {
  const params = {
    conv: tensor(randomArray(24, 1), [2, 3, 4], "float32"),
    bias: randomArray(3, 2),
  };
  const refused = (matrices: unknown, ...parts: string[]) => {
    const given = () => muon({ learningRate: 1, matrices: matrices as "flatten" }).init(params);
    assertRefusedUnchanged(given, [params], ...parts);
  };
  refused(
    "last",
    'must be true or false, "last two", "flatten" or dimension numbers: given "last"',
  );
  refused({ conv: "first two", bias: true }, "the mask at `conv` must be a value");
  refused(
    { reductionAxis: 0, outputAxis: 1 },
    "dimension numbers for `bias` must be of axes that it has: given 0 and 1 for a shape of [3]",
  );
  refused({ conv: { reductionAxis: 3 }, bias: false }, "`conv` must be of axes that it has");
  refused({ conv: { reductionAxis: [0, 1] }, bias: false }, "`conv` must name each axis once");
  refused(
    { conv: { reductionAxis: [] }, bias: false },
    "`conv` must name an axis for rows and one",
  );
  assertRefused(
    () => sgd({ learningRate: 1, momentum: 0.9, nesterov: "flatten" as unknown as boolean }),
    "`nesterov` must be true or false: given",
  );
});

Deno.test("explain says where each leaf goes, and warns of what is no matrix without a word", () => {
  const params = {
    conv: tensor(randomArray(24, 1), [2, 3, 4], "float32"),
    dense: tensor(randomArray(6, 2), [2, 3], "float32"),
    norm: { scale: randomArray(3, 3) },
  };
  const { warnings, leaves } = explain(muon({ learningRate: 1 }), params);
  assertEquals(warnings, [
    "the parameter at `conv` has 3 axes and is computed as no matrix: `matrices` says how it could be one, " +
    "or by `false` that it is to be none",
  ]);
  assertEquals(leaves.map(({ matrices, states }) => [matrices, states]), [
    [undefined, ["m_adam", "v_adam"]],
    [{ count: 1, rows: 2, columns: 3 }, ["m"]],
    [undefined, ["m_adam", "v_adam"]],
  ]);
  const without = muon({ learningRate: 1, matrices: { conv: false, dense: true, norm: true } });
  assertEquals(explain(without, params).warnings, []);
  const parts = partition(
    { body: muon({ learningRate: 1, matrices: "last two" }), rest: sgd({ learningRate: 1 }) },
    { match: [["norm/*", "rest"], ["*", "body"]] },
  );
  const explained = explain(parts, params);
  assertEquals(explained.warnings, []);
  const text = String(explained);
  const lines = text.slice(text.indexOf("## leaves")).split("\n").slice(1, 4);
  assertEquals(lines, [
    "`conv` [2, 3, 4]: group 0; as 2 matrices of 3 x 4; applies_body; matrices_body; not applies_rest; " +
    "keeps m_body",
    "`dense` [2, 3]: group 1; as a matrix of 2 x 3; applies_body; matrices_body; not applies_rest; keeps m_body",
    "`norm/scale` [3]: group 2; as no matrix; not applies_body; matrices_body; applies_rest; keeps no state",
  ]);
});
