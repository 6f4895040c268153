# SPDX-License-Identifier: MIT
#
# Builds the C core for one Lua (LUA=lua5.4 by default) and the sandbox,
# runs the specs, and installs. GNU make; `make help` lists the targets.
# What a machine lacks is installed by tools/setup, never from here directly:
# only `test`, `demo` and the checkers call it (SETUP=: turns that off).

LUA ?= lua5.4
PKG_CONFIG ?= pkg-config
AR ?= ar
INSTALL ?= install
CFLAGS ?= -O2 -g
SETUP ?= tools/setup
PREFIX ?= /usr/local
# SPEC= a spec file or folder; JOBS= how many spec files run at once
SPEC ?=
# GENERATION= the generation of the service that the demo speaks
GENERATION ?= open
JOBS ?= 3

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

# {======================================================================
# Which Lua, which libcurl, which OpenSSL
# Looked up when a recipe first needs them, so that `make test` on a bare
# machine finds what its own set-up has just installed. Each may be given.
# =======================================================================

# $(call once,NAME,COMMAND): NAME becomes the command's output on first use
once = $(eval $(1) := $$(shell $(2)))$($(1))
# $(call quoted,STRING): one word for the shell, whatever is in it
quoted = '$(subst ','\'',$(1))'

LUA_NAME := $(lastword $(subst /, ,$(LUA)))
LUA_CMD ?= $(call once,LUA_CMD,tools/find-lua command '$(LUA)')
LUA54 ?= $(call once,LUA54,tools/find-lua command lua5.4)
LUA_VERSION ?= $(call once,LUA_VERSION,tools/find-lua version '$(LUA)')
ifdef LUA_INCDIR
LUA_CFLAGS ?= -I$(call quoted,$(LUA_INCDIR))
else
LUA_CFLAGS ?= $(or $(call once,LUA_CFLAGS,tools/find-lua cflags '$(LUA)'),\
  $(error No headers of $(LUA) found: run `LUA=$(LUA) tools/setup build`, \
  or give LUA_INCDIR=))
endif
ifdef CURL_INCDIR
CURL_CFLAGS ?= -I$(call quoted,$(CURL_INCDIR))
else
CURL_CFLAGS ?= $(call once,CURL_CFLAGS,\
  $(PKG_CONFIG) --cflags libcurl 2>/dev/null \
  || curl-config --cflags 2>/dev/null)
endif
ifdef CURL_LIBDIR
CURL_LIBS ?= -L$(call quoted,$(CURL_LIBDIR)) -lcurl
else
CURL_LIBS ?= $(call once,CURL_LIBS,\
  $(PKG_CONFIG) --libs libcurl 2>/dev/null \
  || curl-config --libs 2>/dev/null || echo -lcurl)
endif
CRYPTO_CFLAGS ?= $(call once,CRYPTO_CFLAGS,\
  $(PKG_CONFIG) --cflags libcrypto 2>/dev/null)
CRYPTO_LIBS ?= $(call once,CRYPTO_LIBS,\
  $(PKG_CONFIG) --libs libcrypto 2>/dev/null || echo -lcrypto)

# }======================================================================

# {======================================================================
# The core: build/$(LUA)/jogg/core.so and libjogg.a
# =======================================================================

WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wundef -Wwrite-strings -Wpointer-arith
ifdef WERROR
WARNINGS += -Werror
endif

VARIANT_address = -asan
VARIANT_thread = -tsan
SANITIZER_address = -fsanitize=address,undefined -fno-sanitize-recover=all \
  -fno-omit-frame-pointer
SANITIZER_thread = -fsanitize=thread -fno-omit-frame-pointer
ifdef SANITIZE
$(if $(VARIANT_$(SANITIZE)),,$(error SANITIZE is address or thread))
endif

ifeq ($(shell uname -s),Darwin)
LIBFLAG ?= -bundle -undefined dynamic_lookup
else
LIBFLAG ?= -shared
# Never unmapped: a thread of the core may still run its last instructions
# when a Lua state that is closing gives the library back.
NODELETE ?= -Wl,-z,nodelete
endif

