/** Settings as they are sent: tasks with code are named by what their modules are, never sent as code. */
import { digestOf } from "../../dsl/digest.ts";
import { GradusError, quoted } from "../../dsl/errors.ts";
import { builtin } from "../../runtime/builtin.ts";
import { hasCode } from "../evolve/local_scorer.ts";
import { printData, readData } from "../evolve/plain_data.ts";
import type { Setting } from "../evolve/scorer.ts";
import type { Task } from "../tasks/evaluator.ts";
import { ENGINE } from "./release.ts";

/** A setting that was made ready to be sent. */
export interface SentSetting {
  /** Names the text, this version of Gradus, and where tasks have code the engine. */
  readonly version: string;
  /** The setting without code. */
  readonly text: string;
  /** The versions of the modules that a worker needs. */
  readonly modules: readonly string[];
}

const SCHEME = "module:";

interface Files {
  readFile(path: URL): Promise<Uint8Array>;
}

/** The version of a task's module: a hash of its file. What it imports is no part of it. */
export async function moduleVersion(url: string): Promise<string> {
  try {
    return digestOf(await builtin<Files>("node:fs/promises")!.readFile(new URL(url)));
  } catch (error) {
    throw new GradusError(
      `Cannot tell the version of the module ${quoted(url)}: it must be a file that can be read: ` +
        (error as Error).message,
    );
  }
}

/** Makes a setting ready. */
export async function sentSetting(
  { space = {}, tasks }: Setting,
  release: string,
): Promise<SentSetting> {
  const modules: string[] = [];
  const named: Task[] = [];
  for (const task of tasks) {
    if (task.kind !== "module") {
      named.push(task);
      continue;
    }
    const version = await moduleVersion(task.url);
    modules.push(version);
    named.push({ ...task, url: SCHEME + version });
  }
  const text = printData({ space, tasks: named });
  return { version: versionOfSent(text, hasCode(tasks), release), text, modules };
}

function versionOfSent(text: string, isOfCode: boolean, release: string): string {
  return digestOf(JSON.stringify([release, isOfCode ? ENGINE : "", text]));
}

/**
 * The setting of a text that came under a version, with the modules that are installed here.
 *
 * @throws {GradusError} if it is not what the version names, or needs a module that is not here.
 */
export function receivedSetting(
  version: string,
  text: string,
  { release, installed }: {
    readonly release: string;
    readonly installed: ReadonlyMap<string, string>;
  },
): Setting {
  const refuse = (reason: string): never => {
    throw new GradusError(`Cannot use the setting ${version}: ${reason}`);
  };
  const { space, tasks } = readData(text) as { space: Setting["space"]; tasks: readonly Task[] };
  if (!Array.isArray(tasks)) refuse("it must have a list of tasks");
  if (versionOfSent(text, hasCode(tasks), release) !== version) {
    refuse("it must be of this version of Gradus and this engine, and as it was sent");
  }
  const found = tasks.map((task) => {
    if (task.kind !== "module") return task;
    const url = task.url.startsWith(SCHEME)
      ? installed.get(task.url.slice(SCHEME.length))
      : undefined;
    return { ...task, url: url ?? refuse(`the module of task ${quoted(task.name)} must be here`) };
  });
  return { space, tasks: found };
}
