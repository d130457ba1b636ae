/** Normalisations of images: of a channel over the batch, of a channel alone, of a group of channels. */
import type { Builder } from "../emit.ts";
import { type Kind, numbersOf, type Value } from "../value.ts";
import type { At, Rows } from "./row.ts";

const same = (at: At): Kind[] => [{ type: at.input(0).type, shape: at.input(0).shape }];

/** The normalisations of images. */
export const imageNormals: Rows = {
  BatchNormalization: {
    shape: (at) => {
      const { type, shape } = at.input(3);
      return [...same(at), { type, shape }, { type, shape }];
    },
    // In training no runtime on WebGPU has it.
    always: true,
    lower: (at) => at.int("training_mode", 0) === 1 ? byBatch(at) : undefined,
    gradient: scaled,
  },
  InstanceNormalization: {
    shape: same,
    gradient: ([g], at) => {
      const { build } = at;
      const [x, scale] = [at.input(0), perChannel(at.input(1), at)];
      const axes = otherAxes(at).slice(1);
      const { h, inverse } = normalised(x, axes, at);
      return [
        at.needs(0)
          ? through(build.write("g*s", { g: g!, s: scale }), h, inverse, axes, build)
          : undefined,
        at.needs(1) ? channelSum(build.write("g*h", { g: g!, h }), at) : undefined,
        at.needs(2) ? channelSum(g!, at) : undefined,
      ];
    },
  },
  GroupNormalization: { shape: same, gradient: byGroup },
  LRN: { shape: same, lower: byNeighbours },
};

/** x·(bias + α·mean of the squares of the channels around)^-β, of which there are 0 beyond the first and last. */
function byNeighbours(at: At): Value[] {
  const { build } = at;
  const x = at.input(0);
  const channels = at.shape(0)[1];
  if (typeof channels !== "number") at.refuse("how many channels it has must be known");
  const size = at.int("size");
  const rows = build.emit("Reshape", [
    build.write("x*x", { x }),
    build.ints([0, 1, channels, -1]),
  ]);
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const attributes = { kernel_shape: [size, 1], pads: [before, 0, after, 0], count_include_pad: 1 };
  const mean = build.reshapeLike(build.emit("AveragePool", [rows], attributes), x);
  const numbers = {
    alpha: at.float("alpha", 1e-4),
    beta: at.float("beta", 0.75),
    k: at.float("bias", 1),
  };
  return [build.write("x*(k + alpha*m)^(-beta)", { x, m: mean }, numbers)];
}

/** The axes that channels are not. */
function otherAxes(at: At): number[] {
  return at.shape(0).map((_, axis) => axis).filter((axis) => axis !== 1);
}

/** One number a channel, in as many axes as the image has. */
function perChannel(value: Value, at: At): Value {
  const rank = at.shape(0).length;
  return at.build.emit("Reshape", [value, at.build.ints([-1, ...Array(rank - 2).fill(1)])]);
}

function channelSum(value: Value, at: At): Value {
  return at.build.sum(value, otherAxes(at), 0);
}

/** h = (x - mean)·inverse over `axes`, and inverse = 1/√(variance + ε). */
function normalised(
  x: Value,
  axes: readonly number[],
  at: At,
): { h: Value; inverse: Value } {
  const { build } = at;
  const mean = build.reduce("ReduceMean", x, axes);
  const apart = build.write("x - m", { x, m: mean });
  const variance = build.reduce("ReduceMean", build.write("d*d", { d: apart }), axes);
  const inverse = build.write("1/sqrt(v + e)", { v: variance }, { e: at.float("epsilon", 1e-5) });
  return { h: build.write("d*i", { d: apart, i: inverse }), inverse };
}

/** The gradient of x, of the gradient u of h: inverse·(u - mean(u) - h·mean(u·h)). */
function through(
  u: Value,
  h: Value,
  inverse: Value,
  axes: readonly number[],
  build: Builder,
): Value {
  const m = build.reduce("ReduceMean", u, axes);
  const k = build.reduce("ReduceMean", build.write("u*h", { u, h }), axes);
  return build.write("i*(u - m - h*k)", { i: inverse, u, m, h, k });
}

/**
 * The gradients of y = (x - mean)·factor + bias, where factor = scale·inverse and inverse = 1/√(variance + ε). With
 * statistics of x itself, what comes back through them is taken off that of x: its mean, and its part along x.
 */
