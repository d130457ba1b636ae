/** Operators that join, split and pad: what was joined comes apart, and what was added is cut off. */
import {
  isSameShape,
  type Kind,
  numbersOf,
  product,
  type Shape,
  type Size,
  unknownSize,
  type Value,
} from "../value.ts";
import { foldedBack } from "./border.ts";
import type { At, Rows } from "./row.ts";

/** The type of the first input and a shape. */
const like = (at: At, shape: Shape | undefined): Kind[] => [{ type: at.input(0).type, shape }];

/** The operators that join, split and pad. */
export const cuts: Rows = {
  Concat: { shape: (at) => like(at, joinedShape(at)), gradient: parts },
  Split: { shape: splitShapes, gradient: joined },
  Pad: { shape: (at) => like(at, paddedShape(at)), gradient: unpadded },
};

function joinedShape(at: At): Shape | undefined {
  const shapes = at.inputs.map((_, i) => at.input(i).shape);
  if (!shapes.every((shape) => shape !== undefined)) return undefined;
  const [first] = shapes;
  const axis = at.axis(at.int("axis"), first.length);
  if (shapes.some(({ length }) => length !== first.length)) at.refuse("its inputs differ in rank");
  const sizes = shapes.map((shape) => shape[axis]);
  const numbers = numbersOf(sizes);
  return first.map((size, i) => {
    if (i === axis) {
      const isEven = sizes.every((each) => each === sizes[0]);
      return numbers?.reduce((a, b) => a + b, 0) ??
        (isEven ? product([sizes[0], sizes.length]) : unknownSize());
    }
    const known = shapes.map((shape) => shape[i]).find((each) => typeof each === "number");
    return known ?? size;
  });
}

/** What is joined comes apart. */
function parts([g]: readonly (Value | undefined)[], at: At): (Value | undefined)[] {
  const { build, inputs } = at;
  if (inputs.length === 1) return [g];
  const axis = at.axis(at.int("axis"), at.shape(0).length);
  const sizes = build.sizes(inputs.map((_, i) => at.shape(i)[axis]));
  return build.emitAll("Split", [g, sizes], { axis }, inputs.length);
}

function splitShapes(at: At): Kind[] {
  const { type, shape } = at.input(0);
  if (shape === undefined) return Array(at.count).fill({ type, shape });
  const axis = at.axis(at.int("axis", 0), shape.length);
  const total = shape[axis];
  const given = at.inputs[1] === undefined ? undefined : at.inputs[1].known;
  const isEven = at.inputs[1] === undefined && typeof total === "number";
  const each = isEven ? Math.ceil(total / at.count) : undefined;
  return Array.from({ length: at.count }, (_, i) => {
    const even = each === undefined ? unknownSize() : Math.min(each, total as number - i * each);
    return { type, shape: shape.with(axis, given?.[i] ?? even) };
  });
}

/** What came apart is joined; a part that is not used has the gradient 0. */
function joined(gradients: readonly (Value | undefined)[], at: At): Value[] {
  const { build, outputs } = at;
  const axis = at.axis(at.int("axis", 0), at.shape(0).length);
  const all = outputs.map((output, i) =>
    gradients[i] ?? build.expandLike(build.number(0, output), output)
  );
  return [all.length === 1 ? all[0] : build.emit("Concat", all, { axis })];
}

/** The pads before and after each axis, as far as they are known. */
function pads(at: At): readonly (readonly [before: Size, after: Size])[] | undefined {
  const rank = at.shape(0).length;
  const { known } = at.input(1);
  if (known === undefined) return undefined;
  const axes = at.inputs[3] === undefined
    ? Array.from({ length: rank }, (_, axis) => axis)
    : at.inputs[3].known?.map((axis) => at.axis(axis as number, rank));
  if (axes === undefined) return undefined;
  if (known.length !== 2 * axes.length) at.refuse("there must be two pads for each axis");
  const all = Array.from({ length: rank }, (): [Size, Size] => [0, 0]);
  axes.forEach((axis, i) => all[axis] = [known[i], known[i + axes.length]]);
  return all;
}

function paddedShape(at: At): Shape | undefined {
  if (at.input(0).shape === undefined) return undefined;
  const around = pads(at);
  return at.shape(0).map((size, axis) => {
    const sizes = around && [size, ...around[axis]];
    const numbers = numbersOf(sizes);
    if (around?.[axis].every((each) => each === 0)) return size;
    return numbers?.reduce((a, b) => a + b, 0) ?? unknownSize();
  });
}

/** What was added is cut off, and what was cut off by less than nothing is 0. */
function unpadded([g]: readonly (Value | undefined)[], at: At): Value[] {
  const { build } = at;
  if (at.needs(2)) at.refuse("what it pads with must not be trained");
  const around = numbersOf(pads(at)?.flat()) ?? at.refuse("its pads must be constant");
  const mode = at.text("mode", "constant");
  if (mode !== "constant") return [foldedBack(g!, mode, around, at)];
  const befores = around.filter((_, i) => i % 2 === 0);
  const afters = around.filter((_, i) => i % 2 === 1);
  if (around.every((each) => each === 0)) return [g!];
  if (around.some((each) => each < 0)) {
    return [build.emit("Pad", [g, build.ints([...befores, ...afters].map((each) => -each))])];
  }
  const ends = afters.map((after) => after === 0 ? 2 ** 31 - 1 : -after);
  const axes = around.flatMap((_, i) => i % 2 === 0 ? [i / 2] : []);
  const cut = build.emit("Slice", [g, build.ints(befores), build.ints(ends), build.ints(axes)]);
  return [isSameShape(cut.shape, at.shape(0)) ? cut : build.reshapeLike(cut, at.input(0))];
}
