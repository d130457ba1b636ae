/** An optimizer as the settings that tfjs saves of one: the text of its program, and what it was made with. */
import { isRecord } from "../../dsl/check.ts";
import { GradusError, quoted, shown, suggestion } from "../../dsl/errors.ts";
import { LONGEST_FILE, parseJson, printJson } from "../../dsl/json.ts";
import { printExpression } from "../../dsl/print.ts";
import type { Program } from "../../dsl/program.ts";
import { schedule } from "../../dsl/schedules/mod.ts";
import { bind, type Optimizer } from "../../runtime/optimizer.ts";
import type { Configured } from "../../runtime/step/binding.ts";
import { requireStorable } from "../../runtime/step/storable.ts";
import {
  type HyperNumbers,
  isMask,
  type MaskTree,
  type Setting,
  settingsOf,
} from "../../runtime/trees/hyperparameters.ts";
import { requireStorage } from "../../runtime/trees/state_storage.ts";
import type { TfConfig } from "./tf.ts";

/** What an optimizer was made with, and what was written since. */
export interface Settings {
  readonly optimizer: Configured;
  readonly hyper: Readonly<Record<string, HyperNumbers | undefined>>;
}

const DEEPEST = 100;

/** The settings as two texts. */
export function writeConfig({ optimizer, hyper }: Settings, doing: string): TfConfig {
  const { program, settings, storage } = optimizer;
  const text = JSON.stringify({
    settings: Object.fromEntries(
      [...settings].map(([name, { value, mask, clock }]) => {
        if (typeof mask === "function") {
          throw new GradusError(
            `${doing}: the mask of ${
              quoted(name)
            } must be a tree of truth values by the names of ` +
              `variables: given a function, which has no text`,
          );
        }
        return [name, { value: written(value, name, doing), mask, clock }];
      }),
    ),
    hyper: Object.fromEntries(
      Object.entries(hyper).map(([name, value]) => [name, written(value, name, doing)]),
    ),
    storage: Object.fromEntries(storage),
  });
  return { program: withoutUnderscores(printJson(program)), settings: withoutUnderscores(text) };
}

// tfjs takes texts in what it loads for names, and drops underscores of them: in JSON they can be escaped.
function withoutUnderscores(json: string): string {
  return json.replaceAll("_", "\\u005f");
}

/** What {@linkcode writeConfig} wrote, from a file that may hold anything. */
export function readConfig(config: unknown, doing: string): Settings & { optimizer: Optimizer } {
  const text = (key: string) => {
    const value = isRecord(config) && Object.hasOwn(config, key) ? config[key] : undefined;
    if (typeof value === "string" && value.length <= LONGEST_FILE) return value;
    const given = typeof value === "string" ? `${value.length} of them` : shown(value);
    throw new GradusError(
      `${doing}: its \`${key}\` must be a text of at most ${LONGEST_FILE} characters: given ${given}`,
    );
  };
  const program = parseJson(text("program"));
  const given = parsed(text("settings"), doing);
  const part = (key: string) => {
    const value = Object.hasOwn(given, key) ? given[key] : {};
    if (isRecord(value)) return Object.entries(value);
    throw new GradusError(`${doing}: its \`${key}\` must be an object: given ${shown(value)}`);
  };
  const all = part("settings").map(([name, setting]) => {
    if (isRecord(setting)) return [name, setting] as const;
    throw new GradusError(
      `${doing}: setting ${quoted(name)} must be an object: given ${shown(setting)}`,
    );
  });
  const values = all.map(([name, { value }]) => [name, read(value, doing)]);
  const settings = settingsOf(program, Object.fromEntries(values), doing);
  for (const [name, { mask, clock }] of all) {
    settings.set(name, limited(program, settings.get(name)!, name, mask, clock, doing));
  }
  const storage = new Map(
    part("storage").map(([name, stored]) => {
      if (!program.state.has(name)) {
        const near = suggestion(name, program.state.keys());
        throw new GradusError(`${doing}: there is no state ${quoted(name)} to store${near}`);
      }
      return [name, requireStorage(program, name, stored, `the storage of \`${name}\``, doing)];
    }),
  );
  requireStorable(program, settings, storage, doing);
  const hyper = Object.fromEntries(
    part("hyper").map(([name, value]) => [name, read(value, doing)]),
  );
  // What a step would refuse is refused here.
  const numbers = settingsOf(program, { ...Object.fromEntries(values), ...hyper }, doing);
  for (const name of Object.keys(hyper)) requireNumbers(numbers.get(name)!.value, name, doing);
  return {
    optimizer: bind({ program, settings, storage }),
    hyper: hyper as Record<string, HyperNumbers>,
  };
}

