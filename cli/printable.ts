/** What files say, as a terminal may be told it. */

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
