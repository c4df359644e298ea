/* Replays a fuzz target over files and directories, so that `make test` runs every input that was
 * ever found without a fuzzer. Each file is also cut off at many places: readers must survive the
 * beginning of any file. Fails when it is given nothing to replay. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

#define CUTS 64u

/* In a block of exactly N bytes, so that the sanitizer sees one byte too far. */
static void run(const uint8_t *bytes, size_t n)
{
	uint8_t *own = malloc(n ? n : 1);

	if (!own)
		abort();
	if (n)
		memcpy(own, bytes, n);
	(void)LLVMFuzzerTestOneInput(own, n);
	free(own);
}

static int replay_file(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	size_t n = (size_t)st.st_size;
	uint8_t *bytes = malloc(n + 1);
	ssize_t got = bytes ? read(fd, bytes, n) : -1;
	(void)close(fd);
	if (got == (ssize_t)n) {
		(void)printf("%s\n", path);
		(void)fflush(stdout); /* the last line tells which one crashed */
		run(bytes, n);
		for (size_t i = 0; i < CUTS && i < n; i++)
			run(bytes, n * i / CUTS);
	}
	free(bytes);
	return got == (ssize_t)n ? 1 : -1;
}

static int replay(const char *path)
{
	struct stat st;
	struct dirent **names;
	int files = 0;

	if (stat(path, &st) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	int n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char name[4096];
		int len = snprintf(name, sizeof(name), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.' && len > 0 && (size_t)len < sizeof(name))
			files += replay_file(name) > 0;
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++) {
		int n = replay(argv[i]);
		if (n < 0) {
			(void)fprintf(stderr, "cannot read %s\n", argv[i]);
			return 1;
		}
		files += n;
	}
	(void)printf("%d files\n", files);
	return files == 0;
}
