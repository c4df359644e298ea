/* setrlimit; never fatal, since whoever needs more than he gets says so himself. */
#include "sys/limits.h"

#include <sys/resource.h>

uint64_t limits_raise_files(void)
{
	struct rlimit l = { 0 };

	if (getrlimit(RLIMIT_NOFILE, &l) < 0)
		return 0;
	if (l.rlim_cur < l.rlim_max) {
		struct rlimit more = { l.rlim_max, l.rlim_max };
		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return more.rlim_cur;
	}
	return l.rlim_cur;
}
