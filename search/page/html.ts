/** Pages of HTML that need nothing from elsewhere, and what they are made of. */
import { STYLE } from "./style.ts";

/** Text as markup shows it. */
export function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A whole page under its title; `body` is markup. */
export function page(title: string, body: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

/** A number, or one with how far it can be trusted. */
const NUMBER = /^[-−]?[\d.,\s]*(e[-+]?\d+)?\+?( %)?( ± [\d.,]+( %)?)?$/;

/** A table of texts; columns of numbers are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = head.map((_, column) =>
    rows.length > 0 && rows.every((row) => NUMBER.test(row[column]))
  );
  const cells = (tag: "td" | "th", row: readonly string[]) =>
    row.map((text, column) =>
      `<${tag}${isNumber[column] ? ' class="number"' : ""}>${escaped(text)}</${tag}>`
    ).join("");
  return `<div class="wide"><table>
<thead><tr>${cells("th", head)}</tr></thead>
<tbody>
${rows.map((row) => `<tr>${cells("td", row)}</tr>`).join("\n")}
</tbody>
</table></div>`;
}
