/** What a sweep says of a hyperparameter: a value, a list of values, or a range. */
import { isRecord } from "../../dsl/record.ts";
import { ANY_NUMBER } from "../../dsl/domain.ts";
import { quoted, shown, suggestion } from "../../dsl/errors.ts";
import type { Program } from "../../dsl/program.ts";
import type { OptionValue } from "../trials/trial.ts";
import type { Dimension } from "./dimension.ts";
import type { SweepMethod } from "./options.ts";
import { isWhole, type Path, refuse, shownList } from "./refuse.ts";

/** The most values of a list, and the most points of a range. */
const MOST_VALUES = 100;
/** Below it a logarithm would lose digits. */
const LEAST = 1e-300;

/** What a key says: a value, or what is tried of it. */
export function readDimension(
  name: string,
  given: unknown,
  path: Path,
  { program, method }: { readonly program: Program; readonly method: SweepMethod },
): Dimension | OptionValue {
  if (isOptionValue(given)) return given;
  const what = `${quoted(name)} of ${quoted(String(path[1]))}`;
  if (Array.isArray(given)) {
    if (given.length === 0 || given.length > MOST_VALUES || !given.every(isOptionValue)) {
      refuse(
        path,
        `${what} must be a list of 1 to ${MOST_VALUES} values: given ${shownList(given)}`,
      );
    }
    const twice = given.find((value, i) => given.indexOf(value) < i);
    if (twice !== undefined) refuse(path, `${what} has ${shown(twice)} twice`);
    return given.length === 1 ? given[0] : { name, values: given };
  }
  const form = "{ log: [a, b] } or { uniform: [a, b] }";
  if (!isRecord(given)) {
    refuse(path, `${what} must be a value, a list of them, ${form}: given ${shown(given)}`);
  }
  for (const key of Object.keys(given)) {
    const known = ["log", "uniform", "points"];
    if (known.includes(key)) continue;
    const near = suggestion(key, known);
    refuse([...path, key], `${what} must be ${form}: there is no ${quoted(key)}${near}`, "key");
  }
  const kinds = ["log", "uniform"].filter((key) => key in given);
  if (kinds.length !== 1) refuse(path, `${what} must be ${form}: given ${shown(given)}`);
  const [kind] = kinds;
  const [low, high] = endsOf(given[kind], what, [...path, kind]);
  const isLog = kind === "log";
  const { isWhole } = program.domains.get(name) ?? ANY_NUMBER;
  if (isLog && !(low >= LEAST)) {
    refuse([...path, kind], `${what} must be above 0 on a log scale: given ${low}`);
  }
  if (isWhole && ![low, high].every(Number.isInteger)) {
    refuse([...path, kind], `${what} must be between whole numbers: given ${low} and ${high}`);
  }
  return { name, low, high, isLog, isWhole, points: pointsOf(given.points, method, what, path) };
}

function endsOf(given: unknown, what: string, path: Path): [number, number] {
  if (Array.isArray(given) && given.length === 2 && given.every(Number.isFinite)) {
    const [low, high] = given;
    if (low < high && Number.isFinite(high - low)) return [low, high];
  }
  refuse(
    path,
    `${what} must be between two numbers, the smaller first, such as [0.001, 0.1]: given ` +
      shownList(given),
  );
}

function pointsOf(
  given: unknown,
  method: SweepMethod,
  what: string,
  path: Path,
): number | undefined {
  if (method !== "grid") {
    if (given === undefined) return undefined;
    refuse([...path, "points"], `${what} has \`points\`, which only \`method: grid\` takes`, "key");
  }
  if (isWhole(given, 2, MOST_VALUES)) return given;
  refuse(
    given === undefined ? path : [...path, "points"],
    `${what} must say how many \`points\` a grid has of it, 2 to ${MOST_VALUES}, such as ` +
      `{ log: [0.001, 0.1], points: 5 }: given ${given === undefined ? "none" : shown(given)}`,
  );
}

function isOptionValue(value: unknown): value is OptionValue {
  return typeof value === "number" && !Number.isNaN(value) || typeof value === "boolean" ||
    typeof value === "string";
}
