/** Errors of a sweep that say where in it they are, so that who read it from a file can show the place. */
import { GradusError } from "../../dsl/errors.ts";

/** Keys and places of lists that lead to something. */
export type Path = readonly (string | number)[];

/** Where something is: at a key itself, or at what stands under it. */
export interface Where {
  readonly path: Path;
  readonly at: "key" | "value";
}

const places = new WeakMap<Error, Where>();

/** Refuses what is at a place. */
export function refuse(
  path: Path,
  reason: string,
  at: Where["at"] = "value",
  doing = "Cannot sweep: ",
): never {
  const error = new GradusError(`${doing}${reason}`);
  places.set(error, { path, at });
  throw error;
}

/** Where an error is, if it says so. */
export function whereOf(error: Error): Where | undefined {
  return places.get(error);
}
