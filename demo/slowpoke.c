/*
 * slowpoke: a small program that is slow for a reason. It reads an access log (made up in memory,
 * always the same), and counts requests and distinct visitors per hour.
 *
 * The reason, for whoever wants to find it by hand: main -> digest_line -> find_visitor walks a
 * linked list that grows with every new visitor. It is built like release programs are: -O2, no
 * frame pointers.
 *
 *	slowpoke [SECONDS]	runs that long (default 60) and says every second how far it got
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOURS        24
#define LINES        200000u
#define VISITORS     6000u
#define LINE_MAX_LEN 96

struct visitor {
	struct visitor *next;
	char address[40];
	unsigned requests;
};

struct hour {
	struct visitor *first;
	unsigned visitors, requests;
	uint64_t bytes;
};

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64: the same log every time. */
static uint64_t next_number(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

__attribute__((noinline)) static size_t make_line(char *line, uint64_t *state, unsigned hour)
{
	uint64_t r = next_number(state);
	unsigned who = (unsigned)(r % VISITORS);
	int n = snprintf(line, LINE_MAX_LEN, "10.%u.%u.%u %02u \"GET /item/%u HTTP/1.1\" 200 %u\n",
			 who >> 16 & 255, who >> 8 & 255, who & 255, hour,
			 (unsigned)(r >> 32) % 5000, (unsigned)(r >> 20) % 40000);

	return (size_t)n;
}

/* The slow one: a walk over all visitors of the hour, for every line. */
__attribute__((noinline)) static struct visitor *find_visitor(struct hour *h, const char *address)
{
	for (struct visitor *v = h->first; v; v = v->next)
		if (strcmp(v->address, address) == 0)
			return v;
	struct visitor *v = calloc(1, sizeof(*v));
	if (!v)
		exit(1);
	(void)snprintf(v->address, sizeof(v->address), "%s", address);
	v->next = h->first;
	h->first = v;
	h->visitors++;
	return v;
}

__attribute__((noinline)) static bool digest_line(struct hour *hours, char *line)
{
	char *rest = NULL, *address = strtok_r(line, " ", &rest),
	     *hour = strtok_r(NULL, " ", &rest);
	char *size = rest ? strrchr(rest, ' ') : NULL;

	if (!address || !hour || !size)
		return false;
	struct hour *h = &hours[strtoul(hour, NULL, 10) % HOURS];
	h->requests++;
	h->bytes += strtoul(size + 1, NULL, 10);
	find_visitor(h, address)->requests++;
	return true;
}

static void forget(struct hour *hours)
{
	for (unsigned i = 0; i < HOURS; i++) {
		for (struct visitor *v = hours[i].first, *next; v; v = next) {
			next = v->next;
			free(v);
		}
		hours[i] = (struct hour){ 0 };
	}
}

int main(int argc, char **argv)
{
	double start = seconds_now(), told = start;
	double limit = argc > 1 ? strtod(argv[1], NULL) : 60;
	struct hour hours[HOURS] = { 0 };
	uint64_t state = 88172645463325252u, lines = 0;
	char line[LINE_MAX_LEN];

	for (;;) {
		for (unsigned i = 0; i < LINES; i++, lines++) {
			make_line(line, &state, i / (LINES / HOURS) % HOURS);
			if (!digest_line(hours, line))
				return 1;
			if (lines % 256)
				continue;
			double now = seconds_now();
			if (now - start >= limit)
				return 0;
			if (now - told >= 1) {
				told = now;
				printf("%.0f s: %llu lines, %u visitors in hour 0\n", now - start,
				       (unsigned long long)lines, hours[0].visitors);
				(void)fflush(stdout);
			}
		}
		forget(hours);
	}
}
