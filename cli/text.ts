/** Text for a terminal: paragraphs that end in time, and columns that stand under each other. */

/** How wide a page of text is. */
export const WIDTH = 80;

/** Words in lines that are no longer than a page is wide, each line indented. */
export function wrapped(text: string, indent: number = 0, width: number = WIDTH): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter(Boolean)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && indent + longer.length > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  if (line !== "") lines.push(line);
  return lines.map((each) => " ".repeat(indent) + each).join("\n");
}

/** A text that ends with an ellipsis where it is too long. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1)).trimEnd()}…`;
}

/** Rows as lines: columns that `numbers` names stand to the right, the others to the left. */
export function aligned(
  rows: readonly (readonly string[])[],
  numbers: readonly number[] = [],
  indent: number = 0,
): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from(
    { length: count },
    (_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)),
  );
  return rows.map((row) =>
    (" ".repeat(indent) +
      row.map((cell, i) => numbers.includes(i) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))
        .join("  ")).trimEnd()
  );
}

/** Pairs of a short text and a longer one, which is wrapped beside it. */
export function described(pairs: readonly (readonly [string, string])[], indent: number): string {
  const column = indent + Math.max(0, ...pairs.map(([name]) => name.length)) + 2;
  return pairs.map(([name, text]) =>
    (" ".repeat(indent) + name).padEnd(column) + wrapped(text, column).trimStart()
  ).join("\n");
}

/** What a file says, on one line, without what would steer a terminal, and never at length. */
export function printable(given: string, most = 60): string {
  const plain = given.slice(0, most + 1).replace(
    /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu,
    (character) => `\\u${character.codePointAt(0)!.toString(16).padStart(4, "0")}`,
  );
  return plain.length > most ? `${plain.slice(0, most)}…` : plain;
}

/** The same of whole lines. */
export function printableLines(text: string): string {
  return text.split("\n").map((line) => printable(line, Infinity)).join("\n");
}
