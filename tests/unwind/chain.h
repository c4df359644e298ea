/* Stacks of known shape; see chain.c. */
#ifndef PERF_OPS_CHAIN_H
#define PERF_OPS_CHAIN_H

typedef void chain_leaf(void *self);

int chain_deep(chain_leaf *leaf, void *self, int depth);
int chain_alloca(chain_leaf *leaf, void *self, int n);
int chain_aligned(chain_leaf *leaf, void *self, int n);
int chain_sort(chain_leaf *leaf, void *self);
int chain_signal(chain_leaf *leaf, void *self, int alt);

#endif
