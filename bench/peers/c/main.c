/* A contestant in C: reads a line, does what it says, and answers by a line, as ../README.md tells. */
#define _POSIX_C_SOURCE 200809L
#include <omp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "peer.h"

enum { LINE = 8192, ALIGNED = 64 };

static struct {
  const Rule *rule;
  Numbers numbers;
  Leaf *leaves;
  long count, total, steps;
  float *startBlock, *gradientBlock;
  long startLength, gradientLength;
  char form[32];
  /* A set of gradients is an array for each parameter; a training reads several in turn. */
  float ***sets;
  long setCount, trainingSteps, shift, ahead;
} self;

static void fail(const char *format, ...) {
  va_list list;
  va_start(list, format);
  printf("failed ");
  vprintf(format, list);
  printf("\n");
  fflush(stdout);
  va_end(list);
  exit(1);
}

static void *array(long count, size_t size) {
  size_t bytes = (count * size + ALIGNED - 1) / ALIGNED * ALIGNED;
  void *made = aligned_alloc(ALIGNED, bytes > 0 ? bytes : ALIGNED);
  if (made == NULL) fail("there is no memory for %ld numbers", count);
  return made;
}

static float *zeros(long count, size_t size) { return memset(array(count, size), 0, count * size); }

static float *readBlock(const char *folder, const char *name, long *length) {
  char path[LINE];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *file = fopen(path, "rb");
  if (file == NULL) fail("%s cannot be read", path);
  fseek(file, 0, SEEK_END);
  *length = ftell(file) / sizeof(float);
  rewind(file);
  float *block = array(*length, sizeof(float));
  if (fread(block, sizeof(float), *length, file) != (size_t)*length) fail("%s is short", path);
  fclose(file);
  return block;
}

/* Numbers that begin so far into a block that comes again and again. */
static void repeat(float *to, long count, const float *block, long length, long from) {
  from %= length;
  for (long done = 0; done < count;) {
    long some = length - from < count - done ? length - from : count - done;
    memcpy(to + done, block + from, some * sizeof *to);
    done += some;
    from = 0;
  }
}

static float **gradientSet(long k) {
  float **set = malloc(self.count * sizeof *set);
  long at = k * self.shift;
  for (long i = 0; i < self.count; i++) {
    long size = self.leaves[i].size;
    set[i] = array(size, sizeof(float));
    repeat(set[i], size, self.gradientBlock, self.gradientLength, at);
    at += size;
  }
  return set;
}

static void freeSet(float **set) {
  for (long i = 0; i < self.count; i++) free(set[i]);
  free(set);
}

/* Parameters at their start, and no state. */
static void begin(void) {
  long at = 0;
  self.steps = 0;
  for (long i = 0; i < self.count; i++) {
    Leaf *l = self.leaves + i;
    l->w = array(l->size, sizeof(float));
    repeat(l->w, l->size, self.startBlock, self.startLength, at);
    at += l->size;
    int states = self.rule->states;
    if (states & MOMENTUM) l->m = zeros(l->size, sizeof(float));
    if (states & SECOND || (states & FACTORS && l->rank < 2)) l->v = zeros(l->size, sizeof(float));
    if (states & HALF) l->half = (uint16_t *)zeros(l->size, sizeof(uint16_t));
    if (states & FACTORS) {
      l->r = zeros(l->rows, sizeof(float));
      l->c = zeros(l->columns, sizeof(float));
    }
  }
}

static void end(void) {
  for (long i = 0; i < self.count; i++) {
    Leaf *l = self.leaves + i;
    float *arrays[] = {l->w, l->m, l->v, (float *)l->half, l->r, l->c};
    for (size_t k = 0; k < sizeof arrays / sizeof *arrays; k++) free(arrays[k]);
    l->w = l->m = l->v = l->r = l->c = NULL;
    l->half = NULL;
  }
}

static void stepBy(float **set) {
  for (long i = 0; i < self.count; i++) self.leaves[i].g = set[i];
  self.rule->step(self.leaves, self.count, &self.numbers, ++self.steps);
}

static void readNumber(char *text) {
  static const struct { const char *name; size_t at; } names[] = {
    {"learningRate", offsetof(Numbers, learningRate)},
    {"b1", offsetof(Numbers, b1)},
    {"b2", offsetof(Numbers, b2)},
    {"eps", offsetof(Numbers, eps)},
    {"weightDecay", offsetof(Numbers, weightDecay)},
    {"momentum", offsetof(Numbers, momentum)},
    {"maxNorm", offsetof(Numbers, maxNorm)},
    {"decayRate", offsetof(Numbers, decayRate)},
    {"clippingThreshold", offsetof(Numbers, clippingThreshold)},
  };
  char *value = strchr(text, '=');
  if (value == NULL) fail("a number must be name=value: given %s", text);
  *value++ = 0;
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    if (strcmp(text, names[k].name) == 0) {
      *(double *)((char *)&self.numbers + names[k].at) = strtod(value, NULL);
    }
  }
  if (strcmp(text, "shift") == 0) self.shift = strtol(value, NULL, 10);
  if (strcmp(text, "trainingSteps") == 0) self.trainingSteps = strtol(value, NULL, 10);
  if (strcmp(text, "ahead") == 0) self.ahead = strtol(value, NULL, 10);
  if (strcmp(text, "sets") == 0) self.setCount = strtol(value, NULL, 10);
}

