/** Einsum: its gradients are sums of products of the same letters. */
import type { Size, Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

/** Sums of products by letters. */
export const einsums: Rows = {
  Einsum: {
    shape: (at) => {
      const { type } = at.input(0);
      const { operands, result } = lettersOf(at);
      const sizes = sizesOf(operands, at);
      return [{ type, shape: sizes && [...result].map((letter) => sizes.get(letter)!) }];
    },
    gradient: ([g], at) => {
      const { operands, result } = lettersOf(at);
      return operands.map((_, i) =>
        at.needs(i) ? gradientOf(i, operands, result, g!, at) : undefined
      );
    },
  },
};

/** The sum of the gradient times the other operands over letters that this one does not have. */
function gradientOf(
  i: number,
  operands: readonly string[],
  result: string,
  g: Value,
  at: At,
): Value {
  const { build } = at;
  const others = operands.flatMap((_, other) => other === i ? [] : [other]);
  const from = [result, ...others.map((other) => operands[other])];
  const isThere = (letter: string) => from.some((letters) => letters.includes(letter));
  const wanted = [...operands[i]];
  const found = wanted.filter(isThere).join("");
  const equation = `${from.join(",")}->${found}`;
  const made = build.emit("Einsum", [g, ...others.map((other) => at.input(other))], { equation });
  const missing = wanted.flatMap((letter, axis) => isThere(letter) ? [] : [axis]);
  const wide = missing.length === 0 ? made : build.emit("Unsqueeze", [made, build.ints(missing)]);
  return build.expandLike(wide, at.input(i));
}

function sizesOf(operands: readonly string[], at: At): ReadonlyMap<string, Size> | undefined {
  const sizes = new Map<string, Size>();
  for (const [i, letters] of operands.entries()) {
    const { shape } = at.input(i);
    if (shape === undefined) return undefined;
    if (shape.length !== letters.length) at.refuse(`operand ${i} must have a letter for each axis`);
    [...letters].forEach((letter, axis) => {
      const [known, size] = [sizes.get(letter), shape[axis]];
      const isApart = typeof known === "number" && typeof size === "number" && known !== size;
      if (isApart) at.refuse(`${letter} must have one size: given ${known} and ${size}`);
      if (typeof known !== "number") sizes.set(letter, size);
    });
  }
  return sizes;
}

/** The letters of each operand and of the result. */
function lettersOf(at: At): { readonly operands: readonly string[]; readonly result: string } {
  const equation = at.text("equation", "").replaceAll(" ", "");
  if (!/^[a-zA-Z]*(,[a-zA-Z]*)*(->[a-zA-Z]*)?$/.test(equation)) {
    return at.refuse("its equation must be of letters, without `...`");
  }
  const [left, right] = equation.split("->");
  const operands = left.split(",");
  const all = operands.join("");
  const once = [...new Set(all)].filter((letter) => all.split(letter).length === 2);
  const result = right ?? once.toSorted().join("");
  const isPlain = [...operands, result].every((letters) =>
    new Set(letters).size === letters.length
  );
  const isKnown = [...result].every((letter) => all.includes(letter));
  if (operands.length !== at.inputs.length || !isKnown) {
    return at.refuse("its equation does not fit its operands");
  }
  return isPlain ? { operands, result } : at.refuse("a letter must not stand twice in a term");
}
