/** Random programs of every construct on matrices: states of their own shapes, factors, places, loops, turns. */
import fc from "fast-check";
import type { Document } from "../../mod.ts";

/** The rows and columns of the parameter, and as many as `min(r, rows, columns)`. */
const SIDES = ["r", "c", "k"] as const;
type Side = typeof SIDES[number];
type Sizes = `${Side}${Side}`;

const ALL = SIDES.flatMap((rows) => SIDES.map((columns): Sizes => `${rows}${columns}`));
const NAMES = { r: "rows", c: "columns", k: "min(r, rows, columns)" } as const;
const IDENTITY = "where(index(axis=0) == index(axis=1), 1, 0)";

/** What has each size: the parameter and states, `S` and its size for those of their own. */
const LEAVES: Readonly<Record<Sizes, readonly string[]>> = {
  rc: ["w", "g", "m", "transpose(Scr)"],
  cr: ["transpose(w)", "transpose(g)", "Scr"],
  rr: ["Srr", "(g@transpose(g))"],
  cc: ["(transpose(m)@w)", "Scc"],
  rk: ["Srk", "(g@Sck)"],
  kr: ["transpose(Srk)"],
  ck: ["Sck", "(transpose(g)@Srk)"],
  kc: ["transpose(Sck)", "(transpose(Srk)@g)"],
  kk: ["(transpose(Srk)@Srk)", "Skk"],
};
/** The states, each of a size of its own. */
const STATES = ["rr", "cc", "rk", "ck", "kk", "cr"] as const satisfies readonly Sizes[];

/** What no graph of ONNX has. */
const DRAWN = ["normal(3)", "uniform(5, t)"];
const PROJECTED = ["(g@normal(4, 1) + 0*Srk)"];

function expressions(isExported: boolean): Readonly<Record<Sizes, fc.Arbitrary<string>>> {
  return fc.letrec<Record<Sizes, string>>((tie) => {
    const of = (sizes: Sizes) => {
      const [rows, columns] = sizes as unknown as [Side, Side];
      const same = tie(sizes);
      const open = [IDENTITY, "index(axis=0)", ...(isExported ? [] : DRAWN)];
      const leaves = [...LEAVES[sizes], ...(isExported || sizes !== "rk" ? [] : PROJECTED)];
      const forms = [
        fc.constantFrom(...SIDES).chain((side) =>
          fc.tuple(tie(`${rows}${side}` as Sizes), tie(`${side}${columns}` as Sizes))
        ).map(([x, y]) => `((${x})@(${y}))`),
        tie(`${columns}${rows}` as Sizes).map((x) => `transpose(${x})`),
        ...(isExported ? [] : [same.map((x) => `qr(${x})`), same.map((x) => `qr(${x})`)]),
        fc.tuple(same, same, fc.constantFrom("+", "-", "*")).map(([x, y, op]) =>
          `(${x} ${op} ${y})`
        ),
        fc.tuple(same, fc.constantFrom(...open))
          .map(([x, y]) => `(${x} + 0.5*${y})`),
        fc.tuple(same, same, fc.constantFrom("2", "n", "3")).map(([x, y, k]) =>
          `every(${k}, ${x}, ${y})`
        ),
        fc.tuple(same, same, fc.constantFrom("0", "1"), fc.constantFrom("mean", "norm", "max")).map(
          ([x, y, axis, call]) => `(${x} - ${call}(${y}, axis=${axis}))`,
        ),
        fc.tuple(same, fc.constantFrom(...ALL).chain(tie)).map(([x, y]) =>
          `(${x})/(1 + norm(${y}))`
        ),
        fc.tuple(same, same).map(([x, y]) => `where(index(axis=1) > 0 & ${x} > 0, ${x}, ${y})`),
      ];
      return fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        { weight: 4, arbitrary: fc.constantFrom(...leaves) },
        ...forms.map((arbitrary) => ({ weight: 1, arbitrary })),
      );
    };
    return Object.fromEntries(ALL.map((sizes) => [sizes, of(sizes)])) as never;
  });
}

const constants = fc.array(fc.constantFrom("0.5", "-1", "2", "1/3", "-0", "1e-3"), {
  minLength: 1,
  maxLength: 3,
});

/** Programs of matrices, of what ONNX has if asked; a parameter that is none has a simpler step of its own. */
export function sizedProgram(isExported = false): fc.Arbitrary<Document> {
  const any = expressions(isExported);
  return fc.record({
    r: fc.constantFrom(1, 2, 3, 50),
    n: fc.constantFrom(1, 2, 5),
    states: fc.array(fc.constantFrom(...STATES), { minLength: 1, maxLength: 3 }),
    values: fc.tuple(...STATES.map((sizes) => any[sizes])),
    turned: fc.boolean(),
    constants,
    m: any.rc,
    u: any.rc,
  }).map(({ r, n, states, values, turned, constants, m, u }) => {
    const lines = states.map((sizes) => {
      const value = values[STATES.indexOf(sizes)];
      return `  S${sizes} = (${turned ? "q*S" + sizes + " + " : ""}${value})/(1 + norm(${value}))`;
    });
    return {
      name: "sized",
      hyper: { r, n },
      state: {
        m: { init: "0.5*w" },
        ...Object.fromEntries(STATES.map((sizes, i) => [`S${sizes}`, {
          shape: sizes.split("").map((side) => NAMES[side as Side]).join(" x "),
          init: i % 2 === 0 ? IDENTITY : 0.25,
        }])),
      },
      step: [
        turned ? `repeat q in ${constants.join(", ")} {` : `repeat ${constants.length} {`,
        ...lines,
        "}",
        `next = where(rank == 2, ${u}, 0.5*g)`,
        `m = where(rank == 2, ${m}, m + g)`,
        `m = m/(1 + norm(m))`,
        `u = next/(1 + norm(next))`,
      ].join("\n"),
    };
  });
}
