/** What schedules are made of: numbers, each refused by its name where no schedule could come of it. */
import { GradusError, quoted, shown } from "../errors.ts";
import { suggestedOption } from "../other_names.ts";

type Given = Readonly<Record<string, unknown>>;

/** The options of a schedule, if they are an object that has none but those of these names. */
export function optionsOf<T extends object>(
  name: string,
  given: T,
  names: readonly (keyof T & string)[],
): T {
  if (typeof given !== "object" || given === null) {
    throw new GradusError(
      `Cannot make ${name}: its options must be an object: given ${shown(given)}`,
    );
  }
  const other = Object.keys(given).find((key) => !(names as readonly string[]).includes(key));
  if (other === undefined) return given;
  throw new GradusError(
    `Cannot make ${name}: there is no option ${quoted(other)}${suggestedOption(other, names)}`,
  );
}

/** Refuses options of a schedule that are no numbers. */
export function requireNumbers(name: string, values: Given): void {
  requireAll(name, values, "be a number", (value) => !Number.isNaN(value));
}

/** Refuses options of a schedule that are no finite numbers. */
export function requireFinite(name: string, values: Given): void {
  requireNumbers(name, values);
  requireAll(name, values, "be finite", Number.isFinite);
}

/** Refuses options of a schedule that are not above 0, and finite. */
export function requirePositive(name: string, values: Given): void {
  requireFinite(name, values);
  requireAll(name, values, "be positive", (value) => value > 0);
}

/** Refuses options of a schedule that are below 0, or not finite. */
export function requireNotNegative(name: string, values: Given): void {
  requireFinite(name, values);
  requireAll(name, values, "not be negative", (value) => value >= 0);
}

/**
 * Counts and what belongs to each, in the order of the counts: an object has none of its own. Counts are
 * numbers that are not negative, and so are factors.
 */
export function factorsByCount(
  name: string,
  boundariesAndScales: unknown,
): [boundary: number, scale: number][] {
  if (typeof boundariesAndScales !== "object" || boundariesAndScales === null) {
    throw new GradusError(
      `Cannot make ${name}: \`boundariesAndScales\` must be an object of factors by counts: ` +
        `given ${shown(boundariesAndScales)}`,
    );
  }
  const entries = Object.entries(boundariesAndScales);
  requireNotNegative(name, numbered("boundariesAndScales", entries));
  return entries.map(([key, scale]): [number, number] => {
    const boundary = Number(key);
    if (String(boundary) !== key || !(boundary >= 0) || boundary === Infinity) {
      throw new GradusError(
        `Cannot make ${name}: boundaries must be counts, and not negative: given ${shown(key)}`,
      );
    }
    return [boundary, scale];
  }).sort(([a], [b]) => a - b);
}

/** Refuses a value of an option that is none of those it chooses from. */
export function requireOneOf(
  name: string,
  key: string,
  given: unknown,
  choices: readonly [string, string],
): void {
  if ((choices as readonly unknown[]).includes(given)) return;
  const [one, other] = choices;
  throw new GradusError(
    `Cannot make ${name}: \`${key}\` must be "${one}" or "${other}": given ${shown(given)}`,
  );
}

/** Refuses counts that are negative, or do not come in their order; equal ones leave out what is between. */
export function requireOrdered(name: string, boundaries: readonly number[]): void {
  requireNotNegative(name, numbered("boundaries", Object.entries(boundaries)));
  const i = boundaries.findIndex((boundary, i) => boundary < boundaries[i - 1]);
  if (i >= 0) {
    throw new GradusError(
      `Cannot make ${name}: \`boundaries\` must not fall: given ${boundaries[i]} after ` +
        `${boundaries[i - 1]}`,
    );
  }
}

function requireAll(
  name: string,
  values: Given,
  must: string,
  holds: (value: number) => boolean,
): void {
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === "number" && holds(value)) continue;
    throw new GradusError(`Cannot make ${name}: \`${key}\` must ${must}: given ${shown(value)}`);
  }
}

/** Entries under the name of what holds them, so that an error says where each is. */
function numbered(name: string, entries: readonly (readonly [string, unknown])[]): Given {
  return Object.fromEntries(entries.map(([key, value]) => [`${name}/${key}`, value]));
}
