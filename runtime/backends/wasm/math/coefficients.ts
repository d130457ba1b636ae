/**
 * Polynomials, lowest power first: each goes through a power series at the Chebyshev nodes of an interval,
 * which comes within a small factor of the best there is. A test derives them anew in whole numbers.
 */

/** (2^f - 1)/f for f in [-1/2, 1/2], to 6e-14. */
export const EXP2: readonly number[] = [
  0.6931471805599453,
  0.2402265069581299,
  0.055504108664760424,
  0.009618129159402558,
  0.0013333558179043112,
  0.0001540345585245384,
  0.00001525268684626772,
  0.0000013255224878668762,
  1.0203121063391695e-7,
];

/** (sin(√s)/√s - 1)/s for s in [0, 0.617], to 3e-14. */
export const SIN: readonly number[] = [
  -0.16666666666663882,
  0.008333333331077037,
  -0.00019841266914861014,
  0.000002755599028669608,
  -2.480557670215158e-8,
];

/** (cos(√s) - 1)/s for s in [0, 0.617], to 4e-13. */
export const COS: readonly number[] = [
  -0.49999999999963846,
  0.041666666637367705,
  -0.0013888885088640716,
  0.00002479986135563292,
  -2.723706313016481e-7,
];

/** (arcsin(√s)/√s - 1)/s for s in [0, 1/4], to 1e-12. */
export const ASIN: readonly number[] = [
  0.16666666666738633,
  0.07499999953429712,
  0.044642906474584965,
  0.030379945210024923,
  0.022412417726695548,
  0.016902683886392985,
  0.016864090273961397,
  0.0010675063150362976,
  0.02834674523183059,
];

/** (arctan(√s)/√s - 1)/s for s in [0, 0.1716], to 7e-13. */
export const ATAN: readonly number[] = [
  -0.3333333333326612,
  0.19999999949803657,
  -0.14285708105034275,
  0.11110819510978227,
  -0.09084098143736623,
  0.07604765196670855,
  -0.060271479563626565,
  0.03295394301040277,
];

/** (1 - e)^(-1/3) for e in [-0.103, 0.103], to 1.1e-7. */
export const INVERSE_CBRT: readonly number[] = [
  1,
  0.3333288955949515,
  0.22221827624623877,
  0.17450913269968868,
  0.14551743196568104,
];

/** 1/(2π) in pieces of 29 bits: the sum of `TURN[j]`·2^(-29(j + 1)). */
export const TURN: readonly number[] = [
  85445659,
  240010261,
  88048874,
  524801235,
  249589169,
  156865476,
  119571452,
];

/** π/2 in two parts, the first of 33 bits. */
export const HALF_PI: readonly [number, number] = [6746518852 / 2 ** 32, 6.077100506506192e-11];
