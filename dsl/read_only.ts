/** Maps that are part of what is shared, and so stay as they are. */
import { GradusError } from "./errors.ts";

/** Has `map` refuse to be changed from here on; `what` says what it is part of. */
export function readOnly(map: ReadonlyMap<string, unknown>, what: string): void {
  const value = () => {
    throw new GradusError(`Cannot change ${what}: all who use it share it`);
  };
  for (const name of ["set", "delete", "clear"]) {
    Object.defineProperty(map, name, { value });
  }
}
