/*
 * The rules as one writes them in C for speed: one pass over memory where the rule allows it, loops that the
 * compiler turns into vectors, and OpenMP over pieces of all parameters.
 */
#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"

/* Pieces of so many elements go to threads; fewer in all than this are stepped by one. */
enum { PIECE = 16384, ALONE = 32768 };

/* Part of a parameter. */
typedef struct {
  Leaf *leaf;
  long from, to;
} Piece;

static Piece *pieces;
static long pieceCount, total;

void cut(Leaf *leaves, long count) {
  pieceCount = total = 0;
  long most = 0;
  for (long k = 0; k < count; k++) most += leaves[k].size / PIECE + 1;
  free(pieces);
  pieces = malloc(most * sizeof *pieces);
  for (long k = 0; k < count; k++) {
    total += leaves[k].size;
    for (long from = 0; from < leaves[k].size; from += PIECE) {
      long to = from + PIECE < leaves[k].size ? from + PIECE : leaves[k].size;
      pieces[pieceCount++] = (Piece){leaves + k, from, to};
    }
  }
}

/* Runs a statement over all pieces, in which `p` is the piece. */
#define OVER_PIECES(...)                                              \
  do {                                                                \
    (void)leaves, (void)count;                                        \
    _Pragma("omp parallel for schedule(static) if (total > ALONE)")   \
    for (long k = 0; k < pieceCount; k++) {                           \
      const Piece p = pieces[k];                                      \
      __VA_ARGS__;                                                    \
    }                                                                 \
  } while (0)

static void lionPiece(long n, float *restrict w, const float *restrict g, float *restrict m,
                      const Numbers *numbers) {
  const float a = numbers->learningRate, keep = 1 - numbers->learningRate * numbers->weightDecay;
  const float b1 = numbers->b1, k1 = 1 - numbers->b1, b2 = numbers->b2, k2 = 1 - numbers->b2;
  for (long i = 0; i < n; i++) {
    const float c = b1 * m[i] + k1 * g[i];
    w[i] = keep * w[i] - a * (float)((c > 0) - (c < 0));
    m[i] = b2 * m[i] + k2 * g[i];
  }
}

static void lion(Leaf *leaves, long count, const Numbers *numbers, long t) {
  (void)t;
  OVER_PIECES(lionPiece(p.to - p.from, p.leaf->w + p.from, p.leaf->g + p.from, p.leaf->m + p.from,
                        numbers));
}

