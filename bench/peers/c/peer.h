/* What a rule works on, and the rules that there are. */
#ifndef PEER_H
#define PEER_H

#include <stdint.h>

/* A parameter: a matrix, or a vector, which has one row; its gradient; and whatever state its rule keeps. */
typedef struct {
  int rank;
  long rows, columns, size;
  float *w, *g, *m, *v;
  /* A momentum in bfloat16. */
  uint16_t *half;
  /* One number a row, and one a column. */
  float *r, *c;
} Leaf;

/* The hyperparameters of all rules; a rule reads its own. */
typedef struct {
  double learningRate, b1, b2, eps, weightDecay, momentum, maxNorm, decayRate, clippingThreshold;
} Numbers;

/* Which arrays of state a rule keeps, as bits. */
enum { MOMENTUM = 1, SECOND = 2, HALF = 4, FACTORS = 8 };

/* Step number t, from 1, of all parameters. */
typedef void (*Step)(Leaf *leaves, long count, const Numbers *numbers, long t);

typedef struct {
  const char *name;
  Step step;
  int states;
} Rule;

/* All rules; the last has no name. */
extern const Rule rules[];

/* Cuts parameters into the pieces that threads take; once, since it stays the same for all steps. */
void cut(Leaf *leaves, long count);

#endif
