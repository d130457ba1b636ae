/** Which Gradus this is, and what it runs on. */
import { fingerprint } from "../evolve/fingerprint.ts";
import config from "../../deno.json" with { type: "json" };

/**
 * The version of Gradus, and what it scores: workers and searches of one name are of the same. It takes about a second,
 * once.
 */
export async function release(): Promise<string> {
  return `${config.version}+${await fingerprint()}`;
}

const { process, navigator } = globalThis as {
  readonly process?: { readonly versions?: { readonly v8?: string } };
  readonly navigator?: { readonly userAgent?: string };
};

/** The engine that runs JavaScript: what tasks' own code computes may depend on it, and nothing else. */
export const ENGINE: string = process?.versions?.v8 === undefined
  ? navigator?.userAgent ?? "unknown"
  : `V8 ${process.versions.v8}`;
