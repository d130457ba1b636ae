/** Sums of products by letters: the gradient of an operand exchanges its letters with the result's. */
import { numbersOf, type Size, spellShape, unknownSize, type Value } from "../value.ts";
import type { At, Row } from "./row.ts";

/** The letters of the operands and of the result. */
interface Letters {
  readonly operands: readonly string[];
  readonly result: string;
}

/** The row of Einsum. */
export const einsum: Row = {
  shape: (at) => {
    const { type } = at.input(0);
    const letters = lettersOf(at);
    if (letters === undefined) return [{ type, shape: undefined }];
    const sizes = new Map<string, Size>();
    letters.operands.forEach((all, i) =>
      [...all].forEach((letter, axis) => {
        const size = at.input(i).shape?.[axis];
        // A size of 1 is stretched.
        if (size !== undefined && (sizes.get(letter) ?? 1) === 1) sizes.set(letter, size);
      })
    );
    return [{ type, shape: [...letters.result].map((each) => sizes.get(each) ?? unknownSize()) }];
  },
  always: true,
  lower: plain,
  gradient: ([g], at) => {
    const { build } = at;
    const { operands, result } = lettersOf(at) ??
      at.refuse("the number of dimensions must be known, for which its `...` stands");
    return operands.map((own, i): Value | undefined => {
      if (!at.needs(i)) return undefined;
      const others = operands.filter((_, j) => j !== i);
      const isMet = (letter: string) => [result, ...others].some((each) => each.includes(letter));
      const met = [...own].filter(isMet).join("");
      const equation = `${[result, ...others].join(",")}->${met}`;
      const values = [g!, ...at.inputs.filter((_, j) => j !== i)];
      const part = build.emit("Einsum", values, { equation });
      const summed = [...own].flatMap((letter, axis) => isMet(letter) ? [] : [axis]);
      const wide = summed.length === 0 ? part : build.emit("Unsqueeze", [part, build.ints(summed)]);
      // An axis that was summed alone is as long as it was.
      return build.expandLike(wide, at.input(i));
    });
  },
};

/**
 * The same with a letter for each axis that dots stand for, with diagonals in the place of operands whose letters repeat,
 * and without axes of 1 that are stretched to another's: ONNX Runtime's WebGPU computes the first and the last wrong
 * without any message.
 */
function plain(at: At): Value[] | undefined {
  const letters = lettersOf(at);
  if (letters === undefined) return undefined;
  const once = letters.operands.map((own, i) => diagonal(at.input(i), own, at));
  const isLong = new Set(
    once.flatMap(({ value, own }) =>
      [...own].filter((_, axis) => (value.shape?.[axis] ?? 1) !== 1)
    ),
  );
  const all = once.map(({ value, own }) => {
    const axes = [...own].flatMap((letter, axis) =>
      value.shape?.[axis] === 1 && isLong.has(letter) ? [axis] : []
    );
    if (axes.length === 0) return { value, own };
    return {
      value: at.build.emit("Squeeze", [value, at.build.ints(axes)]),
      own: [...own].filter((_, axis) => !axes.includes(axis)).join(""),
    };
  });
  const isDotted = at.text("equation", "").includes("...");
  if (!isDotted && all.every(({ own }, i) => own === letters.operands[i])) return undefined;
  const equation = `${all.map(({ own }) => own).join(",")}->${letters.result}`;
  return [at.build.emit("Einsum", all.map(({ value }) => value), { equation })];
}

/** The elements of which both places of each letter are the same: every (n + 1)th of n·n. */
function diagonal(
  value: Value,
  own: string,
  at: At,
): { readonly value: Value; readonly own: string } {
  const { build } = at;
  const letter = [...own].find((each, i) => own.indexOf(each) !== i);
  if (letter === undefined) return { value, own };
  const [first, second] = [own.indexOf(letter), own.indexOf(letter, own.indexOf(letter) + 1)];
  const shape = value.shape ?? at.refuse("the number of dimensions of its operands must be known");
  const [n] = numbersOf([shape[first], shape[second]])?.toSorted() ??
    at.refuse(`the size of "${letter}" must be known, of which "${own}" takes a diagonal`);
  if (shape[first] !== shape[second]) {
    at.refuse(`"${letter}" must be of one size in "${own}": given ${spellShape(shape)}`);
  }
  const rest = shape.map((_, axis) => axis).filter((axis) => axis !== first && axis !== second);
  const turned = build.transpose(value, [...rest, first, second]);
  const outer = rest.map((axis) => shape[axis]);
  const flat = build.reshape(turned, [...outer, n * n]);
  const list = [0, n * n, rest.length, n + 1].map((each) => build.ints([each]));
  const taken = build.emit("Slice", [flat, ...list]);
  return diagonal(taken, rest.map((axis) => own[axis]).join("") + letter, at);
}

/** Undefined where it is not known how many axes dots stand for. */
function lettersOf(at: At): Letters | undefined {
  const equation = spelled(at);
  if (equation === undefined) return undefined;
  const [left, right] = equation.split("->");
  const operands = left.split(",");
  const isFitting = operands.length === at.inputs.length &&
    operands.every((all, i) => all.length === (at.input(i).shape?.length ?? all.length));
  if (!isFitting) return at.refuse(`its equation "${equation}" does not fit its operands`);
  if (right !== undefined) return { operands, result: right };
  const all = operands.join("");
  const once = [...new Set(all)].filter((each) => all.indexOf(each) === all.lastIndexOf(each));
  return { operands, result: once.sort().join("") };
}

/** The equation with a letter of its own for each axis that dots stand for, counted from the last. */
function spelled(at: At): string | undefined {
  const equation = at.text("equation", "").replaceAll(" ", "");
  if (!equation.includes("...")) return equation;
  const [left, right] = equation.split("->");
  const counts = left.split(",").map((own, i) => {
    if (!own.includes("...")) return 0;
    const rank = at.inputs[i]?.shape?.length;
    return rank === undefined ? undefined : Math.max(0, rank - (own.length - 3));
  });
  if (!counts.every((count) => count !== undefined)) return undefined;
  const free = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"]
    .filter((letter) => !equation.includes(letter));
  const most = Math.max(...counts);
  if (most > free.length) return at.refuse("it has more axes than letters");
  const dots = free.slice(0, most);
  const named = left.split(",").map((own, i) =>
    own.replace("...", dots.slice(most - counts[i]).join(""))
  );
  const once = [...left].filter((each, i) =>
    /[A-Za-z]/.test(each) && left.indexOf(each) === i && left.lastIndexOf(each) === i
  );
  const result = (right ?? `...${once.sort().join("")}`).replace("...", dots.join(""));
  return `${named.join(",")}->${result}`;
}
