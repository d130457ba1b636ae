/** Random programs on matrices whose sizes fit together, for any rows and columns. */
import fc from "fast-check";
import type { Document } from "../../mod.ts";

/** Rows and columns as sides of the parameter, r by c. */
type Sizes = "rc" | "cr" | "rr" | "cc";

const SIDES = ["r", "c"] as const;
const LOCALS = { rc: "d", cr: "e", rr: "a", cc: "b" } as const;

const swapped = (sizes: Sizes) => `${sizes[1]}${sizes[0]}` as Sizes;

const leaves: Readonly<Record<Sizes, readonly string[]>> = {
  rc: ["w", "g", "m", "normal(7)"],
  cr: ["transpose(w)", "transpose(g)", "transpose(m)"],
  rr: ["(g@transpose(g))", "(w@transpose(m))"],
  cc: ["(transpose(g)@w)", "(transpose(m)@m)"],
};

/** Expressions of all sizes; `locals` may be read. */
function expressions(hasLocals: boolean): Readonly<Record<Sizes, fc.Arbitrary<string>>> {
  return fc.letrec<Record<Sizes, string>>((tie) => {
    const any = fc.constantFrom<Sizes>("rc", "cr", "rr", "cc").chain((sizes) => tie(sizes));
    const of = (sizes: Sizes) => {
      const same = tie(sizes);
      const product = fc.constantFrom(...SIDES).chain((side) =>
        fc.tuple(tie(`${sizes[0]}${side}` as Sizes), tie(`${side}${sizes[1]}` as Sizes))
      ).map(([left, right]) => `((${left})@(${right}))`);
      const forms = [
        product,
        product,
        tie(swapped(sizes)).map((x) => `transpose(${x})`),
        fc.tuple(same, same, fc.constantFrom("+", "-", "*")).map(([x, y, op]) =>
          `(${x} ${op} ${y})`
        ),
        fc.tuple(same, fc.constantFrom("0.5", "-2", "scale", "sqrt(rows)")).map(([x, number]) =>
          `${number}*(${x})`
        ),
        fc.tuple(same, any).map(([x, y]) => `(${x})/(1 + norm(${y}))`),
        fc.tuple(same, any).map(([x, y]) => `(${x})/(1 + globalNorm(where(rank == 2, ${y}, g)))`),
        fc.tuple(same, fc.constantFrom("sign", "abs")).map(([x, call]) => `${call}(${x})`),
        fc.tuple(same, same).map(([x, y]) => `where(${x} > ${y}, ${x}, max(${y}, 0))`),
        ...(sizes !== "rc" ? [] : [
          fc.tuple(same, same, fc.constantFrom("0", "1")).map(([x, y, axis]) =>
            `(${x} - mean(${y}, axis=${axis}))`
          ),
        ]),
      ];
      const leaf = fc.constantFrom(...leaves[sizes], ...(hasLocals ? [LOCALS[sizes]] : []));
      return fc.oneof(
        { maxDepth: 3, withCrossShrink: true },
        { weight: 3, arbitrary: leaf },
        ...forms.map((arbitrary) => ({ weight: 1, arbitrary })),
      );
    };
    return { rc: of("rc"), cr: of("cr"), rr: of("rr"), cc: of("cc") };
  });
}

const first = expressions(false);
const later = expressions(true);

/** Programs of matrices; a parameter that is none has a simpler step of its own. */
export const matrixProgram: fc.Arbitrary<Document> = fc.record({
  d: first.rc,
  e: first.cr,
  a: first.rr,
  b: first.cc,
  m: later.rc,
  u: later.rc,
}).map(({ d, e, a, b, m, u }) => ({
  name: "matrices",
  hyper: { scale: 0.25 },
  state: { m: { init: "0.5*w" } },
  step: [
    ...Object.entries({ d, e, a, b }).map(([name, value]) => `${name} = ${value}`),
    `next = where(rank == 2, ${u}, 0.5*g)`,
    `m = where(rank == 2, ${m}, m + g)`,
    `u = next/(1 + norm(next))`,
  ].join("\n"),
}));
