/** Objects of named entries, as documents and their parts are. */
import { quoted, shown } from "./errors.ts";

export function record(
  value: unknown,
  what: string,
  refuse: (message: string) => never,
): Record<string, unknown> {
  if (isRecord(value)) return value;
  return refuse(`${what} must be an object of named entries: given ${shown(value)}`);
}

/** Whether a value is an object of named entries: no list, and no date or other thing of its own kind. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return Object.prototype.toString.call(value) === "[object Object]";
}

export function requireKeys(
  given: Readonly<Record<string, unknown>>,
  keys: readonly string[],
  what: string,
  refuse: (message: string) => never,
): void {
  const other = Object.keys(given).find((key) => !keys.includes(key));
  if (other === undefined) return;
  const all = keys.map((key) => `\`${key}\``);
  refuse(
    `${what} has keys ${all.slice(0, -1).join(", ")} and ${all.at(-1)}: given ${quoted(other)}`,
  );
}