static inline float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* To nearest, ties to even. */
static inline uint16_t narrowed(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

static void halfLionPiece(long n, float *restrict w, const float *restrict g,
                          uint16_t *restrict half, const Numbers *numbers) {
  const float a = numbers->learningRate, keep = 1 - numbers->learningRate * numbers->weightDecay;
  const float b1 = numbers->b1, k1 = 1 - numbers->b1, b2 = numbers->b2, k2 = 1 - numbers->b2;
  for (long i = 0; i < n; i++) {
    const float m = widened(half[i]);
    const float c = b1 * m + k1 * g[i];
    w[i] = keep * w[i] - a * (float)((c > 0) - (c < 0));
    half[i] = narrowed(b2 * m + k2 * g[i]);
  }
}

static void halfLion(Leaf *leaves, long count, const Numbers *numbers, long t) {
  (void)t;
  OVER_PIECES(halfLionPiece(p.to - p.from, p.leaf->w + p.from, p.leaf->g + p.from,
                            p.leaf->half + p.from, numbers));
}

static void sgdPiece(long n, float *restrict w, const float *restrict g, float *restrict m,
                     const Numbers *numbers) {
  const float a = numbers->learningRate, b = numbers->momentum;
  for (long i = 0; i < n; i++) {
    m[i] = b * m[i] + g[i];
    w[i] -= a * m[i];
  }
}

static void sgd(Leaf *leaves, long count, const Numbers *numbers, long t) {
  (void)t;
  OVER_PIECES(sgdPiece(p.to - p.from, p.leaf->w + p.from, p.leaf->g + p.from, p.leaf->m + p.from,
                       numbers));
}

static void adamwPiece(long n, float *restrict w, const float *restrict g, float *restrict m,
                       float *restrict v, const Numbers *numbers, long t, float scale) {
  const double root = sqrt(1 - pow(numbers->b2, t));
  const float keep = 1 - numbers->learningRate * numbers->weightDecay;
  const float a = numbers->learningRate * root / (1 - pow(numbers->b1, t));
  const float eps = numbers->eps * root;
  const float b1 = numbers->b1, k1 = 1 - numbers->b1, b2 = numbers->b2, k2 = 1 - numbers->b2;
  for (long i = 0; i < n; i++) {
    const float gi = scale * g[i];
    m[i] = b1 * m[i] + k1 * gi;
    v[i] = b2 * v[i] + k2 * gi * gi;
    w[i] = keep * w[i] - a * m[i] / (sqrtf(v[i]) + eps);
  }
}

static void scaledAdamw(Leaf *leaves, long count, const Numbers *numbers, long t, float scale) {
  OVER_PIECES(adamwPiece(p.to - p.from, p.leaf->w + p.from, p.leaf->g + p.from, p.leaf->m + p.from,
                         p.leaf->v + p.from, numbers, t, scale));
}

static void adamw(Leaf *leaves, long count, const Numbers *numbers, long t) {
  scaledAdamw(leaves, count, numbers, t, 1);
}

static float sumOfSquares(long n, const float *x) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (long i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

/* The norm in a pass of its own, its effect folded into the step's. */
static void clippedAdamw(Leaf *leaves, long count, const Numbers *numbers, long t) {
  double sum = 0;
#pragma omp parallel for schedule(static) reduction(+ : sum) if (total > ALONE)
  for (long k = 0; k < pieceCount; k++) {
    const Piece p = pieces[k];
    sum += sumOfSquares(p.to - p.from, p.leaf->g + p.from);
  }
  const double norm = sqrt(sum);
  scaledAdamw(leaves, count, numbers, t, norm < numbers->maxNorm ? 1 : numbers->maxNorm / norm);
}

/* The largest factor that a step is divided by, times what it is in proportion to. */
static float adafactorRate(const Numbers *numbers, double squares, double weights, long size) {
  const double clip = sqrt(squares / size) / numbers->clippingThreshold;
  const double scale = sqrt(weights / size);
  return numbers->learningRate * (scale > 1e-3 ? scale : 1e-3) / (clip > 1 ? clip : 1);
}

static void adafactorVector(Leaf *l, const Numbers *numbers, float beta, int isAlone) {
  double squares = 0, weights = 0;
  const float eps = numbers->eps;
  const long n = l->size;
  float *restrict w = l->w, *restrict v = l->v;
  const float *restrict g = l->g;
#pragma omp parallel for simd reduction(+ : squares, weights) if (isAlone)
  for (long i = 0; i < n; i++) {
    v[i] = beta * v[i] + (1 - beta) * (g[i] * g[i] + eps);
    const float d = g[i] / sqrtf(v[i]);
    squares += d * d;
    weights += w[i] * w[i];
  }
  const float a = adafactorRate(numbers, squares, weights, n);
#pragma omp parallel for simd if (isAlone)
  for (long i = 0; i < n; i++) w[i] -= a * (g[i] / sqrtf(v[i]));
}

/* Sums of rows and of columns in one pass, what the step is divided by in another, the step in a third. */
static void adafactorMatrix(Leaf *l, const Numbers *numbers, float beta, int isAlone) {
  const long rows = l->rows, columns = l->columns;
  const float eps = numbers->eps;
  float *restrict r = l->r, *restrict c = l->c;
  const int threads = isAlone ? omp_get_max_threads() : 1;
  float *columnSums = calloc(threads * columns, sizeof *columnSums);
#pragma omp parallel num_threads(threads)
  {
    float *restrict own = columnSums + (isAlone ? omp_get_thread_num() : 0) * columns;
#pragma omp for schedule(static)
    for (long i = 0; i < rows; i++) {
      const float *restrict g = l->g + i * columns;
      float sum = 0;
#pragma omp simd reduction(+ : sum)
      for (long j = 0; j < columns; j++) {
        const float square = g[j] * g[j] + eps;
        sum += square;
        own[j] += square;
      }
      r[i] = beta * r[i] + (1 - beta) * (sum / columns);
    }
  }
  double mean = 0;
  for (long i = 0; i < rows; i++) mean += r[i];
  mean /= rows;
  float *rowFactors = malloc(rows * sizeof *rowFactors);
  float *columnFactors = malloc(columns * sizeof *columnFactors);
  for (long i = 0; i < rows; i++) rowFactors[i] = 1 / sqrtf(r[i] / mean);
  for (long j = 0; j < columns; j++) {
    float sum = 0;
    for (int k = 0; k < threads; k++) sum += columnSums[k * columns + j];
    c[j] = beta * c[j] + (1 - beta) * (sum / rows);
    columnFactors[j] = 1 / sqrtf(c[j]);
  }
  double squares = 0, weights = 0;
#pragma omp parallel for schedule(static) reduction(+ : squares, weights) if (isAlone)
  for (long i = 0; i < rows; i++) {
    const float *restrict g = l->g + i * columns, *restrict w = l->w + i * columns;
    const float *restrict factor = columnFactors;
    float sum = 0, own = 0;
#pragma omp simd reduction(+ : sum, own)
    for (long j = 0; j < columns; j++) {
      const float d = g[j] * factor[j];
      sum += d * d;
      own += w[j] * w[j];
    }
    squares += (double)rowFactors[i] * rowFactors[i] * sum;
    weights += own;
  }
  const float a = adafactorRate(numbers, squares, weights, l->size);
#pragma omp parallel for schedule(static) if (isAlone)
  for (long i = 0; i < rows; i++) {
    const float *restrict g = l->g + i * columns, *restrict factor = columnFactors;
    float *restrict w = l->w + i * columns;
    const float row = a * rowFactors[i];
    for (long j = 0; j < columns; j++) w[j] -= row * factor[j] * g[j];
  }
  free(columnSums);
  free(rowFactors);
  free(columnFactors);
}

/* Large parameters are stepped by all threads one after the other, small ones side by side. */
static void adafactor(Leaf *leaves, long count, const Numbers *numbers, long t) {
  const float beta = 1 - pow(t, -numbers->decayRate);
#pragma omp parallel for schedule(dynamic) if (count > 1)
  for (long k = 0; k < count; k++) {
    Leaf *l = leaves + k;
    if (l->size > ALONE) continue;
    if (l->rank == 2) adafactorMatrix(l, numbers, beta, 0);
    else adafactorVector(l, numbers, beta, 0);
  }
  for (long k = 0; k < count; k++) {
    Leaf *l = leaves + k;
    if (l->size <= ALONE) continue;
    if (l->rank == 2) adafactorMatrix(l, numbers, beta, 1);
    else adafactorVector(l, numbers, beta, 1);
  }
}

const Rule rules[] = {
  {"lion", lion, MOMENTUM},
  {"lion16", halfLion, HALF},
  {"sgd", sgd, MOMENTUM},
  {"adamw", adamw, MOMENTUM | SECOND},
  {"clip", clippedAdamw, MOMENTUM | SECOND},
  {"adafactor", adafactor, FACTORS},
  {0, 0, 0},
};
