// SPDX-License-Identifier: Apache-2.0
// The layouts of abi/ as this compiler sees them and as the loaded objects carry them. Events stand in no
// map's type; state_test reads them.
#include <bpf/btf.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "ov6/abi/config.h"
#include "ov6/abi/device.h"
#include "ov6/abi/mapping.h"
#include "ov6/abi/route.h"
#include "ov6/abi/slave.h"
#include "tests/packet/programs.h"

namespace ov6::packet {
namespace {

struct Member {
  const char* type;
  const char* name;
  size_t type_size;
  size_t offset;
};
#define OV6_MEMBER(type, name) \
  { #type, #name, sizeof(type), offsetof(type, name) }
constexpr Member kMembers[] = {
    OV6_MEMBER(ov6_prefix, address),
    OV6_MEMBER(ov6_route, slave),
    OV6_MEMBER(ov6_route, action),
    OV6_MEMBER(ov6_route, flags),
    OV6_MEMBER(ov6_mapping, soft_expiry),
    OV6_MEMBER(ov6_mapping, hard_expiry),
    OV6_MEMBER(ov6_mapping, next_question),
    OV6_MEMBER(ov6_mapping, slave),
    OV6_MEMBER(ov6_mapping, locator_count),
    OV6_MEMBER(ov6_mapping, flags),
    OV6_MEMBER(ov6_mapping, span),
    OV6_MEMBER(ov6_mapping, locators),
    OV6_MEMBER(ov6_locator, address),
    OV6_MEMBER(ov6_locator, port),
    OV6_MEMBER(ov6_locator, encapsulation),
    OV6_MEMBER(ov6_locator, priority),
    OV6_MEMBER(ov6_locator, mtu),
    OV6_MEMBER(ov6_negative, expiry),
    OV6_MEMBER(ov6_negative, slave),
    OV6_MEMBER(ov6_negative, icmp_code),
    OV6_MEMBER(ov6_negative, reason),
    OV6_MEMBER(ov6_slave, name),
    OV6_MEMBER(ov6_slave, kind),
    OV6_MEMBER(ov6_slave, state),
    OV6_MEMBER(ov6_slave, port),
    OV6_MEMBER(ov6_slave, prefix_count),
    OV6_MEMBER(ov6_slave, prefixes),
    OV6_MEMBER(ov6_device, role),
    OV6_MEMBER(ov6_device, flags),
    OV6_MEMBER(ov6_device, mtu),
    OV6_MEMBER(ov6_device, udp_port),
    OV6_MEMBER(ov6_device, address),
    OV6_MEMBER(ov6_device, mac),
    OV6_MEMBER(ov6_device, slot),
    OV6_MEMBER(ov6_device, icmp_source),
    OV6_MEMBER(ov6_config, abi_version),
    OV6_MEMBER(ov6_config, flags),
    OV6_MEMBER(ov6_config, fib_ifindex),
    OV6_MEMBER(ov6_config, next_slave),
    OV6_MEMBER(ov6_config, punt_rate),
    OV6_MEMBER(ov6_config, icmp_rate),
    OV6_MEMBER(ov6_config, dscp),
    OV6_MEMBER(ov6_count, packets),
    OV6_MEMBER(ov6_count, bytes),
    OV6_MEMBER(ov6_count, front),
    OV6_MEMBER(ov6_bucket, updated),
    OV6_MEMBER(ov6_bucket, tokens),
    OV6_MEMBER(ov6_bucket_key, source),
    OV6_MEMBER(ov6_bucket_key, purpose),
};
#undef OV6_MEMBER

// Byte offset of the member, -1 if there is none.
int OffsetOf(const btf* types, const btf_type* type, const std::string& name) {
  const btf_member* member = btf_members(type);
  for (int i = 0; i < btf_vlen(type); i++)
    if (name == btf__name_by_offset(types, member[i].name_off)) return btf_member_bit_offset(type, i) / 8;
  return -1;
}

TEST(Layout, TheObjectsAgreeWithThisCompiler) {
  const btf* types = bpf_object__btf(Programs::Get().Object("xdp_site"));
  for (const Member& member : kMembers) {
    SCOPED_TRACE(std::string(member.type) + "." + member.name);
    const int id = btf__find_by_name_kind(types, member.type, BTF_KIND_STRUCT);
    ASSERT_GT(id, 0);
    const btf_type* type = btf__type_by_id(types, id);
    EXPECT_EQ(type->size, member.type_size);
    EXPECT_EQ(OffsetOf(types, type, member.name), int(member.offset));
  }
}

// Whoever loads the programs says.
uint32_t FrontEntries() { return Programs::kFrontSets * uint32_t(libbpf_num_possible_cpus()); }

TEST(Layout, MapsHaveTheSizesOfTheList) {
#define OV6_SIZE_OF(name, entries, what)                                                     \
  {                                                                                          \
    bpf_map_info info{};                                                                     \
    uint32_t size = sizeof(info), wanted = entries;                                          \
    if (std::string(#name) == "front") wanted = FrontEntries();                              \
    ASSERT_EQ(bpf_obj_get_info_by_fd(Programs::Get().Map(#name), &info, &size), 0) << #name; \
    EXPECT_EQ(info.max_entries, wanted) << #name;                                            \
  }
  OV6_MAPS(OV6_SIZE_OF)
#undef OV6_SIZE_OF
}

}  // namespace
}  // namespace ov6::packet
