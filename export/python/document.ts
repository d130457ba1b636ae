/** What every generated file says of itself: the equations, the source, and how it was made. */
import { programDigest } from "../../dsl/digest.ts";
import { printStatements } from "../../dsl/print.ts";
import type { Described } from "./described.ts";

/** Text that stands within a docstring. */
export function docText(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"""', "'''").replace(/[^\P{Cc}\n]/gu, " ");
}

/** The docstring of a file, whose notes are the framework's own. */
export function docstring(
  { program, names, taken, hypers, inputs }: Described,
  notes: readonly (string | false)[],
): string {
  const { doc, source } = program;
  const renamed = [...hypers.map(({ name }) => name), ...inputs.keys()]
    .map((name) => [name, names.of(name)]).filter(([a, b]) => a !== b);
  const fixed = [...taken].map(([name, value]) => `${name} = ${value}`);
  const parts = [
    doc || `The optimizer "${program.name}".`,
    `One step, where g is the gradient and u is added to the parameter w:\n\n${
      printStatements(program.statements).split("\n").map((line) => `    ${line}`).join("\n")
    }`,
    source && `Source: ${source}`,
    renamed.length > 0 && `Names here: ${renamed.map(([a, b]) => `${b} is ${a}`).join(", ")}.`,
    fixed.length > 0 && `Taken in for good: ${fixed.join(", ")}.`,
    ...notes,
    `Written by Gradus from the program "${program.name}", ${programDigest(program)}. ` +
    "Run this file to compare it with numbers that Gradus made.",
  ];
  return `"""${docText(parts.filter(Boolean).join("\n\n"))}\n"""`;
}
