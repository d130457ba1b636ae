/** Elements picked by numbers: gradients are added up where they were picked. */
import type { Attributes } from "../emit.ts";
import { DataType, numbersOf, type Shape, unknownSize, type Value } from "../value.ts";
import type { At, Row, Rows } from "./row.ts";

/** The operators that pick and put. */
export const gathers: Rows = {
  Gather: {
    shape: (at) => {
      const [{ type, shape }, { shape: places }] = [at.input(0), at.input(1)];
      if (shape === undefined || places === undefined) return [{ type, shape: undefined }];
      const axis = at.axis(at.int("axis", 0), shape.length);
      return [{ type, shape: shape.toSpliced(axis, 1, ...places) }];
    },
    gradient: ([g], at) => [gathered(g!, at)],
  },
  GatherElements: {
    shape: (at) => [{ type: at.input(0).type, shape: at.input(1).shape }],
    gradient: ([g], { build, inputs: [data, places], attributes: { axis = 0 } }) => {
      const zeros = build.expandLike(build.number(0, g!), data!);
      const attributes = { axis, reduction: "add" };
      return [build.emit("ScatterElements", [zeros, places, g], attributes)];
    },
  },
  GatherND: {
    shape: (at) => {
      const [{ type, shape }, { shape: places }] = [at.input(0), at.input(1)];
      const depth = places?.at(-1);
      if (shape === undefined || typeof depth !== "number") return [{ type, shape: undefined }];
      const rest = shape.slice(at.int("batch_dims", 0) + depth);
      return [{ type, shape: [...places!.slice(0, -1), ...rest] }];
    },
    gradient: ([g], at) => {
      const { build, inputs: [data] } = at;
      const zeros = build.expandLike(build.number(0, g!), data!);
      return [build.emit("ScatterND", [zeros, wholePlaces(at), g], { reduction: "add" })];
    },
  },
  TopK: {
    shape: (at) => {
      const [{ type, shape }, k] = [at.input(0), at.input(1).known?.[0]];
      const axis = shape && at.axis(at.int("axis", -1), shape.length);
      const kept = shape?.with(axis!, k ?? unknownSize());
      return [{ type, shape: kept }, { type: DataType.INT64, shape: kept }];
    },
    gradient: ([g], at) => {
      const { build, inputs: [data], outputs: [y] } = at;
      if (g === undefined) return [];
      const zeros = build.expandLike(build.number(0, g), data!);
      const attributes = { axis: at.int("axis", -1), reduction: "add" };
      return [build.emit("ScatterElements", [zeros, build.outputOf(y, 1), g], attributes)];
    },
  },
  ScatterElements: scatter("ScatterElements", "GatherElements"),
  ScatterND: scatter("ScatterND", "GatherND"),
};

/** What is put at places, each once, or added there: its gradient is picked from them. */
function scatter(op: string, gather: string): Row {
  return {
    shape: (at) => [{ type: at.input(0).type, shape: at.input(0).shape }],
    gradient: ([g], at) => {
      const { build, inputs: [, places, updates], attributes } = at;
      const how = at.text("reduction", "none");
      if (how !== "none" && how !== "add") {
        at.refuse('its attribute `reduction` must be "none" or "add"');
      }
      const along: Attributes = at.has("axis") ? { axis: attributes.axis } : {};
      const without = () => {
        const zeros = build.expandLike(build.number(0, g!), updates!);
        return build.emit(op, [g, places, zeros], along);
      };
      return [
        !at.needs(0) ? undefined : how === "add" ? g : without(),
        undefined,
        at.needs(2) ? build.emit(gather, [g, places], along) : undefined,
      ];
    },
  };
}

/** Places among all of the data, of places in each of a batch: with those of the batch in front. */
function wholePlaces(at: At): Value {
  const { build } = at;
  const [places, count] = [at.input(1), at.int("batch_dims", 0)];
  if (count === 0) return places;
  const sizes = at.shape(1).with(-1, 1);
  const whole = (value: number) => build.constant([value], DataType.INT64, []);
  const ofBatch = sizes.slice(0, count).map((size, axis) => {
    const length = build.emit("Squeeze", [build.sizes([size]), build.ints([0])]);
    const all = build.emit("Range", [whole(0), length, whole(1)]);
    const column = build.ints(sizes.map((_, i) => i === axis ? -1 : 1));
    return build.emit("Expand", [build.emit("Reshape", [all, column]), build.sizes(sizes)]);
  });
  return build.emit("Concat", [...ofBatch, places], { axis: -1 });
}

function gathered(g: Value, at: At): Value {
  const { build } = at;
  const [data, places] = [at.input(0), at.input(1)];
  const [shape, rows] = [at.shape(0), at.shape(1)];
  const axis = at.axis(at.int("axis", 0), shape.length);
  const size = shape[axis];
  const known = numbersOf(places.known);
  if (known?.length === 1 && rows.length < 2 && typeof size === "number") {
    // One place: what is around it is 0.
    const place = known[0] < 0 ? known[0] + size : known[0];
    const wide = rows.length === 0 ? build.emit("Unsqueeze", [g, build.ints([axis])]) : g;
    const pads = Array<number>(2 * shape.length).fill(0);
    [pads[axis], pads[axis + shape.length]] = [place, size - 1 - place];
    return build.emit("Pad", [wide, build.ints(pads)]);
  }
  // The axis comes first, and so do its places.
  const outer = shape.map((_, i) => i).filter((i) => i !== axis);
  const perm = [axis, ...outer];
  const isFirst = axis === 0;
  const turned: Shape = perm.map((i) => shape[i]);
  const updates = isFirst ? g : build.transpose(g, [
    ...rows.map((_, i) => axis + i),
    ...outer.map((i) => i < axis ? i : i - 1 + rows.length),
  ]);
  const zeros = build.emit("Expand", [
    build.number(0, g),
    isFirst ? build.shapeOf(data) : build.sizes(turned),
  ]);
  const indices = build.emit("Unsqueeze", [placesOf(places, data, axis, at), build.ints([-1])]);
  const sum = build.emit("ScatterND", [zeros, indices, updates], { reduction: "add" });
  return isFirst ? sum : build.transpose(sum, shape.map((_, i) => perm.indexOf(i)));
}

/** Places counted from the front. */
function placesOf(places: Value, data: Value, axis: number, { build }: At): Value {
  const wide = places.type === DataType.INT64
    ? places
    : build.emit("Cast", [places], { to: DataType.INT64 });
  if (numbersOf(places.known)?.every((place) => place >= 0)) return wide;
  const zero = build.constant([0], DataType.INT64, []);
  const size = build.sizes([data.shape![axis]]);
  const isBack = build.emit("Less", [wide, zero]);
  return build.emit("Where", [isBack, build.emit("Add", [wide, size]), wide]);
}
