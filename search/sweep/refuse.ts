/** Errors of a sweep that say where in it they are, so that who read it from a file can show the place. */
import { GradusError, shown, type Span } from "../../dsl/errors.ts";

/** Keys and places of lists that lead to something. */
export type Path = readonly (string | number)[];

/** Where something is: at a key itself, or at what stands under it, or a part of that text. */
export interface Where {
  readonly path: Path;
  readonly at: "key" | "value";
  readonly span?: Span;
}

const places = new WeakMap<Error, Where>();

/** Refuses what is at a place. */
export function refuse(
  path: Path,
  reason: string,
  at: Where["at"] = "value",
  doing = "Cannot sweep: ",
): never {
  throw placed(new GradusError(`${doing}${reason}`), { path, at });
}

/** An error that says where in a sweep it is. */
export function placed(error: GradusError, where: Where): GradusError {
  places.set(error, where);
  return error;
}

/** Where an error is, if it says so. */
export function whereOf(error: Error): Where | undefined {
  return places.get(error);
}

/** Whether a value is a whole number between two, which are included. */
export function isWhole(value: unknown, least: number, most: number): value is number {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** A value as a message shows it; a short list with what is in it. */
export function shownList(value: unknown): string {
  if (!Array.isArray(value) || value.length > 5) return shown(value);
  return `[${value.map(shown).join(", ")}]`;
}
