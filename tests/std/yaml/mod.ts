/** Stands in for `jsr:@std/yaml` on machines that do not reach JSR: its npm build carries no types. */
import * as untyped from "npm:deno-std@1.4.0/yaml/mod.js";

/** The value that a text of YAML holds. */
export const parse: (content: string) => unknown = untyped.parse;

/** A value as text of YAML. */
export const stringify: (data: unknown, options?: { lineWidth?: number }) => string =
  untyped.stringify;
