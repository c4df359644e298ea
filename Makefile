# The front door. Everything behind it is meson; BUILD=dir and CC=clang are honoured.
BUILD ?= build
PATH := $(PATH):/usr/sbin

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)
$(BUILD)/build.ninja:
	@tools/deps --check || tools/deps
	meson setup $(BUILD)
deps:
	tools/deps
test: all
	@tools/deps --check test || tools/deps test
	tools/test $(BUILD)
lint: all
	tools/deps --check lint || tools/deps lint
	tools/lint $(BUILD)
sanitize:
	test -d $(BUILD)-asan || CC=clang meson setup $(BUILD)-asan -Db_sanitize=address,undefined -Db_lundef=false
	tools/test $(BUILD)-asan
install: all
	meson install -C $(BUILD)
bless: all
	tests/golden/run.py --bless $(BUILD)/perf-ops
clean:
	rm -rf $(BUILD) $(BUILD)-asan $(BUILD)-clang $(BUILD)-fuzz
.PHONY: all deps test lint sanitize install bless clean
