/** Ways to save what a run has come to. */

const arrays = { Float32Array, Float64Array, Uint16Array, Uint8Array } as const;

/** Through JSON and back: arrays become lists of their numbers, with the name of their type. */
export function throughJson<T>(value: T): T {
  const text = JSON.stringify(value, (_, part) =>
    ArrayBuffer.isView(part)
      ? {
        is: part.constructor.name,
        of: Array.from(part as Float32Array, spelled),
      }
      : typeof part === "number"
      ? spelled(part)
      : part);
  return JSON.parse(
    text,
    (_, part) =>
      typeof part?.is === "string"
        ? arrays[part.is as keyof typeof arrays].from(part.of)
        : typeof part === "string" && SPECIAL.has(part)
        ? Number(part)
        : part,
  );
}

const SPECIAL: ReadonlySet<string> = new Set(["-0", "Infinity", "-Infinity", "NaN"]);

// JSON has neither the sign of a zero nor what is not finite.
function spelled(x: number): number | string {
  return Object.is(x, -0) ? "-0" : Number.isFinite(x) ? x : String(x);
}
