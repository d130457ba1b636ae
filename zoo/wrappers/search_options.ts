/** The options of a line search: numbers that stay as they are. */
import { GradusError, shown } from "../../dsl/errors.ts";
import type { Document } from "../../dsl/program.ts";
import { wrapperSettings } from "../../runtime/wrap.ts";

/** Checked options by what `hyper` says of each: its default and its domain. */
export function searchOptions<Name extends string>(
  name: string,
  hyper: Readonly<Record<Name, NonNullable<Document["hyper"]>[string]>>,
  given: object,
): Readonly<Record<Name, number>> {
  const doing = `Cannot make ${name}`;
  const settings = wrapperSettings({ name, hyper }, given, doing);
  return Object.fromEntries([...settings].map(([option, { value }]) => {
    if (typeof value === "number") return [option, value];
    throw new GradusError(
      `${doing}: \`${option}\` must be a number, the same at all steps: given ${shown(value)}`,
    );
  })) as Record<Name, number>;
}
