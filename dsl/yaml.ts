/**
 * The YAML carrier of a program: an optimizer in a file of a dozen lines.
 *
 * @example
 * ```ts
 * import { parseYaml } from "@gradus/gradus/yaml";
 * import { assertEquals } from "@std/assert";
 *
 * const program = parseYaml(`
 * name: signDescent
 * hyper:
 *   learningRate: required
 * step: |
 *   u = -learningRate*sign(g)
 * `);
 * assertEquals(program.name, "signDescent");
 * ```
 *
 * @module
 */
import { parse, stringify } from "@std/yaml";
import { carried, readCarrier } from "./json.ts";
import type { Program } from "./program.ts";
import { printProgram } from "./print.ts";

/**
 * Reads a program from YAML text.
 *
 * @example
 * ```ts
 * import { parseYaml, printYaml } from "@gradus/gradus/yaml";
 * import { lion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * assert(parseYaml(printYaml(lion.program)) === lion.program);
 * ```
 *
 * @throws {GradusError} if the text is not YAML or not a program.
 */
export function parseYaml(text: string): Program {
  return readCarrier(text, "YAML", parse);
}

/**
 * Writes a program as YAML text, such that `parseYaml(printYaml(p)) === p`.
 *
 * @example
 * ```ts
 * import { printYaml } from "@gradus/gradus/yaml";
 * import { lion } from "@gradus/gradus";
 * import { assert } from "@std/assert";
 *
 * assert(printYaml(lion.program).startsWith("name: lion\n"));
 * ```
 */
export function printYaml(program: Program): string {
  return stringify(carried(printProgram(program)), { lineWidth: -1 });
}
