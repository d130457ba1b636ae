/**
 * Writes the equations that programs print into the doc comments of the optimizers:
 * `deno run -A tests/equations.ts`. A block marked \`\`\`text before `export const NAME` is replaced.
 */
import { latex, type OptimizerFactory } from "../mod.ts";
import * as zoo from "../zoo/mod.ts";

/** What a program repeats for each of many, equations say once: those of these are written by hand. */
export const SUMMED_UP: readonly string[] = ["lbfgs", "scaleByLbfgs", "sm3", "scaleBySm3"];

const folder = new URL("../zoo/", import.meta.url);
const files = [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile);
for (const { name: file } of import.meta.main ? files : []) {
  const url = new URL(file, folder);
  const text = Deno.readTextFileSync(url);
  const written = text.replace(
    /(\/\*\*\n(?: \*.*\n)*? \* ```text\n)((?: \*.*\n)*?)( \* ```\n(?: \*.*\n)*?export const (\w+)\b)/g,
    (whole, before: string, _old: string, after: string, name: string) => {
      const factory = (zoo as unknown as Record<string, OptimizerFactory<unknown>>)[name];
      if (factory === undefined || SUMMED_UP.includes(name)) return whole;
      const lines = latex(factory.program).split("\n").map((line) => ` * ${line}\n`).join("");
      return before + lines + after;
    },
  );
  if (written !== text) {
    Deno.writeTextFileSync(url, written);
    console.log(`wrote ${file}`);
  }
}
