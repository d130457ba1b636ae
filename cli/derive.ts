/** `gradus derive`: how a found program becomes an optimizer that reads well, as text or as a page. */
import { derive } from "../search/derive/mod.ts";
import { derivationPage } from "./derivation_page.ts";
import { BUILT_IN, checkWritable, programOf, writeWhole } from "./files.ts";
import { type Options, UsageError } from "./values.ts";

/** Prints the derivation of a program, and writes it as a page if an output is named. */
export async function printDerivation(
  target: string,
  options: Options,
  print: (line: string) => void,
): Promise<void> {
  const path = options.output as string | undefined;
  if (path !== undefined && !/\.html?$/.test(path)) {
    throw new UsageError(`\`derive\` writes a page, such as -o derivation.html: given ${path}`);
  }
  if (path !== undefined) await checkWritable(path);
  const raw = await programOf(target);
  // A built-in optimizer would be recognised as itself before anything.
  const known = [...BUILT_IN.values()].map(({ program }) => program)
    .filter((program) => program !== raw);
  const derivation = derive(raw, { known });
  print(String(derivation));
  if (path === undefined) return;
  await writeWhole(path, new TextEncoder().encode(await derivationPage(derivation)));
  print(`\n${path}: the same as a page`);
}
