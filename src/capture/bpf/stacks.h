/*
 * stacks: the addresses behind the hashes that samples name. The kernel sends each stack once;
 * memory here is bounded, so stacks not named for long are forgotten, and then the kernel must be
 * told to send all of them again (stacks_epoch).
 */
#ifndef PERF_OPS_CAPTURE_STACKS_H
#define PERF_OPS_CAPTURE_STACKS_H

#include <stddef.h>
#include <stdint.h>

struct stacks;
struct stacks *stacks_open(size_t limit_bytes);
struct stacks *stacks_close(struct stacks *s); /* accepts NULL */
void stacks_put(struct stacks *s, uint64_t hash, const uint64_t *ip, size_t n);
/* NULL: not known (any more). Valid until the next stacks_put. */
const uint64_t *stacks_get(const struct stacks *s, uint64_t hash, size_t *ret_n);
/* Changes when something was forgotten. What was sent since the change before is still here. */
uint64_t stacks_epoch(const struct stacks *s);

#endif
