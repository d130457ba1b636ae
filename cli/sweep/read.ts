/** Reads the file of a sweep, and the programs that it names; shows where in the file something is wrong. */
import { dirname, resolve } from "node:path";
import { GradusError, shown } from "../../dsl/errors.ts";
import { isRecord } from "../../dsl/record.ts";
import type { Program } from "../../dsl/program.ts";
import { placeInYaml, readYaml } from "../../dsl/yaml_data.ts";
import type { SweepOptions } from "../../search/mod.ts";
import { refuse, whereOf } from "../../search/sweep/refuse.ts";
import { BUILT_IN, readBytes, readProgram } from "../files.ts";

/** A sweep that a file says. */
export interface SweepFile {
  readonly options: SweepOptions;
  /** Its programs that are not built in, by the names that it has for them. */
  readonly programs: Readonly<Record<string, Program>>;
  /** Does something with it; what is wrong with it is shown at its place in the file. */
  readonly within: <T>(run: () => Promise<T>) => Promise<T>;
}

/** A name that is a file: it has a folder or an ending. */
const FILE = /[/\\]|\.(ya?ml|json|onnx|safetensors)$/i;

/** The sweep in a file of YAML, or of JSON. */
export async function readSweep(path: string): Promise<SweepFile> {
  const bytes = await readBytes(path);
  const text = new TextDecoder().decode(bytes);
  const options = readYaml(text, `Cannot read the sweep \`${path}\``);
  if (!isRecord(options)) {
    throw new GradusError(
      `Cannot read the sweep \`${path}\`: it must have \`optimizers\` and \`tasks\`: given ${
        shown(options)
      }`,
    );
  }
  const within = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (error) {
      const where = error instanceof GradusError ? whereOf(error) : undefined;
      if (where === undefined) throw error;
      const place = placeInYaml(text, where.path, where.at);
      throw new GradusError(`\`${path}\`: ${(error as Error).message}${place}`);
    }
  };
  const programs = await within(() => programsOf(options.optimizers, dirname(path)));
  return { options: options as unknown as SweepOptions, programs, within };
}

/** The programs in files that are named, beside the file of the sweep. */
async function programsOf(
  optimizers: unknown,
  folder: string,
): Promise<Readonly<Record<string, Program>>> {
  if (!isRecord(optimizers)) return {};
  const programs: Record<string, Program> = {};
  for (const name of Object.keys(optimizers)) {
    if (BUILT_IN.has(name) || !FILE.test(name)) continue;
    try {
      programs[name] = await readProgram(resolve(folder, name));
    } catch (error) {
      if (!(error instanceof GradusError)) throw error;
      refuse(["optimizers", name], error.message, "key", "");
    }
  }
  return programs;
}
