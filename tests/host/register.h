/* SPDX-License-Identifier: Apache-2.0 */
/* How the programs, built for the host, make themselves known to the fake kernel. Each hook's programs are a
 * shared library of their own, since they define the same names; their maps are shared by name. */
#ifndef OV6_TESTS_HOST_REGISTER_H
#define OV6_TESTS_HOST_REGISTER_H

#ifdef __cplusplus
extern "C" {
#endif

enum host_hook { HOST_XDP, HOST_TC, HOST_TC_NO_LINK };

void host_register_map(const char* name, void* map, int type, int key_size, int value_size, int entries);
void host_register_program(const char* name, int (*program)(void* ctx), enum host_hook hook);

void host_register_xdp(void);
void host_register_tc(void);
void host_register_l3(void);

#ifdef __cplusplus
}
#endif

#define HOST_EXPORT __attribute__((visibility("default")))
#define HOST_ENTRIES(member) (sizeof(*(member)) / sizeof(int))
#define HOST_MAP(map)                                                                         \
  host_register_map(#map, &map, HOST_ENTRIES(map.type), sizeof(*map.key), sizeof(*map.value), \
                    HOST_ENTRIES(map.max_entries));
/* ov6d says how many; here as many as tests/packet/programs.h has. */
#define HOST_SETS(map) \
  host_register_map(#map, &map, HOST_ENTRIES(map.type), sizeof(*map.key), sizeof(*map.value), 64);
#define HOST_RING(map) \
  host_register_map(#map, &map, HOST_ENTRIES(map.type), 0, 0, HOST_ENTRIES(map.max_entries));
#define HOST_PROGRAM(program, hook) host_register_program(#program, (int (*)(void*))program, hook);

#define HOST_ALL_MAPS     \
  HOST_MAP(routes)        \
  HOST_MAP(mappings)      \
  HOST_MAP(negatives)     \
  HOST_MAP(locators)      \
  HOST_MAP(slaves)        \
  HOST_MAP(devices)       \
  HOST_MAP(slave_ports)   \
  HOST_MAP(port_devices)  \
  HOST_MAP(port_sockets)  \
  HOST_MAP(verdicts)      \
  HOST_MAP(buckets)       \
  HOST_MAP(punt_budget)   \
  HOST_MAP(config)        \
  HOST_MAP(monitor)       \
  HOST_MAP(door_state)    \
  HOST_SETS(front)        \
  HOST_MAP(front_changes) \
  HOST_MAP(front_counts)  \
  HOST_RING(events)       \
  HOST_RING(sightings)

#endif