OUT ?= build/$(LUA_NAME)$(VARIANT_$(SANITIZE))
CORE = $(OUT)/jogg/core.so
ARCHIVE = $(OUT)/libjogg.a
CORE_SOURCES := $(sort $(wildcard src/*.c))
CORE_OBJECTS = $(CORE_SOURCES:src/%.c=$(OUT)/obj/%.o)

# Ours stand before the caller's CFLAGS and LDFLAGS, which may override them.
CORE_FLAGS = -std=c11 $(WARNINGS) -fPIC -fno-plt -fvisibility=hidden \
  -pthread $(SANITIZER_$(SANITIZE)) $(LUA_CFLAGS) $(CURL_CFLAGS) \
  $(CRYPTO_CFLAGS)
COMPILE = $(CC) $(CORE_FLAGS) $(CPPFLAGS) $(CFLAGS)
LINK = $(CC) $(LIBFLAG) $(NODELETE) -pthread $(SANITIZER_$(SANITIZE)) $(LDFLAGS)
CORE_LIBS = $(CURL_LIBS) $(CRYPTO_LIBS)

.PHONY: all core libjogg.a FORCE
all: core sandbox
core: $(CORE)
libjogg.a: $(ARCHIVE)

# Changes only when the command lines do, and then everything is built anew.
$(OUT)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' $(call quoted,$(COMPILE) / $(LINK) $(CORE_LIBS)) >$@.$$$$; \
	  if cmp -s $@.$$$$ $@; then rm $@.$$$$; else mv $@.$$$$ $@; fi

$(OUT)/obj/%.o: src/%.c $(OUT)/flags
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

$(CORE): $(CORE_OBJECTS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $(CORE_OBJECTS) $(CORE_LIBS) $(LIBS)

$(ARCHIVE): $(CORE_OBJECTS)
	@rm -f $@
	$(AR) rcs $@ $(CORE_OBJECTS)

-include $(wildcard $(OUT)/obj/*.d)
-include sandbox/sandbox.mk
-include bench/bench.mk

# }======================================================================

# {======================================================================
# Trying it: demo, specs, the specs under a checker
# =======================================================================

.PHONY: demo test asan tsan valgrind setup env
.PHONY: run-demo run-specs check-hosts

# Each sets up first and then starts make anew, which looks at the machine
# as it is by then.
demo:
	@LUA='$(LUA)' $(SETUP) demo
	@+$(MAKE) --no-print-directory -s run-demo GENERATION='$(GENERATION)'

test:
	@LUA='$(LUA)' $(SETUP) test
	@+$(MAKE) --no-print-directory -s run-specs

asan tsan valgrind:
	@LUA='$(LUA)' $(SETUP) $@
	@+$(MAKE) --no-print-directory -s run-specs UNDER=$@ \
	  $(if $(filter asan,$@),SANITIZE=address) \
	  $(if $(filter tsan,$@),SANITIZE=thread)

setup:
	@LUA='$(LUA)' $(SETUP) ci

run-demo: core sandbox
	@mkdir -p build/demo
	@LUA_VERSION='$(LUA_VERSION)' OUT='$(OUT)' \
	  JOGG_GENERATION='$(GENERATION)' exec tools/with-sandbox \
	  '$(LUA_CMD)' tools/demo.lua "$$PWD/build/demo/video.mp4" \
	  $(call quoted,$(value URL))

# Programs that embed jogg; HOST= names some of them.
check-hosts:
	@LUA='$(LUA)' $(SETUP) hosts
	@+MAKE='$(MAKE)' tools/check-hosts $(HOST)

run-specs: core sandbox $(if $(filter asan tsan,$(UNDER)),build/unpreload.so)
	@LUA='$(LUA_CMD)' LUA_VERSION='$(LUA_VERSION)' LUA54='$(LUA54)' \
	  OUT='$(OUT)' UNDER='$(UNDER)' JOBS='$(JOBS)' CC='$(CC)' \
	  exec tools/run-specs $(SPEC)

# eval "$(make -s env)" lets any program find the checkout's jogg.
env:
	@OUT='$(OUT)' LUA_VERSION='$(LUA_VERSION)' tools/env

build/unpreload.so: tools/unpreload.c
	@mkdir -p $(@D)
	$(CC) -std=c11 $(WARNINGS) -O2 -fPIC -shared -o $@ $<

# }======================================================================

# {======================================================================
# Looking at it: lint, layers, docs
# =======================================================================

.PHONY: lint lint-lua lint-sh lint-c lint-cppcheck lint-core lint-sandbox
.PHONY: check-layers check-style compare-api
.PHONY: check-rock werror docs count

lint: lint-lua lint-sh check-layers check-style lint-c werror

lint-lua:
	luacheck --quiet --no-color .

lint-sh:
	shellcheck $(SCRIPTS)

lint-c: lint-cppcheck lint-core lint-sandbox

lint-cppcheck:
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	  --enable=warning,performance,portability \
	  --suppress=missingIncludeSystem $(wildcard src sandbox bench \
	  tools spec/c examples)

lint-core:
	clang-tidy --quiet $(CORE_SOURCES) -- -include tools/analyzer.h \
	  $(CORE_FLAGS)

lint-sandbox:
	clang-tidy --quiet $(SANDBOX_SOURCES) -- -include tools/analyzer.h \
	  $(SANDBOX_CFLAGS)

SCRIPTS = $(filter-out %.lua %.c %.supp %.h %.ld,$(wildcard tools/* \
  bench/run .ci/run))

check-layers:
	tools/check-layers

check-style:
	tools/check-style

# Lines, and what one call costs.
count: core sandbox
	@LUA_VERSION='$(LUA_VERSION)' OUT='$(OUT)' tools/with-sandbox \
	  '$(LUA_CMD)' tools/count.lua

# The vendor's file is not part of this repository.
OPENAPI ?= ../shared/api/openapi-v2.yaml
compare-api:
	@'$(LUA54)' tools/compare_api.lua '$(OPENAPI)'

check-rock:
	@LUA='$(LUA)' $(SETUP) rock
	@LUA='$(LUA_CMD)' LUA_VERSION='$(LUA_VERSION)' tools/check-rock

werror:
	@+$(MAKE) --no-print-directory -s WERROR=1 OUT=build/werror \
	  BUILD=build/werror core sandbox

docs:
	@rm -rf build/docs
	ldoc --fatalwarnings -c config.ld -d build/docs .
	ldoc --fatalwarnings -c tools/core.ld -d build/docs/core src

# }======================================================================

# {======================================================================
# Installing: the library alone, for $(LUA). LuaRocks gives LUADIR, LIBDIR.
# =======================================================================

.PHONY: install install-files uninstall clean help

LUADIR ?= $(PREFIX)/share/lua/$(LUA_VERSION)
LIBDIR ?= $(PREFIX)/lib/lua/$(LUA_VERSION)
MODULES = $(patsubst lua/%,%,$(sort $(shell find lua -name '*.lua')))

# The files that `make install` installed, one path a line. `make uninstall`
# removes these alone: the rock, say, may have put its own beside them.
INSTALLED = $(DESTDIR)$(LIBDIR)/jogg/installed.txt

install: core
	@if [ -e "$(INSTALLED)" ]; then \
	  DESTDIR="$(DESTDIR)" tools/uninstall "$(INSTALLED)"; fi
	@$(install_files)
	@for file in $(MODULES:%="$(LUADIR)/%") "$(LIBDIR)/jogg/core.so"; do \
	  printf '%s\n' "$$file"; done >"$(INSTALLED)"

# For LuaRocks, which keeps a list of its own.
install-files: core
	@$(install_files)

define install_files
set -e; for module in $(MODULES); do \
  $(INSTALL) -d "$(DESTDIR)$(LUADIR)/$$(dirname "$$module")"; \
  $(INSTALL) -m 644 "lua/$$module" "$(DESTDIR)$(LUADIR)/$$module"; \
done; \
$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/jogg"; \
$(INSTALL) -m 755 $(CORE) "$(DESTDIR)$(LIBDIR)/jogg/core.so"
endef

uninstall:
	@DESTDIR="$(DESTDIR)" tools/uninstall "$(INSTALLED)"

clean:
	rm -rf build

help:
	@sed -n 's/^#: //p' $(firstword $(MAKEFILE_LIST))

#: make            the core for $(LUA) and the sandbox
#: make test       every spec; SPEC=spec/x_spec.lua one, FILTER= by test name
#: make demo       a video of a sample page, or of URL=, by the sandbox;
#:                 GENERATION=open|v2
#: make asan | tsan | valgrind    the specs under a checker
#: make lint       luacheck, shellcheck, cppcheck, clang-tidy, layers, style
#: make count      lines of C and Lua, calls and suspensions of one call
#: make docs       the reference, in build/docs; internals in build/docs/core
#: make compare-api OPENAPI=FILE   jogg's data against the vendor's file
#: make check-hosts    jogg in LOVE, Neovim, C, cqueues and copas; HOST=
#: make -s env     what a shell needs to find this checkout's jogg
#: make install    PREFIX=/usr/local DESTDIR=; `make uninstall` takes it back
#: make libjogg.a  the core to link into a program, in build/$(LUA)
#: LUA=lua5.1|luajit|lua5.2|lua5.3|lua5.4|lua5.5 chooses the Lua everywhere

# }======================================================================
