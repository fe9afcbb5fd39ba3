/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The maps, once for all programs; names and sizes are abi/maps.h's. */
#ifndef OV6_LIB_MAPS_H
#define OV6_LIB_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "ov6/abi/config.h"
#include "ov6/abi/device.h"
#include "ov6/abi/event.h"
#include "ov6/abi/front.h"
#include "ov6/abi/mapping.h"
#include "ov6/abi/maps.h"
#include "ov6/abi/monitor.h"
#include "ov6/abi/port.h"
#include "ov6/abi/route.h"
#include "ov6/abi/slave.h"
#include "ov6/abi/verdict.h"

/*
 * Whoever loads an object says where its maps are: ov6d, "bpftool prog load ... pinmaps". ip(8) and tc(8)
 * can't be told; for them the build makes the doors a second time, with maps that libbpf shares by name.
 */
#ifndef OV6_PINNING
#define OV6_PINNING LIBBPF_PIN_NONE
#endif

enum {
#define OV6_MAP_SIZE(name, entries, what) map_size_##name = (entries),
	OV6_MAPS(OV6_MAP_SIZE)
#undef OV6_MAP_SIZE
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_routes);
	__type(key, struct ov6_prefix);
	__type(value, struct ov6_route);
} routes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_mappings);
	__type(key, struct ov6_prefix);
	__type(value, struct ov6_mapping);
} mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_negatives);
	__type(key, struct ov6_prefix);
	__type(value, struct ov6_negative);
} negatives SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_locators);
	__type(key, __be32);
	__type(value, struct ov6_path);
} locators SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_slaves);
	__type(key, __u32);
	__type(value, struct ov6_slave);
} slaves SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_devices);
	__type(key, __u32);
	__type(value, struct ov6_device);
} devices SEC(".maps");

/* Never by name: libbpf refuses the pinned one, for a flag that the kernel has added to it. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, map_size_slave_ports);
	__type(key, __u32);
	__type(value, __u32);
} slave_ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_port_devices);
	__type(key, __u32);
	__type(value, __u32);
} port_devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_port_sockets);
	__type(key, __u32);
	__type(value, __u32);
} port_sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_verdicts);
	__type(key, __u32);
	__type(value, struct ov6_count);
} verdicts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_buckets);
	__type(key, struct ov6_bucket_key);
	__type(value, struct ov6_bucket);
} buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_punt_budget);
	__type(key, __u32);
	__type(value, struct ov6_bucket);
} punt_budget SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_config);
	__type(key, __u32);
	__type(value, struct ov6_config);
} config SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_events);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_monitor);
	__type(key, __u32);
	__type(value, struct ov6_monitor);
} monitor SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_sightings);
} sightings SEC(".maps");

/* Mapped by user space; and a value that can be is aligned to a page, so that a set's lines are the CPU's. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_front);
	__type(key, __u32);
	__type(value, struct ov6_front_set);
} front SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_front_changes);
	__type(key, __u32);
	__type(value, struct ov6_front_generations);
} front_changes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(pinning, OV6_PINNING);
	__uint(max_entries, map_size_front_counts);
	__type(key, __u32);
	__type(value, struct ov6_front_counts);
} front_counts SEC(".maps");

#endif
