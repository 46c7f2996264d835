# Front doors to meson and ninja. `make run` shows limpet at work, `make test` says whether it is sound; both install
# what is missing with apt-get first. `make build` installs nothing.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: build run test test-long test-clients fuzz bench bench-net install deb clean debug deps test-deps

build: $(BUILD)/build.ninja
	ninja -C $(BUILD)

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX)

deps:
	tools/install-deps.sh

test-deps:
	tools/install-deps.sh --tests

run: deps
	$(MAKE) build
	LIMPET=$(CURDIR)/$(BUILD)/limpet tests/demo.sh

test: test-deps
	$(MAKE) build debug
	LIMPET=$(CURDIR)/$(BUILD)/limpet tests/run.sh

test-long: test-deps
	tools/install-deps.sh clang libclang-rt-14-dev
	$(MAKE) build
	$(MAKE) debug
	LIMPET=$(CURDIR)/$(BUILD)/limpet tests/run.sh --long

# Real clients, with limpet and with runc in turn; slow.
test-clients:
	tools/install-deps.sh podman conmon runc containerd docker.io debootstrap catatonit uidmap netavark aardvark-dns procps busybox-static python3-grpcio
	$(MAKE) build
	LIMPET=$(CURDIR)/$(BUILD)/limpet tests/clients/run.sh

# The parsers for FUZZ_SECONDS each, and random system calls in sandboxes.
FUZZ_SECONDS ?= 300
fuzz: test-deps
	tools/install-deps.sh clang libclang-rt-14-dev
	$(MAKE) build
	$(MAKE) debug
	LIMPET=$(CURDIR)/$(BUILD)/limpet tests/fuzz/libfuzzer.sh $(FUZZ_SECONDS)
	tests/fuzz/run.sh 20 30

bench:
	tools/install-deps.sh runc
	$(MAKE) build
	LIMPET=$(CURDIR)/$(BUILD)/limpet bench/run.sh $(BENCH_OPTIONS)

bench-net:
	tools/install-deps.sh runc iproute2 nginx-light wrk redis-server redis-tools iperf3 postgresql curl
	$(MAKE) build
	LIMPET=$(CURDIR)/$(BUILD)/limpet bench/network.sh $(BENCH_OPTIONS)

install: build
	meson configure $(BUILD) --prefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

# A Debian package in build-deb/, with the paths of one.
deb: deps
	tools/install-deps.sh dpkg-dev
	test -e build-deb/build.ninja || meson setup build-deb --prefix=/usr
	ninja -C build-deb
	tools/make-deb.sh build-deb

# Lock-order checks, assertions and failing allocations in the guest kernel.
debug:
	test -e build-debug/build.ninja || meson setup build-debug -Dkernel_debug=true
	ninja -C build-debug

clean:
	rm -rf build build-debug build-deb
