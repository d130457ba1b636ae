/** What the spellings in arrays like NumPy's share: their rows, and functions for what may be a number of Python's. */
import { call, type Row, type Spell, type Term } from "./spelling.ts";

/** A row that spells numbers and arrays alike. */
export const both = (spell: Spell): Row => ({ number: spell, array: spell });

/** A whole number as one of floating point, where nothing else would make the result such. */
const real = ({ text, level }: Term): Term => ({
  text: /^-?\d+$/.test(text) ? `${text}.0` : text,
  level,
});

/** The choice by a function of the framework. */
export const chosen = (name: string): Spell => (condition, x, y) =>
  call(name)(condition, real(x), real(y));

/** Spells what is known before a step, such as a shape: a number of Python's, which stays so. */
export function numbersBeside(module: string) {
  return {
    known: (name: string, array = name): Row => ({
      number: call(`_${name}`),
      array: call(`${module}.${array}`),
    }),
    unary: (name: string, condition: string, host = `math.${name}(x)`): string => `
def _${name}(x):
    return ${host} if isinstance(x, (int, float)) and ${condition} else ${module}.${name}(x)`,
    pair: (name: string, array: string, host: string): string => `
def _${name}(x, y):
    return ${host} if isinstance(x, (int, float)) and isinstance(y, (int, float)) else ${module}.${array}(x, y)`,
  };
}