function parsed(text: string, doing: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new GradusError(
      `${doing}: its \`settings\` must be JSON: ${String(error).slice(0, 200)}`,
    );
  }
  if (isRecord(value)) return value;
  throw new GradusError(`${doing}: its \`settings\` must be an object: given ${shown(value)}`);
}

const NAMED = [[-0, "-0"], [Infinity, "inf"], [-Infinity, "-inf"]] as const;

/** A value in JSON: a number that it does not have is its name, a schedule its expression. */
function written(value: unknown, name: string, doing: string): unknown {
  if (typeof value === "number") {
    return NAMED.find(([number]) => Object.is(number, value))?.[1] ?? value;
  }
  if (typeof value === "boolean") return value;
  if (typeof value === "function") {
    const { expression } = value as ReturnType<typeof schedule>;
    if (expression !== undefined) return printExpression(expression);
    throw new GradusError(
      `${doing}: hyperparameter ${
        quoted(name)
      } must be a number or a schedule of the library: given ` +
        `a function, which has no text`,
    );
  }
  if (Array.isArray(value)) return value.map((each) => written(each, name, doing));
  return Object.fromEntries(
    Object.entries(value as object).map(([key, each]) => [key, written(each, name, doing)]),
  );
}

function read(value: unknown, doing: string, depth = 0): unknown {
  if (typeof value === "string") {
    const named = NAMED.find(([, text]) => text === value);
    return named === undefined ? schedule(value) : named[0];
  }
  if (typeof value !== "object" || value === null) return value;
  if (depth > DEEPEST) {
    throw new GradusError(`${doing}: a setting may nest at most ${DEEPEST} deep`);
  }
  if (Array.isArray(value)) return value.map((each) => read(each, doing, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, read(each, doing, depth + 1)]),
  );
}

/** A setting with the mask and the clock that it was saved with. */
function limited(
  program: Program,
  setting: Setting,
  name: string,
  mask: unknown,
  clock: unknown,
  doing: string,
): Setting {
  if (mask !== undefined && !(isMask(mask) && isTruthTree(mask))) {
    throw new GradusError(
      `${doing}: the mask of ${quoted(name)} must be a tree of truth values: given ${shown(mask)}`,
    );
  }
  const isClock = typeof clock === "string" && program.state.get(clock)?.over === "tree";
  if (clock !== undefined && !isClock) {
    throw new GradusError(
      `${doing}: what ${quoted(name)} follows must be a state that is a number: given ${
        shown(clock)
      }`,
    );
  }
  return {
    ...setting,
    ...(mask === undefined ? {} : { mask: mask as boolean | MaskTree }),
    ...(clock === undefined ? {} : { clock: clock as string }),
  };
}

function isTruthTree(mask: unknown, depth = 0): boolean {
  if (typeof mask === "boolean") return true;
  return typeof mask === "object" && mask !== null && depth <= DEEPEST &&
    Object.values(mask).every((each) => isTruthTree(each, depth + 1));
}

/** Refuses what was written as a hyperparameter where it is no number or tree of numbers. */
function requireNumbers(value: unknown, name: string, doing: string): void {
  if (typeof value === "number") return;
  if (typeof value === "object" && value !== null) {
    return Object.values(value).forEach((each) => requireNumbers(each, name, doing));
  }
  throw new GradusError(
    `${doing}: what was written as ${quoted(name)} must be a number: given ${shown(value)}`,
  );
}