static void readShapes(const char *folder) {
  char path[LINE];
  snprintf(path, sizeof path, "%s/shapes.txt", folder);
  FILE *file = fopen(path, "r");
  if (file == NULL) fail("%s cannot be read", path);
  long room = 0;
  for (char line[128]; fgets(line, sizeof line, file) != NULL;) {
    if (self.count == room) self.leaves = realloc(self.leaves, (room = 2 * room + 64) * sizeof(Leaf));
    Leaf *l = self.leaves + self.count++;
    memset(l, 0, sizeof *l);
    long first, second;
    l->rank = sscanf(line, "%ld %ld", &first, &second);
    if (l->rank < 1) fail("%s has a line that is no shape: %s", path, line);
    l->rows = l->rank == 2 ? first : 1;
    l->columns = l->rank == 2 ? second : first;
    l->size = l->rows * l->columns;
    self.total += l->size;
  }
  fclose(file);
}

/* open RULE FORM FOLDER name=value ... */
static void openCell(char *line) {
  char *rule = strtok(line, " "), *form = strtok(NULL, " "), *folder = strtok(NULL, " ");
  if (folder == NULL) fail("open takes a rule, a form and a folder");
  for (self.rule = rules; self.rule->name != NULL; self.rule++) {
    if (strcmp(self.rule->name, rule) == 0) break;
  }
  if (self.rule->name == NULL) {
    self.rule = NULL;
    printf("absent it is not written in C\n");
    return;
  }
  snprintf(self.form, sizeof self.form, "%s", form);
  for (char *number; (number = strtok(NULL, " ")) != NULL;) readNumber(number);
  readShapes(folder);
  cut(self.leaves, self.count);
  self.startBlock = readBlock(folder, "w.f32", &self.startLength);
  self.gradientBlock = readBlock(folder, "g.f32", &self.gradientLength);
  begin();
  self.sets = malloc(self.setCount * sizeof *self.sets);
  for (long k = 0; k < self.setCount; k++) self.sets[k] = gradientSet(k);
  printf("ready\n");
}

static void closeCell(void) {
  if (self.rule == NULL) return;
  end();
  for (long k = 0; k < self.setCount; k++) freeSet(self.sets[k]);
  free(self.sets);
  free(self.leaves);
  free(self.startBlock);
  free(self.gradientBlock);
  memset(&self, 0, sizeof self);
}

/* check STEPS STRIDE PATH: steps by the sets in turn, and every so manieth parameter into a file. */
static void check(const char *line) {
  long steps, stride;
  char path[LINE];
  if (sscanf(line, "%ld %ld %8191s", &steps, &stride, path) != 3) {
    fail("check takes steps, a stride and a path");
  }
  float **second = self.setCount == 1 ? gradientSet(1) : NULL;
  for (long k = 0; k < steps; k++) {
    stepBy(second == NULL ? self.sets[k % self.setCount] : k % 2 == 0 ? self.sets[0] : second);
  }
  if (second != NULL) freeSet(second);
  FILE *file = fopen(path, "wb");
  if (file == NULL) fail("%s cannot be written", path);
  long at = 0;
  for (long i = 0; i < self.count; i++) {
    const Leaf *l = self.leaves + i;
    for (; at < l->size; at += stride) fwrite(l->w + at, sizeof(float), 1, file);
    at -= l->size;
  }
  fclose(file);
  printf("done\n");
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return 1e9 * time.tv_sec + time.tv_nsec;
}

static double timeFresh(long steps) {
  double spent = 0;
  while (steps > 0) {
    long some = steps < self.ahead ? steps : self.ahead;
    float ***ahead = malloc(some * sizeof *ahead);
    for (long k = 0; k < some; k++) ahead[k] = gradientSet(k);
    double start = now();
    for (long k = 0; k < some; k++) stepBy(ahead[k]);
    spent += now() - start;
    for (long k = 0; k < some; k++) freeSet(ahead[k]);
    free(ahead);
    steps -= some;
  }
  return spent;
}

/* time STEPS */
static void timeSteps(long steps) {
  double spent;
  if (strcmp(self.form, "fresh") == 0) spent = timeFresh(steps);
  else {
    double start = now();
    if (strcmp(self.form, "training") == 0) {
      for (long k = 0; k < steps; k++) {
        end();
        begin();
        for (long i = 0; i < self.trainingSteps; i++) stepBy(self.sets[i % self.setCount]);
      }
    } else {
      for (long k = 0; k < steps; k++) stepBy(self.sets[0]);
    }
    spent = now() - start;
  }
  printf("%.0f\n", spent);
}

int main(void) {
  printf("hello gcc %s, %d threads\n", __VERSION__, omp_get_max_threads());
  fflush(stdout);
  for (char line[LINE]; fgets(line, sizeof line, stdin) != NULL;) {
    line[strcspn(line, "\n")] = 0;
    char *rest = strchr(line, ' ');
    if (rest != NULL) *rest++ = 0;
    if (strcmp(line, "open") == 0 && rest != NULL) openCell(rest);
    else if (strcmp(line, "check") == 0 && rest != NULL) check(rest);
    else if (strcmp(line, "time") == 0 && rest != NULL) timeSteps(strtol(rest, NULL, 10));
    else if (strcmp(line, "close") == 0) {
      closeCell();
      printf("closed\n");
    } else fail("no such line: %s", line);
    fflush(stdout);
  }
  return 0;
}
