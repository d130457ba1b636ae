/** `docs/language.md` as tests read it: its tables, and the code in them and between them. */
import { LANGUAGE_PAGE } from "../../dsl/notation.ts";
import { assert } from "../assert.ts";

/** The text of the page. */
export const page: string = await Deno.readTextFile(
  new URL(`../../${LANGUAGE_PAGE}`, import.meta.url),
);

/** The rows of the tables of a section, cells without their escapes. */
export function rows(section: string): string[][] {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`));
  assert(text !== undefined, section);
  const lines = text.split("\n").filter((line) => line.startsWith("|"));
  const isRule = (line: string | undefined) => /^\|[-|: ]+\|$/.test(line ?? "");
  return lines.filter((line, i) => !isRule(line) && !isRule(lines[i + 1])).map((line) =>
    line.slice(1, -1).split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll("\\|", "|"))
  );
}

/** The code of a cell. */
export const codes = (cell: string) => Array.from(cell.matchAll(/`([^`]+)`/g), ([, code]) => code);
/** The first code of each row of a section. */
export const firsts = (section: string) => rows(section).map(([cell]) => codes(cell)[0]);
/** The blocks of code in a language. */
export const fences = (language: string) =>
  Array.from(
    page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, "gms")),
    ([, text]) => text,
  );
