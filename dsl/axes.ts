/** Lists of axes as programs write them, and which axes of a tensor they mean. */

/**
 * An axis by its length: the longest, or the longest of the others. Of equals, the later counts as
 * longer.
 */
export type AxisName = "largest" | "secondLargest";

/**
 * Axes in a document: one by its number, which counts from the end if negative; a range, whose end is not
 * in it and may be left out; or one by its length.
 */
export type AxisDocument =
  | number
  | AxisName
  | `${number}`
  | `${number}:`
  | `:${number}`
  | `${number}:${number}`;

/** The axes that have a name, and how far from the end they are when axes are ordered by extent. */
export const AXIS_NAMES: ReadonlyMap<string, number> = new Map([
  ["largest", 1],
  ["secondLargest", 2],
]);

const NUMBER = /^-?[0-9]{1,2}$/;
const RANGE = /^(-?[0-9]{1,2})?:(-?[0-9]{1,2})?$/;

/** One entry of a list in its normal form, or undefined for what is none. */
export function axisItem(given: unknown): string | undefined {
  const text = typeof given === "number" ? String(given + 0) : given;
  if (typeof text !== "string") return undefined;
  const isAxis = NUMBER.test(text) || RANGE.test(text) || AXIS_NAMES.has(text);
  return isAxis ? text.replace(/-?[0-9]+/g, (digits) => String(Number(digits) + 0)) : undefined;
}

/** The entries of a list, such as `"0,2:"`, as a document has them. */
export function axisDocuments(over: string): AxisDocument[] {
  return over.split(",").map((item) => NUMBER.test(item) ? Number(item) : item as AxisDocument);
}

/** Whether what a reduction or a state ranges over is a list of axes. */
export function isAxes(over: string): boolean {
  return !["element", "tensor", "tree", "sizes"].includes(over);
}

/** Whether a list names axes by their extent. */
export function isByExtent(over: string): boolean {
  return over.split(",").some((item) => AXIS_NAMES.has(item));
}

/** How many axes a tensor needs for each entry of a list to mean something. */
export function fewestAxes(over: string): number {
  return Math.max(0, ...over.split(",").map(axesNeeded));
}

function axesNeeded(item: string): number {
  if (RANGE.test(item)) return 0;
  const axis = Number(item);
  return AXIS_NAMES.get(item) ?? (axis < 0 ? -axis : axis + 1);
}

/** The axes of a shape from the smallest extent to the largest; equals keep their order. */
export function axesByExtent(shape: readonly number[]): number[] {
  return shape.map((_, axis) => axis).sort((a, b) => shape[a] - shape[b]);
}

/**
 * Which axes a list means in a tensor whose axes by extent are `byExtent`; `refuse` is told of an entry
 * that means none there. A range never does: it may be empty.
 */
export function axesOf(
  over: string,
  byExtent: readonly number[],
  refuse: (item: string, needed: number) => never,
): Set<number> {
  const rank = byExtent.length;
  const from0 = (axis: number) => Math.max(0, axis < 0 ? axis + rank : axis);
  return new Set(
    over.split(",").flatMap((item) => {
      const range = RANGE.exec(item);
      if (range !== null) {
        const [from, to] = [from0(Number(range[1] ?? 0)), from0(Number(range[2] ?? rank))];
        return byExtent.filter((axis) => axis >= from && axis < to);
      }
      const needed = axesNeeded(item);
      if (needed > rank) return refuse(item, needed);
      const place = AXIS_NAMES.get(item);
      return place === undefined ? from0(Number(item)) : byExtent[rank - place];
    }),
  );
}
