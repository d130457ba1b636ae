/** Refusals: an error of Gradus that says enough and leaves what was given as it was. */
import { GradusError } from "../mod.ts";
import { assertEquals, assertThrows } from "./assert.ts";

/** Fails unless `run` throws a GradusError whose message contains every one of `parts`; returns it. */
export function assertRefused(run: () => unknown, ...parts: string[]): GradusError {
  return assertThrows(run, GradusError, ...parts);
}

/** As {@linkcode assertRefused}, and fails if any bit of `given` is not as it was before. */
export function assertRefusedUnchanged(
  run: () => unknown,
  given: readonly unknown[],
  ...parts: string[]
): GradusError {
  const before = given.map(contents);
  const error = assertRefused(run, ...parts);
  assertEquals(given.map(contents), before, "a refusal has changed what was given");
  return error;
}

/** The end of a message that points at `width` characters of `line`, and shows its text. */
export function pointer(line: number, column: number, text: string, width: number): string {
  return `\n  at line ${line}, column ${column}\n  | ${text}\n` +
    `  | ${" ".repeat(column - 1)}${"^".repeat(width)}`;
}

/** All that a value holds, as text: arrays byte by byte, what an object inherits included. */
export function contents(value: unknown): string {
  const seen = new Map<object, number>();
  const write = (part: unknown): string => {
    if (typeof part === "number") return Object.is(part, -0) ? "-0" : String(part);
    if (typeof part === "function") return `function ${part.name}`;
    if (typeof part !== "object" || part === null) return `${typeof part} ${String(part)}`;
    const known = seen.get(part);
    if (known !== undefined) return `the same as ${known}`;
    seen.set(part, seen.size);
    // A place on a device, of which nothing is at hand.
    if (part instanceof GPUBuffer) return `GPUBuffer of ${part.size}`;
    if (ArrayBuffer.isView(part)) {
      const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
      return `${part.constructor.name} ${bytes.join(" ")}`;
    }
    const entries = Reflect.ownKeys(part).filter((key) => key !== "length").map((key) =>
      `${String(key)}: ${write((part as Record<PropertyKey, unknown>)[key])}`
    );
    const parent = Object.getPrototypeOf(part);
    const inherits = parent !== Object.prototype &&
      Object.prototype.toString.call(parent) === "[object Object]";
    return `${Array.isArray(part) ? "list" : "object"} { ${entries.join(", ")} }` +
      (inherits ? ` of ${write(parent)}` : "");
  };
  return write(value);
}
