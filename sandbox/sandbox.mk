# SPDX-License-Identifier: MIT
#
# Builds build/jogg-sandbox. Included by the Makefile; works alone as well:
#
#   make -f sandbox/sandbox.mk
#
# The sandbox is always built with Lua 5.4, whatever the library is built for.

BUILD ?= build
PKG_CONFIG ?= pkg-config
LUA54 ?= lua5.4
CFLAGS ?= -O2 -g
WARNINGS ?= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
  -Wundef -Wwrite-strings -Wpointer-arith

SANDBOX = $(BUILD)/jogg-sandbox
SANDBOX_OUT = $(BUILD)/sandbox
# What it shares with the library.
SANDBOX_SHARED = address buf url utf8
SANDBOX_SOURCES := $(sort $(wildcard sandbox/*.c))
SANDBOX_OBJECTS = $(SANDBOX_SOURCES:sandbox/%.c=$(SANDBOX_OUT)/%.o) \
  $(SANDBOX_SHARED:%=$(SANDBOX_OUT)/%.o) $(SANDBOX_OUT)/embedded.o
SANDBOX_FILES := $(patsubst sandbox/%,%,\
  $(sort $(wildcard sandbox/rules/*.lua sandbox/rules/*/*.lua sandbox/web/*)))

# Asked only when something of the sandbox is built.
SANDBOX_LUA = $(shell for name in lua5.4 lua-5.4 lua54 lua; do \
  if $(PKG_CONFIG) --exists "$$name >= 5.4" 2>/dev/null; \
  then echo $$name; break; fi; done)
SANDBOX_PACKAGES = libmicrohttpd $(or $(SANDBOX_LUA),lua5.4) libxml-2.0 \
  libcurl libcrypto
SANDBOX_CFLAGS = -std=c11 $(WARNINGS) -fvisibility=hidden -pthread -D_GNU_SOURCE \
  -Isandbox -Isrc $(shell $(PKG_CONFIG) --cflags $(SANDBOX_PACKAGES))
# Lua modules such as cjson find Lua's own functions in the program.
SANDBOX_LIBS = $(shell $(PKG_CONFIG) --libs $(SANDBOX_PACKAGES)) -lm -ldl

.PHONY: sandbox
sandbox: $(SANDBOX)

$(SANDBOX): $(SANDBOX_OBJECTS)
	$(CC) -pthread -Wl,-E $(CFLAGS) $(LDFLAGS) -o $@ $(SANDBOX_OBJECTS) \
	  $(SANDBOX_LIBS)

$(SANDBOX_OUT)/%.o: sandbox/%.c
	@mkdir -p $(@D)
	$(CC) $(SANDBOX_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(SANDBOX_SHARED:%=$(SANDBOX_OUT)/%.o): $(SANDBOX_OUT)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(SANDBOX_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(SANDBOX_OUT)/embedded.c: sandbox/embed.lua \
  $(addprefix sandbox/,$(SANDBOX_FILES))
	@mkdir -p $(@D)
	$(LUA54) sandbox/embed.lua sandbox $(SANDBOX_FILES) >$@.new
	@mv $@.new $@

$(SANDBOX_OUT)/embedded.o: $(SANDBOX_OUT)/embedded.c
	$(CC) $(SANDBOX_CFLAGS) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

-include $(wildcard $(SANDBOX_OUT)/*.d)
