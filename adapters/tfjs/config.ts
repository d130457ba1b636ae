/** An optimizer as the settings that tfjs saves of one: the text of its program, and what it was made with. */
import { isRecord } from "../../dsl/record.ts";
import { GradusError, quoted, shown } from "../../dsl/errors.ts";
import { LONGEST_FILE, parseJson, parseOnce, printJson } from "../../dsl/json.ts";
import { carriedSettings, carriedTree, readNumbers, readOptimizer } from "../../runtime/carried.ts";
import type { Optimizer } from "../../runtime/optimizer.ts";
import type { Configured } from "../../runtime/step/rule.ts";
import { type HyperNumbers, settingsOf } from "../../runtime/trees/hyperparameters.ts";
import type { TfConfig } from "./tf.ts";

/** What an optimizer was made with, and what was written since. */
export interface Settings {
  readonly optimizer: Configured;
  readonly hyper: Readonly<Record<string, HyperNumbers | undefined>>;
}

/** The settings as two texts. */
export function writeConfig({ optimizer, hyper }: Settings, doing: string): TfConfig {
  const { program, settings, storage } = optimizer;
  const refuseMask = (_: unknown, name: string): never => {
    throw new GradusError(
      `${doing}: the mask of ${quoted(name)} must be a tree of truth values by the names of ` +
        `variables: given a function, which has no text`,
    );
  };
  const carried = carriedSettings(settings, refuseMask, doing);
  for (const [name, { value }] of Object.entries(carried)) requireText(value, name, doing);
  const text = JSON.stringify({
    settings: carried,
    storage: Object.fromEntries(storage),
    hyper: carriedTree(readNumbers(hyper, program, doing), "what was written", doing),
  });
  return { program: withoutUnderscores(printJson(program)), settings: withoutUnderscores(text) };
}

/** Refuses what has no text: whoever loads a model of tfjs cannot give it. */
function requireText(value: unknown, name: string, doing: string): void {
  if (value === null) {
    throw new GradusError(
      `${doing}: hyperparameter ${
        quoted(name)
      } must be a number or a schedule of the library: given ` +
        `a function, which has no text`,
    );
  }
  if (typeof value !== "object") return;
  for (const part of Object.values(value)) requireText(part, name, doing);
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
    if (isRecord(value)) return value;
    throw new GradusError(`${doing}: its \`${key}\` must be an object: given ${shown(value)}`);
  };
  const optimizer = readOptimizer(part("settings"), part("storage"), program, doing);
  const hyper = readNumbers(part("hyper"), program, doing);
  // What a step would refuse is refused here.
  const made = [...optimizer.settings].map(([name, { value }]) => [name, value]);
  settingsOf(program, { ...Object.fromEntries(made), ...hyper }, doing);
  return { optimizer, hyper };
}

function parsed(text: string, doing: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parseOnce(text);
  } catch (error) {
    throw new GradusError(
      `${doing}: its \`settings\` must be JSON: ${String(error).slice(0, 200)}`,
    );
  }
  if (isRecord(value)) return value;
  throw new GradusError(`${doing}: its \`settings\` must be an object: given ${shown(value)}`);
}
