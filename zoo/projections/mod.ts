/**
 * Projections: each is a transform for the end of a chain, which takes the parameters that a step would come to,
 * to the nearest point of a set, and with {@linkcode project} a function of a tree. Parameters that are in the set
 * stay as they are. In a chain, the parameter is the old one plus the way, so it may miss the set by a rounding.
 *
 * @module
 */
export * from "./balls.ts";
export * from "./boxes.ts";
export * from "./planes.ts";
export * from "./project.ts";
