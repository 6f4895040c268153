# SPDX-License-Identifier: MIT
#
# The benchmarks: `make bench` runs all of them, `make bench BENCH=polls`, or
# BENCH="polls start", some; ROUNDS= how often each. What they are: bench/run.lua.

BENCH ?=
ROUNDS ?=
BENCH_OUT = build/bench
BENCH_FLAGS = -std=c11 $(WARNINGS) -fvisibility=hidden -O2 -g -pthread
BENCH_PROGRAMS = $(BENCH_OUT)/server $(BENCH_OUT)/measure \
  $(BENCH_OUT)/bare_calls $(BENCH_OUT)/bare_frames
BENCH_METER = $(BENCH_OUT)/$(LUA_NAME)/bench_meter.so

.PHONY: bench bench-programs
bench: core bench-programs
	@LUA='$(LUA_CMD)' LUA_VERSION='$(LUA_VERSION)' LUA54='$(LUA54)' \
	  OUT='$(OUT)' BENCH_OUT='$(BENCH_OUT)' ROUNDS='$(ROUNDS)' \
	  exec bench/run $(BENCH)

bench-programs: $(BENCH_PROGRAMS) $(BENCH_METER)

$(BENCH_OUT)/server: bench/server.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $< -lssl -lcrypto

$(BENCH_OUT)/measure: bench/measure.c bench/meter.c bench/meter.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $(filter %.c,$^)

$(BENCH_OUT)/bare_%: bench/bare_%.c bench/bare.c bench/meter.c \
  bench/bare.h bench/meter.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) $(CURL_CFLAGS) -o $@ $(filter %.c,$^) $(CURL_LIBS)

$(BENCH_METER): bench/lua_meter.c bench/meter.c bench/meter.h
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -fPIC $(LIBFLAG) $(LUA_CFLAGS) -o $@ \
	  $(filter %.c,$^)