function scaled([g]: readonly (Value | undefined)[], at: At): (Value | undefined)[] {
  const { build } = at;
  const [x, scale, , mean, variance] = [0, 1, 2, 3, 4].map((i) => at.input(i));
  const [needsX, needsScale, needsBias, needsMean, needsVariance] = [0, 1, 2, 3, 4].map((i) =>
    at.needs(i)
  );
  const isOwn = isMeanOf(mean, x, build) && !needsMean && !needsVariance;
  const through = isOwn && needsX;
  const inverse = build.write("1/sqrt(v + e)", { v: variance }, { e: at.float("epsilon", 1e-5) });
  const factor = build.write("s*i", { s: scale, i: inverse });
  const wide = (value: Value) => perChannel(value, at);
  const total = through || needsBias || needsMean ? channelSum(g!, at) : undefined;
  const apart = through || needsScale || needsVariance
    ? build.write("x - m", { x, m: wide(mean) })
    : undefined;
  const slope = apart && build.write("p*i", {
    p: channelSum(build.write("g*d", { g: g!, d: apart }), at),
    i: inverse,
  });
  const dx = () => {
    const direct = build.write("g*f", { g: g!, f: wide(factor) });
    if (!through) return direct;
    const n = perChannelCount(at);
    const along = build.write("f*i*p/n", { f: factor, i: inverse, p: slope!, n });
    const level = build.write("f*t/n", { f: factor, t: total!, n });
    return build.write("a - d*b - c", { a: direct, d: apart!, b: wide(along), c: wide(level) });
  };
  return [
    needsX ? dx() : undefined,
    needsScale ? slope : undefined,
    needsBias ? total : undefined,
    needsMean ? build.write("-f*t", { f: factor, t: total! }) : undefined,
    needsVariance ? build.write("-0.5*f*i*p", { f: factor, i: inverse, p: slope! }) : undefined,
  ];
}

/** Whether a value is the mean of another, which may have been taken axis by axis. */
function isMeanOf(value: Value, whole: Value, build: Builder): boolean {
  if (value.name === whole.name) return true;
  const maker = build.makerOf(value);
  const isOnWay = maker?.op === "Reshape" || maker?.op === "ReduceMean";
  return isOnWay && isMeanOf(maker.inputs[0]!, whole, build);
}

/** How many numbers each channel has. */
function perChannelCount(at: At): Value {
  const { build } = at;
  const x = at.input(0);
  const sizes = numbersOf(otherAxes(at).map((axis) => at.shape(0)[axis]));
  if (sizes !== undefined) return build.number(sizes.reduce((a, b) => a * b, 1), x);
  const sizesOf = (value: Value) => build.emit("Size", [value]);
  const count = build.emit("Div", [sizesOf(x), sizesOf(at.input(1))]);
  return build.emit("Cast", [count], { to: x.type });
}

/** By the statistics of the batch, which move the running ones: they are other numbers after each step. */
function byBatch(at: At): Value[] {
  const { build } = at;
  const [x, scale, bias, runningMean, runningVariance] = [0, 1, 2, 3, 4].map((i) => at.input(i));
  const axes = otherAxes(at);
  const flat = (value: Value) => build.stop(build.emit("Reshape", [value, build.ints([-1])]));
  const mean = build.reduce("ReduceMean", x, axes);
  const apart = build.write("x - m", { x, m: mean });
  const variance = build.reduce("ReduceMean", build.write("d*d", { d: apart }), axes);
  const own = [flat(mean), flat(variance)];
  const epsilon = { float: at.float("epsilon", 1e-5) };
  const y = build.emit("BatchNormalization", [x, scale, bias, ...own], { epsilon });
  const momentum = at.float("momentum", 0.9);
  const moved = [runningMean, runningVariance].map((running, i) => {
    const numbers = { p: momentum, q: 1 - momentum };
    const next = build.write("a*p + v*q", { a: running, v: own[i] }, numbers);
    build.carry(running, next);
    return next;
  });
  return [y, ...moved];
}

/** Before opset 21 scale and bias are one number a group, from then on one a channel. */
function byGroup([g]: readonly (Value | undefined)[], at: At): (Value | undefined)[] {
  const { build } = at;
  const x = at.input(0);
  const groups = at.int("num_groups");
  const isOld = build.opset < 21;
  const apart = (value: Value) => build.emit("Reshape", [value, build.ints([0, groups, -1])]);
  const { h, inverse } = normalised(apart(x), [2], at);
  const wide = (value: Value) => isOld ? value : build.reshapeLike(value, x);
  const narrow = (value: Value) => isOld ? value : apart(value);
  // What is scaled and moved, where each number has its channel or group to itself.
  const [own, ownH] = [isOld ? apart(g!) : g!, wide(h)];
  const scale = isOld
    ? build.emit("Reshape", [at.input(1), build.ints([-1, 1])])
    : perChannel(at.input(1), at);
  const sum = (value: Value) => isOld ? build.sum(value, [0, 2], 0) : channelSum(value, at);
  const dx = () => {
    const u = narrow(build.write("g*s", { g: own, s: scale }));
    return build.reshapeLike(through(u, h, inverse, [2], build), x);
  };
  return [
    at.needs(0) ? dx() : undefined,
    at.needs(1) ? sum(build.write("g*h", { g: own, h: ownH })) : undefined,
    at.needs(2) ? sum(own) : undefined,
  ];
}
