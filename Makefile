# The front door. Everything behind it is meson; BUILD=dir and CC=clang are honoured.
BUILD ?= build
export PATH := $(PATH):/usr/sbin
DEPS = tools/deps --check $(1) >/dev/null || tools/deps $(1)

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)
$(BUILD)/build.ninja:
	@$(call DEPS,build)
	meson setup $(BUILD)
deps:
	tools/deps build test lint
demo: all
	demo/run $(BUILD)
test:
	@$(call DEPS,build test)
	@$(MAKE) --no-print-directory all
	tools/test $(BUILD)
lint: all
	@$(call DEPS,lint)
	tools/lint $(BUILD)
# clang with ASan and UBSan; every suite.
sanitize:
	@$(call DEPS,build test)
	test -f $(BUILD)-asan/build.ninja || CC=clang meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false
	ninja -C $(BUILD)-asan
	tools/test $(BUILD)-asan
# Every target of tests/fuzz for FUZZ_SECONDS; TARGETS="json maps" names some. What crashes stays in build-fuzz/found.
FUZZ_SECONDS ?= 300
fuzz:
	@$(call DEPS,build test)
	test -f $(BUILD)-fuzz/build.ninja || CC=clang meson setup $(BUILD)-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dweb=stub
	ninja -C $(BUILD)-fuzz fuzz_programs
	tests/fuzz/run $(BUILD)-fuzz $(FUZZ_SECONDS) $(TARGETS)
# Races against named peers; each says what it needs and prints ratios. One of them: make bench BENCH=symbols
BENCH ?= symbols attach unwind-quality profile-cost time-to-flame html-page
bench: all
	@for b in $(BENCH); do echo "== bench/$$b"; bench/$$b $(BUILD)/perf-ops || echo "bench/$$b: did not run to its end"; done
install: all
	meson install -C $(BUILD)
bless: all
	tests/golden/run.py --bless $(BUILD)/perf-ops
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz
.PHONY: all deps demo test lint sanitize bench fuzz install bless clean
