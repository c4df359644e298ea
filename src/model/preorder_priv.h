/* preorder: the law of trees and plans. Node 0 is the only root; every subtree is a slice. */
#ifndef PERF_OPS_MODEL_PREORDER_PRIV_H
#define PERF_OPS_MODEL_PREORDER_PRIV_H

#include "base/err.h"
#include "base/str.h"

/* PARENT and SPAN are fields of the first of N nodes of SIZE bytes. */
int preorder_check(const uint32_t *parent, const uint32_t *span, size_t size, size_t n,
		   struct err *err);

#endif
