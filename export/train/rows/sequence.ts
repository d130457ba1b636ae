/** Sequences of tensors: where they are known, their elements are values of their own. */
import { DataType, type Kind, type Value } from "../value.ts";
import type { At, Row, Rows } from "./row.ts";

const UNKNOWN: Kind = { type: DataType.UNDEFINED, shape: undefined };
const sequence = (items: readonly Value[]): Value[] => [{ ...UNKNOWN, name: "", items }];

/** An operator on sequences, that is no operator any more where its sequence is known. */
function known(lower: (at: At) => readonly Value[] | undefined): Row {
  return { shape: () => [UNKNOWN], lower, always: true };
}

/** One that takes the elements of its first input. */
function taking(lower: (items: readonly Value[], at: At) => readonly Value[]): Row {
  return known((at) => at.input(0).items && lower(at.input(0).items!, at));
}

/** The operators on sequences. */
export const sequences: Rows = {
  SequenceConstruct: known((at) => sequence(at.inputs.map((_, i) => at.input(i)))),
  SequenceEmpty: known(() => sequence([])),
  SplitToSequence: known((at) => {
    const items = parts(at);
    return items && sequence(items);
  }),
  SequenceAt: taking((items, at) => [items[positionIn(items.length, 1, at)]]),
  SequenceLength: taking((items, { build }) => [
    build.constant([items.length], DataType.INT64, []),
  ]),
  SequenceInsert: taking((items, at) => {
    const place = at.inputs[2] === undefined ? items.length : positionIn(items.length + 1, 2, at);
    return sequence(items.toSpliced(place, 0, at.input(1)));
  }),
  SequenceErase: taking((items, at) => {
    const last = at.inputs[1] === undefined ? items.length - 1 : positionIn(items.length, 1, at);
    return sequence(items.toSpliced(last, 1));
  }),
  ConcatFromSequence: taking((items, at) => {
    const { build } = at;
    if (items.length === 0) at.refuse("its sequence must have elements");
    const rank = items[0].shape?.length ??
      at.refuse("the number of dimensions of its elements must be known");
    const isNew = at.int("new_axis", 0) !== 0;
    const axis = at.axis(at.int("axis"), isNew ? rank + 1 : rank);
    const all = isNew
      ? items.map((each) => build.emit("Unsqueeze", [each, build.ints([axis])]))
      : items;
    return [build.emit("Concat", all, { axis })];
  }),
};

/** A place in a sequence of `length` that input `i` tells. */
function positionIn(length: number, i: number, at: At): number {
  const [given] = at.numbers(i, "a place in a sequence")!;
  const place = given < 0 ? given + length : given;
  if (Number.isInteger(place) && place >= 0 && place < length) return place;
  return at.refuse(`its place must be in a sequence of ${length}: given ${given}`);
}

/** What a tensor is split into, undefined where that is not known before it runs. */
function parts(at: At): readonly Value[] | undefined {
  const { build, inputs: [value, by] } = at;
  const shape = value?.shape;
  if (shape === undefined || (by !== undefined && by.known === undefined)) return undefined;
  const axis = at.axis(at.int("axis", 0), shape.length);
  const total = shape[axis];
  const isList = by?.shape?.length === 1;
  if (!isList && typeof total !== "number") return undefined;
  const size = by === undefined ? 1 : by.known![0];
  if (!isList && !(typeof size === "number" && size > 0)) {
    return at.refuse("the size of its parts must be a number of at least 1");
  }
  const sizes = isList ? by.known! : Array.from(
    { length: Math.ceil((total as number) / (size as number)) },
    (_, i) => Math.min(size as number, (total as number) - i * (size as number)),
  );
  const all = sizes.length === 1
    ? [value!]
    : build.emitAll("Split", [value, build.sizes(sizes)], { axis }, sizes.length);
  const isSqueezed = by === undefined && at.int("keepdims", 1) === 0;
  return isSqueezed ? all.map((each) => build.emit("Squeeze", [each, build.ints([axis])])) : all;
}
