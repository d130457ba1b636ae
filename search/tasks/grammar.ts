/** Texts of invented languages, so that nothing must be loaded: made by a grammar, the same for the same seed. */
import { DRAWS, Random } from "../programs/random.ts";

/** The characters of all texts. */
export const ALPHABET = " abcdefghijklmnopqrstuvwxyz.,?'\n";

const ONSETS = [
  "b",
  "ch",
  "d",
  "f",
  "g",
  "h",
  "k",
  "l",
  "m",
  "n",
  "p",
  "r",
  "s",
  "st",
  "t",
  "tr",
  "v",
  "z",
];
const VOWELS = ["a", "e", "i", "o", "u", "ai", "ou"];
const CODAS = ["", "", "", "n", "r", "s", "l", "t", "nd"];

/** How many words of each kind a language has; the kth of a kind comes 1/k times as often as the first. */
const KINDS = {
  noun: 120,
  verb: 80,
  quality: 60,
  name: 30,
  article: 3,
  place: 5,
  link: 4,
} as const;

type Kind = keyof typeof KINDS;

/** The words of a kind, the most frequent first, and the sums of how often they come. */
interface Words {
  readonly words: readonly string[];
  readonly sums: readonly number[];
}

/** What a language is, but for its grammar, which all have in common. */
interface Language extends Readonly<Record<Kind, Words>> {
  /** What is put behind a noun of many, and behind the verb of one. */
  readonly plural: string;
  readonly singular: string;
}

/**
 * At least so many characters of the language of a seed, as their places in {@linkcode ALPHABET}; `part`
 * tells apart texts of one language. Words come by Zipf's law, and verbs agree with their nouns, so that
 * there is something to be learned over a few characters, over words, and beyond.
 */
export function grammarText(seed: number, part: number, length: number): Uint8Array<ArrayBuffer> {
  const language = languageOf(seed);
  const random = new Random(seed, DRAWS.data, 1 + part);
  let text = "";
  while (text.length < length) {
    text += sentence(language, random) + (random.below(4) === 0 ? "\n" : " ");
  }
  return Uint8Array.from(text.slice(0, length), (character) => ALPHABET.indexOf(character));
}

function languageOf(seed: number): Language {
  const random = new Random(seed, DRAWS.data, 0);
  const known = new Set<string>();
  /** A word that there is not yet, of one syllable or more: frequent words are short. */
  const word = (syllables: number): string => {
    for (;;) {
      const made = Array.from(
        { length: syllables },
        (_, i) =>
          random.pick(ONSETS) + random.pick(VOWELS) +
          (i === syllables - 1 ? random.pick(CODAS) : ""),
      ).join("");
      if (!known.has(made) && known.add(made)) return made;
    }
  };
  const kinds = Object.entries(KINDS).map(([kind, count]) => {
    const words = Array.from(
      { length: count },
      (_, k) => word(count < 10 ? 1 : k < 10 ? 1 + k % 2 : 2 + k % 2),
    );
    let sum = 0;
    return [kind, { words, sums: words.map((_, k) => sum += 1 / (k + 1)) }];
  });
  return {
    ...Object.fromEntries(kinds) as Record<Kind, Words>,
    plural: random.pick(VOWELS) + random.pick(["n", "s", "m"]),
    singular: random.pick(["t", "s", "d"]),
  };
}

function pick({ words, sums }: Words, random: Random): string {
  const at = random.uniform() * sums[sums.length - 1];
  return words[sums.findIndex((sum) => sum > at)];
}

function sentence(language: Language, random: Random): string {
  const said = clause(language, random);
  switch (random.below(8)) {
    case 0:
      return `${said}?`;
    case 1:
      return `'${said},' ${clause(language, random)}.`;
    case 2:
      return `${said}, ${pick(language.link, random)} ${clause(language, random)}.`;
    default:
      return `${said}.`;
  }
}

/** Who does something, perhaps to what, perhaps where. */
function clause(language: Language, random: Random): string {
  const isMany = random.below(3) === 0;
  const who = random.below(4) === 0 && !isMany
    ? pick(language.name, random)
    : things(language, random, isMany);
  const verb = pick(language.verb, random) + (isMany ? "" : language.singular);
  const what = random.below(3) === 0 ? "" : ` ${things(language, random, random.below(3) === 0)}`;
  const where = random.below(3) > 0
    ? ""
    : ` ${pick(language.place, random)} ${things(language, random, false)}`;
  return `${who} ${verb}${what}${where}`;
}

function things(language: Language, random: Random, isMany: boolean): string {
  const quality = random.below(3) === 0 ? `${pick(language.quality, random)} ` : "";
  const noun = pick(language.noun, random) + (isMany ? language.plural : "");
  return `${pick(language.article, random)} ${quality}${noun}`;
}
