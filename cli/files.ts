/** The optimizers that the command knows by name, and those in files. */
import { GradusError, suggestion } from "../dsl/errors.ts";
import { parseJson } from "../dsl/json.ts";
import type { Program } from "../dsl/program.ts";
import { parseYaml } from "../dsl/yaml.ts";
import type { OptimizerFactory } from "../runtime/define.ts";
import * as zoo from "../zoo/mod.ts";

/** The built-in optimizers, by name. */
export const BUILT_IN: ReadonlyMap<string, OptimizerFactory<never>> = new Map(
  Object.entries(zoo as Readonly<Record<string, unknown>>)
    .filter((entry): entry is [string, OptimizerFactory<never>] =>
      typeof entry[1] === "function" && "program" in entry[1]
    ),
);

/** The program of a built-in optimizer, or else in a file. */
export function programOf(target: string): Promise<Program> | Program {
  return BUILT_IN.get(target)?.program ?? readProgram(target);
}

/** The program in a file, which is JSON if its name ends so, or else YAML. */
export async function readProgram(path: string): Promise<Program> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const near = suggestion(path, BUILT_IN.keys());
    throw new GradusError(
      `Cannot read \`${path}\`: it is neither a built-in optimizer nor a file that can be read ` +
        `(${(error as Error).message.split(":")[0]})${near}`,
    );
  }
  return path.endsWith(".json") ? parseJson(text) : parseYaml(text);
}

/** Writes a file beside its place and then into it, so that no reader ever finds half of it. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}.part`;
  try {
    await Deno.writeFile(beside, bytes);
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw new GradusError(`Cannot write \`${path}\`: ${(error as Error).message}`);
  }
}
